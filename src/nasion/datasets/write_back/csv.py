"""One CSV file, a row a face; cells of other columns stay as they are."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nasion.datasets.formats._reading import in_order, origin, pictures_folder
from nasion.datasets.formats.csv import point_names
from nasion.datasets.write_back._common import nth, replace, written
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton


class Files:
    """A table."""

    form, hides = ".csv", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton = place, skeleton
        self.pictures, self.origin = pictures_folder(place, options), origin(options, usual=0)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture's face."""
        header, *rows = self._rows()
        row = self._mine(image, face, header, rows)
        pairs = [[row[x], row[y]] for x, y in self._columns(header)]
        return np.array([[float(cell) if cell.strip() else np.nan for cell in pair] for pair in pairs]) - self.origin

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture's face."""
        header, *rows = self._rows()
        row = self._mine(image, face, header, rows)
        for columns, point in zip(self._columns(header), keypoints + self.origin, strict=True):
            for column, value in zip(columns, point, strict=True):
                row[column] = "" if np.isnan(point).any() else f"{written(value):.3f}"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        replace(self.path, text.getvalue().encode("utf-8"))

    def _rows(self) -> list[list[str]]:
        """Return the header and the rows, with cells beyond the header's, which spreadsheets may leave."""
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file) if row]

    def _columns(self, header: list[str]) -> list[tuple[int, int]]:
        """Return the numbers of each point's columns."""
        names = point_names(self.path, header)
        pairs = (names[name] for name in in_order(list(names), self.skeleton))
        return [(header.index(x), header.index(y)) for x, y in pairs]

    def _mine(self, image: Path, face: int, header: list[str], rows: list[list[str]]) -> list[str]:
        column = header.index("image")
        return nth([row for row in rows if self.pictures / row[column] == image], face, image, self.path)
