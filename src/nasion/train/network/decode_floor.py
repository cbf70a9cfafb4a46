"""What the decode alone costs: how far off the points of a network would be whose maps were perfect."""

from typing import NamedTuple

import torch

from nasion.train.network.losses.map_l1 import log_gaussian
from nasion.train.network.network import KeypointNetwork

__all__ = ["DecodeFloor", "measure_decode_floor"]

INSIDE = 0.8
"""Points are tried up to this share of the way from the crop's center to its edges."""

TRIALS = 2000

SIGMA_CELLS = 1.5
"""Standard deviation of the perfect maps' Gaussians, in cells."""


class DecodeFloor(NamedTuple):
    """Mean errors that maps of `cells` (height, width) leave, crop px: read by the network's decode, and by argmax."""

    cells: tuple[int, int]
    decode_px: float
    argmax_px: float


def measure_decode_floor(network: KeypointNetwork) -> DecodeFloor | None:
    """Return what the decode of a network costs; None for a network without maps."""
    height, width = network.shape.size
    decoded = network.eval().decode(torch.zeros(1, network.shape.channels, height, width))
    if decoded.log_maps is None:
        return None
    rows, columns = decoded.log_maps.shape[-2:]
    random = torch.Generator().manual_seed(0)
    target = INSIDE * (2 * torch.rand(1, TRIALS, 2, generator=random) - 1)
    maps = log_gaussian(target, decoded.log_maps, SIGMA_CELLS)
    half = torch.tensor([width, height]) / 2
    fine = network.codec.decode(maps * network.codec.temperature).keypoints
    best = maps.flatten(2).argmax(-1)
    cell = torch.stack([best % columns, best // columns], -1)
    coarse = (2 * cell + 1) / torch.tensor([columns, rows]) - 1
    decode_px, argmax_px = (float(((points - target) * half).norm(dim=-1).mean()) for points in (fine, coarse))
    return DecodeFloor((rows, columns), decode_px, argmax_px)
