"""The figure of the findings: the labels of each flagged face beside the expected points, then unusual faces."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from nasion import draw, images
from nasion.doctor.checks import Finding, Suspect, count
from nasion.errors import ImageError
from nasion.geometry import Affine, FloatArray, box_to_aspect, is_present, scale_box
from nasion.sample import Annotation, DataSet, Image

__all__ = ["findings_sheet"]

SIDE = 300
"""Side of one view, px."""

FACE_MARGIN, REGION_MARGIN = 1.3, 1.6
"""Side of a view of a complete face, and of a region, as a multiple of the box around its points."""

MIN_REGION = 0.25
"""Smallest box of a region that is shown, as a share of the box around the face."""

PAIRS_PER_ROW = 2
"""Number of faces in a row; each has two views."""

MAX_PER_FINDING, MAX_FLAGGED = 8, 32
"""Largest number of faces that are drawn for one finding, and for all."""

MAX_NUMBERS = 24
"""Largest number of points that are all numbered; if there are more, only the ends of each region are."""

NUMBER_PX = 11
"""Height of a point's number, px."""

HEADING_PX = 34
"""Height of a heading, px."""


def findings_sheet(faces: DataSet, findings: Sequence[Finding], unusual: Sequence[Suspect]) -> Image:
    """Return the figure (H, W, 3) uint8 RGB: flagged faces under the name of their check, then the unusual ones.

    Args:
        faces: opens the images.
        findings: of all checks.
        unusual: unusual faces that no check flags.

    Raises:
        ImageError: none of the images can be read.
    """
    sections: list[Image] = []
    left = MAX_FLAGGED
    for finding in findings:
        shown = list(finding.suspects[: min(MAX_PER_FINDING, left)])
        total = len(finding.suspects)
        heading = f"{finding.check} ({finding.verdict}): {count(total)}"
        heading += f", the first {len(shown)} shown" if len(shown) < total else ""
        section = _section(faces, shown, heading)
        sections += section
        left -= len(shown) if section else 0
    sections += _section(faces, unusual, "unusual, but not flagged by any check")
    if not sections:
        raise ImageError(f"{faces.name}: its images can no longer be read; restore them")
    entries = [(f"findings on {faces.name}", None), ("labeled", draw.TRUE), ("expected", draw.PREDICTED)]
    return draw.legend(np.concatenate(sections), entries)


def _section(faces: DataSet, suspects: Sequence[Suspect], heading: str) -> list[Image]:
    """Return a heading with the views of the suspects below it as a list of one image, or an empty list."""
    tiles = [tile for suspect in suspects if (tile := _tile(faces, suspect)) is not None]
    if not tiles:
        return []
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % PAIRS_PER_ROW)
    sheet = draw.sheet(tiles, columns=PAIRS_PER_ROW)
    return [draw.legend(sheet, [(heading, None)], HEADING_PX)]


def _tile(faces: DataSet, suspect: Suspect) -> Image | None:
    """Return the labels beside the expected points (height, width, 3) uint8 RGB; None if an image is unreadable."""
    face = suspect.face
    try:
        image = faces.open_image(face)
        other = image if suspect.twin is None else faces.open_image(suspect.twin)
    except ImageError:
        return None
    around, shown = _view(suspect, image.shape[:2])
    left = _draw_view(image, around, face, face.keypoints, shown, draw.TRUE)
    if suspect.twin is not None:
        twin = Suspect(suspect.twin)
        box, points = _view(twin, other.shape[:2])
        right = _draw_view(other, box, suspect.twin, suspect.twin.keypoints, points, draw.TRUE)
    elif suspect.expected is None:
        right = _draw_view(image, around, face, np.full_like(face.keypoints, np.nan), shown, draw.PREDICTED)
    else:
        right = _draw_view(image, around, face, suspect.expected, shown, draw.PREDICTED)
    pair = np.concatenate([left, right], axis=1)
    return draw.caption(draw.caption(pair, face.name), suspect.reason)


def _view(suspect: Suspect, size: tuple[int, int]) -> tuple[FloatArray, list[int]]:
    """Return the box (4,), image px, that a view shows, and the indices of the points that it numbers.

    The view shows the regions of the suspect's points, labeled and expected, or the complete face.
    """
    skeleton, keypoints = suspect.face.skeleton, suspect.face.keypoints
    chosen = set(suspect.points)
    shown = sorted(k for indices in skeleton.regions.values() if chosen & set(indices) for k in indices)
    complete = not shown or len(shown) == skeleton.count
    shown = list(range(skeleton.count)) if complete else shown
    places = [keypoints[shown]] if suspect.expected is None else [keypoints[shown], suspect.expected[shown]]
    around = draw.view_box(np.concatenate(places), size)
    face = draw.view_box(keypoints, size)
    if complete:
        return scale_box(around, FACE_MARGIN), shown
    least = MIN_REGION * float((face[2:] - face[:2]).max())
    side = max(REGION_MARGIN * float((around[2:] - around[:2]).max()), least)
    center = (around[:2] + around[2:]) / 2
    return np.concatenate([center - side / 2, center + side / 2]), shown


def _draw_view(
    image: Image, around: FloatArray, face: Annotation, points: FloatArray, shown: Sequence[int], color: draw.Color
) -> Image:
    """Return a view (SIDE, SIDE, 3) uint8 RGB of a part of an image with points (K, 2), image px, lines and numbers."""
    size = SIDE, SIDE
    affine = Affine.crop(box_to_aspect(around, size), size)
    canvas = images.warp(image, affine, size, cv2.BORDER_CONSTANT)
    placed = affine(points)
    _draw_lines(canvas, placed, face, color)
    canvas = draw.draw_points(canvas, placed, color, None, SIDE / 150)
    return _with_numbers(canvas, placed, _numbered(face, shown), color)


def _draw_lines(canvas: Image, points: FloatArray, face: Annotation, color: draw.Color) -> None:
    """Join consecutive points (K, 2), canvas px, of each region; missing ones are left out."""
    for line in face.skeleton.lines:
        known = [k for k in line if is_present(points[k])]
        for start, end in pairwise(draw.to_subpixels(points[known]) if known else []):
            cv2.line(canvas, start, end, color, 1, cv2.LINE_AA, draw.SUBPIXEL)


def _numbered(face: Annotation, shown: Sequence[int]) -> list[int]:
    """Return the indices of the numbered points: all shown points, or the ends of the regions if there are many."""
    if len(shown) <= MAX_NUMBERS:
        return list(shown)
    ends = {k for indices in face.skeleton.regions.values() for k in (indices[0], indices[-1])}
    return [k for k in shown if k in ends]


def _with_numbers(canvas: Image, points: FloatArray, numbered: Sequence[int], color: draw.Color) -> Image:
    """Return the canvas (H, W, 3) uint8 RGB with the index beside each numbered point (K, 2), canvas px."""
    label = PillowImage.fromarray(canvas)
    pen, font = ImageDraw.Draw(label), ImageFont.load_default(NUMBER_PX)
    for k in numbered:
        x, y = points[k]
        if np.isfinite(x) and -SIDE < x < 2 * SIDE and -SIDE < y < 2 * SIDE:
            pen.text((x + 4, y - 4), str(k), draw.PAPER, font, anchor="lb", stroke_width=2, stroke_fill=draw.INK)
    return np.asarray(label)
