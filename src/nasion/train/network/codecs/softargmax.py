"""Soft-argmax: a point is the mean place under a softmax over the cells of its map, sub-pixel by construction.

Cell (i, j) of an h x w map over a crop stands at the crop's normalized ((2j + 1) / w - 1, (2i + 1) / h - 1):
the cells' centers. Source: Nibali et al., "Numerical Coordinate Regression with Convolutional Neural
Networks", 2018 (DSNT).
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from nasion.settings import Settings
from nasion.train.network.codecs import Decoded
from nasion.train.network.registry import InputSpec


class Options(Settings):
    """How sharp the maps start."""

    temperature: float = Field(1.0, gt=0, description="divides the raw maps before the softmax")


class SoftArgmax(nn.Module):
    """Reads (B, K, h, w) as one map a point."""

    output_kind = "maps"

    def __init__(self, options: Options, shape: InputSpec) -> None:
        super().__init__()
        self.temperature = options.temperature
        self.outputs = shape.count

    def decode(self, raw: Tensor) -> Decoded:
        """Return the points of raw maps (B, K, h, w), and the standard deviation of each map's place."""
        height, width = raw.shape[-2:]
        log_maps = (raw.flatten(2) / self.temperature).log_softmax(-1).unflatten(-1, (height, width))
        maps = log_maps.exp()
        x, x_variance = _moments(maps.sum(-2), centers(width, raw))
        y, y_variance = _moments(maps.sum(-1), centers(height, raw))
        spread = ((x_variance + y_variance) / 2).clamp_min(torch.finfo(raw.dtype).eps).sqrt()
        keypoints = torch.stack([x, y], -1)
        return Decoded(keypoints, spread, torch.zeros_like(keypoints), log_maps)


def centers(cells: int, like: Tensor) -> Tensor:
    """Return the normalized centers (cells,) of a row of cells.

    >>> centers(4, torch.zeros(1))
    tensor([-0.7500, -0.2500,  0.2500,  0.7500])
    """
    return (2 * torch.arange(cells, dtype=like.dtype, device=like.device) + 1) / cells - 1


def _moments(marginal: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    mean = marginal @ places
    return mean, (marginal * (places - mean[..., None]).square()).sum(-1)


def build(options: Options, shape: InputSpec) -> SoftArgmax:
    """Return the codec."""
    return SoftArgmax(options, shape)
