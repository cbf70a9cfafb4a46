"""Absolute error of the decoded keypoint, plus the divergence of its map from a Gaussian at the true location.

The first term makes the decoded location exact. The second keeps each map a single blob of known width, so that the
network learns what a point looks like instead of balancing distant cells.
"""

from pydantic import Field
from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.frame import cell_centers
from nasion.train.network.interfaces import Decoded

REQUIRES = "maps"


class Options(Settings):
    """Weight and width of the second term."""

    weight: float = Field(default=0.1, ge=0, description="weight of the divergence")
    sigma_cells: float = Field(default=1.5, gt=0, description="standard deviation of the Gaussian, in cells of the map")


def loss(decoded: Decoded, target: Tensor, options: Options) -> Tensor:
    """Return L1 + weight * KL(Gaussian, map) of each keypoint (B, K), no unit, for targets (B, K, 2), normalized."""
    distance = (decoded.keypoints - target).abs().mean(-1)
    return distance + options.weight * divergence(decoded, target, options.sigma_cells)


def divergence(decoded: Decoded, target: Tensor, sigma_cells: float) -> Tensor:
    """Return KL(Gaussian, map) of each keypoint (B, K), no unit, for targets (B, K, 2), normalized.

    Raises:
        ValueError: the codec has no maps.
    """
    if decoded.log_maps is None:
        raise ValueError("this loss requires a codec with maps")
    log_blob = log_gaussian(target, decoded.log_maps, sigma_cells)
    return (log_blob.exp() * (log_blob - decoded.log_maps)).sum((-2, -1))


def log_gaussian(target: Tensor, like: Tensor, sigma_cells: float) -> Tensor:
    """Return log probabilities (B, K, h, w) of Gaussians at points (B, K, 2), normalized, over the cells of `like`."""
    height, width = like.shape[-2:]
    x = (cell_centers(width, like) - target[..., :1]) * (width / 2 / sigma_cells)
    y = (cell_centers(height, like) - target[..., 1:]) * (height / 2 / sigma_cells)
    across, down = (-x.square() / 2).log_softmax(-1), (-y.square() / 2).log_softmax(-1)
    return down[..., :, None] + across[..., None, :]
