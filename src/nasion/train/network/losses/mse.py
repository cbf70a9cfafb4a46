"""Mean squared error of the coordinates."""

from torch import Tensor

from nasion.settings import Strict
from nasion.train.network.codecs import Decoded
from nasion.train.network.registry import Shape


class Options(Strict):
    """None."""


class Mse:
    """((x - x')² + (y - y')²) / 2."""

    needs = "vector"

    def __call__(self, decoded: Decoded, target: Tensor) -> Tensor:
        """Return the cost of each point (B, K)."""
        return (decoded.keypoints - target).square().mean(-1)


def build(options: Options, shape: Shape) -> Mse:
    """Return the loss."""
    return Mse()
