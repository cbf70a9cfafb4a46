"""Keypoints on images: points, the lines between them, and close-up views of faces."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion import images
from nasion.draw.fine import paint_finely
from nasion.draw.palette import PAPER, PREDICTED, TRUE, Color
from nasion.geometry import Affine, FloatArray, box_around, box_to_aspect, is_present, scale_box
from nasion.sample import Image
from nasion.skeleton import Skeleton

__all__ = [
    "SUBPIXEL",
    "draw_points",
    "face_view",
    "paint_points",
    "to_subpixels",
    "view_box",
]

SUBPIXEL = 4
"""Fractional bits of OpenCV's drawing coordinates, so that points are drawn between pixels where necessary."""

RIM = 0.4
"""Width of the white rim around each point, as a share of the radius."""

LINE = 0.7
"""Width of lines, as a share of the radius of the points."""

SOFT_EDGE = 0.5
"""How far OpenCV's antialiasing extends beyond the edge of a shape, px."""

VIEW_SIDE_PER_RADIUS = 130
"""Side of a close-up view divided by the radius of its points."""


def to_subpixels(points: FloatArray) -> list[list[int]]:
    """Return points (N, 2), image px, as OpenCV's fixed-point coordinates with `SUBPIXEL` fractional bits.

    >>> to_subpixels(np.array([[1.0, 2.5]]))
    [[16, 40]]
    """
    return np.rint(points * (1 << SUBPIXEL)).astype(int).tolist()


def draw_points(
    image: Image,
    keypoints: FloatArray,
    color: Color | Sequence[Color],
    skeleton: Skeleton | None = None,
    radius_px: float = 2.0,
) -> Image:
    """Return a copy of the image with points, and with lines between them if a skeleton is given.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (K, 2), image px; NaN where missing.
        color: of points and lines, RGB; or one for each of the K points.
        skeleton: names the lines.
        radius_px: radius of the points without their white rim.
    """
    canvas = image.copy()
    if is_present(keypoints).any():
        margin = 2 * radius_px * (1 + RIM)
        around = box_around(keypoints)
        box = np.concatenate([around[:2] - margin, around[2:] + margin])

        def paint(part: Image, move: Affine, factor: float) -> None:
            paint_points(part, move(keypoints), color, skeleton, factor * radius_px)

        paint_finely(canvas, box, radius_px, paint)
    return canvas


def paint_points(
    canvas: Image,
    keypoints: FloatArray,
    color: Color | Sequence[Color],
    skeleton: Skeleton | None,
    radius_px: float,
) -> None:
    """Draw points (K, 2), canvas px, and the skeleton's lines between them, on the canvas (H, W, 3) uint8 RGB."""
    colors = np.broadcast_to(np.array(color), (len(keypoints), 3)).tolist()
    present = is_present(keypoints)
    pairs = [pair for line in skeleton.lines for pair in pairwise(line) if present[[*pair]].all()] if skeleton else []
    if pairs:
        rectangles = _rectangles(keypoints[np.array(pairs)], LINE * radius_px)
        for (start, _), corners in zip(pairs, rectangles, strict=True):
            cv2.fillConvexPoly(canvas, corners, colors[start], cv2.LINE_AA, SUBPIXEL)
    radii = (1 + RIM) * radius_px, radius_px
    rim, disk = (round(max(0.0, radius - SOFT_EDGE) * (1 << SUBPIXEL)) for radius in radii)
    for k, center in zip(np.flatnonzero(present).tolist(), to_subpixels(keypoints[present]), strict=True):
        cv2.circle(canvas, center, rim, PAPER, -1, cv2.LINE_AA, SUBPIXEL)
        cv2.circle(canvas, center, disk, colors[k], -1, cv2.LINE_AA, SUBPIXEL)


def _rectangles(ends: FloatArray, width_px: float) -> NDArray[np.int32]:
    """Return lines with two ends each (L, 2, 2), canvas px, as the corners (L, 4, 2) of rectangles, in subpixels.

    OpenCV's own lines of few pixels are up to twice as wide as requested.
    """
    along = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), np.finfo(float).tiny)
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1) / length * max(width_px / 2 - SOFT_EDGE, 0.0)
    start, end = ends[:, 0], ends[:, 1]
    corners = np.stack([start + aside, end + aside, end - aside, start - aside], axis=1)
    return np.rint(corners * (1 << SUBPIXEL)).astype(np.int32)


def face_view(
    image: Image,
    true_keypoints: FloatArray | None,
    pred_keypoints: FloatArray | None,
    around: FloatArray,
    side: int = 240,
    margin: float = 1.5,
    skeleton: Skeleton | None = None,
) -> Image:
    """Return a square close-up (side, side, 3) uint8 RGB of a face with its true and predicted keypoints.

    White lines join each true keypoint to its prediction. What lies outside the image is black.

    Args:
        image: (H, W, 3) uint8 RGB.
        true_keypoints: (K, 2), image px, NaN where missing; None draws none.
        pred_keypoints: (K, 2), image px, NaN where missing; None draws none.
        around: (4,) xyxy, image px: the box to show.
        side: side of the view, px.
        margin: side of the view relative to the longer side of the box.
        skeleton: names lines between the keypoints; None draws none.
    """
    size = side, side
    affine = Affine.crop(box_to_aspect(scale_box(around, margin), size), size)
    canvas = images.warp(image, affine, size, cv2.BORDER_CONSTANT)
    if true_keypoints is not None and pred_keypoints is not None:
        _draw_errors(canvas, affine(true_keypoints), affine(pred_keypoints))
    for keypoints, color in ((true_keypoints, TRUE), (pred_keypoints, PREDICTED)):
        if keypoints is not None:
            canvas = draw_points(canvas, affine(keypoints), color, skeleton, side / VIEW_SIDE_PER_RADIUS)
    return canvas


def _draw_errors(canvas: Image, true_keypoints: FloatArray, pred_keypoints: FloatArray) -> None:
    """Join true to predicted keypoints, (K, 2) each, canvas px, on the canvas (H, W, 3) uint8 RGB."""
    both = is_present(true_keypoints) & is_present(pred_keypoints)
    for start, end in zip(to_subpixels(true_keypoints[both]), to_subpixels(pred_keypoints[both]), strict=True):
        cv2.line(canvas, start, end, PAPER, 1, cv2.LINE_AA, SUBPIXEL)


def view_box(keypoints: FloatArray, size: tuple[int, int], share: float = 0.5) -> FloatArray:
    """Return the box (4,) xyxy, image px, that a close-up of a face shows.

    It is the bounding box of the keypoints. A single point has none: its box is a square around it.

    Args:
        keypoints: (K, 2), image px; NaN where missing.
        size: (height, width) of the image, px.
        share: side of that square relative to the shorter side of the image.
    """
    box = box_around(keypoints)
    if (box[2:] - box[:2]).max() > 1:
        return box
    half = share * min(size) / 2
    return np.concatenate([box[:2] - half, box[2:] + half])
