"""Intersection over union, and non-maximum suppression."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasion.detect.nms import IOU_THRESHOLD, Detection, iou, non_max_suppression

corners = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))
boxes = corners.map(lambda c: np.array([c[0], c[1], c[0] + c[2], c[1] + c[3]], float))


def box(*values):
    return np.array(values, float)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 20), (0, 0, 10, 20), 1.0),
        ((0, 0, 10, 20), (5, 0, 15, 20), 100 / 300),
        ((0, 0, 10, 20), (0, 15, 10, 35), 50 / 350),
        ((0, 0, 10, 20), (2, 3, 6, 8), 20 / 200),
        ((0, 0, 10, 20), (10, 0, 20, 20), 0.0),
        ((0, 0, 10, 20), (30, 40, 50, 70), 0.0),
        ((0, 0, 10, 20), (5, 40, 15, 70), 0.0),
        ((3, 3, 3, 3), (3, 3, 3, 3), 0.0),
    ],
)
def test_iou_of_known_boxes(a, b, expected):
    assert iou(box(*a), box(*b)) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(boxes, boxes)
def test_iou_equals_counting_pixels(a, b):
    grid = np.mgrid[:55, :55] + 0.5

    def inside(each):
        return (grid[1] > each[0]) & (grid[1] < each[2]) & (grid[0] > each[1]) & (grid[0] < each[3])

    expected = (inside(a) & inside(b)).sum() / (inside(a) | inside(b)).sum()
    assert iou(a, b) == pytest.approx(expected)
    assert iou(b, a) == iou(a, b)


@settings(max_examples=30, deadline=None)
@given(boxes, boxes, st.integers(-9, 9), st.floats(0.5, 3))
def test_iou_does_not_depend_on_place_and_scale(a, b, shift, scale):
    assert iou(a * scale + shift, b * scale + shift) == pytest.approx(iou(a, b), abs=1e-9)


def test_best_of_overlapping_detections_is_kept():
    near, best = Detection(box(1, 1, 11, 11), 0.8), Detection(box(0, 0, 10, 10), 0.9)
    far = Detection(box(40, 0, 50, 10), 0.7)
    assert non_max_suppression([near, far, best]) == [best, far]


def test_no_detections_remain_none():
    assert non_max_suppression([]) == []


def test_suppressed_detection_suppresses_nothing():
    # each overlaps only its neighbors: the second is suppressed, so the third is kept
    chain = [Detection(box(4 * k, 0, 4 * k + 10, 10), 0.9 - 0.1 * k) for k in range(3)]
    assert iou(chain[0].box, chain[1].box) > IOU_THRESHOLD > iou(chain[0].box, chain[2].box)
    assert non_max_suppression(chain) == [chain[0], chain[2]]


@pytest.mark.parametrize(("overlap", "kept"), [(4, 1), (3.9, 2)])
def test_threshold_itself_is_an_overlap(overlap, kept):
    # 7 px wide boxes that share 4 px have an IoU of 4 / (7 + 7 - 4) = 0.4
    first, second = Detection(box(0, 0, 7, 5), 0.9), Detection(box(7 - overlap, 0, 14 - overlap, 5), 0.8)
    assert len(non_max_suppression([first, second])) == kept


def test_equal_scores_keep_their_order():
    found = [Detection(box(30 * k, 0, 30 * k + 10, 10), 0.5) for k in range(4)]
    assert non_max_suppression(found) == found
    assert non_max_suppression(found[::-1]) == found[::-1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(boxes, st.floats(0, 1)), max_size=8))
def test_kept_detections_are_sorted_and_apart_and_cover_the_rest(found):
    detections = [Detection(*each) for each in found]
    kept = non_max_suppression(detections)
    scores = [each.score for each in kept]
    assert scores == sorted(scores, reverse=True)
    for k, each in enumerate(kept):
        assert all(iou(each.box, other.box) < IOU_THRESHOLD for other in kept[:k])
    for each in detections:
        assert any(
            each is other or (iou(each.box, other.box) >= IOU_THRESHOLD and other.score >= each.score) for other in kept
        )
