"""Openings of rings of points: by hand, by side, with errors that sampling confirms."""

from dataclasses import replace

import numpy as np
import pytest

from measure.measured_faces import HEAD, IBUG, face_of, projected
from nasion.errors import SkeletonError
from nasion.geometry import Affine
from nasion.measure.openings import EYE_OPEN, MOUTH_OPEN, eyes, mouth
from nasion.skeleton import load_skeleton
from nasion.uncertainty import covariances

EYE = np.array([[0.0, 0], [10, -6], [20, -4], [30, 0], [20, 4], [10, 2]])


def with_eyes(left, right, spread=1.0):
    keypoints = projected(0, 0, 0)
    keypoints[36:42], keypoints[42:48] = right, left
    return face_of(keypoints, spread)


def test_gap_and_width_by_hand_and_by_the_persons_side():
    found = eyes(with_eyes(left=EYE * [1, 0.5], right=EYE))
    assert (found.right.gap.value, found.right.width.value) == pytest.approx((8, 30))
    assert found.right.ratio.value == pytest.approx(8 / 30)
    assert found.left.ratio.value == pytest.approx(4 / 30)
    assert found.ratio.value == pytest.approx(6 / 30)
    assert (found.right.is_open, found.left.is_open) == (True, False)
    assert found.right.threshold == EYE_OPEN


def test_openings_do_not_depend_on_place_size_and_roll():
    affine = Affine.rotation(40, (3, 5)) @ Affine.crop([0, 0, 1, 1], (3, 3))
    found = eyes(with_eyes(affine(EYE), affine(EYE)))
    assert found.left.ratio.value == found.right.ratio.value == pytest.approx(8 / 30)
    assert found.left.gap.value == pytest.approx(24)


def test_lids_that_cross_have_a_negative_gap():
    assert eyes(with_eyes(EYE * [1, -0.1], EYE)).left.ratio.value == pytest.approx(-0.8 / 30)


def test_errors_agree_with_sampling():
    rng, face = np.random.default_rng(0), with_eyes(EYE, EYE, 1.5)
    face.anisotropy[:] = rng.normal(0, 0.6, (68, 2))
    noise = np.linalg.cholesky(covariances(face.spread, face.anisotropy))
    sampled = []
    for _ in range(1500):
        moved = face.keypoints + (noise @ rng.normal(size=(68, 2, 1)))[..., 0]
        each = eyes(replace(face, keypoints=moved))
        sampled.append([each.left.ratio.value, each.left.gap.value, each.left.width.value, each.ratio.value])
    found = eyes(face)
    errors = [found.left.ratio.error, found.left.gap.error, found.left.width.error, found.ratio.error]
    assert errors == pytest.approx(np.std(sampled, axis=0), rel=0.08)


def test_probability_of_open_follows_the_error():
    sure, unsure = (eyes(with_eyes(EYE, EYE, spread)).left for spread in (0.2, 5.0))
    assert sure.open_probability > 0.99 > unsure.open_probability > 0.5
    assert np.isnan(eyes(with_eyes(EYE, EYE, np.nan)).left.open_probability)


def test_missing_points_give_nan_on_their_side_only():
    face = with_eyes(EYE, EYE)
    face.keypoints[40] = np.nan
    found = eyes(face)
    assert np.isnan(found.right.ratio.value)
    assert found.right.is_open is None
    assert np.isnan(found.ratio.value)
    assert found.left.is_open


def test_lips_of_the_mean_head_are_closed_and_open_with_the_jaw():
    assert mouth(face_of(projected(0, 0, 0))).is_open is False
    head = HEAD.copy()
    head[[65, 66, 67], 1] -= 1.5
    found = mouth(face_of(projected(0, 0, 0, head=head)))
    assert found.is_open
    assert found.ratio.value > MOUTH_OPEN


def test_other_skeletons_need_rings_of_points():
    imm = face_of(np.random.default_rng(0).uniform(0, 100, (58, 2)), skeleton=load_skeleton("imm-58"))
    assert np.isfinite(eyes(imm).left.ratio.value)
    with pytest.raises(SkeletonError, match='no ring of points "inner_lip"'):
        mouth(imm)
    with pytest.raises(SkeletonError, match='no ring of points "left_eye"'):
        eyes(face_of(np.zeros((68, 2)), skeleton=replace(IBUG, closed=())))
