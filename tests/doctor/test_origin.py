"""The pixel origin of coordinates, from the coordinates and from the symmetry of faces."""

from dataclasses import replace

import numpy as np
import pytest

from nasion.datasets import load
from nasion.doctor import origin
from nasion.doctor.checks import Finding
from nasion.doctor.offsets import offset_verdict
from nasion.doctor.origin import known_symmetry_offset, symmetry_offset
from nasion.skeleton import load_skeleton


def moved(faces, change):
    return faces.subset([replace(face, keypoints=change(face.keypoints)) for face in faces.annotations])


def finding(faces, check, size=(480, 640)):
    (found,) = (
        each
        for each in origin.findings(faces, [size] * len(faces), known_symmetry_offset(faces))
        if each.check == check
    )
    return found


def coordinates(faces, size=(480, 640)):
    return finding(faces, "pixel origin (coordinates)", size)


def test_fractions_are_good(drawn):
    found = coordinates(drawn)
    assert found.verdict == "good"
    assert found.text.startswith("coordinates are fractions; smallest ")


def test_whole_numbers_are_good(drawn):
    found = coordinates(moved(drawn, np.rint))
    assert found.verdict == "good"
    assert "coordinates are whole numbers" in found.text


def test_halves_need_a_check(drawn):
    found = coordinates(moved(drawn, lambda points: np.floor(points) + 0.5))
    assert found.verdict == "check"
    assert "halves: pixels may have been counted from their edge" in found.text


@pytest.mark.parametrize("edge", [(640, 300), (300, 480)])
def test_coordinates_equal_to_the_width_or_height_suggest_one_based_labels(drawn, edge):
    whole = moved(drawn, np.rint)
    points = whole.annotations[0].keypoints.copy()
    points[0] = edge
    found = coordinates(whole.subset([replace(whole.annotations[0], keypoints=points), *whole.annotations[1:]]))
    assert found.verdict == "check"
    assert found.text.endswith(
        "distance from the last row or column -1.00; some equal the width or height: 1-based labels read as 0-based?"
    )


def test_the_last_pixel_is_a_valid_coordinate(drawn):
    whole = moved(drawn, np.rint)
    points = whole.annotations[0].keypoints.copy()
    points[0] = 639, 479
    found = coordinates(whole.subset([replace(whole.annotations[0], keypoints=points), *whole.annotations[1:]]))
    assert found.verdict == "good"
    assert found.text.endswith("last row or column 0.00")


def test_labels_that_also_contain_zero_are_not_one_based(drawn):
    whole = moved(drawn, np.rint)
    points = whole.annotations[0].keypoints.copy()
    points[0], points[1] = (640, 300), (0, 300)
    found = coordinates(whole.subset([replace(whole.annotations[0], keypoints=points), *whole.annotations[1:]]))
    assert found.verdict == "good"


def test_every_face_is_compared_with_its_own_image(drawn):
    two = moved(drawn.subset(drawn.annotations[:2]), lambda points: 0 * points + [5.0, 7.0])
    first, _ = origin.findings(two, [(20, 30), (10, 40)])
    assert first.text.endswith("last row or column 2.00")


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_an_offset_of_the_labels_is_measured(drawn, shift):
    base, error = symmetry_offset(drawn)
    assert abs(base) < 0.5
    assert 0 < error < 0.3
    found, _ = symmetry_offset(moved(drawn, lambda points: points + [shift, 0]))
    assert found - base == pytest.approx(shift, abs=0.25)


def test_an_offset_downwards_does_not_count(drawn):
    base, _ = symmetry_offset(drawn)
    assert symmetry_offset(moved(drawn, lambda points: points + [0, 2.0]))[0] == pytest.approx(base, abs=0.3)


def test_the_measurement_is_reproducible(drawn):
    assert symmetry_offset(drawn) == symmetry_offset(drawn)


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "good"), (1.3, "check"), (2.0, "check"), (-2.0, "check")])
def test_the_verdict_follows_the_offset(drawn, shift, verdict):
    found = finding(moved(drawn, lambda points: points + [shift, 0]), "pixel origin (symmetry)")
    assert found.verdict == verdict
    assert found.text.startswith("labels lie ")


def test_faces_with_few_points_are_left_out_of_the_symmetry(drawn):
    points = drawn.annotations[0].keypoints.copy()
    points[2:] = np.nan
    sparse = drawn.subset([replace(drawn.annotations[0], keypoints=points), *drawn.annotations[1:]])
    rest = drawn.subset(drawn.annotations[1:])
    found, expected = (finding(faces, "pixel origin (symmetry)") for faces in (sparse, rest))
    assert found.text == expected.text


def test_symmetry_needs_a_flip_map_enough_points_and_faces(drawn):
    without = replace(drawn, skeleton=replace(drawn.skeleton, flip=None))
    few = drawn.subset(drawn.annotations[:7])
    for faces in (without, few, drawn.reduced_to(load_skeleton("nose-1"))):
        assert finding(faces, "pixel origin (symmetry)").verdict == "unknown"


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [("ibug:300w/lfpw/trainset", False), ("ibug:300w/lfpw/trainset?origin=0", True), ("imm:imm_face_db", False)],
)
def test_real_data_has_the_origin_of_its_format(real, spec, wrong):
    form, _, rest = spec.partition(":")
    folder, question, options = rest.partition("?")
    faces = load(f"{form}:{real(folder)}{question}{options}")
    assert (offset_verdict(*symmetry_offset(faces)) == "check") == wrong


def test_an_offset_that_the_model_does_not_find_is_unclear(drawn):
    shifted = moved(drawn, lambda points: points + [1.5, 0])
    agreement = Finding("pixel origin (model)", "good", "")
    found = origin.findings(shifted, [(480, 640)] * len(drawn), known_symmetry_offset(shifted), agreement)[1]
    assert found.verdict == "unclear"
    assert "the model finds no offset" in found.text
