"""Like `map_l1`, but an error along the long axis of the point's predicted ellipse counts less than one across it.

Labelers place a point of a contour exactly across the contour and roughly along it. The ellipses learn this from the
errors; their direction and axis ratio then weigh the errors. Only their shape counts: their areas are equal, so that a
network cannot reduce the loss with a larger uncertainty.
Source: the idea is from Zhou et al., "STAR Loss: Reducing Semantic Ambiguity in Facial Landmark Detection", 2023, where
the axes are those of the heatmaps.
"""

from math import pi

from pydantic import Field
from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.interfaces import Decoded
from nasion.train.network.losses.map_l1 import divergence

REQUIRES = "maps"

TINY = 1e-12
"""Added under square roots, so that they are differentiable at 0."""

L1_OF_LENGTH = 2 / pi
"""Mean of (|x| + |y|) / 2 over the directions of a vector of length 1: with it, the weights are those of `map_l1`."""


class Options(Settings):
    """Weights of the ellipse and of the maps."""

    weight: float = Field(default=0.1, ge=0, description="weight of the divergence of the maps, as in `map_l1`")
    sigma_cells: float = Field(default=1.5, gt=0, description="standard deviation of the Gaussian, in cells of the map")
    share: float = Field(
        default=1.0, ge=0, le=1, description="share of the ellipse's anisotropy: 0 counts all directions the same"
    )


def loss(decoded: Decoded, target: Tensor, options: Options) -> Tensor:
    """Return distance + weight * KL(Gaussian, map) of each keypoint (B, K), no unit, for targets (B, K, 2), normalized.

    The ellipses have no gradient: their own loss alone trains them.
    """
    distance = L1_OF_LENGTH * _distance(target - decoded.keypoints, options.share * decoded.anisotropy.detach())
    return distance + options.weight * divergence(decoded, target, options.sigma_cells)


def _distance(offsets: Tensor, anisotropy: Tensor) -> Tensor:
    """Return the lengths (B, K) of offsets (B, K, 2), normalized, under ellipses (B, K, 2) of unit area, no unit."""
    (x, y), (u, v) = offsets.unbind(-1), anisotropy.unbind(-1)
    size = (u.square() + v.square() + TINY).sqrt()
    along = u * (x.square() - y.square()) + 2 * v * x * y
    square = size.cosh() * (x.square() + y.square()) - size.sinh() / size * along
    return (square.clamp_min(0) + TINY).sqrt()
