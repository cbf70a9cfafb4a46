"""How far a point may be off, learnt from how far it was: a scale for each point, read where its map looks.

The errors of hand labels and of networks have longer tails than a Gaussian's; they are taken as an isotropic Laplace
distribution in the plane, whose density at distance r is exp(-r / b) / (2 pi b^2). The spread is its standard
deviation along each axis, sqrt(3) b: within 1, 2 and 3 spreads lie 52, 86 and 97 % of the points.
Sources: Kendall and Gal, "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?", 2017;
Kumar et al., "LUVLi Face Alignment", 2020.
"""

import torch
from torch import Tensor, nn

from nasion.train.codecs import Decoded

__all__ = ["LearntSpread", "mean_surprise", "unlikelihood"]

SPREAD_OF_LAPLACE = 3**0.5
"""Standard deviation along an axis over the scale b."""

MEAN_DISTANCE = 2.0
"""Mean distance over the scale b."""


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
        stretch = (self.stretch(features.detach()) * decoded.log_maps.detach().exp()).sum((-2, -1))
        spread = decoded.spread.detach() * stretch.exp()
        return decoded._replace(spread=spread if self.training else spread * self.scale)


def unlikelihood(spread: Tensor, keypoints: Tensor, target: Tensor) -> Tensor:
    """Return the negative log-likelihood (B, K), but for a constant, of errors under their spreads (B, K)."""
    b = spread / SPREAD_OF_LAPLACE
    return 2 * b.log() + (keypoints - target).norm(dim=-1) / b


def mean_surprise(spread: Tensor, keypoints: Tensor, target: Tensor) -> Tensor:
    """Return each face's mean error over what its spreads foretold (B,): 1 is right, above 1 they are too small."""
    b = spread / SPREAD_OF_LAPLACE
    return ((keypoints - target).norm(dim=-1) / b / MEAN_DISTANCE).nanmean(-1)
