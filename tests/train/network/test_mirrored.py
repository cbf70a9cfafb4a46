"""The mean of a crop and its mirror image: symmetric, and right for networks whose points lean to a side."""

import numpy as np
import pytest
import torch
from torch import nn

from nasion import uncertainty
from nasion.train.network.mirrored import Mirror, measure_offset, mirrored_mean
from nasion.train.network.network import KeypointNetwork
from train.loop.tiny_runs import plain

FLIP = torch.tensor([1, 0, 2])


def crops_of(count=2, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 255, (count, 1, 32, 32))).float()


@pytest.fixture
def network():
    """Return a network with random weights for three points, which predicts hidden ones, too."""
    torch.manual_seed(1)
    found = KeypointNetwork(plain(hidden_points=True), 3).eval()
    with torch.no_grad():
        for value in found.parameters():
            value.add_(0.1 * torch.randn_like(value))
    return found


def test_the_mean_of_a_mirrored_crop_is_the_mirror_image(network):
    mirror = Mirror(FLIP, torch.zeros(3, 2))
    with torch.inference_mode():
        found, other = (mirrored_mean(network, each, mirror) for each in (crops_of(), crops_of().flip(-1)))
    for first, second in zip(found, mirror.back(other, 32), strict=True):
        assert torch.allclose(first, second, atol=1e-4)


def test_the_mean_is_that_of_two_passes(network):
    mirror = Mirror(FLIP, torch.full((3, 2), 0.5))
    with torch.inference_mode():
        found = mirrored_mean(network, crops_of(), mirror)
        plain_outputs, mirrored_outputs = network(crops_of()), network(crops_of().flip(-1))
    back = mirror.back(mirrored_outputs, 32)
    assert len(found) == 4
    for mean, first, second in zip(found, plain_outputs, back, strict=True):
        assert torch.allclose(mean, (first + second) / 2, atol=1e-5)
    x, y = mirrored_outputs[0].unbind(-1)
    assert torch.allclose(back[0][:, 0], torch.stack([31 - x[:, 1], y[:, 1]], -1) + 0.5)
    assert torch.allclose(back[1][:, 0], mirrored_outputs[1][:, 1])


def test_ellipses_are_mirrored():
    anisotropy = torch.tensor([[[0.7, 0.4]]])
    outputs = [torch.zeros(1, 1, 2), torch.ones(1, 1), anisotropy]
    back = Mirror(torch.tensor([0]), torch.zeros(1, 2)).back(outputs, 10)[2]
    offset = np.array([[0.3, 0.1]])
    lengths = [
        uncertainty.mahalanobis(each, np.ones(1), values[0].numpy())
        for each, values in ((offset, anisotropy), (offset * [-1, 1], back))
    ]
    assert lengths[0] == pytest.approx(lengths[1])


class Leaning(nn.Module):
    """Finds the brightest column, and leans 1.5 px to the right of it, mirrored or not."""

    def forward(self, crops):
        column = crops.mean((1, 2)).argmax(-1).float()
        points = torch.stack([column + 1.5, torch.full_like(column, 7.0)], -1)[:, None].expand(-1, 3, 2)
        return points, torch.ones(len(crops), 3), torch.zeros(len(crops), 3, 2)


def test_the_lean_of_the_labels_remains():
    crops = torch.zeros(4, 1, 32, 32)
    for k, column in enumerate((4, 9, 20, 31)):
        crops[k, :, :, column] = 200
    offset = measure_offset(Leaning(), crops, FLIP)
    assert torch.allclose(offset, torch.tensor([3.0, 0.0]).expand(3, 2))
    found = mirrored_mean(Leaning(), crops, Mirror(FLIP, offset))[0]
    assert torch.allclose(found, Leaning()(crops)[0])
