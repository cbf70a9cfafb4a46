"""A table with a header: a column `image`, then x, y pairs; empty cells are missing points. 0-based.

Pictures lie beside the table, or in `?images=DIR`. Columns called subject, split and box_x0, box_y0, box_x1,
box_y1 are read where they are there. Pairs are
called x0, y0, x1, y1, … or NAME_x, NAME_y.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasion.datasets.formats._reading import (
    SKELETON_HELP,
    Collector,
    annotation,
    existing,
    in_order,
    named_skeleton,
    option_skeleton,
    origin,
    pictures_folder,
    skeleton_of_count,
)
from nasion.errors import AnnotationError
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "csv:FILE.csv     a table: image, x0, y0, x1, y1, … (or NAME_x, NAME_y), 0-based; empty cells are missing"
OPTIONS = {
    "images": "the folder that file names start from",
    "origin": "the number of the first pixel, 0 or 1 (0)",
    "skeleton": SKELETON_HELP,
}

BOX = ("box_x0", "box_y0", "box_x1", "box_y1")


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a table, a row a face; subject = that column, else the photograph."""
    path = existing(source, "file")
    root = pictures_folder(path, options)
    first = origin(options, usual=0)
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            table = csv.DictReader(file)
            header = list(table.fieldnames or ())
            rows = list(table)
        except (csv.Error, UnicodeDecodeError) as error:
            raise AnnotationError(f"{path}: not a CSV table: {error}") from None
    names = point_names(path, header)
    generic = all(name.startswith("point_") for name in names)
    points = option_skeleton(options) or (skeleton_of_count(len(names)) if generic else None)
    points = points or named_skeleton(path.stem, list(names))
    if points.count != len(names):
        raise AnnotationError(f"{path}: {len(names)} x, y pairs, but {points.name} has {points.count} points")
    names = {name: names[name] for name in in_order(list(names), points)}
    found = Collector()
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        face = seen[row["image"]] = seen.get(row["image"], -1) + 1
        found.collect(f"row {number}", lambda r=row, n=face: _face(root, r, names, n, points, first))
    return found.dataset(f"csv:{source}", points, f"coordinates read as {first}-based")


def point_names(path: Path, header: list[str]) -> dict[str, tuple[str, str]]:
    """Return the points' names with their two columns, in the table's order.

    Raises:
        AnnotationError: there is no column `image`, or no pair.
    """
    if "image" not in header:
        raise AnnotationError(f'{path}: no column "image" in its header ({", ".join(header[:4])}, …)')
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
    root: Path, row: Mapping[str, str], names: Mapping[str, tuple[str, str]], face: int, points: Skeleton, first: int
) -> Iterator[Annotation]:
    image = root / row["image"]
    try:
        keypoints = np.array([[_number(row[x]), _number(row[y])] for x, y in names.values()]) - first
        box = np.array([float(row[key]) for key in BOX]) - first if row.get(BOX[0]) else None
    except (ValueError, KeyError, TypeError) as error:
        raise AnnotationError(f"not a number, or too few cells: {error}") from None
    yield annotation(
        image,
        keypoints,
        points,
        box=box,
        subject=row.get("subject") or str(Path(row["image"]).with_suffix("")),
        split=_split(row.get("split") or ""),
        face=face,
    )


def _split(word: str) -> str:
    """Return "train", "val", "test" or "" for the words that tables use."""
    known = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
    split = known.get(word.strip().lower(), word.strip().lower())
    if split not in ("", "train", "val", "test"):
        raise AnnotationError(f'its split "{word}" is none of train, val, test')
    return split


def _number(cell: str | None) -> float:
    if cell is None:
        raise ValueError("the row ends before its points do")
    return float(cell) if cell.strip() else float("nan")
