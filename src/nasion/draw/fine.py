"""Fine drawing: parts of an image are enlarged, drawn on, and reduced again.

OpenCV draws lines of whole pixels and no circles below a pixel. On an enlarged part, marks of any size are smooth, and
where nothing is drawn, the pixels stay exactly the same.
"""

from collections.abc import Callable
from math import ceil

import cv2
import numpy as np

from nasion.geometry import Affine, FloatArray
from nasion.sample import Image

__all__ = ["Painter", "paint_finely"]

Painter = Callable[[Image, Affine, float], None]
"""Draws on an enlarged part (H, W, 3) uint8 RGB, given the map from image px to its px, and its enlargement."""

FINE_RADIUS_PX = 3.0
"""Radius that points have on the enlarged part at least."""

MAX_FACTOR = 16
"""Largest enlargement."""

MAX_PIXELS = 4_000_000
"""Largest number of pixels of an enlarged part. A larger part is enlarged less."""


def paint_finely(canvas: Image, box: FloatArray, radius_px: float, paint: Painter) -> None:
    """Draw on a part of the canvas (H, W, 3) uint8 RGB.

    Args:
        canvas: the image that is changed.
        box: (4,) xyxy, image px: the part on which `paint` draws.
        radius_px: radius of the points, image px; the smaller it is, the more the part is enlarged.
        paint: draws on the enlarged part.
    """
    height, width = canvas.shape[:2]
    x0, y0 = np.clip(np.floor(box[:2]), 0, [width, height]).astype(int)
    x1, y1 = np.clip(np.ceil(box[2:]) + 1, 0, [width, height]).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    size = int(y1 - y0), int(x1 - x0)
    wanted = min(ceil(FINE_RADIUS_PX / radius_px), MAX_FACTOR)
    factor = max(1, min(wanted, int((MAX_PIXELS / (size[0] * size[1])) ** 0.5)))
    large = size[0] * factor, size[1] * factor
    part = np.asarray(cv2.resize(canvas[y0:y1, x0:x1], large[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    paint(part, Affine.resize(size, large) @ Affine.translation(-float(x0), -float(y0)), float(factor))
    canvas[y0:y1, x0:x1] = cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA)
