"""From a detector's box to the box around the keypoints."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nasion.detect import YuNet
from nasion.detect.calibration import HIGHEST, LOWEST, BoxCalibration, LandmarkCorrection


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


def landmarks(eyes, mouth):
    """Return landmarks (5, 2), px, around the centers of the eyes and of the mouth."""
    (x, y), (u, v) = eyes, mouth
    return np.array([[x - 4.0, y], [x + 4, y], [99, 99], [u - 3, v], [u + 3, v]])


def test_landmarks_move_the_edges_of_the_box():
    # the box is 20 x 40 px around (20, 40); the eyes are a tenth to the right and a quarter up, the mouth a fifth down
    correction = LandmarkCorrection(0.5, (0.2, 0.1, 0.5), (1.0, -0.5, -0.2), (0.1, 0.4, 0.45))
    found = correction.keypoints_box(np.array([10.0, 20, 30, 60]), landmarks((22, 30), (7, 48)))
    # center 0.05, half width -0.05 + 0.02 + 0.5, top -0.25 - 0.1 - 0.2, bottom -0.025 + 0.08 + 0.45
    assert_allclose(found, [20 + 20 * -0.42, 40 + 40 * -0.55, 20 + 20 * 0.52, 40 + 40 * 0.505])


@pytest.mark.parametrize(
    ("eyes", "mouth"),
    [
        ((20, 48), (20, 30)),
        ((27, 30), (20, 48)),
        ((20, 30), (20, 80)),
        ((20, 30), (20, np.nan)),
        ((20, -np.inf), (20, 48)),
    ],
)
def test_a_box_whose_landmarks_are_unlike_an_upright_face_stays(eyes, mouth):
    box = np.array([10.0, 20, 30, 60])
    assert YuNet.correction.keypoints_box(box, landmarks(eyes, mouth)) is box


@settings(max_examples=60, deadline=None)
@given(st.tuples(*(st.floats(low, high) for low, high in zip(LOWEST.tolist(), HIGHEST.tolist(), strict=True))))
def test_corrected_boxes_contain_eyes_and_mouth_horizontally_and_have_an_area(place):
    x, eyes_y, mouth_y = place
    box = np.array([-50.0, -50, 50, 50])
    x0, y0, x1, y1 = YuNet.correction.keypoints_box(box, landmarks((100 * x, 100 * eyes_y), (0, 100 * mouth_y)))
    assert x0 < 100 * x < x1
    assert y1 - y0 > 50


def test_a_face_that_looks_down_has_a_longer_forehead():
    box = np.array([-50.0, -50, 50, 50])
    ahead = YuNet.correction.keypoints_box(box, landmarks((0, -32), (0, 15)))
    down = YuNet.correction.keypoints_box(box, landmarks((0, -20), (0, 20)))
    assert down[1] > ahead[1] + 10
    assert_allclose(ahead, box, atol=3)
