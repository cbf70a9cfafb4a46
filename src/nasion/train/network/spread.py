"""How far a point may be off, learned from how far it was: an ellipse for each point, read where its map looks.

The law of the errors is in `nasion.uncertainty`; its spread and its anisotropy are what is learned, by the likelihood of
the errors. Sources: Kendall and Gal, "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?",
2017; Kumar et al., "LUVLi Face Alignment", 2020.
"""

from typing import cast

import torch
from torch import Tensor, nn

from nasion.train.network.codecs import Decoded
from nasion.uncertainty import ERROR_SHAPE, SPREAD_OF_SCALE

__all__ = ["SpreadHead", "mahalanobis", "nll", "normalized_residual", "spread_correction"]

LARGEST_ANISOTROPY = 1.5
"""Of each of its two parts: an ellipse is at most some eight times as long as wide."""

TINY = 1e-12
"""Keeps roots differentiable at 0."""


class SpreadHead(nn.Module):
    """Widens and stretches the spread of each map by what the features say where the map looks.

    It begins as the maps' own spread, the same in all directions. What it reads is cut from the gradient: learning it
    moves no point.

    Args:
        width: F, channels of the features.
        count: K, points.

    Attributes:
        scale: set by validation faces, because a network is surer of the faces it learns from; no part of learning.
    """

    scale: Tensor

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.stretch = _zeros(width, count)
        self.lean = _zeros(width, 2 * count)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, features: Tensor, decoded: Decoded) -> Decoded:
        """Return what was decoded from features (B, F, h, w) with the learned spread (B, K) and anisotropy (B, K, 2)."""
        if decoded.log_maps is None:
            raise ValueError("this needs a codec with maps")
        maps = decoded.log_maps.detach().exp().flatten(2)
        seen = maps @ features.detach().flatten(2).transpose(1, 2)  # (B, K, F)
        spread = decoded.spread.detach() * _read(self.stretch, seen[:, :, None]).squeeze(-1).exp()
        lean = _read(self.lean, seen[:, :, None])
        anisotropy = LARGEST_ANISOTROPY * (lean / LARGEST_ANISOTROPY).tanh()
        return decoded._replace(spread=spread if self.training else spread * self.scale, anisotropy=anisotropy)


def _zeros(width: int, outputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(width, outputs, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(cast(Tensor, layer.bias))
    return layer


def _read(layer: nn.Conv2d, seen: Tensor) -> Tensor:
    """Return what a layer makes (B, K, outputs / K) of what each point sees (B, K, 1, F)."""
    count = seen.shape[1]
    weight, bias = layer.weight.reshape(count, -1, seen.shape[-1]), cast(Tensor, layer.bias).reshape(count, -1)
    return (seen * weight).sum(-1) + bias


def mahalanobis(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return how many spreads the points are off (B, K), in crops of `size` (height, width): `uncertainty.mahalanobis`.

    Its gradient reaches the spread and the anisotropy alone.
    """
    height, width = size
    aspect = torch.tensor([width, height], device=target.device) * (2 / (width + height))
    x, y = ((target - decoded.keypoints.detach()) * aspect).unbind(-1)
    u, v = decoded.anisotropy.unbind(-1)
    length = (u.square() + v.square() + TINY).sqrt()
    across = u * (x.square() - y.square()) + 2 * v * x * y
    square = length.cosh() * (x.square() + y.square()) - length.sinh() / length * across
    return (square.clamp_min(0) + TINY).sqrt() / decoded.spread


def nll(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the negative log-likelihood (B, K), but for a constant, of errors under their spread and anisotropy."""
    return 2 * decoded.spread.log() + (SPREAD_OF_SCALE * mahalanobis(decoded, target, size)) ** ERROR_SHAPE


def normalized_residual(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return each face's mean power of its errors over what its spreads foretold (B,).

    1 is right. Spreads that are too small have more: scaled by `spread_correction` of the mean, they are the likeliest.
    """
    return ((SPREAD_OF_SCALE * mahalanobis(decoded, target, size)) ** ERROR_SHAPE).nanmean(-1) * (ERROR_SHAPE / 2)


def spread_correction(mean_surprise: Tensor) -> Tensor:
    """Return by how much to scale the spreads that caused this mean surprise."""
    return mean_surprise ** (1 / ERROR_SHAPE)
