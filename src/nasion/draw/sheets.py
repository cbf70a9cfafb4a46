"""Images arranged on sheets, with captions and legends."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from nasion.draw.palette import INK, PAPER, TRUE, Color
from nasion.draw.points import face_view, view_box
from nasion.errors import ImageError
from nasion.sample import DataSet, Image

__all__ = ["caption", "evenly_spaced", "faces_sheet", "legend", "sheet"]

MISSING_GRAY = 235
"""Gray level of the tile that replaces an unreadable image."""

MAX_COLUMNS = 4
"""Largest number of columns of a sheet of faces."""

FACE_MARGIN = 1.8
"""Side of a tile relative to the box around its face's keypoints."""


def caption(tile: Image, text: str, height: int = 22) -> Image:
    """Return an image with a line of text below it, shortened to the image's width.

    Args:
        tile: (H, W, 3) uint8 RGB.
        text: the line.
        height: of the line, px.

    Returns:
        (H + height, W, 3) uint8 RGB.
    """
    width = tile.shape[1]
    strip = PillowImage.new("RGB", (width, height), PAPER)
    font = ImageFont.load_default(height * 0.6)
    pen = ImageDraw.Draw(strip)
    while text and pen.textlength(text, font=font) > width - 6:
        text = text[:-2].rstrip("….") + "…" if len(text) > 2 else ""
    pen.text((4, height * 0.1), text, INK, font=font)
    return np.concatenate([tile, np.asarray(strip)])


def sheet(tiles: Sequence[Image], columns: int, gap: int = 6, paper: Color = PAPER) -> Image:
    """Return images (H, W, 3) uint8 RGB of any sizes in a grid with cells of the largest height and width.

    Args:
        tiles: the images, row by row; each is placed in the top left corner of its cell.
        columns: number of columns.
        gap: space around each cell, px.
        paper: RGB color of the background.
    """
    height, width = (max(tile.shape[axis] for tile in tiles) for axis in (0, 1))
    rows = ceil(len(tiles) / columns)
    canvas = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), paper, np.uint8)
    for k, tile in enumerate(tiles):
        y, x = gap + k // columns * (height + gap), gap + k % columns * (width + gap)
        canvas[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    return canvas


def legend(image: Image, entries: Sequence[tuple[str, Color | None]], height: int = 30) -> Image:
    """Return an image with a line above it that explains the colors.

    Args:
        image: (H, W, 3) uint8 RGB.
        entries: texts and their RGB colors; a text without a color gets no dot.
        height: of the line, px.

    Returns:
        (height + H, W, 3) uint8 RGB.
    """
    strip = PillowImage.new("RGB", (image.shape[1], height), PAPER)
    pen, font, x = ImageDraw.Draw(strip), ImageFont.load_default(height * 0.5), 10.0
    for text, color in entries:
        if color is not None:
            pen.ellipse((x, height * 0.32, x + height * 0.4, height * 0.72), fill=color)
            x += height * 0.6
        pen.text((x, height * 0.2), text, INK, font=font)
        x += pen.textlength(text, font=font) + height
    return np.concatenate([np.asarray(strip), image])


def evenly_spaced(faces: DataSet, count: int) -> list[int]:
    """Return `count` indices spread evenly over the data set, because its first faces often share a subject."""
    return np.unique(np.linspace(0, len(faces) - 1, min(count, len(faces))).astype(int)).tolist()


def faces_sheet(faces: DataSet, count: int, side: int = 300) -> Image:
    """Return a sheet (H, W, 3) uint8 RGB of up to `count` faces with their keypoints, lines, names and splits.

    Args:
        faces: the labeled faces.
        count: largest number of faces.
        side: side of each tile, px.
    """
    tiles = [_face_tile(faces, index, side) for index in evenly_spaced(faces, count)]
    grid = sheet(tiles, columns=min(MAX_COLUMNS, len(tiles)))
    return legend(grid, [(faces.name, None), ("labeled points", TRUE)])


def _face_tile(faces: DataSet, index: int, side: int) -> Image:
    """Return the tile (side + caption, side, 3) uint8 RGB of one face; a gray one if its image is unreadable."""
    face = faces.annotations[index]
    try:
        image = faces.load(index).image
    except ImageError as error:
        return caption(np.full((side, side, 3), MISSING_GRAY, np.uint8), f"{face.name}: {error}")
    around = view_box(face.keypoints, image.shape[:2])
    view = face_view(image, face.keypoints, None, around, side, FACE_MARGIN, faces.skeleton)
    return caption(view, f"{face.name} {face.split}")
