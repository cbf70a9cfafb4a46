"""L1 plus the divergence of the maps from Gaussians: the parts by hand and against torch's own distributions."""

from math import log, pi

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from nasion import uncertainty
from nasion.train.network.interfaces import Decoded
from nasion.train.network.losses.map_l1 import REQUIRES, Options, log_gaussian, loss

CELLS = (12, 16)


def points_of(seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(-0.6, 0.6, (2, 3, 2)))


def decoded_at(points, log_maps):
    return Decoded(points, torch.zeros(points.shape[:2]), torch.zeros_like(points), log_maps)


def test_gaussian_is_a_distribution_over_the_cells():
    maps = log_gaussian(points_of(), torch.zeros(2, 3, *CELLS), 1.5).exp()
    assert maps.shape == (2, 3, *CELLS)
    assert torch.allclose(maps.sum((-2, -1)), torch.ones(2, 3, dtype=maps.dtype))


@pytest.mark.parametrize("sigma", [1.0, 1.5])
def test_gaussian_has_its_mean_and_width_in_cells(sigma):
    target = torch.tensor([[[0.125, -0.25]]], dtype=torch.float64)  # cells: x = 8.5, y = 4.0
    maps = log_gaussian(target, torch.zeros(1, 1, *CELLS), sigma).exp()[0, 0].numpy()
    columns, rows = np.arange(16), np.arange(12)
    across, down = maps.sum(0), maps.sum(1)
    assert across @ columns == pytest.approx(0.125 * 8 + 7.5, abs=0.01)
    assert down @ rows == pytest.approx(-0.25 * 6 + 5.5, abs=0.01)
    assert np.sqrt(across @ (columns - across @ columns) ** 2) == pytest.approx(sigma, rel=0.01)
    assert np.sqrt(down @ (rows - down @ rows) ** 2) == pytest.approx(sigma, rel=0.02)


def test_gaussian_by_an_independent_formula():
    target, sigma = points_of(1), 1.3
    found = log_gaussian(target, torch.zeros(2, 3, *CELLS), sigma).exp().numpy()
    for face in range(2):
        for point in range(3):
            x, y = (target[face, point].numpy() + 1) * [8, 6] - 0.5
            d = (np.arange(16) - x) ** 2 + ((np.arange(12) - y) ** 2)[:, None]
            weight = np.exp(-d / (2 * sigma**2))
            assert found[face, point] == pytest.approx(weight / weight.sum(), abs=1e-7)


def test_gaussian_outside_the_crop_stays_finite():
    maps = log_gaussian(torch.tensor([[[9.0, -40.0]]]), torch.zeros(1, 1, *CELLS), 0.5)
    assert maps.isfinite().all()
    assert maps[0, 0].argmax().item() == 15  # the corner next to it


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_loss_is_l1_plus_the_weighted_divergence(weight):
    torch.manual_seed(0)
    log_maps = torch.randn(2, 3, *CELLS, dtype=torch.float64).flatten(2).log_softmax(-1).unflatten(-1, CELLS)
    points, target = points_of(2), points_of(3)
    found = loss(decoded_at(points, log_maps), target, Options(weight=weight, sigma_cells=1.2))
    blob = log_gaussian(target, log_maps, 1.2)
    divergence = F.kl_div(log_maps, blob, reduction="none", log_target=True).sum((-2, -1))  # KL(blob, map)
    assert found.shape == (2, 3)
    assert torch.allclose(found, (points - target).abs().mean(-1) + weight * divergence)
    assert (divergence > 0).all()


def test_perfect_maps_cost_nothing():
    target = points_of()
    maps = log_gaussian(target, torch.zeros(2, 3, *CELLS), 1.5)
    assert loss(decoded_at(target, maps), target, Options()).abs().max() < 1e-12


def test_wrong_width_costs_although_the_point_is_right():
    target = points_of()
    narrow, wide = (log_gaussian(target, torch.zeros(2, 3, *CELLS), sigma) for sigma in (1.0, 2.5))
    options = Options(weight=1.0, sigma_cells=1.5)
    assert (loss(decoded_at(target, narrow), target, options) > 0.01).all()
    assert (loss(decoded_at(target, wide), target, options) > 0.01).all()


def test_codecs_without_maps_are_rejected():
    assert REQUIRES == "maps"
    with pytest.raises(ValueError, match="requires a codec with maps"):
        loss(decoded_at(points_of(), None), points_of(), Options())


ELLIPSE = Options(weight=0.0, ellipse_share=1.0)
SQUARE = (12, 12)
"""(height, width) of maps in which normalized units are as long in x as in y."""


def cost(offset, anisotropy, options=ELLIPSE):
    """Return the loss of one point with an error (x, y), normalized, and a predicted anisotropy."""
    target = torch.tensor([[offset]], dtype=torch.float64)
    decoded = decoded_at(torch.zeros_like(target), log_gaussian(target, torch.zeros(1, 1, *SQUARE), 1.5))
    return loss(decoded._replace(anisotropy=torch.tensor([[anisotropy]]).double()), target, options).item()


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 7))
def test_with_round_ellipses_an_error_costs_the_same_in_every_direction(angle):
    offset = [0.1 * np.cos(angle), 0.1 * np.sin(angle)]
    assert cost(offset, [0.0, 0.0]) == pytest.approx(0.1 * 2 / pi, rel=1e-4)


def test_errors_along_the_long_axis_cost_less_by_the_ratio_of_the_axes():
    long_in_x = [log(4.0), 0.0]  # twice the spread along x, half of it along y
    assert cost([0.1, 0], long_in_x) == pytest.approx(0.1 / 2 * 2 / pi, rel=1e-4)
    assert cost([0, 0.1], long_in_x) == pytest.approx(0.1 * 2 * 2 / pi, rel=1e-4)
    half = Options(weight=0.0, ellipse_share=0.5)
    assert cost([0.1, 0], long_in_x, half) == pytest.approx(0.1 / 2**0.5 * 2 / pi, rel=1e-4)


@pytest.mark.parametrize("cells", [SQUARE, CELLS])
def test_lengths_are_those_of_the_uncertainty_in_px(cells):
    """In maps that are wider than high, a normalized unit is longer in x than in y."""
    rng = np.random.default_rng(0)
    offsets, anisotropy = rng.normal(0, 0.1, (2, 3, 2)), rng.uniform(-1, 1, (2, 3, 2))
    decoded = decoded_at(torch.zeros(2, 3, 2).double(), torch.zeros(2, 3, *cells))
    found = loss(decoded._replace(anisotropy=torch.from_numpy(anisotropy)), torch.from_numpy(offsets), ELLIPSE)
    half = np.array([cells[1], cells[0]]) / 2
    wanted = uncertainty.mahalanobis(offsets * half, np.ones((2, 3)), anisotropy) / half.mean()
    assert found.numpy() == pytest.approx(wanted * 2 / pi, rel=1e-6)


def test_ellipses_have_no_gradient():
    points, anisotropy = torch.zeros(1, 1, 2, requires_grad=True), torch.tensor([[[0.5, 0.2]]], requires_grad=True)
    decoded = decoded_at(points, torch.zeros(1, 1, *CELLS))._replace(anisotropy=anisotropy)
    loss(decoded, torch.full((1, 1, 2), 0.2), ELLIPSE).sum().backward()
    assert anisotropy.grad is None
    assert points.grad.abs().sum() > 0


def test_defaults_and_limits_of_the_options():
    assert (Options().weight, Options().sigma_cells, Options().ellipse_share) == (0.1, 1.5, 0.0)
    for wrong in ({"weight": -0.1}, {"sigma_cells": 0}, {"ellipse_share": 1.1}):
        with pytest.raises(ValidationError):
            Options.model_validate(wrong)
