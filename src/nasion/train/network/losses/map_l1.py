"""Absolute error of the decoded point, plus the cross-entropy of its map against a Gaussian at the true place.

The first term makes the decode exact; the second keeps each map one blob of known width, so that the network
learns where every point looks alike in all faces instead of balancing far cells against each other.
"""

from pydantic import Field
from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.codecs import Decoded
from nasion.train.network.codecs.softargmax import centers
from nasion.train.network.registry import InputSpec


class Options(Settings):
    """The second term's weight and width."""

    weight: float = Field(0.1, ge=0, description="of the cross-entropy")
    sigma_cells: float = Field(1.5, gt=0, description="standard deviation of the Gaussian, in cells of the map")


class MapL1:
    """L1 + weight * KL(Gaussian, map): the entropy of the Gaussian is taken off, so 0 is perfect."""

    requires = "maps"

    def __init__(self, options: Options) -> None:
        self.weight, self.sigma_cells = options.weight, options.sigma_cells

    def __call__(self, decoded: Decoded, target: Tensor) -> Tensor:
        """Return the cost of each point (B, K)."""
        near = (decoded.keypoints - target).abs().mean(-1)
        if decoded.log_maps is None:
            raise ValueError("this loss needs a codec with maps")
        log_blob = log_gaussian(target, decoded.log_maps, self.sigma_cells)
        divergence = (log_blob.exp() * (log_blob - decoded.log_maps)).sum((-2, -1))
        return near + self.weight * divergence


def log_gaussian(target: Tensor, like: Tensor, sigma_cells: float) -> Tensor:
    """Return the log-probabilities (B, K, h, w) of Gaussians at normalized points (B, K, 2) over a map's cells."""
    height, width = like.shape[-2:]
    x = (centers(width, like) - target[..., :1]) * (width / 2 / sigma_cells)
    y = (centers(height, like) - target[..., 1:]) * (height / 2 / sigma_cells)
    across, down = (-x.square() / 2).log_softmax(-1), (-y.square() / 2).log_softmax(-1)
    return down[..., :, None] + across[..., None, :]


def build(options: Options, shape: InputSpec) -> MapL1:
    """Return the loss."""
    return MapL1(options)
