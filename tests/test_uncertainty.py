"""Error ellipses and the distribution of errors, compared with matrices, samples and drawings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion import draw
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton
from nasion.uncertainty import (
    ERROR_SHAPE,
    MEAN_ERROR,
    SPREAD_OF_SCALE,
    covariances,
    ellipses,
    expected_errors,
    mahalanobis,
    nominal_share,
)

ANISOTROPIES = np.array([[0.0, 0.0], [1.2, 0.0], [-0.4, 0.9], [0.0, -1.5]])

components = st.floats(-2, 2)


def covariance(spread, anisotropy):
    """Return spread^2 * expm([[u, v], [v, -u]]), by its eigenvectors, independently of the module."""
    u, v = anisotropy
    values, vectors = np.linalg.eigh([[u, v], [v, -u]])
    return spread**2 * vectors @ np.diag(np.exp(values)) @ vectors.T


def rim(ellipse, count=200):
    """Return points (count, 2) on an ellipse with two semi-axes and an angle."""
    long, short, degrees = ellipse
    t, c, s = np.linspace(0, 2 * np.pi, count, endpoint=False), np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.stack([long * np.cos(t), short * np.sin(t)], -1) @ np.array([[c, s], [-s, c]])


def sampled_errors(count=200_000):
    """Return isotropic errors (count, 2) of scale 1, drawn from the density exp(-r^p)."""
    random = np.random.default_rng(0)
    radius = random.gamma(2 / ERROR_SHAPE, size=count) ** (1 / ERROR_SHAPE)
    angle = random.uniform(0, 2 * np.pi, count)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)


@given(st.floats(0.1, 9), components, components, st.floats(-20, 20), st.floats(-20, 20))
def test_the_mahalanobis_distance_is_that_of_the_covariance(spread, u, v, x, y):
    error = np.array([x, y])
    expected = np.sqrt(error @ np.linalg.solve(covariance(spread, (u, v)), error))
    found = mahalanobis(error[None], np.array([spread]), np.array([[u, v]]))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.floats(0.1, 9), components, components)
def test_the_axes_are_the_standard_deviations_of_the_covariance(spread, u, v):
    matrix = covariance(spread, (u, v))
    long, short, angle = ellipses(np.array(spread), np.array([u, v]))
    assert sorted([short, long]) == pytest.approx(np.sqrt(np.linalg.eigvalsh(matrix)), rel=1e-6)
    direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    assert np.sqrt(direction @ matrix @ direction) == pytest.approx(long, rel=1e-6)
    assert 0 <= angle <= 180
    assert np.sqrt(long * short) == pytest.approx(spread)


@pytest.mark.parametrize("anisotropy", ANISOTROPIES)
@pytest.mark.parametrize("multiple", [1, 3])
def test_the_rim_of_an_ellipse_has_a_constant_distance(anisotropy, multiple):
    offsets = multiple * rim(ellipses(np.array(2.5), anisotropy))
    spread, anisotropies = np.full(len(offsets), 2.5), np.tile(anisotropy, (len(offsets), 1))
    assert mahalanobis(offsets, spread, anisotropies) == pytest.approx(multiple)


def test_leading_dimensions_are_kept():
    offsets, spread = np.ones((2, 3, 5, 2)), np.ones((2, 3, 5))
    assert mahalanobis(offsets, spread, 0 * offsets) == pytest.approx(np.full((2, 3, 5), np.sqrt(2)))
    assert ellipses(spread, offsets).shape == (2, 3, 5, 3)
    assert expected_errors(spread, offsets).shape == (2, 3, 5)


def test_elongated_ellipses_have_larger_expected_errors():
    expected = expected_errors(np.full(4, 2.0), ANISOTROPIES)
    assert expected[0] == pytest.approx(2 * MEAN_ERROR)
    assert (expected[1:] > 1.05 * expected[0]).all()
    assert expected[3] > expected[1] > expected[2]


def test_the_constants_and_expected_errors_agree_with_samples():
    errors = sampled_errors()
    assert errors.std(0) == pytest.approx([SPREAD_OF_SCALE] * 2, rel=0.01)
    spread, anisotropy = 3.0, np.array([0.7, -0.9])
    values, vectors = np.linalg.eigh(covariance(spread, anisotropy))
    stretched = errors / SPREAD_OF_SCALE @ np.diag(np.sqrt(values)) @ vectors.T
    expected = expected_errors(np.array(spread), anisotropy)
    assert np.linalg.norm(stretched, axis=1).mean() == pytest.approx(float(expected), rel=0.01)


def test_nominal_shares_agree_with_samples():
    distance = np.linalg.norm(sampled_errors(), axis=1) / SPREAD_OF_SCALE
    multiples = np.array([0.5, 1, 2, 3])
    expected = (distance[:, None] <= multiples).mean(0)
    assert nominal_share(multiples) == pytest.approx(expected, abs=0.005)


def test_nominal_shares_grow_from_zero_to_one():
    shares = nominal_share(np.linspace(0, 30, 50).reshape(5, 10))
    assert shares.shape == (5, 10)
    assert shares[0, 0] == 0
    assert (np.diff(shares.ravel()) >= 0).all()
    assert shares[-1, -1] == pytest.approx(1, abs=1e-5)


def test_an_unknown_spread_stays_unknown():
    assert np.isnan(mahalanobis(np.ones((1, 2)), np.array([np.nan]), np.zeros((1, 2)))).all()
    assert np.isnan(expected_errors(np.array([np.nan]), np.zeros((1, 2)))).all()
    assert np.isnan(ellipses(np.array([np.nan]), np.zeros((1, 2)))[:, :2]).all()


def prediction(spread, anisotropy):
    return Prediction(
        keypoints=np.array([[50.0, 40.0]]),
        spread=np.array([spread]),
        anisotropy=np.array([anisotropy]),
        box=np.array([0.0, 0, 100, 80]),
        score=1.0,
        skeleton=load_skeleton("nose-1"),
    )


@pytest.mark.parametrize("anisotropy", ANISOTROPIES)
def test_the_drawn_ellipse_covers_two_spreads(anisotropy):
    black = np.zeros((80, 100, 3), np.uint8)
    inked = draw.draw_predictions(black, [prediction(8.0, anisotropy)], with_spread=True).any(-1)
    y, x = np.mgrid[:80, :100]
    offsets = np.stack([x - 50.0, y - 40.0], -1)
    distance = mahalanobis(offsets, np.full((80, 100), 8.0), np.tile(anisotropy, (80, 100, 1)))
    assert inked[distance < 1.8].all()
    assert not inked[distance > 2.4].any()


@given(st.floats(0.1, 9), components, components)
def test_covariances_are_those_of_the_definition(spread, u, v):
    found = covariances(np.array([spread, np.nan]), np.array([[u, v], [u, v]]))
    assert np.allclose(found[0], covariance(spread, (u, v)))
    assert np.isnan(found[1]).all()
