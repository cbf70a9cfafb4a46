"""Mean absolute error of the coordinates: large errors do not rule the gradient."""

from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.codecs import Decoded
from nasion.train.network.registry import InputSpec


class Options(Settings):
    """None."""


class L1:
    """(|x - x'| + |y - y'|) / 2."""

    requires = "vector"

    def __call__(self, decoded: Decoded, target: Tensor) -> Tensor:
        """Return the cost of each point (B, K)."""
        return (decoded.keypoints - target).abs().mean(-1)


def build(options: Options, shape: InputSpec) -> L1:
    """Return the loss."""
    return L1()
