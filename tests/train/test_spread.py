"""A learnt spread: what it foretells is what comes true, and learning it moves no point."""

import numpy as np
import pytest
import torch

from nasion.metrics import ERROR_SHAPE, MEAN_ERROR_OF_SPREAD, SPREAD_OF_SCALE, nominal_share, share_within
from nasion.train.codecs import Decoded
from nasion.train.config import load
from nasion.train.network import KeypointNetwork, mean_cost, spread_cost
from nasion.train.spread import LearntSpread, rescale, surprise, unlikelihood

SPREAD = 0.1


def drawn_errors(count, seed=0):
    """Return errors (count, 2) of the spread `SPREAD`: the power of a radius is Gamma(2 / p), in any direction."""
    random = np.random.default_rng(seed)
    radius = random.gamma(2 / ERROR_SHAPE, 1, count) ** (1 / ERROR_SHAPE) * SPREAD / SPREAD_OF_SCALE
    angle = random.uniform(0, 2 * np.pi, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)


def test_the_nominal_shares_are_those_of_drawn_errors():
    errors = drawn_errors(200_000)
    distances = np.linalg.norm(errors, axis=-1)
    assert errors.std() == pytest.approx(SPREAD, rel=0.01)
    assert distances.mean() == pytest.approx(MEAN_ERROR_OF_SPREAD * SPREAD, rel=0.01)
    for multiple in (1, 2, 3):
        measured = share_within(distances, np.full(len(errors), SPREAD), multiple)
        assert measured == pytest.approx(float(nominal_share(multiple)), abs=0.004)


def test_the_right_spread_is_the_likeliest_and_surprises_by_one():
    target = torch.from_numpy(drawn_errors(100_000))[None]
    points = torch.zeros_like(target)

    def cost(factor):
        return float(unlikelihood(torch.full(target.shape[:2], factor * SPREAD), points, target).mean())

    assert cost(1.0) < min(cost(0.95), cost(1.05))
    for factor in (0.5, 1.0, 2.0):
        found = surprise(torch.full(target.shape[:2], factor * SPREAD), points, target)
        assert float(rescale(found)) == pytest.approx(1 / factor, rel=0.02)


def test_a_missing_point_surprises_nobody():
    target = torch.tensor([[[0.1, 0.0], [torch.nan, torch.nan]]])
    found = surprise(torch.full((1, 2), 0.1), torch.zeros(1, 2, 2), target)
    assert float(found) == pytest.approx(SPREAD_OF_SCALE**ERROR_SHAPE * ERROR_SHAPE / 2)


def test_it_begins_as_the_maps_own_and_learning_it_moves_no_point():
    torch.manual_seed(0)
    config = load("danes-heatmap", ["crop.height=32", "crop.width=32", "model.widths=[6,8]", "model.stride=4"])
    network = KeypointNetwork(config, 5).train()
    crops, target = torch.rand(3, 3, 32, 32) * 255, torch.rand(3, 5, 2) - 0.5
    features = network.model.trunk(crops)
    plain = network.codec.decode(network.model.head(features))
    assert torch.equal(network.spread(features, plain).spread, plain.spread)
    spread_cost(network.decode(crops), target).backward()
    moved = {name for name, weight in network.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert moved == {"spread.stretch.weight", "spread.stretch.bias"}
    network.zero_grad()
    mean_cost(
        lambda decoded, there: (decoded.keypoints - there).abs().mean(-1), network.decode(crops), target
    ).backward()
    assert network.spread.stretch.weight.grad is None


def test_it_learns_which_points_are_unsure():
    torch.manual_seed(0)
    spread = LearntSpread(2, 1).train()
    optimizer = torch.optim.Adam(spread.parameters(), lr=0.05)
    log_maps = torch.full((1, 1, 2, 2), 0.25).log()
    errors = torch.from_numpy(drawn_errors(600)).float()
    for step in range(600):
        easy = step % 2 == 0
        features = torch.tensor([1.0, 0.0] if easy else [0.0, 1.0]).reshape(1, 2, 1, 1).expand(1, 2, 2, 2)
        decoded = Decoded(torch.zeros(1, 1, 2), torch.full((1, 1), 0.1), log_maps)
        target = (errors[step] * (0.5 if easy else 2.0)).reshape(1, 1, 2)
        found = spread(features, decoded)
        unlikelihood(found.spread, found.keypoints, target).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    sure, unsure = (
        float(spread(f.reshape(1, 2, 1, 1).expand(1, 2, 2, 2), decoded).spread.detach()) for f in torch.eye(2)
    )
    assert sure == pytest.approx(0.5 * SPREAD, rel=0.3)
    assert unsure == pytest.approx(2.0 * SPREAD, rel=0.3)


def test_the_scale_counts_in_prediction_alone():
    spread = LearntSpread(2, 3)
    spread.scale.fill_(2.0)
    decoded = Decoded(torch.zeros(1, 3, 2), torch.full((1, 3), 0.1), torch.zeros(1, 3, 1, 1))
    assert torch.allclose(spread.train()(torch.zeros(1, 2, 1, 1), decoded).spread, torch.tensor(0.1))
    assert torch.allclose(spread.eval()(torch.zeros(1, 2, 1, 1), decoded).spread, torch.tensor(0.2))
