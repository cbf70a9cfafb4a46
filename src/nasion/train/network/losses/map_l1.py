"""Absolute error of the decoded keypoint, plus the divergence of its map from a Gaussian at the true location.

The first term makes the decoded location exact. The second keeps each map a single blob of known width, so that the
network learns what a point looks like instead of balancing distant cells.

Labelers place a point of a contour exactly across the contour and roughly along it. The predicted ellipses learn this
from the errors. With `ellipse_share`, their direction and axis ratio weigh the errors: those along the long axis count
less. All ellipses have the same area here, so that a larger uncertainty does not reduce the loss.
Source of this idea: Zhou et al., "STAR Loss: Reducing Semantic Ambiguity in Facial Landmark Detection", 2023, where
the axes are those of the maps.
"""

from math import pi

from pydantic import Field
from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.frame import cell_centers, ellipse_lengths
from nasion.train.network.interfaces import Decoded

REQUIRES = "maps"

L1_OF_LENGTH = 2 / pi
"""Mean of (|x| + |y|) / 2 over the directions of a vector of length 1: both kinds of distance have the same weight."""


class Options(Settings):
    """Weight and width of the second term, and the anisotropy of the first."""

    weight: float = Field(default=0.1, ge=0, description="weight of the divergence")
    sigma_cells: float = Field(default=1.5, gt=0, description="standard deviation of the Gaussian, in cells of the map")
    ellipse_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of a point's anisotropy by which errors along its ellipse count less than across",
    )


def loss(decoded: Decoded, target: Tensor, options: Options) -> Tensor:
    """Return distance + weight * KL(Gaussian, map) of each keypoint (B, K), no unit, for targets (B, K, 2), normalized.

    The ellipses have no gradient: their own loss alone trains them.
    """
    if decoded.log_maps is None:
        raise ValueError("this loss requires a codec with maps")
    offsets = decoded.keypoints - target
    if options.ellipse_share:
        height, width = decoded.log_maps.shape[-2:]  # they have the proportions of the crop
        anisotropy = options.ellipse_share * decoded.anisotropy.detach()
        distance = L1_OF_LENGTH * ellipse_lengths(offsets, anisotropy, (height, width))
    else:
        distance = offsets.abs().mean(-1)
    log_blob = log_gaussian(target, decoded.log_maps, options.sigma_cells)
    divergence = (log_blob.exp() * (log_blob - decoded.log_maps)).sum((-2, -1))
    return distance + options.weight * divergence


def log_gaussian(target: Tensor, like: Tensor, sigma_cells: float) -> Tensor:
    """Return log probabilities (B, K, h, w) of Gaussians at points (B, K, 2), normalized, over the cells of `like`."""
    height, width = like.shape[-2:]
    x = (cell_centers(width, like) - target[..., :1]) * (width / 2 / sigma_cells)
    y = (cell_centers(height, like) - target[..., 1:]) * (height / 2 / sigma_cells)
    across, down = (-x.square() / 2).log_softmax(-1), (-y.square() / 2).log_softmax(-1)
    return down[..., :, None] + across[..., None, :]
