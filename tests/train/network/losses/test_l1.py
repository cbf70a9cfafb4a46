"""Mean absolute error of both coordinates, by hand."""

import pytest
import torch

from nasion.train.network.interfaces import Decoded
from nasion.train.network.losses import l1


def cost(points, target):
    points = torch.tensor(points)
    empty = torch.zeros(points.shape[:-1])
    return l1.loss(Decoded(points, empty, torch.zeros_like(points), None), torch.tensor(target), l1.Options())


def test_values_by_hand():
    found = cost([[[0.1, 0.5], [0.0, 0.0], [-0.5, 0.25]]], [[[0.3, 0.5], [0.0, 0.0], [0.5, -0.25]]])
    assert found.shape == (1, 3)
    assert found[0].tolist() == pytest.approx([0.1, 0.0, 0.75])  # (0.2 + 0) / 2, 0, (1 + 0.5) / 2


def test_gradient_does_not_grow_with_the_error():
    points = torch.tensor([[[0.01, 0.0], [5.0, 0.0]]], requires_grad=True)
    empty = torch.zeros(1, 2)
    l1.loss(Decoded(points, empty, torch.zeros(1, 2, 2), None), torch.zeros(1, 2, 2), l1.Options()).sum().backward()
    assert points.grad[..., 0].tolist() == [[0.5, 0.5]]


def test_any_codec_will_do():
    assert l1.REQUIRES == "vector"
    assert not l1.Options.model_fields
