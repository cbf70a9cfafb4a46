"""A Parquet file with one row per face: the columns of a wide table, typed, and NAME_spread for each point. 0-based.

It needs pyarrow (`pip install 'nasion[tables]'`). The images are in the folder of the file, or in `?images=DIR`.
"""

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats import _tables as tables
from nasion.datasets.formats._writing import nth_face, replace_file
from nasion.documents import read_bytes
from nasion.errors import AnnotationError, ConfigError
from nasion.geometry import FloatArray
from nasion.outputs.columns import FACE, IMAGE, wide_columns, wide_rows
from nasion.outputs.records import LABEL_CONTENTS, Content, LabelSet
from nasion.sample import DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "parquet:FILE.parquet  one row per face with typed columns, as csv: and NAME_spread, 0-based"
OPTIONS = {"images": reading.IMAGES_HELP, "skeleton": reading.SKELETON_HELP}

STORES = frozenset(Content) - {Content.VISIBILITY, Content.ELLIPSES}

ROWS = 1000
"""Rows of a batch in memory."""

MAX_CELLS = 200_000_000
"""Largest number of rows times columns, about 2 GB as CSV: a small file can store a huge table of equal values."""


def load_arrow() -> Any:
    """Return the module pyarrow.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(f"Parquet files need pyarrow ({error}); pip install 'nasion[tables]'") from None
    return pyarrow


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a file, one per row; the subject is that column, or the photo."""
    path = reading.existing_path(source, "file")
    header, rows = _read_rows(path)
    named = ((f"row {number}", row) for number, row in enumerate(rows))
    return tables.wide_dataset(f"parquet:{source}", path, header, named, options, 0)


def _read_rows(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns and the rows; null is an empty cell."""
    table = _read_table(path)
    rows = [{key: "" if value is None else value for key, value in row.items()} for row in table.to_pylist()]
    return list(table.column_names), rows


def _read_table(path: Path) -> Any:
    """Return the table of a file, as pyarrow has it.

    Raises:
        AnnotationError: the file cannot be read, is too large, or is not Parquet.
    """
    arrow = load_arrow()
    content = read_bytes(path, str(path), AnnotationError, reading.MAX_BYTES)
    try:
        file = arrow.parquet.ParquetFile(io.BytesIO(content))
        if file.metadata.num_rows * file.metadata.num_columns > MAX_CELLS:
            raise AnnotationError(f"{path} is not read: it has more than {MAX_CELLS:,} values")
        table = file.read()
        table.validate(full=True)  # also that all texts are UTF-8
        return table
    except (OSError, UnicodeDecodeError, arrow.ArrowException) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise AnnotationError(f"{path}: not a Parquet file: {reason}") from None


def files(labels: LabelSet, target: Path, _options: Mapping[str, str]) -> Iterator[tuple[Path, bytes]]:
    """Yield the file's path and its content."""
    arrow = load_arrow()
    header = wide_columns(labels, with_spread=True)
    schema = arrow.schema([(name, _type(name, arrow)) for name in header])
    buffer = io.BytesIO()
    with arrow.parquet.ParquetWriter(buffer, schema) as writer:
        rows = wide_rows(labels, with_spread=True)
        while batch := list(islice(rows, ROWS)):
            columns = [list(column) for column in zip(*batch, strict=True)]
            writer.write_table(arrow.table(dict(zip(header, columns, strict=True)), schema))
    yield target, buffer.getvalue()


def _type(column: str, arrow: Any) -> Any:
    if column in (IMAGE, *LABEL_CONTENTS):
        return arrow.string()
    return arrow.int32() if column == FACE else arrow.float64()


class LabelFiles:
    """A Parquet file whose coordinates can be changed; all other columns stay as they are, except measurements."""

    form, hides = ".parquet", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton, self.images = place, skeleton, reading.image_folder(place, options)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where a value is null."""
        header, rows = _read_rows(self.path)
        row = rows[self._index(rows, image, face)]
        return np.array([[tables.number(row[name]) for name in pair] for pair in self._columns(header)])

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; NaN points and its measurements become null."""
        arrow = load_arrow()
        header, rows = _read_rows(self.path)
        index = self._index(rows, image, face)
        table = _read_table(self.path)
        changed: dict[int, float | None] = dict.fromkeys(tables.measurement_columns(header))
        for pair, point in zip(self._columns(header), keypoints.tolist(), strict=True):
            for name, value in zip(pair, point, strict=True):
                changed[header.index(name)] = None if np.isnan(point).any() else value
        for place, value in changed.items():
            field, values = table.field(place), table.column(place).to_pylist()
            values[index] = value
            table = table.set_column(place, field, arrow.array(values, field.type))
        buffer = io.BytesIO()
        arrow.parquet.write_table(table, buffer)
        replace_file(self.path, buffer.getvalue())

    def _columns(self, header: list[str]) -> list[tuple[str, str]]:
        names = tables.point_names(self.path, header)
        return [names[name] for name in reading.sorted_like(list(names), self.skeleton)]

    def _index(self, rows: list[dict[str, Any]], image: Path, face: int) -> int:
        mine = [number for number, row in enumerate(rows) if self.images / row[IMAGE] == image]
        return nth_face(mine, face, image, self.path)
