"""Errors measured under the predicted ellipses: by hand, and against the distances of `nasion.uncertainty`."""

from math import log, pi

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from nasion import uncertainty
from nasion.train.network.interfaces import Decoded
from nasion.train.network.losses import map_l1
from nasion.train.network.losses.map_ellipse import REQUIRES, Options, loss

CELLS = (12, 16)
NO_MAPS = Options(weight=0.0)


def decoded_at(points, anisotropy):
    maps = map_l1.log_gaussian(points, torch.zeros(*points.shape[:2], *CELLS, dtype=points.dtype), 1.5)
    return Decoded(points, torch.ones(points.shape[:2]), anisotropy, maps)


def distance(offset, anisotropy, options=NO_MAPS):
    target = torch.tensor([[offset]], dtype=torch.float64)
    return loss(decoded_at(torch.zeros_like(target), torch.tensor([[anisotropy]]).double()), target, options).item()


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 7))
def test_without_anisotropy_an_error_costs_the_same_in_every_direction(angle):
    offset = [0.1 * np.cos(angle), 0.1 * np.sin(angle)]
    assert distance(offset, [0.0, 0.0]) == pytest.approx(0.1 * 2 / pi, rel=1e-4)


def test_errors_along_the_long_axis_cost_less_by_the_ratio_of_the_axes():
    long_in_x = [log(4.0), 0.0]  # twice the spread along x, half of it along y
    assert distance([0.1, 0], long_in_x) == pytest.approx(0.1 / 2 * 2 / pi, rel=1e-4)
    assert distance([0, 0.1], long_in_x) == pytest.approx(0.1 * 2 * 2 / pi, rel=1e-4)
    assert distance([0.1, 0], long_in_x, Options(weight=0.0, share=0.0)) == pytest.approx(0.1 * 2 / pi, rel=1e-4)


def test_distances_are_those_of_the_uncertainty():
    rng = np.random.default_rng(0)
    offsets, anisotropy = rng.normal(0, 0.1, (2, 3, 2)), rng.uniform(-1, 1, (2, 3, 2))
    found = loss(
        decoded_at(torch.zeros(2, 3, 2).double(), torch.from_numpy(anisotropy)), torch.from_numpy(offsets), NO_MAPS
    )
    wanted = uncertainty.mahalanobis(offsets, np.ones((2, 3)), anisotropy)
    assert found.numpy() == pytest.approx(wanted * 2 / pi, rel=1e-6)


def test_ellipses_have_no_gradient():
    points, anisotropy = torch.zeros(1, 1, 2, requires_grad=True), torch.tensor([[[0.5, 0.2]]], requires_grad=True)
    loss(decoded_at(points, anisotropy), torch.full((1, 1, 2), 0.2), Options()).sum().backward()
    assert anisotropy.grad is None
    assert points.grad.abs().sum() > 0


def test_maps_cost_the_same_as_in_map_l1():
    points, target = torch.zeros(1, 1, 2), torch.full((1, 1, 2), 0.2)
    decoded = decoded_at(points, torch.zeros(1, 1, 2))
    with_maps, without = (loss(decoded, target, Options(weight=weight)) for weight in (0.4, 0.0))
    plain = map_l1.loss(decoded, target, map_l1.Options(weight=0.4)) - map_l1.loss(
        decoded, target, map_l1.Options(weight=0.0)
    )
    assert torch.allclose(with_maps - without, plain)


def test_codecs_without_maps_are_rejected():
    assert REQUIRES == "maps"
    decoded = Decoded(torch.zeros(1, 1, 2), torch.ones(1, 1), torch.zeros(1, 1, 2), None)
    with pytest.raises(ValueError, match="requires a codec with maps"):
        loss(decoded, torch.zeros(1, 1, 2), Options())


def test_share_is_between_0_and_1():
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValidationError):
            Options(share=wrong)
