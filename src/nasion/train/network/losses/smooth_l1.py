"""Squared near zero, absolute beyond: Huber's compromise."""

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from nasion.settings import Settings
from nasion.train.network.codecs import Decoded
from nasion.train.network.registry import InputSpec


class Options(Settings):
    """Where it changes."""

    beta: float = Field(0.05, gt=0, description="normalized distance at which squared becomes absolute")


class SmoothL1:
    """Source: Girshick, "Fast R-CNN", 2015."""

    requires = "vector"

    def __init__(self, options: Options) -> None:
        self.beta = options.beta

    def __call__(self, decoded: Decoded, target: Tensor) -> Tensor:
        """Return the cost of each point (B, K)."""
        return F.smooth_l1_loss(decoded.keypoints, target, reduction="none", beta=self.beta).mean(-1)


def build(options: Options, shape: InputSpec) -> SmoothL1:
    """Return the loss."""
    return SmoothL1(options)
