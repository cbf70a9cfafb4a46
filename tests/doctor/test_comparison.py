"""Sixteen mistakes are put into clean labels: the doctor finds them, names the files, and raises no false alarm."""

from dataclasses import replace

import numpy as np
import pytest

from doctor.oracle import Oracle
from doctor.poisons import POISONS, Poisoned
from nasion import datasets, doctor
from nasion.predict.predictor import Predictor

HARMLESS = "3 rounded to halves"

LEAST_FOUND = 14
"""Smallest number of the sixteen mistakes that are found."""

TRUE_ALARMS = {
    "imm_face_db": {"points and model": 9, "order of points": 9, "single points": 1},
    "300w/lfpw/testset": {"duplicates": 2},
}
"""Numbers of faces that real data sets name, rightly: turned eyes, and photos that are in the data twice."""


def named(examination):
    """Return the names of the faces that each alarm names."""
    return {finding.check: {each.face.name for each in finding.suspects} for finding in examination.alarms}


def found(clean, poisoned):
    """Return the alarms of the second examination that are new, or name a new face, with all the names."""
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


def cached(faces):
    """Return the set with images that are opened only once."""
    opened = {}

    def open_image(face):
        if face.image not in opened:
            opened[face.image] = faces.open_image(face)
        return opened[face.image]

    return replace(faces, open_image=open_image)


def test_mistakes_in_synthetic_faces_are_found():
    clean = cached(datasets.load("synthetic:48"))

    def examine(poisoned):
        faces = cached(poisoned.faces)
        truth = replace(poisoned.truth or clean, open_image=faces.open_image)
        return doctor.examine(faces, predictor=Oracle(truth))

    before = examine(Poisoned(clean))
    assert named(before) == {}
    assert missed(before, clean, examine) == [HARMLESS]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUE_ALARMS)
def test_mistakes_in_real_data_are_found(real, name):
    faces = datasets.load(f"{'imm' if name.startswith('imm') else 'ibug'}:{real(name)}")
    predictor = Predictor()

    def examine(poisoned):
        return doctor.examine(poisoned.faces, predictor=predictor)

    before = examine(Poisoned(faces))
    assert {check: len(names) for check, names in named(before).items()} == TRUE_ALARMS[name]
    assert len(POISONS) - len(missed(before, faces, examine)) >= LEAST_FOUND
