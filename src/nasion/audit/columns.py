"""Properties of faces, such as sex, age or glasses, from the columns of a CSV table."""

import csv
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePath

import numpy as np

from nasion.audit.conditions import quartile_edges
from nasion.documents import read_text
from nasion.errors import AnnotationError, ConfigError, suggest
from nasion.outputs.columns import FACE, IMAGE
from nasion.sample import Annotation

__all__ = ["Columns", "read_columns"]

MAX_BYTES = 200_000_000
"""Largest table."""

MAX_VALUES = 8
"""Largest number of distinct numbers that are groups; a column with more is divided at its quartiles."""

Columns = Mapping[str, Sequence[str]]
"""The group of each of N faces, by column; empty where unknown."""


def read_columns(path: Path, names: Sequence[str], faces: Sequence[Annotation]) -> dict[str, list[str]]:
    """Return the groups of faces by the columns of a table; a column with many numbers is divided at its quartiles.

    A row belongs to the face whose image has the row's path, or ends with it. If the table has no column `face`, the
    rows of an image belong to its faces in order.

    Args:
        path: a CSV file with the column `image`.
        names: the columns.
        faces: the N faces.

    Raises:
        AnnotationError: the file cannot be read, or has no row for any of the faces.
        ConfigError: it has no such column, or the column is empty for all faces.
    """
    header, rows = _read(path)
    for name in names:
        if name not in header:
            raise ConfigError(f'{path}: no column "{name}"; {suggest(name, header)}')
    if IMAGE not in header:
        raise AnnotationError(f'{path}: no column "{IMAGE}", which assigns rows to faces')
    table = _by_face(rows)
    found = [next((table[key] for key in _keys(face) if key in table), {}) for face in faces]
    if not any(found):
        raise AnnotationError(f"{path}: no row belongs to any of the {len(faces)} faces, such as {faces[0].name}")
    columns = {name: _groups([(row.get(name) or "").strip() for row in found]) for name in names}
    for name, cells in columns.items():
        if not any(cells):
            raise ConfigError(f'{path}: the column "{name}" is empty for all of the {len(faces)} faces')
    return columns


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    text = read_text(path, str(path), AnnotationError, MAX_BYTES)
    try:
        lines = [row for row in csv.reader(text.splitlines()) if row]
    except csv.Error as error:
        raise AnnotationError(f"{path}: not a CSV table: {error}") from None
    header = lines[0] if lines else []
    return header, [dict(zip(header, row, strict=False)) for row in lines[1:]]


Key = tuple[tuple[str, ...], str]
"""The parts of an image's path, from its end, and the number of the face."""


def _by_face(rows: Sequence[dict[str, str]]) -> dict[Key, dict[str, str]]:
    table: dict[Key, dict[str, str]] = {}
    seen: dict[str, int] = {}
    for row in rows:
        image = row.get(IMAGE, "")
        seen[image] = seen.get(image, -1) + 1
        table[PurePath(image).parts, row.get(FACE) or str(seen[image])] = row
    return table


def _keys(face: Annotation) -> list[Key]:
    """Return the possible keys of a face in a table, longest path first."""
    parts = face.image.parts
    return [(parts[k:], str(face.face)) for k in range(len(parts))]


def _groups(cells: list[str]) -> list[str]:
    """Return the group of each cell: its text, or the range of numbers that contains it."""
    try:
        numbers = np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return cells
    known = numbers[np.isfinite(numbers)]
    if len(np.unique(known)) <= MAX_VALUES:
        return cells
    edges = quartile_edges(known)
    texts = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    places = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(texts) - 1)
    return [texts[k] if np.isfinite(number) else "" for k, number in zip(places, numbers, strict=True)]
