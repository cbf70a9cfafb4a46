"""Boxes as other detectors frame faces."""

import numpy as np
import pytest

from doubles import prediction
from nasion.compat.boxes import DLIB, WIDER_FACE, keypoints_box, square_detector_box, to_edges, to_pixels
from nasion.geometry import image_box

BOX = np.array([100.0, 50, 160, 120])


def test_dlibs_boxes_are_square_and_around_the_same_place():
    found = square_detector_box(DLIB, BOX)
    width, height = found[2:] - found[:2]
    assert width == pytest.approx(height)
    assert width == pytest.approx((60 / 0.944 + 70 / 0.924) / 2)
    back = DLIB.keypoints_box(found)
    assert (back[:2] + back[2:]) / 2 == pytest.approx([130, 85], abs=1)


def test_boxes_around_keypoints_come_back():
    assert WIDER_FACE.keypoints_box(WIDER_FACE.detector_box(BOX)) == pytest.approx(BOX)


def test_pixels_and_edges_of_an_image():
    assert to_pixels(image_box((48, 64))) == (0, 0, 63, 47)
    assert (to_edges(0, 0, 63, 47) == image_box((48, 64))).all()


def test_masked_points_leave_the_box_of_the_crop():
    face = prediction(np.full((4, 2), np.nan))
    assert (keypoints_box(face) == face.box).all()
    assert keypoints_box(prediction([[1, 2], [5, 9], [3, 3], [np.nan, np.nan]])).tolist() == [1, 2, 5, 9]
