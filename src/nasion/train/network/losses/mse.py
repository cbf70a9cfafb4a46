"""Mean squared error of the coordinates."""

from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.interfaces import Decoded

REQUIRES = "vector"


class Options(Settings):
    """No options."""


def loss(decoded: Decoded, target: Tensor, options: Options) -> Tensor:
    """Return ((x - x')² + (y - y')²) / 2 of each keypoint (B, K), normalized, for targets (B, K, 2)."""
    return (decoded.keypoints - target).square().mean(-1)
