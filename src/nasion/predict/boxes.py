"""Face boxes that users give: checked, and read from the command line or a CSV file."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nasion.errors import AnnotationError, ConfigError, ImageError
from nasion.geometry import MIN_EXTENT, FloatArray, check_coordinates

__all__ = ["BoxSource", "boxes_from", "check_box", "detect_boxes", "parse_box"]

BoxSource = Callable[[Path], Sequence[Sequence[float] | None] | None]
"""Maps an image's path to its boxes: None runs the detector, and a box None is the full image.

Raises `ImageError` for an image without boxes.
"""

BOX_COLUMNS = ("image", "x0", "y0", "x1", "y1")
"""Columns of a CSV file of boxes."""

FULL_IMAGE = ("image", "picture")
"""Words that stand for the full image; the second is the former name."""


def detect_boxes(_path: Path) -> None:
    """Return None: the detector finds the faces."""
    return


def check_box(box: ArrayLike) -> FloatArray:
    """Return the box x0, y0, x1, y1 as an array (4,), image px.

    Raises:
        ConfigError: it has no area, or is not four finite numbers that lie in some image.
    """
    try:
        array = np.asarray(box, np.float64)
        is_box = array.shape == (4,) and np.isfinite(array).all()
    except (ValueError, TypeError, OverflowError):
        array, is_box = np.zeros(4), False
    if is_box:
        check_coordinates(array, "the box", ConfigError)
    if not is_box or (array[2:] - array[:2] < MIN_EXTENT).any():
        raise ConfigError(f"a box is x0,y0,x1,y1 in px with x0 < x1 and y0 < y1, not {str(box)[:80]}")
    return array


def parse_box(text: str) -> list[float]:
    """Return the box that "x0,y0,x1,y1" describes, image px.

    >>> parse_box("200,120,440,400")
    [200.0, 120.0, 440.0, 400.0]

    Raises:
        ConfigError: it has no area, or is not four finite numbers.
    """
    try:
        box = [float(word) for word in text.split(",")]
    except ValueError:
        raise ConfigError(f'a box is x0,y0,x1,y1 in px, such as 200,120,440,400, not "{text[:80]}"') from None
    return check_box(box).tolist()


def boxes_from(text: str) -> BoxSource:
    """Return the boxes that "x0,y0,x1,y1", "image" or a CSV file (image, x0, y0, x1, y1) give.

    Raises:
        ConfigError: a box is malformed, or the file has other columns.
        AnnotationError: the file cannot be read.
    """
    if text in FULL_IMAGE:
        return lambda _path: [None]
    if text.lower().endswith(".csv"):
        return _from_table(Path(text))
    if "," not in text:
        raise ConfigError(
            f'a box is x0,y0,x1,y1 in px, such as 200,120,440,400, "image" or a CSV file, not "{text[:80]}"'
        )
    box = parse_box(text)
    return lambda _path: [box]


def _from_table(table: Path) -> BoxSource:
    found = _read_table(table)

    def boxes(path: Path) -> Sequence[Sequence[float]]:
        if str(path) not in found and path.name not in found:
            raise ImageError(f"{path}: {table} has no box for it")
        return found.get(str(path), found.get(path.name, []))

    return boxes


def _read_table(path: Path) -> dict[str, list[list[float]]]:
    """Return the boxes of a CSV file by image."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or ())
    except FileNotFoundError:
        raise AnnotationError(f"{path}: no such file; --box needs a CSV file with {','.join(BOX_COLUMNS)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise AnnotationError(f"{path}: cannot read the boxes ({reason}); give a CSV file") from None
    if not set(BOX_COLUMNS) <= set(columns):
        raise ConfigError(
            f"{path}: boxes need the columns {','.join(BOX_COLUMNS)}; it has {','.join(columns) or 'none'}"
        )
    found: dict[str, list[list[float]]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            name, box = str(Path(row["image"])), [float(row[name]) for name in BOX_COLUMNS[1:]]
            check_box(box)
        except (ValueError, TypeError, ConfigError):
            raise ConfigError(f"{path}, line {number}: not a box with x0 < x1 and y0 < y1, px") from None
        found.setdefault(name, []).append(box)
    return found
