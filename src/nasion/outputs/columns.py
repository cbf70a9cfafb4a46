"""Tables of faces: one row per face with named columns, or one row per keypoint.

A wide table has the columns image, face, score, box_x0, box_y0, box_x1, box_y1 and NAME_x, NAME_y for each keypoint;
a long one image, face, point, name, x, y, spread. An image without a face has one row that holds only its name.
Wide tables with measurements also have the columns NAME and NAME_error for each of them.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from nasion.outputs.names import MEASUREMENTS
from nasion.outputs.records import LABEL_CONTENTS, ImageRecord, LabelSet
from nasion.sample import Annotation
from nasion.skeleton import Skeleton
from nasion.uncertainty import Measured

__all__ = [
    "BOX",
    "ERROR",
    "FACE",
    "IMAGE",
    "LONG",
    "MEASUREMENT_COLUMNS",
    "SCORE",
    "long_rows",
    "measurement_cells",
    "point_columns",
    "wide_columns",
    "wide_rows",
]

IMAGE, FACE, SCORE = "image", "face", "score"
"""Names of the columns with the image's file name, the face's number, from 0, and the detector's confidence."""

BOX = ("box_x0", "box_y0", "box_x1", "box_y1")
"""Names of the columns with the face's box, xyxy, image px."""

LONG = (IMAGE, FACE, "point", "name", "x", "y", "spread")
"""Names of the columns of a long table; spread is image px."""

ERROR = "_error"
"""Suffix of the column with the standard error of a measurement."""

WITHOUT_ERROR = "_open"
"""Suffix of the measurements that have no error."""

MEASUREMENT_COLUMNS = tuple(
    column
    for name in MEASUREMENTS
    for column in ((name,) if name.endswith(WITHOUT_ERROR) else (name, f"{name}{ERROR}"))
)
"""Names of the columns with the measurements."""

Cell = str | int | float | None


def point_columns(skeleton: Skeleton) -> list[str]:
    """Return the names of the coordinates' columns.

    >>> from nasion import load_skeleton
    >>> point_columns(load_skeleton("nose-1"))
    ['nose_tip_x', 'nose_tip_y']
    """
    return [f"{name}_{axis}" for name in skeleton.names for axis in "xy"]


def wide_columns(labels: LabelSet, with_spread: bool = False) -> list[str]:
    """Return the names of a wide table's columns; with NAME_spread for each keypoint on request."""
    spread = [f"{name}_spread" for name in labels.skeleton.names] if with_spread else []
    known = [name for name, content in LABEL_CONTENTS.items() if content in labels.contents]
    measured = MEASUREMENT_COLUMNS if labels.measured else ()
    return [IMAGE, FACE, SCORE, *known, *BOX, *point_columns(labels.skeleton), *spread, *measured]


def wide_rows(labels: LabelSet, with_spread: bool = False) -> Iterator[list[Cell]]:
    """Yield the rows of a wide table; None for unknown values."""
    width = len(wide_columns(labels, with_spread))
    known = [name for name, content in LABEL_CONTENTS.items() if content in labels.contents]
    for record in labels.images:
        if not record.faces:
            yield [record.image, *[None] * (width - 1)]
        for number, face in enumerate(record.faces):
            values = [getattr(face, name) or None for name in known]
            measured = measurement_cells(face.measurements) if labels.measured else []
            yield [record.image, number, face.score, *values, *_numbers(face, with_spread), *measured]


def _numbers(face: Annotation, with_spread: bool) -> list[float | None]:
    """Return a face's box, coordinates and spreads, image px; None for unknown values."""
    unknown = np.full(len(face.keypoints), np.nan)
    parts = [
        np.full(4, np.nan) if face.box is None else face.box,
        face.keypoints.ravel(),
        *([unknown if face.spread is None else face.spread] if with_spread else []),
    ]
    return [None if np.isnan(value) else value for value in np.concatenate(parts).tolist()]


def measurement_cells(measurements: Mapping[str, Measured] | None) -> list[float | None]:
    """Return the cells of `MEASUREMENT_COLUMNS` of a face; None for unknown values."""
    cells: dict[str, float] = {}
    for name, each in (measurements or {}).items():
        cells |= {name: each.value, f"{name}{ERROR}": each.error}
    found = (cells.get(column, np.nan) for column in MEASUREMENT_COLUMNS)
    return [None if np.isnan(value) else value for value in found]


def long_rows(skeleton: Skeleton, images: Iterable[ImageRecord]) -> Iterator[list[Cell]]:
    """Yield the rows of a long table, one per keypoint; None for unknown values."""
    for record in images:
        if not record.faces:
            yield [record.image, *[None] * (len(LONG) - 1)]
        for number, face in enumerate(record.faces):
            spread = np.full(skeleton.count, np.nan) if face.spread is None else face.spread
            columns = np.column_stack([face.keypoints, spread]).tolist()
            for point, (name, numbers) in enumerate(zip(skeleton.names, columns, strict=True)):
                cells = [None if np.isnan(value) else value for value in numbers]
                yield [record.image, number, point, name, *cells]
