"""The detector's network: scores and boxes for each cell of 8 px; and its loss.

Sources: Zhou et al., "Objects as Points", 2019 (peaks and their focal loss); Rezatofighi et al., "Generalized
Intersection over Union", 2019.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasion.train.network.blocks import Block, convolution

__all__ = ["SIDE_MULTIPLE", "WHITE", "DetectorNetwork", "box_loss", "score_loss"]

SIDE_MULTIPLE = 64
"""The sides of an image are multiples of this, px."""

WHITE = 255
"""Value of white in an image."""

RARE = 0.01
"""Initial score of each cell: few cells show a face."""

USUAL_SIZE = 5.0
"""Initial size of each box, cells."""

OUTPUTS = 5
"""Maps: the logit of the score, and the box."""


class DetectorNetwork(nn.Module):
    """Images (B, H, W, 3) uint8 → logits (B, 1, H / 8, W / 8) and boxes (B, 4, H / 8, W / 8), see `targets`.

    Args:
        widths: channels at 1/4, 1/8, 1/16, 1/32 and 1/64 of the image's sides.
    """

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 32, 48, 72, 72)) -> None:
        super().__init__()
        stem, *levels = widths
        self.stem = convolution(3, stem, 4, stride=4, padding=0)
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), Block(below, width))
            for below, width in zip(widths[:-1], levels, strict=True)
        )
        pairs = list(zip(levels[1:], levels[:-1], strict=True))[::-1]
        self.lateral = nn.ModuleList(nn.Conv2d(deep, fine, 1) for deep, fine in pairs)
        # the finest two levels find small faces; the coarser one has enough context by then
        self.up = nn.ModuleList(Block(fine, fine) if k else nn.Identity() for k, (_, fine) in enumerate(pairs))
        self.head = nn.Conv2d(levels[0], OUTPUTS, 1)
        nn.init.zeros_(self.head.weight)
        self.head.bias = nn.Parameter(torch.tensor([math.log(RARE / (1 - RARE)), 0, 0, *[math.log(USUAL_SIZE)] * 2]))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and boxes of images (B, H, W, 3) uint8."""
        return self.maps(images.permute(0, 3, 1, 2).float() / WHITE)

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and boxes of images (B, 3, H, W), 0 to 1."""
        x = F.relu(self.stem(x))
        skips: list[Tensor] = []
        for level in self.down:
            x = level(x)
            skips.append(x)
        x = skips.pop()
        for lateral, up in zip(self.lateral, self.up, strict=True):
            x = up(F.interpolate(lateral(x), scale_factor=2.0, mode="nearest") + skips.pop())
        maps = self.head(x)
        return maps[:, :1], maps[:, 1:]


def score_loss(logits: Tensor, score: Tensor, known: Tensor) -> Tensor:
    """Return the focal loss, no unit, of logits (B, h, w) at scores (B, h, w), per peak; unknown cells count 0."""
    logits = logits.float()
    p = logits.sigmoid()
    peak = score == 1
    hit = F.logsigmoid(logits) * (1 - p).square() * peak
    miss = F.logsigmoid(-logits) * p.square() * (1 - score).pow(4) * ~peak
    return -((hit + miss) * known).sum() / peak.sum().clamp(min=1)


def box_loss(box: Tensor, target: Tensor, near: Tensor) -> Tensor:
    """Return 1 - the generalized IoU, no unit, of boxes (B, 4, h, w) with targets, with weights (B, h, w)."""
    ax0, ay0, ax1, ay1 = _corners(box.float())
    bx0, by0, bx1, by1 = _corners(target)
    common = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp(min=0) * (
        torch.minimum(ay1, by1) - torch.maximum(ay0, by0)
    ).clamp(min=0)
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - common
    hull = (torch.maximum(ax1, bx1) - torch.minimum(ax0, bx0)) * (torch.maximum(ay1, by1) - torch.minimum(ay0, by0))
    loss = 1 - common / union + (hull - union) / hull
    return (loss * near).sum() / near.sum().clamp(min=1)


def _corners(box: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the left, top, right and bottom of boxes (B, 4, h, w), cells, relative to their cells."""
    x, y, across, down = box.unbind(1)
    width, height = across.clamp(-4, 6).exp() / 2, down.clamp(-4, 6).exp() / 2
    return x - width, y - height, x + width, y + height
