"""Predicted faces on images: keypoints, lines, uncertainty ellipses and numbers, all scaled to the face."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from nasion.draw.fine import paint_finely
from nasion.draw.palette import PAPER, PREDICTED, REGIONS, SPREAD, Color
from nasion.draw.points import RIM, SUBPIXEL, paint_points, to_subpixels
from nasion.geometry import Affine, FloatArray, box_around, is_present
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["draw_face", "draw_predictions", "face_size", "region_colors"]

SIZE_PER_RADIUS = 120
"""Size of a face divided by the radius of its points."""

CROP_PER_SIZE = 2
"""Diagonal of a crop divided by the smallest size of its face; it counts if there are few points."""

OPACITY = 0.45
"""Opacity of uncertainty ellipses, 0 to 1."""

ELLIPSE_SPREADS = 2
"""Half axes of an uncertainty ellipse, in spreads."""

MAX_HALF_AXIS = 1e5
"""Largest half axis that is drawn, image px; no image is larger, and OpenCV does not draw what exceeds 32 bits."""

DIGIT_HEIGHT = 0.72
"""Height of the font's digits, as a share of its size."""

NAME_SHARE, MIN_NAME_PX = 0.1, 8.0
"""Height of a name as a share of the face's size, and its smallest height, px."""

NAME_GAP = 0.5
"""Space between a face and its name, as a share of the name's height."""

OUTLINE = 0.2
"""Width of the white outline of a name, as a share of its height."""


class Name(NamedTuple):
    """A text on an image: its left end on the baseline (2,), its height and width, image px."""

    text: str
    start: FloatArray
    height: float
    width: float

    def box(self) -> FloatArray:
        """Return the box (4,) that holds the text and its outline, image px."""
        low, high = self.start - [0.0, self.height], self.start + np.array([self.width, 0.0])
        return np.concatenate([low - 2 * OUTLINE * self.height, high + 2 * OUTLINE * self.height])


def draw_predictions(
    image: Image,
    faces: Sequence[Prediction],
    with_spread: bool = False,
    with_regions: bool = False,
    multiple: float = ELLIPSE_SPREADS,
) -> Image:
    """Return a copy of the image with the keypoints and lines of every face; several faces are numbered from 0.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: the predicted faces.
        with_spread: whether to draw an ellipse around each keypoint.
        with_regions: whether to draw each region in its own color.
        multiple: half axes of the ellipses, in spreads. If the spreads are calibrated, 86 % of true positions lie
            within two.
    """
    canvas = image.copy()
    for number, face in enumerate(faces):
        _paint_face(canvas, face, str(number) if len(faces) > 1 else "", with_spread, with_regions, multiple)
    return canvas


def draw_face(
    image: Image, face: Prediction, name: str = "", with_spread: bool = False, with_regions: bool = False
) -> Image:
    """Return a copy of the image with the keypoints and lines of one face, scaled to its size.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: the predicted face.
        name: the text below the face.
        with_spread: whether to draw an ellipse of two spreads around each keypoint.
        with_regions: whether to draw each region in its own color.
    """
    canvas = image.copy()
    _paint_face(canvas, face, name, with_spread, with_regions)
    return canvas


def face_size(face: Prediction) -> float:
    """Return the size to which a face's drawing is scaled, image px: the diagonal of the box around its keypoints.

    A single keypoint has no extent, and few have too little; then it is a share of the crop's diagonal.
    """
    crop = float(np.linalg.norm(face.box[2:] - face.box[:2])) / CROP_PER_SIZE
    around = box_around(face.keypoints)
    return max(crop, float(np.linalg.norm(around[2:] - around[:2])))


def region_colors(skeleton: Skeleton) -> list[Color]:
    """Return the color of each of the K keypoints: that of its region."""
    colors: list[Color] = [PREDICTED] * skeleton.count
    for number, indices in enumerate(skeleton.regions.values()):
        for index in indices:
            colors[index] = REGIONS[number % len(REGIONS)]
    return colors


def _paint_face(
    canvas: Image,
    face: Prediction,
    text: str,
    with_spread: bool,
    with_regions: bool,
    multiple: float = ELLIPSE_SPREADS,
) -> None:
    """Draw a face on the canvas (H, W, 3) uint8 RGB; see `draw_face`."""
    if not is_present(face.keypoints).any():
        return
    around, size = box_around(face.keypoints), face_size(face)
    radius_px = size / SIZE_PER_RADIUS
    name = _name_below(text, around, size, canvas.shape[:2]) if text else None
    ellipses = _ellipses(face, multiple) if with_spread else []
    colors = region_colors(face.skeleton) if with_regions else PREDICTED

    def paint(part: Image, move: Affine, factor: float) -> None:
        _paint_ellipses(part, ellipses, move, factor)
        paint_points(part, move(face.keypoints), colors, face.skeleton, radius_px * factor)
        if name:
            _paint_name(part, name, move, factor)

    margin = 2 * radius_px * (1 + RIM)
    boxes = [np.concatenate([around[:2] - margin, around[2:] + margin])]
    boxes += [name.box()] if name else []
    boxes += [np.concatenate([center - axes.max(), center + axes.max()]) for center, axes, _ in ellipses]
    low, high = np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]
    paint_finely(canvas, np.concatenate([low, high]), radius_px, paint)


def _ellipses(face: Prediction, multiple: float) -> list[tuple[FloatArray, FloatArray, float]]:
    """Return center (2,) and half axes (2,), image px, and angle, degrees, of each known uncertainty."""
    return [
        (place, np.minimum(multiple * np.array([long, short]), MAX_HALF_AXIS), float(angle_deg))
        for place, (long, short, angle_deg) in zip(face.keypoints, face.ellipses, strict=True)
        if np.isfinite([*place, long]).all()
    ]


def _paint_ellipses(
    part: Image, ellipses: Sequence[tuple[FloatArray, FloatArray, float]], move: Affine, factor: float
) -> None:
    """Draw translucent ellipses, centers and half axes (2,) in image px, on the part (H, W, 3) uint8 RGB."""
    if not ellipses:
        return
    covered = part.copy()
    for place, half_axes, angle_deg in ellipses:
        center, axes = to_subpixels(np.stack([move(place), factor * half_axes]))
        cv2.ellipse(covered, center, axes, angle_deg, 0, 360, SPREAD, -1, cv2.LINE_AA, SUBPIXEL)
    part[:] = cv2.addWeighted(covered, OPACITY, part, 1 - OPACITY, 0)


def _name_below(text: str, around: FloatArray, size: float, image_size: tuple[int, int]) -> Name:
    """Return the name of the face with keypoints in the box `around` (4,), image px: below it, inside the image.

    At the lower edge of the image, it is beside the chin.
    """
    height = max(NAME_SHARE * size, MIN_NAME_PX)
    width = ImageFont.load_default(height / DIGIT_HEIGHT).getlength(text)
    edge = 2 * OUTLINE * height
    last = image_size[1] - 1 - edge - width, image_size[0] - 1 - edge
    x, y = (around[0] + around[2] - width) / 2, around[3] + (1 + NAME_GAP) * height
    if y > last[1]:
        x = around[0] - width if around[0] - width >= edge else around[2]
    start = np.maximum(np.minimum([x, y], last), [edge, height + edge])
    return Name(text, start, height, width)


def _paint_name(part: Image, name: Name, move: Affine, factor: float) -> None:
    """Write a name on the part (H, W, 3) uint8 RGB."""
    height = name.height * factor
    corners = move(name.box().reshape(2, 2))
    (x0, y0), (x1, y1) = np.clip(np.rint(corners), 0, part.shape[1::-1]).astype(int).tolist()
    label = PillowImage.fromarray(part[y0:y1, x0:x1])
    ImageDraw.Draw(label).text(
        tuple(move(name.start) - [x0, y0]),
        name.text,
        PREDICTED,
        ImageFont.load_default(height / DIGIT_HEIGHT),
        anchor="ls",
        stroke_width=round(OUTLINE * height),
        stroke_fill=PAPER,
    )
    part[y0:y1, x0:x1] = np.asarray(label)
