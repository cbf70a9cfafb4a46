"""A long table, one row per point: image, face, point, name, x, y, spread. 0-based; empty cells are missing.

A row that holds only an image says that it has no face. The images are in the folder of the table, or in
`?images=DIR`.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats import _tables as tables
from nasion.datasets.formats._labels import LabeledFace, labeled_dataset
from nasion.datasets.formats._writing import csv_line, nth_face, replace_file, rounded
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.outputs.columns import FACE, IMAGE, LONG, long_rows
from nasion.outputs.records import Content, LabelSet
from nasion.sample import DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "csv-long:FILE.csv  a table with one row per point: image, face, point, name, x, y, spread, 0-based"
OPTIONS = {"images": reading.IMAGES_HELP, "skeleton": reading.SKELETON_HELP}

STORES = frozenset({Content.MISSING, Content.NAMES, Content.SEVERAL, Content.EMPTY, Content.SPREAD, Content.FRACTIONS})

NAME, X, Y, SPREAD = LONG[3:]
NEEDED = (IMAGE, FACE, NAME, X, Y)
"""Columns without which a table cannot be read."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a table; the subject is the photo."""
    path = reading.existing_path(source, "file")
    root = reading.image_folder(path, options)
    header, rows = _read_table(path)
    found = reading.Collector()
    faces: dict[tuple[str, str], LabeledFace] = {}
    for line, row in enumerate(rows, start=2):
        cells = dict(zip(header, row, strict=False))
        with found.reading(f"row {line}"):
            if not cells.get(FACE):
                found.empty_images.append(root / cells[IMAGE])
                continue
            key = cells[IMAGE], cells[FACE]
            face = faces.setdefault(key, LabeledFace(f"{Path(key[0]).name}#{key[1]}", root / key[0]))
            face.add(cells[NAME], tables.number(cells.get(X)), tables.number(cells.get(Y)))
            if cells.get(SPREAD):
                face.spread[cells[NAME]] = float(cells[SPREAD])
    return labeled_dataset(f"csv-long:{source}", path.stem, found, faces.values(), options, "")


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows that are not blank.

    Raises:
        AnnotationError: the file is not a CSV table, or lacks a column.
    """
    header, *rows = tables.read_csv(path) or [[]]
    if missing := [name for name in NEEDED if name not in header]:
        raise AnnotationError(f"{path}: no column {', '.join(missing)}; a long table has {', '.join(LONG)}")
    return header, rows


def files(labels: LabelSet, target: Path, _options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the table's path and its content, row by row."""
    rows = long_rows(labels.skeleton, labels.images)
    cells = ([*row[:4], *(v if v is None else f"{rounded(float(v)):.3f}" for v in row[4:])] for row in rows)
    yield target, map(csv_line, chain([LONG], cells))


class LabelFiles:
    """A long table whose coordinates can be changed; the cells of other columns stay as they are."""

    form, hides = "long .csv", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton, self.images = place, skeleton, reading.image_folder(place, options)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where a cell is empty or a row is missing."""
        header, rows = _read_table(self.path)
        x, y = header.index(X), header.index(Y)
        points = np.full((self.skeleton.count, 2), np.nan)
        for index, row in self._rows_of(header, rows, image, face):
            points[index] = tables.number(row[x]), tables.number(row[y])
        return points

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; the cells of NaN points become empty.

        Raises:
            AnnotationError: a point was placed for which the table has no row.
        """
        header, rows = _read_table(self.path)
        x, y = header.index(X), header.index(Y)
        found = dict(self._rows_of(header, rows, image, face))
        for index, point in enumerate(keypoints.tolist()):
            missing = bool(np.isnan(point).any())
            if index in found:
                found[index][x], found[index][y] = ("" if missing else f"{rounded(value):.3f}" for value in point)
            elif not missing:
                name = self.skeleton.names[index]
                raise AnnotationError(f'{image.name}: {self.path.name} has no row for its point "{name}"; add one')
        replace_file(self.path, b"".join(map(csv_line, [header, *rows])))

    def _rows_of(
        self, header: list[str], rows: list[list[str]], image: Path, face: int
    ) -> Iterator[tuple[int, list[str]]]:
        """Yield the index of each point of a face with its row."""
        columns = header.index(IMAGE), header.index(FACE)
        mine = [row for row in rows if self.images / row[columns[0]] == image and row[columns[1]]]
        number = nth_face(list(dict.fromkeys(row[columns[1]] for row in mine)), face, image, self.path)
        labels = list(dict.fromkeys(row[header.index(NAME)] for row in rows if row[header.index(FACE)]))
        index = reading.indices_of_labels(self.path.stem, labels, self.skeleton)
        for row in mine:
            if row[columns[1]] == number:
                yield index[row[header.index(NAME)]], row
