"""A learned spread: what it foretells is what comes true, and learning it moves no point."""

import numpy as np
import pytest
import torch

from nasion import uncertainty
from nasion.evaluation.metrics import share_within
from nasion.train.config import load
from nasion.train.network.codecs import Decoded
from nasion.train.network.network import KeypointNetwork, mean_loss, spread_loss
from nasion.train.network.spread import SpreadHead, mahalanobis, nll, normalized_residual, spread_correction
from nasion.uncertainty import ERROR_SHAPE, MEAN_ERROR, SPREAD_OF_SCALE, ellipses, expected_errors, nominal_share

SPREAD = 0.1


def drawn_errors(count, seed=0):
    """Return errors (count, 2) of the spread `SPREAD`: the power of a radius is Gamma(2 / p), in any direction."""
    random = np.random.default_rng(seed)
    radius = random.gamma(2 / ERROR_SHAPE, 1, count) ** (1 / ERROR_SHAPE) * SPREAD / SPREAD_OF_SCALE
    angle = random.uniform(0, 2 * np.pi, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)


def foretelling(points, target, spread=SPREAD, anisotropy=(0.0, 0.0)):
    """Return what a network decoded that found `points` and foretold the same for all."""
    each = torch.tensor(anisotropy, dtype=target.dtype).expand(target.shape)
    return Decoded(points, torch.full_like(target[..., 0], spread), each, None)


def test_the_nominal_shares_are_those_of_drawn_errors():
    errors = drawn_errors(200_000)
    distances = np.linalg.norm(errors, axis=-1)
    assert errors.std() == pytest.approx(SPREAD, rel=0.01)
    assert distances.mean() == pytest.approx(MEAN_ERROR * SPREAD, rel=0.01)
    for multiple in (1, 2, 3):
        measured = share_within(distances / SPREAD, multiple)
        assert measured == pytest.approx(float(nominal_share(multiple)), abs=0.004)


@pytest.mark.parametrize("anisotropy", [(0.0, 0.0), (0.9, 0.0), (-0.3, 0.7), (0.0, -1.2)])
def test_an_ellipse_holds_the_errors_that_it_foretells(anisotropy):
    """Round errors, stretched along the ellipse's axes, are round again when they are measured in spreads."""
    round_errors = drawn_errors(200_000) / SPREAD
    long, short, turn = ellipses(np.array(0.2), np.array(anisotropy))
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    errors = (round_errors * [long, short]) @ np.array([[c, s], [-s, c]])
    assert np.log(long / short) == pytest.approx(np.hypot(*anisotropy))
    assert long * short == pytest.approx(0.2**2)
    target = torch.from_numpy(errors)[None]
    found = mahalanobis(foretelling(torch.zeros_like(target), target, 0.2, anisotropy), target, (64, 64))
    assert found[0].numpy() == pytest.approx(np.linalg.norm(round_errors, axis=-1), abs=1e-4)
    plain = uncertainty.mahalanobis(errors, np.full(len(errors), 0.2), np.tile(anisotropy, (len(errors), 1)))
    assert found[0].numpy() == pytest.approx(plain, abs=1e-4)
    expected = expected_errors(np.array(0.2), np.array(anisotropy))
    assert np.linalg.norm(errors, axis=-1).mean() == pytest.approx(float(expected), rel=0.01)


def test_a_crop_that_is_wider_than_high_has_round_ellipses_too():
    target = torch.tensor([[[0.1, 0.0], [0.0, 0.2]]])  # as many px: the crop is 64 x 32
    found = mahalanobis(foretelling(torch.zeros_like(target), target), target, (32, 64))
    px = 0.1 * 64 / 2
    assert found[0].tolist() == pytest.approx([px / (SPREAD * 48 / 2)] * 2)  # of the mean side's half


def test_the_right_spread_is_the_likeliest_and_surprises_by_one():
    target = torch.from_numpy(drawn_errors(100_000))[None]
    points = torch.zeros_like(target)

    def cost(factor, anisotropy=(0.0, 0.0)):
        return float(nll(foretelling(points, target, factor * SPREAD, anisotropy), target, (64, 64)).mean())

    assert cost(1.0) < min(cost(0.95), cost(1.05))
    assert cost(1.0) < min(cost(1.0, (0.1, 0.0)), cost(1.0, (0.0, -0.1)))
    for factor in (0.5, 1.0, 2.0):
        found = normalized_residual(foretelling(points, target, factor * SPREAD), target, (64, 64))
        assert float(spread_correction(found)) == pytest.approx(1 / factor, rel=0.02)


def test_a_missing_point_surprises_nobody():
    target = torch.tensor([[[0.1, 0.0], [torch.nan, torch.nan]]])
    found = normalized_residual(foretelling(torch.zeros(1, 2, 2), target, 0.1), target, (64, 64))
    assert float(found) == pytest.approx(SPREAD_OF_SCALE**ERROR_SHAPE * ERROR_SHAPE / 2)


def test_it_begins_as_the_maps_own_and_learning_it_moves_no_point():
    torch.manual_seed(0)
    config = load("danes-heatmap", ["crop.height=32", "crop.width=32", "model.widths=[6,8]", "model.stride=4"])
    network = KeypointNetwork(config, 5).train()
    crops, target = torch.rand(3, 3, 32, 32) * 255, torch.rand(3, 5, 2) - 0.5
    features = network.model.forward_features(crops)
    plain = network.codec.decode(network.model.head(features))
    assert torch.equal(network.spread(features, plain).spread, plain.spread)
    assert not network.spread(features, plain).anisotropy.any()
    spread_loss(network.decode(crops), target, (32, 32)).backward()
    moved = {name for name, weight in network.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert moved == {f"spread.{layer}.{part}" for layer in ("stretch", "lean") for part in ("weight", "bias")}
    network.zero_grad()
    mean_loss(
        lambda decoded, there: (decoded.keypoints - there).abs().mean(-1), network.decode(crops), target
    ).backward()
    assert network.spread.stretch.weight.grad is None


def test_it_learns_which_points_are_unsure_and_along_what():
    torch.manual_seed(0)
    spread = SpreadHead(2, 1).train()
    optimizer = torch.optim.Adam(spread.parameters(), lr=0.05)
    log_maps = torch.full((16, 1, 2, 2), 0.25).log()
    errors = torch.from_numpy(drawn_errors(400 * 16)).float().reshape(400, 16, 1, 2)
    decoded = Decoded(torch.zeros(16, 1, 2), torch.full((16, 1), 0.1), torch.zeros(16, 1, 2), log_maps)
    for step in range(400):
        easy = step % 2 == 0
        features = torch.tensor([1.0, 0.0] if easy else [0.0, 1.0]).reshape(1, 2, 1, 1).expand(16, 2, 2, 2)
        shape = torch.tensor([0.5, 0.5] if easy else [4.0, 1.0])  # the unsure ones are so along x
        target = errors[step] * shape
        nll(spread(features, decoded), target, (64, 64)).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        sure, unsure = (spread(f.reshape(1, 2, 1, 1).expand(16, 2, 2, 2), decoded) for f in torch.eye(2))
    assert float(sure.spread[0]) == pytest.approx(0.5 * SPREAD, rel=0.2)
    assert float(unsure.spread[0]) == pytest.approx(2.0 * SPREAD, rel=0.2)
    assert float(sure.anisotropy[0].norm()) < 0.3
    long, short, turn = ellipses(np.array(1.0), unsure.anisotropy[0, 0].numpy())
    assert long / short == pytest.approx(4, rel=0.3)
    assert min(turn, 180 - turn) < 10


def test_the_scale_counts_in_prediction_alone():
    spread = SpreadHead(2, 3)
    spread.scale.fill_(2.0)
    decoded = Decoded(torch.zeros(1, 3, 2), torch.full((1, 3), 0.1), torch.zeros(1, 3, 2), torch.zeros(1, 3, 1, 1))
    assert torch.allclose(spread.train()(torch.zeros(1, 2, 1, 1), decoded).spread, torch.tensor(0.1))
    assert torch.allclose(spread.eval()(torch.zeros(1, 2, 1, 1), decoded).spread, torch.tensor(0.2))
