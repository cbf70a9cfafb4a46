"""The axes of a head on its image: x (the person's left) red, y (up) green, z (where the head looks) blue."""

import cv2
import numpy as np

from nasion.draw.points import SUBPIXEL, to_subpixels
from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["AXIS_COLORS", "draw_axes"]

AXIS_COLORS = (214, 39, 40), (44, 160, 44), (31, 119, 180)
"""Colors of the x, y and z axis, RGB."""

THICKNESS_SHARE = 0.04
"""Thickness of the lines, as a share of the length of an axis that is seen in full."""

TIP_SHARE = 0.15
"""Length of the arrow's tip, as a share of the axis."""


def draw_axes(image: Image, start: FloatArray, ends: FloatArray, depths: FloatArray) -> Image:
    """Return a copy of the image (H, W, 3) uint8 RGB with three arrows; the farthest end is drawn first.

    Args:
        image: (H, W, 3) uint8 RGB.
        start: (2,) where the axes begin, image px.
        ends: (3, 2) where the x, y and z axis end, image px.
        depths: (3,) distances of the ends from the viewer, any unit.
    """
    canvas = image.copy()
    longest = float(np.linalg.norm(ends - start, axis=1).max())
    thickness = max(1, round(THICKNESS_SHARE * longest))
    (center,) = to_subpixels(start[None])
    for axis in np.argsort(-depths):
        (end,) = to_subpixels(ends[axis][None])
        cv2.arrowedLine(canvas, center, end, AXIS_COLORS[axis], thickness, cv2.LINE_AA, SUBPIXEL, TIP_SHARE)
    return canvas
