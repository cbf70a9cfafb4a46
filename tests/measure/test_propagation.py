"""Errors of functions of points: exact for linear functions, right to first order for others, NaN where unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.measured_faces import face_of, projected
from nasion.measure.propagation import measured, propagate, propagated
from nasion.uncertainty import Measured, covariances

SIX = np.array([[0.0, 0], [30, 4], [60, 1], [10, 50], [44, 52], [20, 90]])


def length(points):
    return np.hypot(*np.moveaxis(points[..., 1, :] - points[..., 0, :], -1, 0))[..., None]


@given(st.floats(0.1, 5), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_linear_functions_are_exact(spread, u, v):
    weights = np.random.default_rng(0).normal(size=(3, 6, 2))
    covariance = covariances(np.full(6, spread), np.tile([u, v], (6, 1)))
    values, found = propagate(lambda points: np.einsum("...kc,mkc->...m", points, weights), SIX, covariance)
    assert np.allclose(values, (weights * SIX).sum((1, 2)))
    assert np.allclose(found, np.einsum("mki,kij,nkj->mn", weights, covariance, weights), rtol=1e-5)


def test_error_of_a_length_agrees_with_sampling():
    rng = np.random.default_rng(1)
    covariance = covariances(np.array([2.0, 1.0]), np.array([[1.0, 0.5], [-0.5, 0.2]]))
    _, found = propagate(length, SIX[[0, 4]], covariance)
    noise = np.einsum("kij,nkj->nki", np.linalg.cholesky(covariance), rng.normal(size=(20000, 2, 2)))
    assert np.sqrt(found[0, 0]) == pytest.approx(length(SIX[[0, 4]] + noise).std(), rel=0.02)


def test_a_single_point_has_no_extent_and_still_an_error():
    _, found = propagate(lambda points: points[..., 0, :], SIX[:1], np.array([[[4.0, 1.0], [1.0, 9.0]]]))
    assert np.allclose(found, [[4, 1], [1, 9]])


def test_missing_points_give_nan_and_unknown_spreads_only_nan_errors():
    keypoints = projected(0, 0, 0)
    unknown = measured(face_of(keypoints, np.nan), (36, 45), length, {"length": "px"})["length"]
    assert unknown.value == pytest.approx(np.linalg.norm(keypoints[36] - keypoints[45]))
    assert np.isnan(unknown.error)
    keypoints[36] = np.nan
    values, covariance = propagated(face_of(keypoints), (36, 45), length)
    assert np.isnan(values).all()
    assert np.isnan(covariance).all()


def test_intervals_and_tables():
    number = Measured(10.0, 2.0, "px")
    low, high = number.interval(0.9)
    assert (low + high) / 2 == pytest.approx(10)
    assert (high - low) / 2 == pytest.approx(2 * 1.6449, abs=1e-3)
    assert number.to_table() == {"value": 10.0, "error": 2.0, "unit": "px"}
    assert Measured(float("nan"), float("nan")).to_table() == {"value": None, "error": None, "unit": ""}
    assert repr(Measured(1.0, 0.25)) == "1.00 ± 0.25"
    assert float(number) == 10.0
