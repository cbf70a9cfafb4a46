"""Keypoints on images: points, lines, uncertainty ellipses, and close-up views of faces."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from nasion import images
from nasion.draw.palette import PAPER, PREDICTED, SPREAD, TRUE, Color
from nasion.geometry import Affine, FloatArray, box_around, box_to_aspect, is_present, scale_box
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = [
    "SUBPIXEL",
    "draw_face",
    "draw_points",
    "draw_predictions",
    "face_view",
    "to_subpixels",
    "view_box",
]

OPACITY = 0.45
"""Opacity of uncertainty ellipses, 0 to 1."""

SUBPIXEL = 4
"""Fractional bits of OpenCV's drawing coordinates, so that points are drawn between pixels where necessary."""

RIM_PX = 0.8
"""Width of the white rim around each point, px."""

BOX_DIAGONAL_PER_RADIUS = 250
"""Diagonal of a face's box divided by the radius of its points."""

RADII_PX = 1.2, 12
"""Smallest and largest radius of a face's points, px."""

ELLIPSE_SPREADS = 2
"""Half axes of an uncertainty ellipse, in spreads."""

VIEW_SIDE_PER_RADIUS = 130
"""Side of a close-up view divided by the radius of its points."""


def to_subpixels(points: FloatArray) -> list[list[int]]:
    """Return points (N, 2), image px, as OpenCV's fixed-point coordinates with `SUBPIXEL` fractional bits.

    >>> to_subpixels(np.array([[1.0, 2.5]]))
    [[16, 40]]
    """
    return np.rint(points * (1 << SUBPIXEL)).astype(int).tolist()


def draw_points(
    image: Image, keypoints: FloatArray, color: Color, skeleton: Skeleton | None = None, radius_px: float = 2.0
) -> Image:
    """Return a copy of the image with points, and with lines between them if a skeleton is given.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (K, 2), image px; NaN where missing.
        color: of points and lines, RGB.
        skeleton: names the lines.
        radius_px: radius of the points without their white rim.
    """
    canvas = image.copy()
    if skeleton is not None:
        _draw_lines(canvas, keypoints, skeleton, color, max(1, round(radius_px / 2)))
    one = 1 << SUBPIXEL
    for center in to_subpixels(keypoints[is_present(keypoints)]):
        cv2.circle(canvas, center, round((radius_px + RIM_PX) * one), PAPER, -1, cv2.LINE_AA, SUBPIXEL)
        cv2.circle(canvas, center, round(radius_px * one), color, -1, cv2.LINE_AA, SUBPIXEL)
    return canvas


def _draw_lines(canvas: Image, keypoints: FloatArray, skeleton: Skeleton, color: Color, thickness: int) -> None:
    """Draw the skeleton's lines between keypoints (K, 2), image px, onto the canvas (H, W, 3) uint8 RGB."""
    for line in skeleton.lines:
        for ends in pairwise(keypoints[list(line)]):
            if is_present(ends).all():
                start, end = to_subpixels(np.stack(ends))
                cv2.line(canvas, start, end, color, thickness, cv2.LINE_AA, SUBPIXEL)


def draw_predictions(image: Image, faces: Sequence[Prediction], with_spread: bool = False) -> Image:
    """Return a copy of the image with the keypoints and lines of every face; several faces are numbered from 0.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: the predicted faces.
        with_spread: whether to draw an ellipse of two spreads around each keypoint. If the spreads are calibrated,
            86 % of true positions lie inside.
    """
    canvas = image.copy()
    for number, face in enumerate(faces):
        canvas = draw_face(canvas, face, str(number) if len(faces) > 1 else "", with_spread)
    return canvas


def draw_face(image: Image, face: Prediction, name: str = "", with_spread: bool = False) -> Image:
    """Return a copy of the image with the keypoints and lines of one face, scaled to its size.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: the predicted face.
        name: the text above the face.
        with_spread: whether to draw an ellipse of two spreads around each keypoint.
    """
    radius_px = float(np.clip(np.linalg.norm(face.box[2:] - face.box[:2]) / BOX_DIAGONAL_PER_RADIUS, *RADII_PX))
    canvas = _with_ellipses(image, face) if with_spread else image
    canvas = draw_points(canvas, face.keypoints, PREDICTED, face.skeleton, radius_px)
    if name and is_present(face.keypoints).any():
        _write_name(canvas, name, box_around(face.keypoints), radius_px)
    return canvas


def _with_ellipses(image: Image, face: Prediction) -> Image:
    """Return a copy of the image (H, W, 3) uint8 RGB with a translucent uncertainty ellipse around each keypoint."""
    covered = image.copy()
    for place, (long, short, angle_deg) in zip(face.keypoints, face.ellipses, strict=True):
        if np.isfinite([*place, long]).all():
            center, axes = to_subpixels(np.array([place, [ELLIPSE_SPREADS * long, ELLIPSE_SPREADS * short]]))
            cv2.ellipse(covered, center, axes, float(angle_deg), 0, 360, SPREAD, -1, cv2.LINE_AA, SUBPIXEL)
    return np.asarray(cv2.addWeighted(covered, OPACITY, image, 1 - OPACITY, 0), np.uint8)


def _write_name(canvas: Image, name: str, box: FloatArray, radius_px: float) -> None:
    """Write a name above a box (4,), image px, onto the canvas (H, W, 3) uint8 RGB."""
    place = round(float(box[0])), round(float(box[1]) - 6 * radius_px)
    for color, thickness in ((PAPER, 3 * radius_px), (PREDICTED, radius_px)):
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(canvas, name, place, font, radius_px / 3, color, round(thickness), cv2.LINE_AA)


def face_view(
    image: Image,
    true_keypoints: FloatArray | None,
    pred_keypoints: FloatArray | None,
    around: FloatArray,
    side: int = 240,
    margin: float = 1.5,
) -> Image:
    """Return a square close-up (side, side, 3) uint8 RGB of a face with its true and predicted keypoints.

    White lines join each true keypoint to its prediction.

    Args:
        image: (H, W, 3) uint8 RGB.
        true_keypoints: (K, 2), image px, NaN where missing; None draws none.
        pred_keypoints: (K, 2), image px, NaN where missing; None draws none.
        around: (4,) xyxy, image px: the box to show.
        side: side of the view, px.
        margin: side of the view relative to the longer side of the box.
    """
    size = side, side
    affine = Affine.crop(box_to_aspect(scale_box(around, margin), size), size)
    canvas = images.warp(image, affine, size)
    if true_keypoints is not None and pred_keypoints is not None:
        _draw_errors(canvas, affine(true_keypoints), affine(pred_keypoints))
    for keypoints, color in ((true_keypoints, TRUE), (pred_keypoints, PREDICTED)):
        if keypoints is not None:
            canvas = draw_points(canvas, affine(keypoints), color, radius_px=side / VIEW_SIDE_PER_RADIUS)
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
