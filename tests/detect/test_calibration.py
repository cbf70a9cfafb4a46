"""From a detector's box to the box around the keypoints."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nasion.detect import YuNet
from nasion.detect.calibration import BoxCalibration


def test_box_is_scaled_about_its_center_and_shifted_down():
    # 20 x 40 px become 10 x 30 px; the center (20, 40) moves down by a tenth of 40 px
    found = BoxCalibration(0.5, 0.75, 0.1).keypoints_box(np.array([10.0, 20, 30, 60]))
    assert_allclose(found, [15, 29, 25, 59])


def test_neutral_calibration_changes_nothing():
    assert_allclose(BoxCalibration(1, 1, 0).keypoints_box(np.array([1.0, 2, 4, 8])), [1, 2, 4, 8])


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 2), st.floats(0.2, 2), st.floats(-0.5, 0.5), st.floats(0.5, 9), st.floats(-99, 99))
def test_calibration_moves_and_grows_with_the_box(width, height, down, scale, shift):
    calibration, box = BoxCalibration(width, height, down), np.array([3.0, 5, 13, 25])
    moved = calibration.keypoints_box(box * scale + shift)
    assert_allclose(moved, calibration.keypoints_box(box) * scale + shift, atol=1e-9)


def test_yunet_frames_more_forehead_than_chin():
    x0, y0, x1, y1 = YuNet.search.calibration.keypoints_box(np.array([0.0, 0, 100, 100]))
    assert x0 + x1 == pytest.approx(100)
    assert y0 > 100 - y1
