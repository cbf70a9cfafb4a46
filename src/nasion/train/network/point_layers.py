"""Layers that read, for each keypoint, the features under its map."""

from typing import cast

import torch
from torch import Tensor, nn

from nasion.train.network.interfaces import Decoded

__all__ = ["PointLayer", "pool_features"]


class PointLayer(nn.Conv2d):
    """A linear layer with its own weights for each of K keypoints; at first it returns zeros.

    Its weights are those of a convolution with one cell, so that exports and optimizers treat them as such.

    Args:
        channels: F, channels of the features.
        count: K, keypoints.
        values: V, outputs for each keypoint.
    """

    def __init__(self, channels: int, count: int, values: int = 1) -> None:
        super().__init__(channels, values * count, 1)
        self.count = count
        nn.init.zeros_(self.weight)
        nn.init.zeros_(cast(Tensor, self.bias))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  the name of torch's own argument
        """Return values (B, K, V), no unit, of each keypoint's own features (B, K, F)."""
        weight = self.weight.reshape(self.count, -1, input.shape[-1])
        return (input[:, :, None] * weight).sum(-1) + cast(Tensor, self.bias).reshape(self.count, -1)


def pool_features(features: Tensor, decoded: Decoded) -> Tensor:
    """Return the mean features (B, K, F) under each keypoint's map, from (B, F, h, w), no unit; without gradient.

    Raises:
        ValueError: the codec has no maps.
    """
    if decoded.log_maps is None:
        raise ValueError("features are pooled under maps, which the codec lacks")
    maps = decoded.log_maps.detach().exp().flatten(2)
    return torch.matmul(maps, features.detach().flatten(2).transpose(1, 2))
