"""Points on pictures, and pictures on sheets. True points are orange, found ones blue, everywhere."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from nasion import images
from nasion.geometry import Affine, FloatArray, box_around, box_to_aspect, is_present, scale_box
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = [
    "PREDICTED",
    "TRUE",
    "caption",
    "draw_face",
    "draw_points",
    "draw_predictions",
    "face_view",
    "legend",
    "sheet",
]

Color = tuple[int, int, int]

TRUE: Color = (255, 140, 0)
PREDICTED: Color = (30, 120, 255)
SPREAD: Color = (120, 220, 255)
PAPER: Color = (255, 255, 255)
INK: Color = (40, 40, 40)

OPACITY = 0.45
"""Of the ellipses that show a spread."""

SUBPIXEL = 4
"""Binary digits after the point in OpenCV's drawing: a point is drawn where it is, not where its pixel is."""


def draw_points(
    image: Image, keypoints: FloatArray, color: Color, skeleton: Skeleton | None = None, radius_px: float = 2.0
) -> Image:
    """Return a copy of the picture with points (K, 2), image px, and the skeleton's lines if it is given."""
    canvas = image.copy()
    one = 1 << SUBPIXEL
    if skeleton is not None:
        for line in skeleton.lines:
            points = keypoints[list(line)]
            for a, b in pairwise(points):
                if is_present([a, b]).all():
                    ends = np.rint(np.stack([a, b]) * one).astype(int).tolist()
                    cv2.line(canvas, ends[0], ends[1], color, max(1, round(radius_px / 2)), cv2.LINE_AA, SUBPIXEL)
    for x, y in keypoints[is_present(keypoints)]:
        center = round(float(x) * one), round(float(y) * one)
        cv2.circle(canvas, center, round((radius_px + 0.8) * one), PAPER, -1, cv2.LINE_AA, SUBPIXEL)
        cv2.circle(canvas, center, round(radius_px * one), color, -1, cv2.LINE_AA, SUBPIXEL)
    return canvas


def draw_predictions(image: Image, found: Sequence[Prediction], with_spread: bool = False) -> Image:
    """Return a copy of the picture with every face's points and lines, sized to the face; several are numbered.

    `with_spread` draws an ellipse of twice its spread around each point: there it is, 86 times of 100.
    """
    canvas = image.copy()
    for number, face in enumerate(found):
        canvas = draw_face(canvas, face, str(number) if len(found) > 1 else "", with_spread)
    return canvas


def draw_face(image: Image, face: Prediction, name: str = "", with_spread: bool = False) -> Image:
    """Return a copy of the picture with one face's points and lines, sized to it, and its name above it."""
    x0, y0, x1, y1 = face.box
    radius = float(np.clip(np.hypot(x1 - x0, y1 - y0) / 250, 1.2, 12))
    canvas = _ellipses(image, face) if with_spread else image
    canvas = draw_points(canvas, face.keypoints, PREDICTED, face.skeleton, radius)
    if name and is_present(face.keypoints).any():
        _write(canvas, name, box_around(face.keypoints), radius)
    return canvas


def _ellipses(canvas: Image, face: Prediction) -> Image:
    """Return the picture with a translucent ellipse of two spreads around each point."""
    one, covered = 1 << SUBPIXEL, canvas.copy()
    for place, (long, short, turn) in zip(face.keypoints, face.ellipses, strict=True):
        if np.isfinite([*place, long]).all():
            center, halves = (np.rint(np.multiply(pair, one)).astype(int) for pair in (place, (2 * long, 2 * short)))
            cv2.ellipse(
                covered, center.tolist(), halves.tolist(), float(turn), 0, 360, SPREAD, -1, cv2.LINE_AA, SUBPIXEL
            )
    return np.asarray(cv2.addWeighted(covered, OPACITY, canvas, 1 - OPACITY, 0), np.uint8)


def _write(canvas: Image, name: str, box: FloatArray, radius: float) -> None:
    """Write a face's name above it, in place."""
    size = radius / 3
    place = round(float(box[0])), round(float(box[1]) - 6 * radius)
    for color, thickness in ((PAPER, 3 * radius), (PREDICTED, radius)):
        cv2.putText(canvas, name, place, cv2.FONT_HERSHEY_SIMPLEX, size, color, round(thickness), cv2.LINE_AA)


def face_view(
    image: Image,
    true_keypoints: FloatArray | None,
    pred_keypoints: FloatArray | None,
    around: FloatArray,
    side: int = 240,
    margin: float = 1.5,
) -> Image:
    """Return a square view (side, side, 3) of a face with its true and found points.

    Args:
        image: the picture.
        true_keypoints: (K, 2), image px; None is not drawn.
        pred_keypoints: the same.
        around: (4,) the box around the face's points, image px.
        side: px.
        margin: side of the view against the box.
    """
    size = side, side
    affine = Affine.crop(box_to_aspect(scale_box(around, margin), size), size)
    canvas = images.warp(image, affine, size)
    radius = side / 130
    if true_keypoints is not None and pred_keypoints is not None:
        canvas = _errors(canvas, affine(true_keypoints), affine(pred_keypoints))
    for keypoints, color in ((true_keypoints, TRUE), (pred_keypoints, PREDICTED)):
        if keypoints is not None:
            canvas = draw_points(canvas, affine(keypoints), color, radius_px=radius)
    return canvas


def _errors(canvas: Image, true_keypoints: FloatArray, pred_keypoints: FloatArray) -> Image:
    canvas = canvas.copy()
    both = is_present(true_keypoints) & is_present(pred_keypoints)
    for a, b in zip(true_keypoints[both], pred_keypoints[both], strict=True):
        ends = np.rint(np.stack([a, b]) * (1 << SUBPIXEL)).astype(int).tolist()
        cv2.line(canvas, ends[0], ends[1], PAPER, 1, cv2.LINE_AA, SUBPIXEL)
    return canvas


def whole_or_box(keypoints: FloatArray, size: tuple[int, int], share: float = 0.5) -> FloatArray:
    """Return a box (4,) to look at: around the points, or, for a single point, `share` of the picture around it."""
    box = box_around(keypoints)
    if (box[2:] - box[:2]).max() > 1:
        return box
    half = share * min(size) / 2
    return np.concatenate([box[:2] - half, box[2:] + half])


def caption(tile: Image, text: str, height: int = 22) -> Image:
    """Return the picture with a line of text under it, cut to its width."""
    strip = PillowImage.new("RGB", (tile.shape[1], height), PAPER)
    font = ImageFont.load_default(height * 0.6)
    pen = ImageDraw.Draw(strip)
    while text and pen.textlength(text, font=font) > tile.shape[1] - 6:
        text = text[:-2].rstrip("….") + "…" if len(text) > 2 else ""
    pen.text((4, height * 0.1), text, INK, font=font)
    return np.concatenate([tile, np.asarray(strip)])


def sheet(tiles: Sequence[Image], columns: int, gap: int = 6, paper: Color = PAPER) -> Image:
    """Return tiles of any sizes in rows of `columns`, each in a cell of the largest tile's size."""
    height, width = (max(t.shape[axis] for t in tiles) for axis in (0, 1))
    rows = ceil(len(tiles) / columns)
    canvas = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), paper, np.uint8)
    for k, tile in enumerate(tiles):
        y, x = gap + k // columns * (height + gap), gap + k % columns * (width + gap)
        canvas[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    return canvas


def legend(picture: Image, entries: Sequence[tuple[str, Color | None]], height: int = 30) -> Image:
    """Return the picture under a line that says what the colors mean; an entry without a color is plain text."""
    strip = PillowImage.new("RGB", (picture.shape[1], height), PAPER)
    pen, font, x = ImageDraw.Draw(strip), ImageFont.load_default(height * 0.5), 10.0
    for text, color in entries:
        if color is not None:
            pen.ellipse((x, height * 0.32, x + height * 0.4, height * 0.72), fill=color)
            x += height * 0.6
        pen.text((x, height * 0.2), text, INK, font=font)
        x += pen.textlength(text, font=font) + height
    return np.concatenate([np.asarray(strip), picture])
