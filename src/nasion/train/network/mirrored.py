"""The mean of a network's outputs for a crop and for the mirrored crop: slightly smaller errors in twice the time.

Labels that lie a little to one side make a network's points lean to that side in every crop, mirrored or not. Their
mean would lie in the middle, so the points in mirrored crops are moved by the mean distance from those in the others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Mirror", "measure_offset", "mirrored_mean"]

BATCH = 32
"""Crops per batch while the offset is measured."""


class Mirror(NamedTuple):
    """How outputs for a mirrored crop become outputs for the crop.

    Attributes:
        flip: (K,) the index of each point's mirror image.
        offset: (K, 2) from the points in mirrored crops to those in the others, crop px.
    """

    flip: Tensor
    offset: Tensor

    def back(self, outputs: Sequence[Tensor], width: int) -> list[Tensor]:
        """Return the outputs of a network for mirrored crops of `width` px as outputs for the crops.

        Keypoints (B, K, 2) and spreads (B, K) are in crop px; see `KeypointNetwork.forward`.
        """
        keypoints, spread, anisotropy, *hidden = (each[:, self.flip] for each in outputs)
        mirrored = torch.stack([width - 1 - keypoints[..., 0], keypoints[..., 1]], -1)
        turned = torch.stack([anisotropy[..., 0], -anisotropy[..., 1]], -1)
        return [mirrored + self.offset, spread, turned, *hidden]


def mirrored_mean(network: nn.Module, crops: Tensor, mirror: Mirror) -> tuple[Tensor, ...]:
    """Return the mean outputs of a network for crops (B, C, H, W) and for the mirrored crops.

    Keypoints (B, K, 2) and spreads (B, K) are in crop px; see `KeypointNetwork.forward`.
    """
    both = network(torch.cat([crops, crops.flip(-1)]))
    count = crops.shape[0]
    back = mirror.back([each[count:] for each in both], crops.shape[-1])
    return tuple((plain[:count] + other) / 2 for plain, other in zip(both, back, strict=True))


def measure_offset(network: nn.Module, crops: Tensor, flip: Tensor) -> Tensor:
    """Return the mean distance (K, 2), crop px, from points in mirrored crops to those in the crops (B, C, H, W)."""
    differences: list[Tensor] = []
    for batch in crops.split(BATCH):
        plain = network(batch)[0]
        no_offset = Mirror(flip, plain.new_zeros(plain.shape[1:]))
        differences.append(plain - no_offset.back(network(batch.flip(-1)), batch.shape[-1])[0])
    return torch.cat(differences).mean(0)
