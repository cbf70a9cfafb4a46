"""Targets of scenes: decoding them returns the boxes, and doubtful faces count nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nasion.detect.peaks import STRIDE, decode
from nasion.train.detection.targets import NEAR, encode

NONE = np.empty((0, 4))
SIZE = 192, 256


def box(x, y, width, height):
    return np.array([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]])


@given(st.floats(0, 255), st.floats(0, 191), st.floats(9, 150), st.floats(9, 150))
def test_decoding_the_targets_returns_the_box(x, y, width, height):
    targets = encode(box(x, y, width, height), NONE, SIZE)
    boxes, scores = decode(targets.score, targets.box)
    assert_allclose(boxes, box(x, y, width, height), atol=1e-3)
    assert_allclose(scores, [1.0])


def test_several_faces_are_returned():
    boxes = np.concatenate([box(40, 50, 12, 14), box(60, 50, 11, 12), box(150, 100, 80, 90), box(230, 20, 30, 30)])
    targets = encode(boxes, NONE, SIZE)
    found, _ = decode(targets.score, targets.box)
    assert_allclose(found[np.argsort(found[:, 0])], boxes[np.argsort(boxes[:, 0])], atol=1e-3)


def test_every_cell_near_a_face_predicts_its_box():
    targets = encode(box(100, 90, 100, 100), NONE, SIZE)
    assert (targets.near > 0).sum() > 4
    assert (targets.near[targets.near > 0] > NEAR).all()
    for row, column in zip(*np.nonzero(targets.near), strict=True):
        center = (np.array([column, row]) + targets.box[:2, row, column] + 0.5) * STRIDE - 0.5
        assert_allclose(center, [100, 90], atol=1e-3)


def test_a_scene_without_faces_is_empty():
    targets = encode(NONE, NONE, SIZE)
    assert not targets.score.any()
    assert not targets.near.any()
    assert targets.known.all()


def test_doubtful_faces_count_nothing():
    targets = encode(box(60, 60, 20, 20), np.array([[120.0, 80, 160, 120]]), SIZE)
    assert not targets.known[12, 17]
    assert targets.known[7, 7]
    assert targets.known.shape == (SIZE[0] // STRIDE, SIZE[1] // STRIDE)


def test_a_face_before_a_doubtful_one_counts():
    targets = encode(box(140, 100, 20, 20), np.array([[100.0, 60, 180, 140]]), SIZE)
    assert targets.known[targets.score == 1].all()
