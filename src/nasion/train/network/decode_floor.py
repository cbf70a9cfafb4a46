"""The error of decoding alone: that of a network with perfect maps."""

from typing import NamedTuple

import torch

from nasion.train.network.frame import half_sides
from nasion.train.network.interfaces import HeatmapCodec
from nasion.train.network.losses.map_l1 import log_gaussian
from nasion.train.network.network import KeypointNetwork

__all__ = ["DecodeFloor", "measure_decode_floor"]

INSIDE = 0.8
"""Test points lie within this share of the way from the crop's center to its edges."""

TRIALS = 2000
"""Number of random test points."""

SIGMA_CELLS = 1.5
"""Standard deviation of the perfect maps' Gaussians, in cells."""


class DecodeFloor(NamedTuple):
    """Mean errors of perfect maps of `cells` (height, width), crop px: with the network's codec, and with argmax."""

    cells: tuple[int, int]
    decode_px: float
    argmax_px: float


def measure_decode_floor(network: KeypointNetwork) -> DecodeFloor | None:
    """Return the error of a network's decoding; None for a network without maps."""
    size, codec = network.spec.size, network.codec
    decoded = network.eval().decode(torch.zeros(1, network.spec.channels, *size))
    if decoded.log_maps is None or not isinstance(codec, HeatmapCodec):
        return None
    rows, columns = decoded.log_maps.shape[-2:]
    random = torch.Generator().manual_seed(0)
    target = INSIDE * (2 * torch.rand(1, TRIALS, 2, generator=random) - 1)
    maps = log_gaussian(target, decoded.log_maps, SIGMA_CELLS)
    predicted = codec.decode_log_maps(maps).keypoints
    best = maps.flatten(2).argmax(-1)
    cell = torch.stack([best % columns, best // columns], -1)
    nearest_cell = (2 * cell + 1) / torch.tensor([columns, rows]) - 1
    half = half_sides(size, target)
    decode_px, argmax_px = (float(((p - target) * half).norm(dim=-1).mean()) for p in (predicted, nearest_cell))
    return DecodeFloor((rows, columns), decode_px, argmax_px)
