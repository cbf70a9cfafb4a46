"""Mean squared error of the coordinates."""

from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.codecs import Decoded
from nasion.train.network.registry import InputSpec


class Options(Settings):
    """None."""


class Mse:
    """((x - x')² + (y - y')²) / 2."""

    requires = "vector"

    def __call__(self, decoded: Decoded, target: Tensor) -> Tensor:
        """Return the cost of each point (B, K)."""
        return (decoded.keypoints - target).square().mean(-1)


def build(options: Options, shape: InputSpec) -> Mse:
    """Return the loss."""
    return Mse()
