"""Whether a keypoint is hidden: a probability for each point, learned from data that says so."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasion.train.network.interfaces import Decoded
from nasion.train.network.point_layers import PointLayer

__all__ = ["HiddenHead", "hidden_loss"]


class HiddenHead(nn.Module):
    """Predicts whether each keypoint is hidden, from features pooled under its heatmap.

    Its inputs have no gradient, so that its loss never moves a keypoint.

    Args:
        channels: F, channels of the features.
        count: K, keypoints.
    """

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.layer = PointLayer(channels, count)

    def forward(self, pooled: Tensor, decoded: Decoded) -> Decoded:
        """Return `decoded` with the log odds (B, K) that a point is hidden, from pooled features (B, K, F), no unit."""
        return decoded._replace(hidden=self.layer(pooled).squeeze(-1))


def hidden_loss(decoded: Decoded, hidden: Tensor) -> Tensor:
    """Return the mean cross-entropy (), nats, over the points that are known to be hidden or visible.

    `hidden` (B, K), no unit, is 1 for hidden points, 0 for visible ones and NaN for unknown ones.
    """
    if decoded.hidden is None:
        raise ValueError("the network does not predict hidden points")
    known = hidden.isfinite()
    losses = F.binary_cross_entropy_with_logits(decoded.hidden, torch.where(known, hidden, 0.0), reduction="none")
    return (losses * known).sum() / known.sum().clamp_min(1)
