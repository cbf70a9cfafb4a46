"""Soft-argmax: means and variances of maps by hand, and sub-pixel locations of Gaussians."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nasion.train.network.codecs.softargmax import Options, build
from nasion.train.network.frame import denormalize
from nasion.train.network.interfaces import InputSpec

SIZE = (48, 64)
SPEC = InputSpec(5, 3, SIZE)


def codec(temperature=1.0):
    return build(Options(temperature=temperature), SPEC)


def maps_of(*weights):
    """Return log probabilities (1, K, h, w) in proportion to the weights of K maps."""
    maps = torch.tensor(weights, dtype=torch.float64)[None]
    return (maps / maps.sum((-2, -1), keepdim=True)).log()


def test_one_output_per_keypoint():
    assert codec().outputs == 5
    assert codec().output_kind == "maps"


@pytest.mark.parametrize(
    ("cell", "x", "y"), [((0, 0), -0.75, -0.5), ((0, 3), 0.75, -0.5), ((1, 1), -0.25, 0.5), ((1, 2), 0.25, 0.5)]
)
def test_a_single_cell_is_its_center(cell, x, y):
    raw = torch.full((1, 1, 2, 4), -50.0)  # two rows, four columns
    raw[0, 0, cell[0], cell[1]] = 50.0
    decoded = codec().decode(raw)
    assert decoded.keypoints[0, 0].tolist() == pytest.approx([x, y])


def test_mean_and_spread_by_hand():
    # x is -0.75, -0.25, 0.25, 0.75 with weights 0, 1, 1, 2; y is -0.5 and 0.5 with weights 3 and 1
    decoded = codec().decode_log_maps(maps_of([[0, 1, 1, 1], [0, 0, 0, 1]]))
    assert decoded.keypoints[0, 0].tolist() == pytest.approx([(-0.25 + 0.25 + 2 * 0.75) / 4, (3 * -0.5 + 0.5) / 4])
    x_variance = np.average((np.array([-0.25, 0.25, 0.75]) - 0.375) ** 2, weights=[1, 1, 2])
    y_variance = np.average((np.array([-0.5, 0.5]) + 0.25) ** 2, weights=[3, 1])
    assert decoded.spread[0, 0].item() == pytest.approx(np.sqrt((x_variance + y_variance) / 2))
    assert not decoded.anisotropy.any()


def test_spread_of_a_single_cell_is_positive():
    """Its logarithm and its gradient must be finite."""
    raw = torch.full((1, 1, 3, 4), -200.0)
    raw[0, 0, 1, 2] = 200.0
    raw.requires_grad_()
    spread = codec().decode(raw).spread
    spread.log().sum().backward()
    assert 0 < spread.item() < 1e-3
    assert raw.grad.isfinite().all()


def test_maps_are_a_softmax_over_all_cells():
    torch.manual_seed(0)
    raw = torch.randn(2, 5, 3, 4)
    expected = raw.exp() / raw.exp().sum((-2, -1), keepdim=True)
    assert torch.allclose(codec().decode(raw).log_maps.exp(), expected, atol=1e-6)


def test_temperature_divides_the_raw_maps():
    torch.manual_seed(0)
    raw = torch.randn(2, 5, 3, 4)
    assert torch.allclose(codec(2.5).decode(raw).log_maps, codec().decode(raw / 2.5).log_maps, atol=1e-6)
    assert (codec(4.0).decode(raw).spread > codec(0.5).decode(raw).spread).all()


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_temperature_must_be_positive(temperature):
    with pytest.raises(ValidationError):
        Options(temperature=temperature)


def test_constant_added_to_a_map_changes_nothing():
    torch.manual_seed(0)
    raw = torch.randn(2, 5, 3, 4)
    assert torch.allclose(codec().decode(raw + 7).keypoints, codec().decode(raw).keypoints, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([((12, 16), 0.7), ((12, 16), 1.0), ((24, 32), 0.7), ((24, 32), 1.5)]))
def test_gaussians_are_decoded_within_a_twentieth_of_a_cell(seed, encoding):
    """Encode and decode: a Gaussian of `sigma` cells at any location of the inner crop."""
    cells, sigma = encoding
    random, stride = np.random.default_rng(seed), SIZE[0] / cells[0]
    border = 4 * sigma * stride  # where the Gaussian is not cut off
    true = np.stack([random.uniform(border, side - 1 - border, (2, 5)) for side in (64, 48)], -1)
    columns, rows = ((np.arange(n) + 0.5) * stride - 0.5 for n in cells[::-1])
    distance = (columns - true[..., None, :1]) ** 2 + (rows[:, None] - true[..., None, 1:]) ** 2
    decoded = codec().decode(torch.from_numpy(-distance / (2 * (sigma * stride) ** 2)))
    found = denormalize(decoded.keypoints, SIZE).numpy()
    assert np.abs(found - true).max() / stride <= 0.05


def test_spread_is_the_standard_deviation_of_the_gaussian():
    columns, rows = torch.arange(32.0) - 15.5, torch.arange(24.0) - 11.5
    raw = -(columns.square() + rows[:, None].square()) / (2 * 1.5**2)
    spread = codec().decode(raw[None, None]).spread.item()
    x_share, y_share = 1.5 * 2 / 32, 1.5 * 2 / 24  # cells to normalized units
    assert spread == pytest.approx(np.sqrt((x_share**2 + y_share**2) / 2), rel=1e-3)
