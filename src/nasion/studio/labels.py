"""Labels written back into the files they came from: one class a format, each with `read` and `write`.

Before a file is changed for the first time it is kept beside itself as `.orig`.
"""

import csv
import io
import re
import shutil
from pathlib import Path
from typing import Protocol

import numpy as np

from nasion import images
from nasion.datasets._common import in_order
from nasion.datasets.csv import point_names
from nasion.datasets.ibug import parse_pts
from nasion.datasets.imm import parse_asf
from nasion.errors import AnnotationError
from nasion.files import write_bytes
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

__all__ = ["AsfFiles", "Labels", "PtsFiles", "Table"]

ORIGINAL = ".orig"
PTS_ORIGIN = 1
LATIN = "latin-1"


class Labels(Protocol):
    """Where labels are kept.

    Attributes:
        form: what a person calls the format.
        hides: whether it has a place for missing points.
    """

    form: str
    hides: bool

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points (K, 2) of a picture's face, image px, as the file has them now; None if it has none."""
        ...

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points (K, 2) of a picture's face, image px; NaN is missing."""
        ...


def _replace(path: Path, text: str, encoding: str = "utf-8") -> None:
    kept = path.with_name(path.name + ORIGINAL)
    if path.exists() and not kept.exists():
        shutil.copy2(path, kept)
    write_bytes(path, text.encode(encoding))


class PtsFiles:
    """A .pts file beside each picture, one face each, 1-based."""

    form, hides = ".pts", False

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture."""
        path = image.with_suffix(".pts")
        return parse_pts(path.read_text(LATIN)) - PTS_ORIGIN if path.is_file() else None

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture."""
        lines = "".join(f"{x:.3f} {y:.3f}\n" for x, y in keypoints + PTS_ORIGIN)
        _replace(image.with_suffix(".pts"), f"version: 1\nn_points: {len(keypoints)}\n{{\n{lines}}}\n")


class AsfFiles:
    """An .asf file beside each picture, shares of its size; everything but the coordinates stays as it is."""

    form, hides = ".asf", False
    X, Y = 4, 6
    """Places of the coordinates in a row that is split at, and with, its blanks: path, type, x, y, …"""

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture."""
        height, width = images.size(image)
        return parse_asf(image.with_suffix(".asf").read_text(LATIN))[0] * [width, height]

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture."""
        path = image.with_suffix(".asf")
        height, width = images.size(image)
        shares, lines = iter(keypoints / [width, height]), []
        for line in path.read_text(LATIN).split("\n"):
            columns = re.split(r"(\s+)", line.strip())
            if not line.lstrip().startswith("#") and len(columns) > self.Y:
                columns[self.X], columns[self.Y] = (f"{value:.8f}" for value in next(shares))
                line = "".join(columns)
            lines.append(line)
        _replace(path, "\n".join(lines), LATIN)


class Table:
    """One CSV file, a row a face; cells of other columns stay as they are.

    Args:
        path: the file.
        skeleton: of its points.
        origin: the number of the first pixel.
    """

    form, hides = ".csv", True

    def __init__(self, path: Path, skeleton: Skeleton, origin: int) -> None:
        self.path, self.skeleton, self.origin = path, skeleton, origin

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture's face."""
        header, rows = self._rows()
        row = self._mine(image, face, rows)
        pairs = [[row[x], row[y]] for x, y in self._columns(header)]
        return np.array([[float(cell) if cell.strip() else np.nan for cell in pair] for pair in pairs]) - self.origin

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture's face."""
        header, rows = self._rows()
        row = self._mine(image, face, rows)
        for columns, point in zip(self._columns(header), keypoints + self.origin, strict=True):
            for column, value in zip(columns, point, strict=True):
                row[column] = "" if np.isnan(point).any() else f"{value:.3f}"
        text = io.StringIO()
        writer = csv.DictWriter(text, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        _replace(self.path, text.getvalue())

    def _rows(self) -> tuple[list[str], list[dict[str, str]]]:
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or ()), list(reader)

    def _columns(self, header: list[str]) -> list[tuple[str, str]]:
        names = point_names(self.path, header)
        return [names[name] for name in in_order(list(names), self.skeleton)]

    def _mine(self, image: Path, face: int, rows: list[dict[str, str]]) -> dict[str, str]:
        mine = [row for row in rows if Path(row["image"]).name == image.name]
        if len(mine) <= face:
            raise AnnotationError(f"{image.name}: {self.path} has no row for it any more")
        return mine[face]
