"""Offsets between labels and predictions, of all files and of some."""

import numpy as np
import pytest

from doctor.faces import changed
from doctor.oracle import Oracle
from nasion.doctor import offsets
from nasion.doctor.comparison import compare
from nasion.doctor.offsets import Offset, offset_verdict
from nasion.doctor.reading import read_face


@pytest.fixture(scope="module")
def oracle(many):
    return Oracle(many)


def shifted(faces, indices, shift):
    for index in indices:
        faces = changed(faces, index, keypoints=faces.annotations[index].keypoints + shift)
    return faces


def findings(faces, oracle, symmetry=None):
    read = [read_face(faces, k, oracle) for k in range(len(faces))]
    comparison = compare(read, faces.skeleton, oracle)
    return offsets.findings(comparison, read, faces.skeleton, symmetry)


@pytest.mark.parametrize(
    ("offset", "error", "verdict"),
    [
        (0.0, 0.1, "good"),
        (1.05, 0.18, "check"),
        (-1.05, 0.18, "check"),
        (1.8, 0.12, "check"),
        (0.69, 0.14, "good"),
        (0.7, 0.4, "unclear"),
        (0.0, 0.6, "unclear"),
    ],
)
def test_the_verdict_depends_on_the_interval(offset, error, verdict):
    assert offset_verdict(offset, error) == verdict


def test_good_labels_have_no_offset(many, oracle):
    assert [each.verdict for each in findings(many, oracle)] == ["good", "good"]


@pytest.mark.parametrize("shift", [(1.0, 1.0), (0.0, 1.0), (-1.0, 0.0)])
def test_an_offset_of_all_labels_is_one_pixel(many, oracle, shift):
    common, mixed = findings(shifted(many, range(48), shift), oracle)
    assert (common.verdict, mixed.verdict) == ("check", "good")
    assert common.text.endswith("; a wrong origin would explain this")


@pytest.mark.parametrize(
    ("symmetry", "verdict"),
    [
        (Offset(0.0, 0.07), "unclear"),  # the predictions are biased
        (Offset(0.2, 0.07), "unclear"),
        (Offset(-1.0, 0.1), "check"),  # the labels are off
        (Offset(-0.8, 0.05), "check"),  # good, but like the offset from the predictions
        (Offset(0.0, 0.6), "check"),  # too uncertain
    ],
)
def test_an_offset_in_x_that_the_symmetry_excludes_is_unclear(many, oracle, symmetry, verdict):
    common, _ = findings(shifted(many, range(48), (-1.0, 0.0)), oracle, symmetry)
    assert common.verdict == verdict
    assert common.text.endswith("so the predictions may be biased") == (verdict == "unclear")


def test_the_symmetry_says_nothing_about_an_offset_in_y(many, oracle):
    common, _ = findings(shifted(many, range(48), (0.0, 1.0)), oracle, Offset(0.0, 0.07))
    assert common.verdict == "check"
    common, _ = findings(shifted(many, range(48), (1.0, 1.0)), oracle, Offset(0.0, 0.07))
    assert common.verdict == "check"


def test_two_origins_are_two_clusters_and_the_smaller_is_named(many, oracle):
    chosen = np.random.default_rng(1).choice(48, 18, replace=False)
    _, found = findings(shifted(many, chosen, (1.0, 1.0)), oracle)
    assert found.verdict == "check"
    names = {each.face.name for each in found.suspects}
    assert names == {many.annotations[k].name for k in chosen}


def test_offsets_need_enough_faces(many, oracle):
    few = many.subset(many.annotations[:7])
    assert [each.verdict for each in findings(few, oracle)] == ["unknown", "unknown"]
