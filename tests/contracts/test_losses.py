"""The contract of every loss: least at the ground truth, growing with the error, and never touched by NaN."""

import pytest
import torch
from pydantic import ValidationError

from contracts.small_networks import COUNT, SIZE, config, model_for
from nasion.train.config import Component
from nasion.train.network import registry
from nasion.train.network.interfaces import Decoded, Loss
from nasion.train.network.losses.map_l1 import log_gaussian
from nasion.train.network.network import KeypointNetwork, loss_of, mean_loss

BATCH = 2
LOSSES = registry.available("losses")


def network_and_loss(name):
    torch.manual_seed(1)
    chosen = config(model_for(name), loss=name)
    network = KeypointNetwork(chosen, COUNT)
    return network, loss_of(chosen, network)


def decoded_at(points):
    """Return what a network decodes that predicts `points` with a Gaussian map each."""
    maps = log_gaussian(points, torch.zeros(BATCH, COUNT, 12, 16), 1.5)
    return Decoded(points, torch.zeros(BATCH, COUNT), torch.zeros(BATCH, COUNT, 2), maps)


def target_points():
    torch.manual_seed(2)
    return torch.rand(BATCH, COUNT, 2) - 0.5


@pytest.mark.parametrize("name", LOSSES)
def test_losses_declare_what_they_require(name):
    loss = registry.build_loss(Component(name=name))
    assert isinstance(loss, Loss)
    assert loss.requires in ("vector", "maps")


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_zero_at_the_ground_truth_and_grows_with_the_error(name):
    loss, true = registry.build_loss(Component(name=name)), target_points()
    none, small, large = (loss(decoded_at(true + shift), true) for shift in (0.0, 0.05, 0.2))
    assert none.shape == (BATCH, COUNT)
    assert none.abs().max() < 1e-5
    assert (small > none).all()
    assert (large > small).all()


@pytest.mark.parametrize("direction", [(0.1, 0.0), (0.0, 0.1), (-0.1, 0.0), (0.0, -0.1)])
@pytest.mark.parametrize("name", LOSSES)
def test_errors_in_every_direction_cost(name, direction):
    loss, true = registry.build_loss(Component(name=name)), target_points()
    assert (loss(decoded_at(true + torch.tensor(direction)), true) > 1e-3).all()


@pytest.mark.parametrize("name", LOSSES)
def test_each_keypoint_has_its_own_loss(name):
    loss, true = registry.build_loss(Component(name=name)), target_points()
    moved = true.clone()
    moved[1, 3] += 0.2
    costly = loss(decoded_at(moved), true) > 1e-3
    assert costly.nonzero().tolist() == [[1, 3]]


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_step_reduces_the_error(name):
    loss, true = registry.build_loss(Component(name=name)), target_points()
    points = (true + 0.1).requires_grad_()
    mean_loss(loss, decoded_at(points), true).backward()
    assert (points.grad > 0).all()  # descent moves the points back


@pytest.mark.parametrize("name", LOSSES)
def test_missing_points_change_neither_loss_nor_gradient(name):
    """The loss with two missing points is the mean over the others, whatever the missing coordinates were."""
    network, loss = network_and_loss(name)
    network.eval()  # so that batch statistics do not connect the faces
    crops = torch.rand(BATCH, 3, *SIZE) * 255
    target = target_points()
    present = torch.ones(BATCH, COUNT, dtype=torch.bool)
    present[0, 1] = present[1, 4] = False
    expected = loss(network.decode(crops), target)[present].mean()
    expected.backward()
    wanted = [p.grad.clone() for p in network.model.parameters()]
    network.zero_grad()
    missing = torch.where(present[..., None], target, torch.nan)
    total = mean_loss(loss, network.decode(crops), missing)
    total.backward()
    assert torch.allclose(total, expected)
    for gradient, parameter in zip(wanted, network.model.parameters(), strict=True):
        assert torch.allclose(gradient, parameter.grad, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_batch_without_a_point_costs_nothing_and_has_no_gradient(name):
    network, loss = network_and_loss(name)
    total = mean_loss(loss, network.decode(torch.zeros(BATCH, 3, *SIZE)), torch.full((BATCH, COUNT, 2), torch.nan))
    total.backward()
    assert total.item() == 0
    assert not any(p.grad.any() for p in network.model.parameters())


@pytest.mark.parametrize("name", LOSSES)
def test_options_are_strict(name):
    module = registry.find("losses", name)
    module.Options()
    with pytest.raises(ValidationError, match="Extra inputs"):
        module.Options.model_validate({"no_such_option": 1})
    assert all(field.description for field in module.Options.model_fields.values())
