"""Mean squared error of both coordinates, by hand."""

import pytest
import torch

from nasion.train.network.interfaces import Decoded
from nasion.train.network.losses import mse


def cost(points, target):
    empty = torch.zeros(points.shape[:-1])
    return mse.loss(Decoded(points, empty, torch.zeros_like(points), None), target, mse.Options())


def test_values_by_hand():
    points = torch.tensor([[[0.1, 0.5], [0.0, 0.0], [-0.5, 0.25]]])
    found = cost(points, torch.tensor([[[0.3, 0.5], [0.0, 0.0], [0.5, -0.25]]]))
    assert found.shape == (1, 3)
    assert found[0].tolist() == pytest.approx([0.02, 0.0, 0.625])  # 0.2² / 2, 0, (1 + 0.25) / 2


def test_twice_the_error_costs_four_times_as_much():
    points = torch.tensor([[[0.1, -0.3], [0.2, -0.6]]])
    one, two = cost(points, torch.zeros(1, 2, 2))[0]
    assert two.item() == pytest.approx(4 * one.item())


def test_any_codec_will_do():
    assert mse.REQUIRES == "vector"
    assert not mse.Options.model_fields
