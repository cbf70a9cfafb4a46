"""Normalized coordinates in torch: (-1, 1) from edge to edge of a crop, as in `geometry.normalize`."""

import torch
from torch import Tensor

from nasion.geometry import HALF_PIXEL

__all__ = ["cell_centers", "denormalize", "half_sides", "mean_half_side"]


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
