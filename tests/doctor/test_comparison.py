"""Shared points, and the sixteen mistakes: the doctor finds each one, names its files, and raises no false alarm."""

from dataclasses import replace

import numpy as np
import pytest

from doctor.faces import opened_once
from doctor.oracle import Oracle
from doctor.poisons import POISONS, Poisoned
from nasion import datasets, doctor
from nasion.doctor.comparison import shared_points
from nasion.errors import SkeletonError
from nasion.predict.predictor import Predictor
from nasion.skeleton import from_table, load_skeleton

HARMLESS = "3 rounded to halves"

PAIR = {"names": ["a", "b"], "regions": {"points": "0-1"}}
"""A skeleton that shares no points with others."""

TRUE_ALARMS = {
    "imm_face_db": {"points and model": 9, "order of points": 9, "single points": 1},
    "300w/lfpw/testset": {"duplicates": 2},
}
"""Numbers of faces that each check rightly names: eyes that start at the wrong corner, and repeated photos."""


def named(examination):
    """Return the names of the faces that each alarm names."""
    return {finding.check: {each.face.name for each in finding.suspects} for finding in examination.alarms}


def found(clean, poisoned):
    """Return the alarms of `poisoned` that are new or name a new face, with all their names."""
    before, after = named(clean), named(poisoned)
    return {check: names for check, names in after.items() if check not in before or names - before[check]}


def missed(clean, faces, examine):
    """Return the mistakes that are not found, or whose files are not all named.

    Args:
        clean: the examination of the clean data set.
        faces: the clean data set.
        examine: examines a `Poisoned`.
    """
    failures = []
    for name, poison in POISONS.items():
        poisoned = poison(faces, np.random.default_rng(0))
        new = found(clean, examine(poisoned))
        if not new or not poisoned.files <= set().union(*new.values()):
            failures.append(name)
    return failures


def test_mistakes_in_synthetic_faces_are_found(many):
    def examine(poisoned):
        faces = opened_once(poisoned.faces)
        truth = replace(poisoned.truth or many, open_image=faces.open_image)
        return doctor.examine(faces, predictor=Oracle(truth))

    before = examine(Poisoned(many))
    assert named(before) == {}
    assert missed(before, many, examine) == [HARMLESS]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUE_ALARMS)
def test_mistakes_in_real_data_are_found(real, name):
    faces = datasets.load(f"{'imm' if name.startswith('imm') else 'ibug'}:{real(name)}")
    predictor = Predictor()

    def examine(poisoned):
        return doctor.examine(poisoned.faces, predictor=predictor)

    before = examine(Poisoned(faces))
    assert {check: len(names) for check, names in named(before).items()} == TRUE_ALARMS[name]
    assert missed(before, faces, examine) == [HARMLESS]


def test_shared_points_are_pairs_in_both_directions():
    imm, ibug = load_skeleton("imm-58"), load_skeleton("ibug-68")
    here, there = shared_points(imm, ibug)
    assert len(here) == 14
    assert (imm.names[here[1]], ibug.names[there[1]]) == ("left_eye_0", "left_eye_3")
    back = shared_points(ibug, imm)
    assert (back[0].tolist(), back[1].tolist()) == (there.tolist(), here.tolist())


def test_shared_points_follow_the_flip_maps():
    imm, ibug = load_skeleton("imm-58"), load_skeleton("ibug-68")
    pairs = set(zip(*(each.tolist() for each in shared_points(imm, ibug)), strict=True))
    assert pairs == {(imm.flip[a], ibug.flip[b]) for a, b in pairs}


def test_skeletons_share_the_points_that_one_takes_from_the_other():
    ibug, wflw, nose = (load_skeleton(name) for name in ("ibug-68", "wflw-98", "nose-1"))
    assert shared_points(wflw, ibug)[1].tolist() == list(range(68))
    assert shared_points(ibug, ibug)[0].tolist() == list(range(68))
    assert [each.tolist() for each in shared_points(nose, wflw)] == [[0], [57]]
    assert len(shared_points(nose, from_table("pair", PAIR))[0]) == 0


def test_shared_points_beyond_the_other_skeleton_are_an_error():
    with pytest.raises(SkeletonError, match="does not have"):
        shared_points(from_table("pair", {**PAIR, "shared": {"imm-58": "0=58"}}), load_skeleton("imm-58"))
