"""Soft-argmax: a keypoint is the mean location under a softmax over the cells of its map, at sub-pixel precision.

Cell (i, j) of an h x w map is located at the normalized ((2j + 1) / w - 1, (2i + 1) / h - 1), its center.
Source: Nibali et al., "Numerical Coordinate Regression with Convolutional Neural Networks", 2018 (DSNT).
"""

import torch
from pydantic import Field
from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.frame import cell_centers
from nasion.train.network.interfaces import Decoded, HeatmapCodec, InputSpec


class Options(Settings):
    """The sharpness of untrained maps."""

    temperature: float = Field(default=1.0, gt=0, description="divides the raw maps before the softmax")


class SoftArgmax(HeatmapCodec):
    """Reads (B, K, h, w) as one map per keypoint."""

    def __init__(self, options: Options, spec: InputSpec) -> None:
        super().__init__()
        self.temperature = options.temperature
        self.outputs = spec.count

    def decode(self, raw: Tensor) -> Decoded:
        """Return the keypoints of raw maps (B, K, h, w), normalized."""
        size = raw.shape[-2:]
        return self.decode_log_maps((raw.flatten(2) / self.temperature).log_softmax(-1).unflatten(-1, size))

    def decode_log_maps(self, log_maps: Tensor) -> Decoded:
        """Return the keypoints of log probabilities (B, K, h, w), normalized, with the maps' spread."""
        height, width = log_maps.shape[-2:]
        maps = log_maps.exp()
        x, x_variance = _moments(maps.sum(-2), cell_centers(width, log_maps))
        y, y_variance = _moments(maps.sum(-1), cell_centers(height, log_maps))
        spread = ((x_variance + y_variance) / 2).clamp_min(torch.finfo(log_maps.dtype).eps).sqrt()
        keypoints = torch.stack([x, y], -1)
        return Decoded(keypoints, spread, torch.zeros_like(keypoints), log_maps)


def _moments(marginal: Tensor, locations: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance (B, K) of marginals (B, K, cells) over locations (cells,), normalized."""
    mean = marginal @ locations
    return mean, (marginal * (locations - mean[..., None]).square()).sum(-1)


def build(options: Options, spec: InputSpec) -> SoftArgmax:
    """Return the codec."""
    return SoftArgmax(options, spec)
