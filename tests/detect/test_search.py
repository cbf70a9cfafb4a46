"""The search at several scales, with a network whose answer is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nasion.detect.calibration import BoxCalibration
from nasion.detect.nms import Detection
from nasion.detect.search import MIN_SIDE, Candidates, Search, needs_finer

SEARCH = Search(64, BoxCalibration(1.0, 1.0, 0.0), 0.5)


def network(*rows):
    """Return a network that finds boxes with scores (x0, y0, x1, y1, score) in every image, and the sizes it saw."""
    seen = []

    def find(image):
        seen.append(image.shape[:2])
        table = np.array(rows, float).reshape(-1, 5)
        return Candidates(table[:, :4], table[:, 4])

    return find, seen


def test_boxes_are_in_px_of_the_image_and_sizes_are_multiples():
    find, seen = network((10, 20, 110, 120, 0.9))
    (found,) = SEARCH(np.zeros((240, 320, 3), np.uint8), find)
    assert seen == [(256, 320)]
    assert_allclose(found.box, [10, 20, 110, 120])
    assert (found.score, found.landmarks) == (0.9, None)


def test_weak_candidates_are_no_faces():
    find, seen = network((10, 20, 110, 120, 0.4))
    assert SEARCH(np.zeros((240, 320, 3), np.uint8), find) == []
    assert len(seen) == 2  # the second time with padding


def test_landmarks_are_in_px_of_the_image():
    def find(_image):
        return Candidates(np.array([[10.0, 20, 110, 120]]), np.array([0.9]), np.full((1, 5, 2), 50.0))

    (found,) = SEARCH(np.zeros((480, 640, 3), np.uint8), find)  # searched at half the size
    assert_allclose(found.landmarks, np.full((5, 2), 100.5))


@pytest.mark.parametrize("shape", [(MIN_SIDE - 1, 700, 3), (700, MIN_SIDE - 1, 3)])
def test_narrow_strips_are_not_searched(shape):
    find, seen = network((1, 2, 3, 4, 0.9))
    assert SEARCH(np.zeros(shape, np.uint8), find) == []
    assert seen == []


def detection(size, score=0.9, at=0.0):
    return Detection(np.array([at, at, at + size, at + size]), score)


def test_small_or_missing_faces_and_weak_candidates_elsewhere_need_a_finer_search():
    assert needs_finer([], 0, 1.0)
    assert needs_finer([detection(60)], 1, 1.0)
    assert not needs_finer([detection(100)], 1, 1.0)
    assert needs_finer([detection(100)], 1, 0.5)  # 50 px of the search
    assert needs_finer([detection(100), detection(90, 0.3, 500)], 1, 1.0)
    assert not needs_finer([detection(100), detection(90, 0.3)], 1, 1.0)
