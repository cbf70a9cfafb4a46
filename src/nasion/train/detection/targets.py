"""From the boxes of a scene to what the detector's network predicts for it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasion.detect.peaks import STRIDE
from nasion.geometry import FloatArray

__all__ = ["Targets", "encode"]

PEAK_SHARE = 0.13
"""Width of a face's peak in the map of scores, as a share of its size."""

MIN_PEAK = 0.55
"""Smallest width of a peak, cells."""

NEAR = 0.5
"""Height of a peak from which a cell predicts the box."""


class Targets(NamedTuple):
    """The maps of a scene; rows and columns are cells of `STRIDE` px.

    Attributes:
        score: (h, w) float32, 1 in the cell at the center of a face, less around it, 0 elsewhere.
        box: (4, h, w) float32: the center relative to the cell's, and the logarithm of the size, both in cells.
        near: (h, w) float32: the weights of the cells that predict a box; 0 where there is none.
        known: (h, w) float32: 0 where the scene shows a face that is neither to be found nor to be missed, else 1.
    """

    score: NDArray[np.float32]
    box: NDArray[np.float32]
    near: NDArray[np.float32]
    known: NDArray[np.float32]


def encode(boxes: FloatArray, doubtful: FloatArray, size: tuple[int, int]) -> Targets:
    """Return the targets of a scene of `size` (height, width), px, with boxes (N, 4) and doubtful boxes (M, 4), px."""
    height, width = size[0] // STRIDE, size[1] // STRIDE
    row, column = np.mgrid[:height, :width].astype(np.float32)
    score = np.zeros((height, width), np.float32)
    near, known = np.zeros_like(score), np.ones_like(score)
    box = np.zeros((4, height, width), np.float32)
    for x0, y0, x1, y1 in (doubtful + 0.5) / STRIDE:
        known[max(int(y0), 0) : int(np.ceil(y1)), max(int(x0), 0) : int(np.ceil(x1))] = 0
    order = np.argsort(-(boxes[:, 2:] - boxes[:, :2]).prod(-1))
    # pixel centers lie half a pixel from the image's edge, and a cell's center half a cell from its own
    for x0, y0, x1, y1 in (boxes[order] + 0.5) / STRIDE - 0.5:  # small faces last: they have few cells
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        across, down = x1 - x0, y1 - y0
        peak_x, peak_y = max(across * PEAK_SHARE, MIN_PEAK), max(down * PEAK_SHARE, MIN_PEAK)
        height_at = np.exp(-(((column - x) / peak_x) ** 2 + ((row - y) / peak_y) ** 2) / 2)
        best = np.unravel_index(np.argmax(height_at), height_at.shape)
        height_at[best] = 1.0
        here = (height_at > NEAR) & (height_at >= near)
        box[:, here] = np.stack(
            [x - column, y - row, np.full_like(row, np.log(across)), np.full_like(row, np.log(down))]
        )[:, here]
        near[here] = height_at[here]
        known[best] = 1.0
        score = np.maximum(score, height_at)
    return Targets(score, box, near, known)
