"""How far a point may be off, learnt from how far it was: a scale for each point, read where its map looks.

The errors of hand labels and of networks have longer tails than a Gaussian's, and shorter ones than a Laplace
distribution's: in the plane, their density at distance r is taken as proportional to exp(-(r / b)^p), with the exponent
`metrics.ERROR_SHAPE` (a generalised normal distribution). The spread is its standard deviation along each axis: within
1, 2 and 3 spreads lie 49, 86 and 97 % of the points.
Sources: Kendall and Gal, "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?", 2017;
Kumar et al., "LUVLi Face Alignment", 2020.
"""

from typing import cast

import torch
from torch import Tensor, nn

from nasion.metrics import ERROR_SHAPE, SPREAD_OF_SCALE
from nasion.train.codecs import Decoded

__all__ = ["LearntSpread", "rescale", "surprise", "unlikelihood"]


class LearntSpread(nn.Module):
    """Widens or narrows the spread of each map by what the features say where the map looks.

    It begins as the maps' own spread. What it reads is cut from the gradient: learning it moves no point.

    Args:
        width: F, channels of the features.
        count: K, points.

    Attributes:
        scale: set by validation faces, because a network is surer of the faces it learns from; no part of learning.
    """

    scale: Tensor

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.stretch = nn.Conv2d(width, count, 1)
        nn.init.zeros_(self.stretch.weight)
        nn.init.zeros_(self.stretch.bias)  # pyright: ignore[reportArgumentType]
        self.register_buffer("scale", torch.ones(()))

    def forward(self, features: Tensor, decoded: Decoded) -> Decoded:
        """Return what was decoded from features (B, F, h, w) with the learnt spread (B, K)."""
        if decoded.log_maps is None:
            raise ValueError("this needs a codec with maps")
        maps = decoded.log_maps.detach().exp().flatten(2)
        seen = maps @ features.detach().flatten(2).transpose(1, 2)  # (B, K, F)
        stretch = (seen * self.stretch.weight.flatten(1)).sum(-1) + cast(Tensor, self.stretch.bias)
        spread = decoded.spread.detach() * stretch.exp()
        return decoded._replace(spread=spread if self.training else spread * self.scale)


def unlikelihood(spread: Tensor, keypoints: Tensor, target: Tensor) -> Tensor:
    """Return the negative log-likelihood (B, K), but for a constant, of errors under their spreads (B, K)."""
    b = spread / SPREAD_OF_SCALE
    return 2 * b.log() + ((keypoints - target).norm(dim=-1) / b) ** ERROR_SHAPE


def surprise(spread: Tensor, keypoints: Tensor, target: Tensor) -> Tensor:
    """Return each face's mean power of its errors over what its spreads foretold (B,).

    1 is right. Spreads that are too small have more: scaled by `rescale` of the mean, they are the likeliest.
    """
    b = spread / SPREAD_OF_SCALE
    return (((keypoints - target).norm(dim=-1) / b) ** ERROR_SHAPE).nanmean(-1) * (ERROR_SHAPE / 2)


def rescale(mean_surprise: Tensor) -> Tensor:
    """Return by how much to scale the spreads that caused this mean surprise."""
    return mean_surprise ** (1 / ERROR_SHAPE)
