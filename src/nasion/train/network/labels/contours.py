"""Errors along the lines of a skeleton count less than errors across them.

Labelers place a point of the jaw or of a brow exactly across the contour and roughly along it.
Source of this idea: Huang et al., "ADNet: Leveraging Error-Bias Towards Normal Direction in Face Alignment", 2021.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Contours", "neighbors_on_lines"]

TINY = 1e-12
"""Shortest squared distance of two neighbors, normalized, that has a direction."""


def neighbors_on_lines(lines: Iterable[Sequence[int]], count: int) -> list[tuple[int, int]]:
    """Return the previous and the next point of each of `count` points on its line: indices, no unit.

    At the end of an open line, the point itself takes the place of the missing neighbor; a closed line ends at its
    first point.

    >>> neighbors_on_lines([[0, 1, 2], [3, 4, 5, 3]], 7)
    [(0, 1), (0, 2), (1, 2), (5, 4), (3, 5), (4, 3), (6, 6)]
    """
    before, after = list(range(count)), list(range(count))
    for line in lines:
        for first, second in pairwise(line):
            after[first], before[second] = second, first
    return list(zip(before, after, strict=True))


class Contours(nn.Module):
    """The lines of a skeleton, and how much errors along them count.

    Args:
        neighbors: of each of the K points; see `neighbors_on_lines`.
        weight: of errors along a line relative to errors across it, 0 to 1.
    """

    neighbors: Tensor

    def __init__(self, neighbors: Sequence[tuple[int, int]], weight: float) -> None:
        super().__init__()
        self.register_buffer("neighbors", torch.tensor(neighbors), persistent=False)
        self.weight = weight

    def forward(self, keypoints: Tensor, target: Tensor) -> Tensor:
        """Return keypoints whose errors along the lines of the labels are smaller by the factor `weight`.

        Points without a label, or whose neighbors have none, do not change.

        Args:
            keypoints: (B, K, 2), normalized.
            target: (B, K, 2), normalized; NaN where missing.
        """
        before, after = (target[:, self.neighbors[:, side]] for side in (0, 1))
        before, after = torch.where(before.isfinite(), before, target), torch.where(after.isfinite(), after, target)
        direction = after - before
        square = direction.square().sum(-1, keepdim=True)
        known = (square > TINY) & target.isfinite().all(-1, keepdim=True)  # NaN is not above TINY
        # NaN in a branch that `where` discards would still reach the gradient
        error, direction = torch.where(known, keypoints - target, 0.0), torch.where(known, direction, 0.0)
        along = (error * direction).sum(-1, keepdim=True) / torch.where(known, square, 1.0) * direction
        return keypoints - (1 - self.weight) * along
