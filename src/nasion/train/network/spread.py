"""The learned uncertainty: an error ellipse for each keypoint, predicted from the features under its map.

The distribution of the errors is in `nasion.uncertainty`; its spread and anisotropy are learned by maximum likelihood.
Sources: Kendall and Gal, "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?", 2017; Kumar et
al., "LUVLi Face Alignment", 2020.
"""

import numpy as np
import torch
from torch import Tensor, nn

from nasion.geometry import FloatArray
from nasion.train.network.frame import ellipse_lengths
from nasion.train.network.interfaces import Decoded
from nasion.train.network.point_layers import PointLayer
from nasion.uncertainty import ERROR_SHAPE, SPREAD_OF_SCALE

__all__ = ["SpreadHead", "likeliest_factor", "mahalanobis", "nll", "normalized_residual", "spread_correction"]

MAX_ANISOTROPY = 1.5
"""Largest magnitude of each anisotropy component; it limits an ellipse's axis ratio to about 8."""


class SpreadHead(nn.Module):
    """Predicts each keypoint's spread and anisotropy from features pooled under its heatmap.

    Initially it returns the spread of the map itself, isotropic. Its inputs have no gradient, so the uncertainty loss
    never moves a keypoint.

    Args:
        channels: F, channels of the features.
        count: K, keypoints.

    Attributes:
        scale: a factor set on validation faces, because a network is more certain about its training faces.
    """

    scale: Tensor

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.scale_head = PointLayer(channels, count)
        self.anisotropy_head = PointLayer(channels, count, 2)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, pooled: Tensor, decoded: Decoded) -> Decoded:
        """Return `decoded` with the learned spread (B, K), normalized, and anisotropy (B, K, 2), from (B, K, F)."""
        spread = decoded.spread.detach() * self.scale_head(pooled).squeeze(-1).exp()
        raw = self.anisotropy_head(pooled)
        anisotropy = MAX_ANISOTROPY * (raw / MAX_ANISOTROPY).tanh()
        return decoded._replace(spread=spread if self.training else spread * self.scale, anisotropy=anisotropy)


def mahalanobis(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the errors (B, K), in spreads, of targets (B, K, 2), normalized, in crops of `size` (height, width), px.

    Its gradient reaches the spread and the anisotropy alone.
    """
    return ellipse_lengths(target - decoded.keypoints.detach(), decoded.anisotropy, size) / decoded.spread


def nll(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the negative log-likelihood (B, K), up to a constant, no unit, of targets (B, K, 2), normalized."""
    return 2 * decoded.spread.log() + (SPREAD_OF_SCALE * mahalanobis(decoded, target, size)) ** ERROR_SHAPE


def normalized_residual(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return each face's mean error relative to its spreads (B,), no unit, raised to the distribution's exponent.

    The target (B, K, 2) is normalized. The value 1 is ideal; larger values mean that the spreads are too small. Spreads
    multiplied by `spread_correction` of the mean value are the most likely ones.
    """
    return ((SPREAD_OF_SCALE * mahalanobis(decoded, target, size)) ** ERROR_SHAPE).nanmean(-1) * (ERROR_SHAPE / 2)


def spread_correction(mean_residual: Tensor) -> Tensor:
    """Return the factor (), no unit, by which spreads with this mean `normalized_residual` () should be multiplied."""
    return mean_residual ** (1 / ERROR_SHAPE)


def likeliest_factor(distances: FloatArray) -> float:
    """Return the factor, no unit, by which all spreads should be multiplied, given the errors (N, K), in spreads.

    Each face counts the same; NaN errors are ignored.
    """
    known = np.isfinite(distances).any(1)
    residuals = np.nanmean((SPREAD_OF_SCALE * distances[known]) ** ERROR_SHAPE, axis=1) * (ERROR_SHAPE / 2)
    return float(residuals.mean() ** (1 / ERROR_SHAPE))
