"""A table with a header: a column `image`, then x, y pairs; empty cells are missing points. 0-based.

The pairs are named x0, y0, x1, y1, … or NAME_x, NAME_y. The optional columns face, score, subject, split, and box_x0,
box_y0, box_x1, box_y1 are read as well; a row without a face number and coordinates says that its image has no face.
The images are in the folder of the table, or in `?images=DIR`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats import _tables as tables
from nasion.datasets.formats._writing import csv_line, nth_face, replace_file, rounded
from nasion.geometry import FloatArray
from nasion.outputs.columns import BOX, IMAGE, MEASUREMENT_COLUMNS, SCORE, wide_columns, wide_rows
from nasion.outputs.records import SCORE_DECIMALS, Content, LabelSet
from nasion.sample import DataSet
from nasion.skeleton import Skeleton
from nasion.uncertainty import MEASURED_DECIMALS

DESCRIPTION = "csv:FILE.csv     a table: image, x0, y0, x1, y1, … (or NAME_x, NAME_y), 0-based; empty cells are missing"
OPTIONS = {
    "images": reading.IMAGES_HELP,
    "origin": "the coordinate of the first pixel's center: 0, 0.5 or 1 (0)",
    "skeleton": reading.SKELETON_HELP,
}

STORES = frozenset(Content) - {Content.VISIBILITY, Content.SPREAD, Content.ELLIPSES}

ORIGIN = 0
"""Coordinate of the first pixel's center, unless `?origin=` sets another."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a table, one per row; the subject is that column, or the photo."""
    path = reading.existing_path(source, "file")
    origin = reading.pixel_origin(options, ORIGIN)
    header, *rows = tables.read_csv(path) or [[]]
    named = ((f"row {line}", _cells(header, row)) for line, row in enumerate(rows, start=2))
    return tables.wide_dataset(f"csv:{source}", path, header, named, options, origin)


def _cells(header: list[str], row: list[str]) -> dict[str, str | None]:
    """Return the cells of a row by column; None where the row has ended."""
    return dict(zip(header, [*row, *[None] * (len(header) - len(row))], strict=False))


def files(labels: LabelSet, target: Path, options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the table's path and its content, row by row."""
    yield target, _lines(labels, reading.pixel_origin(options, ORIGIN))


def _lines(labels: LabelSet, origin: float) -> Iterator[bytes]:
    header = wide_columns(labels)
    first, score = header.index(BOX[0]), header.index(SCORE)
    last = len(header) - (len(MEASUREMENT_COLUMNS) if labels.measured else 0)
    yield csv_line(header)
    for row in wide_rows(labels):
        numbers = (value if value is None else f"{rounded(float(value) + origin):.3f}" for value in row[first:last])
        measured = (value if value is None else str(rounded(float(value), MEASURED_DECIMALS)) for value in row[last:])
        if row[score] is not None:
            row[score] = f"{row[score]:.{SCORE_DECIMALS}f}"
        yield csv_line([*row[:first], *numbers, *measured])


class _Table(NamedTuple):
    """A table's header and rows, with the rows of each image; `stamp` changes when the file does."""

    header: list[str]
    rows: list[list[str]]
    of_image: Mapping[Path, list[list[str]]]
    stamp: tuple[int, int, int] | None


class LabelFiles:
    """A table whose coordinates can be changed; other cells stay as they are, except measurements."""

    form, hides = ".csv", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton = place, skeleton
        self.images, self.origin = reading.image_folder(place, options), reading.pixel_origin(options, ORIGIN)
        self._last_read: _Table | None = None

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where a cell is empty."""
        if self._last_read is None or self._last_read.stamp is None or self._last_read.stamp != self._stamp():
            self._last_read = self._table()
        row = self._row(image, face, self._last_read)
        pairs = [[tables.number(row[x]), tables.number(row[y])] for x, y in self._columns(self._last_read.header)]
        return np.array(pairs) - self.origin

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; NaN points and its measurements become empty cells."""
        table = self._table()
        row = self._row(image, face, table)
        for columns, point in zip(self._columns(table.header), keypoints + self.origin, strict=True):
            for column, value in zip(columns, point, strict=True):
                row[column] = "" if np.isnan(point).any() else f"{rounded(value):.3f}"
        for column in tables.measurement_columns(table.header):
            row[column] = ""
        replace_file(self.path, b"".join(map(csv_line, [table.header, *table.rows])))

    def _table(self) -> _Table:
        stamp = self._stamp()
        header, *rows = tables.read_csv(self.path) or [[]]
        of_image: dict[Path, list[list[str]]] = {}
        column = header.index(IMAGE)
        for row in rows:
            of_image.setdefault(self.images / row[column], []).append(row)
        return _Table(header, rows, of_image, stamp)

    def _stamp(self) -> tuple[int, int, int] | None:
        """Return the file's number, the time of its last change, ns, and its size, bytes; None if there is none."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _columns(self, header: list[str]) -> list[tuple[int, int]]:
        """Return the column numbers of each point's x and y, in the skeleton's order."""
        names = tables.point_names(self.path, header)
        pairs = (names[name] for name in reading.sorted_like(list(names), self.skeleton))
        return [(header.index(x), header.index(y)) for x, y in pairs]

    def _row(self, image: Path, face: int, table: _Table) -> list[str]:
        return nth_face(table.of_image.get(image, []), face, image, self.path)
