"""Squared below `beta`, absolute above it, by hand."""

import pytest
import torch
from pydantic import ValidationError

from nasion.train.network.interfaces import Decoded
from nasion.train.network.losses import smooth_l1


def cost(error, beta):
    """Return the loss of an error in x with none in y."""
    points = torch.tensor([[[error, 0.0]]])
    decoded = Decoded(points, torch.zeros(1, 1), torch.zeros(1, 1, 2), None)
    return smooth_l1.loss(decoded, torch.zeros(1, 1, 2), smooth_l1.Options(beta=beta)).item()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (0.1, 0.5 * 0.1**2 / 0.2 / 2),
        (-0.1, 0.5 * 0.1**2 / 0.2 / 2),
        (0.2, 0.1 / 2),  # both formulas agree here
        (0.5, (0.5 - 0.1) / 2),
        (-3.0, (3.0 - 0.1) / 2),
    ],
)
def test_values_by_hand(error, expected):
    assert cost(error, beta=0.2) == pytest.approx(expected)


def test_default_transition():
    assert smooth_l1.Options().beta == 0.05


def test_coordinates_are_averaged_and_points_are_not():
    points = torch.tensor([[[1.0, 2.0], [0.0, 3.0]], [[0.0, 0.0], [4.0, 4.0]]])
    decoded = Decoded(points, torch.zeros(2, 2), torch.zeros(2, 2, 2), None)
    found = smooth_l1.loss(decoded, torch.zeros(2, 2, 2), smooth_l1.Options(beta=0.5))
    assert found.tolist() == [[pytest.approx(1.25), pytest.approx(1.375)], [0.0, pytest.approx(3.75)]]


@pytest.mark.parametrize("beta", [0, -0.1])
def test_transition_must_be_positive(beta):
    with pytest.raises(ValidationError):
        smooth_l1.Options(beta=beta)


def test_any_codec_will_do():
    assert smooth_l1.REQUIRES == "vector"
