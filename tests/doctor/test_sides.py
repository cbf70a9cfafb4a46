"""The flip map, left and right, and the order of points, in good and in changed labels."""

from dataclasses import replace

import numpy as np
import pytest

from doctor.faces import changed, first
from nasion.doctor import sides
from nasion.doctor.checks import MIN_FACES
from nasion.skeleton import load_skeleton


def test_a_correct_flip_map_is_good(drawn):
    finding = sides.flip_map(drawn)
    assert finding.verdict == "good"
    assert finding.text.startswith("the mean face and its mirror image differ by 0.")


def test_a_wrong_flip_map_is_wrong(drawn):
    wrong = replace(drawn, skeleton=replace(drawn.skeleton, flip=tuple(range(58))))
    assert sides.flip_map(wrong).verdict == "wrong"


def test_the_point_that_differs_most_is_named(drawn):
    shift = np.zeros((58, 2))
    shift[15] = 30
    moved = drawn.subset([replace(face, keypoints=face.keypoints + shift) for face in drawn.annotations])
    pair = {drawn.skeleton.names[15], drawn.skeleton.names[drawn.skeleton.flip[15]]}
    named = sides.flip_map(moved).text.split("most at ")[1].split(" (")[0]
    assert named in pair


def test_a_missing_flip_map_is_suggested(drawn):
    finding = sides.flip_map(replace(drawn, skeleton=replace(drawn.skeleton, flip=None)))
    assert finding.verdict == "check"
    assert f'flip = "{" ".join(map(str, drawn.skeleton.flip))}"' in finding.text


def test_faces_with_the_right_sides_are_good(drawn):
    assert sides.left_and_right(drawn).verdict == "good"


def test_an_exchanged_face_is_named(drawn):
    flip = list(drawn.skeleton.flip)
    finding = sides.left_and_right(changed(drawn, 3, keypoints=drawn.annotations[3].keypoints[flip]))
    assert finding.verdict == "wrong"
    assert finding.text == f"1 exchanged: {drawn.annotations[3].name} (all points)"


@pytest.mark.parametrize(("share", "verdict"), [(0.55, "good"), (0.85, "wrong")])
def test_a_face_is_exchanged_only_if_the_exchange_fits_twice_as_well(drawn, share, verdict):
    """The face lies between the labels and the exchanged labels, nearer to the latter."""
    keypoints = drawn.annotations[3].keypoints
    mixed = (1 - share) * keypoints + share * keypoints[list(drawn.skeleton.flip)]
    assert sides.left_and_right(changed(drawn, 3, keypoints=mixed)).verdict == verdict


def test_exchanged_eyes_are_named(drawn):
    keypoints = drawn.annotations[6].keypoints.copy()
    flip = np.array(drawn.skeleton.flip)
    eyes = [*drawn.skeleton.regions["left_eye"], *drawn.skeleton.regions["right_eye"]]
    keypoints[eyes] = keypoints[flip[eyes]]
    finding = sides.left_and_right(changed(drawn, 6, keypoints=keypoints))
    assert finding.text == f"1 exchanged: {drawn.annotations[6].name} (left_eye)"


@pytest.mark.parametrize("change", [lambda eye: eye[::-1], lambda eye: eye[4:] + eye[:4]])
def test_an_eye_with_another_order_is_named(drawn, change):
    keypoints = drawn.annotations[5].keypoints.copy()
    eye = list(drawn.skeleton.regions["right_eye"])
    keypoints[eye] = keypoints[change(eye)]
    finding = sides.order_of_points(changed(drawn, 5, keypoints=keypoints))
    assert finding.verdict == "check"
    assert finding.text.startswith(f"right_eye in 1 face: {drawn.annotations[5].name};")


def test_the_points_of_an_open_region_can_be_reversed_but_not_rotated(drawn):
    brow = list(drawn.skeleton.regions["left_brow"])
    verdicts = []
    for order in (brow[::-1], brow[2:] + brow[:2]):
        keypoints = drawn.annotations[5].keypoints.copy()
        keypoints[brow] = keypoints[order]
        verdicts.append(sides.order_of_points(changed(drawn, 5, keypoints=keypoints)).text.startswith("left_brow"))
    assert verdicts == [True, False]


def test_the_usual_order_is_good(drawn):
    assert sides.order_of_points(drawn).verdict == "good"


@pytest.mark.parametrize("check", [sides.flip_map, sides.left_and_right, sides.order_of_points])
def test_shape_checks_need_enough_faces_and_points(drawn, check):
    assert check(first(drawn, MIN_FACES - 1)).verdict == "unknown"
    assert check(first(drawn, MIN_FACES)).verdict == "good"
    assert check(drawn.reduced_to(load_skeleton("nose-1"))).verdict == "unknown"


def test_sides_need_a_flip_map(drawn):
    without = replace(drawn, skeleton=replace(drawn.skeleton, flip=None))
    assert sides.left_and_right(without).verdict == "unknown"
