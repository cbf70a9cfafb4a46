"""A table with a header: a column `image`, then x, y pairs; empty cells are missing points. 0-based.

The pairs are named x0, y0, x1, y1, … or NAME_x, NAME_y. The optional columns subject, split, and box_x0, box_y0,
box_x1, box_y1 are read as well. The images are in the folder of the table, or in `?images=DIR`.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._writing import nth_face, replace_file, rounded
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "csv:FILE.csv     a table: image, x0, y0, x1, y1, … (or NAME_x, NAME_y), 0-based; empty cells are missing"
OPTIONS = {
    "images": "the folder that file names start from",
    "origin": "the number of the first pixel, 0 or 1 (0)",
    "skeleton": reading.SKELETON_HELP,
}

IMAGE = "image"
"""Name of the column with the image's file name."""

BOX = ("box_x0", "box_y0", "box_x1", "box_y1")
"""Names of the optional columns with the face's box, xyxy, image px."""

ORIGIN = 0
"""Coordinate of the first pixel's center, unless `?origin=` sets another."""

SPLIT_WORDS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
"""Other words for the splits that tables use."""


def points_header(count: int) -> list[str]:
    """Return the names of the columns of `count` points.

    >>> points_header(2)
    ['x0', 'y0', 'x1', 'y1']
    """
    return [f"{axis}{k}" for k in range(count) for axis in "xy"]


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a table, one per row; the subject is that column, or the photo."""
    path = reading.existing_path(source, "file")
    root = reading.image_folder(path, options)
    origin = reading.pixel_origin(options, ORIGIN)
    header, rows = _read_table(path)
    names = point_names(path, header)
    skeleton = _skeleton(path, list(names), options)
    columns = [names[name] for name in reading.sorted_like(list(names), skeleton)]
    found = reading.Collector()
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        face = seen[row[IMAGE]] = seen.get(row[IMAGE], -1) + 1
        with found.reading(f"row {number}"):
            found.add(_face(root, row, columns, face, skeleton, origin))
    return found.dataset(f"csv:{source}", skeleton, f"coordinates read as {origin}-based")


def _read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            table = csv.DictReader(file)
            return list(table.fieldnames or ()), list(table)
        except (csv.Error, UnicodeDecodeError) as error:
            raise AnnotationError(f"{path}: not a CSV table: {error}") from None


def _skeleton(path: Path, names: list[str], options: Mapping[str, str]) -> Skeleton:
    """Return the option's skeleton, for columns x0, y0, … a packaged one, or one with the table's names."""
    unnamed = all(name.startswith("point_") for name in names)
    skeleton = reading.option_skeleton(options) or (reading.skeleton_of_count(len(names)) if unnamed else None)
    skeleton = skeleton or reading.skeleton_of_names(path.stem, names)
    if skeleton.count != len(names):
        raise AnnotationError(f"{path}: {len(names)} x, y pairs, but {skeleton.name} has {skeleton.count} points")
    return skeleton


def point_names(path: Path, header: list[str]) -> dict[str, tuple[str, str]]:
    """Return the points' names with their two columns, in the table's order.

    Raises:
        AnnotationError: there is no column `image`, or no x, y pair.
    """
    if IMAGE not in header:
        raise AnnotationError(f'{path}: no column "{IMAGE}" in its header ({", ".join(header[:4])}, …)')
    pairs: dict[str, tuple[str, str]] = {}
    for column in header:
        if column.endswith("_x") and f"{column[:-2]}_y" in header:
            pairs[column[:-2]] = column, f"{column[:-2]}_y"
        elif column[:1] == "x" and column[1:].isdigit() and f"y{column[1:]}" in header:
            pairs[f"point_{column[1:]}"] = column, f"y{column[1:]}"
    if not pairs:
        raise AnnotationError(f"{path}: no pairs of columns x0, y0, … or NAME_x, NAME_y")
    return pairs


def _face(
    root: Path, row: Mapping[str, str], columns: list[tuple[str, str]], face: int, skeleton: Skeleton, origin: int
) -> Annotation:
    try:
        keypoints = np.array([[_number(row[x]), _number(row[y])] for x, y in columns]) - origin
        box = np.array([float(row[key]) for key in BOX]) - origin if row.get(BOX[0]) else None
    except (ValueError, KeyError, TypeError) as error:
        raise AnnotationError(f"not a number, or too few cells: {error}") from None
    return reading.checked_annotation(
        root / row[IMAGE],
        keypoints,
        skeleton,
        box=box,
        subject=row.get("subject") or str(Path(row[IMAGE]).with_suffix("")),
        split=_split(row.get("split") or ""),
        face=face,
    )


def _split(word: str) -> str:
    """Return "train", "val", "test" or "" for a word in a table."""
    split = SPLIT_WORDS.get(word.strip().lower(), word.strip().lower())
    if split not in ("", "train", "val", "test"):
        raise AnnotationError(f'its split "{word}" is none of train, val, test')
    return split


def _number(cell: str | None) -> float:
    if cell is None:
        raise ValueError("the row ends before its points do")
    return float(cell) if cell.strip() else float("nan")


class LabelFiles:
    """A table whose coordinates can be changed; the cells of other columns stay as they are."""

    form, hides = ".csv", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton = place, skeleton
        self.images, self.origin = reading.image_folder(place, options), reading.pixel_origin(options, ORIGIN)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where a cell is empty."""
        header, *rows = self._rows()
        row = self._row(image, face, header, rows)
        pairs = [[_number(row[x]), _number(row[y])] for x, y in self._columns(header)]
        return np.array(pairs) - self.origin

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; the cells of NaN points become empty."""
        header, *rows = self._rows()
        row = self._row(image, face, header, rows)
        for columns, point in zip(self._columns(header), keypoints + self.origin, strict=True):
            for column, value in zip(columns, point, strict=True):
                row[column] = "" if np.isnan(point).any() else f"{rounded(value):.3f}"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        replace_file(self.path, text.getvalue().encode("utf-8"))

    def _rows(self) -> list[list[str]]:
        """Return the header and the rows as lists, which keeps cells beyond the header's last column."""
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file) if row]

    def _columns(self, header: list[str]) -> list[tuple[int, int]]:
        """Return the column numbers of each point's x and y, in the skeleton's order."""
        names = point_names(self.path, header)
        pairs = (names[name] for name in reading.sorted_like(list(names), self.skeleton))
        return [(header.index(x), header.index(y)) for x, y in pairs]

    def _row(self, image: Path, face: int, header: list[str], rows: list[list[str]]) -> list[str]:
        column = header.index(IMAGE)
        return nth_face([row for row in rows if self.images / row[column] == image], face, image, self.path)
