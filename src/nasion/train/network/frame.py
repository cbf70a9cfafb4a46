"""Normalized coordinates in torch: (-1, 1) from edge to edge of a crop, as in `geometry.normalize`."""

import torch
from torch import Tensor

from nasion.geometry import HALF_PIXEL

__all__ = ["cell_centers", "denormalize", "ellipse_lengths", "half_sides", "mean_half_side"]

TINY = 1e-12
"""Added under square roots, so that they are differentiable at 0."""


def half_sides(size: tuple[int, int], like: Tensor) -> Tensor:
    """Return (2,): the crop px per normalized unit along x and y, for crops of `size` (height, width), px."""
    height, width = size
    return like.new_tensor([width, height]) / 2


def mean_half_side(size: tuple[int, int]) -> float:
    """Return the crop px per normalized unit of a spread, for crops of `size` (height, width), px.

    >>> mean_half_side((48, 64))
    28.0
    """
    return sum(size) / 4


def denormalize(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Return normalized points (..., 2) in px of crops of `size` (height, width): the inverse of `geometry.normalize`.

    >>> denormalize(torch.tensor([[-1.0, 0.0]]), (48, 64))
    tensor([[-0.5000, 23.5000]])
    """
    return (points + 1) * half_sides(size, points) - HALF_PIXEL


def cell_centers(cells: int, like: Tensor) -> Tensor:
    """Return the normalized centers (cells,) of a row of cells that spans a crop.

    >>> cell_centers(4, torch.zeros(1))
    tensor([-0.7500, -0.2500,  0.2500,  0.7500])
    """
    return (2 * torch.arange(cells, dtype=like.dtype, device=like.device) + 1) / cells - 1


def ellipse_lengths(offsets: Tensor, anisotropy: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the lengths (B, K) of offsets, measured under ellipses of the area of a unit circle.

    This is `uncertainty.mahalanobis` in torch, with a spread of 1.

    Args:
        offsets: (B, K, 2), normalized.
        anisotropy: (B, K, 2), no unit, of each ellipse in px; see `nasion.uncertainty`.
        size: (height, width), px, of what the normalized coordinates span; only their ratio counts.
    """
    x, y = (offsets * (half_sides(size, offsets) / mean_half_side(size))).unbind(-1)
    u, v = anisotropy.unbind(-1)
    length = (u.square() + v.square() + TINY).sqrt()
    across = u * (x.square() - y.square()) + 2 * v * x * y
    square = length.cosh() * (x.square() + y.square()) - length.sinh() / length * across
    return (square.clamp_min(0) + TINY).sqrt()
