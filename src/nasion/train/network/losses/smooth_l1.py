"""Squared for small errors and absolute for large ones (Huber).

Source: Girshick, "Fast R-CNN", 2015.
"""

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from nasion.settings import Settings
from nasion.train.network.interfaces import Decoded

REQUIRES = "vector"


class Options(Settings):
    """The transition between squared and absolute."""

    beta: float = Field(default=0.05, gt=0, description="normalized distance at which squared becomes absolute")


def loss(decoded: Decoded, target: Tensor, options: Options) -> Tensor:
    """Return the smooth L1 loss of each keypoint (B, K), normalized, for targets (B, K, 2)."""
    return F.smooth_l1_loss(decoded.keypoints, target, reduction="none", beta=options.beta).mean(-1)
