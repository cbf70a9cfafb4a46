"""Wide tables, one row per face: their columns, their rows as annotations, and single rows changed."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.documents import read_text
from nasion.errors import AnnotationError
from nasion.outputs.columns import BOX, ERROR, FACE, IMAGE, MEASUREMENT_COLUMNS, SCORE
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

__all__ = ["measurement_columns", "number", "point_names", "read_csv", "wide_dataset"]

Row = Mapping[str, Any]
"""Cells by column: text, numbers, or None; empty text is None."""


def read_csv(path: Path) -> list[list[str]]:
    """Return the rows of a CSV table that are not blank; the first one is the header.

    Raises:
        AnnotationError: the file cannot be read, is too large, or is not a CSV table.
    """
    text = read_text(path, str(path), AnnotationError, reading.MAX_BYTES)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise AnnotationError(f"{path}: not a CSV table: {error}") from None


def point_names(path: Path, header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the points' names with their two columns, in the table's order.

    NAME_x is not a coordinate but a measurement if there is a column NAME_x_error.

    Raises:
        AnnotationError: there is no column `image`, or no x, y pair.
    """
    if IMAGE not in header:
        shown = ", ".join(header[:4])
        raise AnnotationError(
            f'{path}: no column "{IMAGE}" in its header ({shown}, …); a table of labels names the image of each face'
        )
    pairs: dict[str, tuple[str, str]] = {}
    for column in header:
        if column.endswith("_x") and f"{column[:-2]}_y" in header and f"{column}{ERROR}" not in header:
            pairs[column[:-2]] = column, f"{column[:-2]}_y"
        elif column[:1] == "x" and column[1:].isdigit() and f"y{column[1:]}" in header:
            pairs[f"point_{column[1:]}"] = column, f"y{column[1:]}"
    if not pairs:
        hint = "; it has one row per point: read it as csv-long:FILE" if {"point", "x", "y"} <= set(header) else ""
        raise AnnotationError(f"{path}: no pairs of columns x0, y0, … or NAME_x, NAME_y{hint}")
    return pairs


def measurement_columns(header: Sequence[str]) -> list[int]:
    """Return the numbers of the columns with measurements, which are invalid after the points of the row change."""
    return [number for number, column in enumerate(header) if column in MEASUREMENT_COLUMNS]


def wide_dataset(
    name: str,
    path: Path,
    header: Sequence[str],
    rows: Iterable[tuple[str, Row]],
    options: Mapping[str, str],
    origin: float,
) -> DataSet:
    """Return the faces of a wide table, one per row; the subject is that column, or the photo.

    Args:
        name: the data set's name.
        path: the table's file.
        header: its columns.
        rows: the name of each row for messages, and its cells.
        options: the options of the data set.
        origin: coordinate of the first pixel's center.
    """
    root = reading.image_folder(path, options)
    names = point_names(path, header)
    skeleton = _skeleton(path, list(names), options)
    columns = [names[point] for point in reading.sorted_like(list(names), skeleton)]
    spreads = [f"{point}_spread" for point in skeleton.names]
    found = reading.Collector()
    seen: dict[str, int] = {}
    for place, row in rows:
        with found.reading(place):
            face = seen[row[IMAGE]] = seen.get(row[IMAGE], -1) + 1
            if _is_empty(row, columns):
                found.empty_images.append(root / row[IMAGE])
                continue
            found.add(_face(root, row, columns, face, skeleton, origin, spreads if spreads[0] in header else []))
    return found.dataset(name, skeleton, f"coordinates read as {origin:g}-based")


def _is_empty(row: Row, columns: Sequence[tuple[str, str]]) -> bool:
    """Return whether a row says that its image has no face: it has no face number and no coordinate."""
    return FACE in row and not any(_has(row.get(name)) for name in (FACE, *(c for pair in columns for c in pair)))


def _has(cell: Any) -> bool:
    return cell is not None and bool(str(cell).strip())


def _skeleton(path: Path, names: list[str], options: Mapping[str, str]) -> Skeleton:
    """Return the option's skeleton, for columns x0, y0, … a packaged one, or one with the table's names."""
    unnamed = all(name.startswith("point_") for name in names)
    skeleton = reading.option_skeleton(options) or (reading.skeleton_of_count(len(names)) if unnamed else None)
    skeleton = skeleton or reading.skeleton_of_names(path.stem, names)
    if skeleton.count != len(names):
        raise AnnotationError(f"{path}: {len(names)} x, y pairs, but {skeleton.name} has {skeleton.count} points")
    return skeleton


def _face(
    root: Path,
    row: Row,
    columns: Sequence[tuple[str, str]],
    face: int,
    skeleton: Skeleton,
    origin: float,
    spreads: Sequence[str],
) -> Annotation:
    try:
        keypoints = np.array([[number(row[x]), number(row[y])] for x, y in columns]) - origin
        box = np.array([float(row[key]) for key in BOX]) - origin if _has(row.get(BOX[0])) else None
        spread = np.array([number(row[name] or "") for name in spreads])
    except (ValueError, KeyError, TypeError) as error:
        raise AnnotationError(f"not a number, or too few cells: {error}") from None
    return reading.checked_annotation(
        root / row[IMAGE],
        keypoints,
        skeleton,
        box=box,
        subject=str(row.get("subject") or "") or str(Path(row[IMAGE]).with_suffix("")),
        split=_split(str(row.get("split") or "")),
        face=face,
        score=_optional_number(row.get(SCORE)),
        spread=spread if np.isfinite(spread).any() else None,
    )


def _split(word: str) -> str:
    """Return "train", "val", "test" or "" for a word in a table."""
    split = reading.split_of(word)
    if word.strip() and not split:
        raise AnnotationError(f'its split "{word}" is none of train, val, test')
    return split


def _optional_number(cell: Any) -> float | None:
    """Return the number in a cell; None if it has none, because a table of another program may mean something else."""
    try:
        value = float(cell) if _has(cell) else math.nan
    except (ValueError, TypeError):
        return None
    return value if math.isfinite(value) else None


def number(cell: str | float | None) -> float:
    """Return the number in a cell; NaN if it is empty.

    Raises:
        ValueError: the cell is missing or not a number.
    """
    if cell is None:
        raise ValueError("the row ends before its points do")
    return float(cell) if str(cell).strip() else float("nan")
