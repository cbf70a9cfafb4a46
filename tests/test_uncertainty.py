"""Ellipses: what they hold, as numbers and as drawn."""

import numpy as np
import pytest

from nasion.draw import points as draw
from nasion.predict import writers as output
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton
from nasion.uncertainty import MEAN_ERROR, ellipses, expected_errors, mahalanobis

ANISOTROPIES = np.array([[0.0, 0.0], [1.2, 0.0], [-0.4, 0.9], [0.0, -1.5]])


def rim(ellipse, count=200):
    """Return points (count, 2) on an ellipse: half axes and turn."""
    long, short, turn = ellipse
    t, c, s = np.linspace(0, 2 * np.pi, count, endpoint=False), np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return np.stack([long * np.cos(t), short * np.sin(t)], -1) @ np.array([[c, s], [-s, c]])


@pytest.mark.parametrize("anisotropy", ANISOTROPIES)
def test_the_rim_of_an_ellipse_is_one_spread_away(anisotropy):
    offsets = rim(ellipses(np.array(3.0), anisotropy))
    found = mahalanobis(offsets, np.full(len(offsets), 3.0), np.tile(anisotropy, (len(offsets), 1)))
    assert found == pytest.approx(1.0)
    assert mahalanobis(
        3 * offsets, np.full(len(offsets), 3.0), np.tile(anisotropy, (len(offsets), 1))
    ) == pytest.approx(3)


def test_what_is_long_along_one_direction_is_further_off_in_the_mean():
    expected_errors = expected_errors(np.full(4, 2.0), ANISOTROPIES)
    assert expected_errors[0] == pytest.approx(2 * MEAN_ERROR)
    assert (expected_errors[1:] > 1.05 * expected_errors[0]).all()


def test_unknown_stays_unknown():
    assert np.isnan(mahalanobis(np.ones((1, 2)), np.array([np.nan]), np.zeros((1, 2)))).all()
    assert np.isnan(expected_errors(np.array([np.nan]), np.zeros((1, 2)))).all()


def prediction(spread, anisotropy):
    return Prediction(
        np.array([[50.0, 40.0]]),
        np.array([spread]),
        np.array([anisotropy]),
        np.array([0.0, 0, 100, 80]),
        1.0,
        load_skeleton("nose-1"),
    )


@pytest.mark.parametrize("anisotropy", ANISOTROPIES)
def test_what_is_drawn_is_the_ellipse_of_two_spreads(anisotropy):
    black = np.zeros((80, 100, 3), np.uint8)
    inked = draw.draw_predictions(black, [prediction(8.0, anisotropy)], with_spread=True).any(-1)
    y, x = np.mgrid[:80, :100]
    far = mahalanobis(np.stack([x - 50.0, y - 40.0], -1), np.full((80, 100), 8.0), np.tile(anisotropy, (80, 100, 1)))
    assert inked[far < 1.8].all()
    assert not inked[far > 2.4].any()


def test_ellipses_in_json():
    table = output.face_table(0, prediction(2.0, [0.0, np.log(4.0)]))
    assert table["ellipses"] == [[4.0, 1.0, 45.0]]
    assert output.face_table(0, prediction(np.nan, [0.0, 0.0]))["ellipses"] is None
