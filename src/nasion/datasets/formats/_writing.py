"""Helpers for writing labels back into the files they came from."""

import math
from pathlib import Path
from typing import TypeVar

from nasion.atomic import write_bytes
from nasion.errors import AnnotationError

__all__ = ["BACKUP_SUFFIX", "nth_face", "replace_file", "rounded"]

BACKUP_SUFFIX = ".orig"
"""Suffix of the copy that keeps the first version of a changed file."""

Row = TypeVar("Row")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; before its first change, copy it to `.orig`, also all or nothing.

    Raises:
        OutputError: the folder is read-only or full.
    """
    backup = path.with_name(path.name + BACKUP_SUFFIX)
    if path.exists() and not backup.exists():
        write_bytes(backup, path.read_bytes())
    write_bytes(path, content)


def nth_face(rows: list[Row], number: int, image: Path, path: Path) -> Row:
    """Return entry `number` of those that the file `path` holds for one image.

    Raises:
        AnnotationError: the file holds fewer entries for this image.
    """
    if number >= len(rows):
        raise AnnotationError(f"{image.name}: {path} no longer has face {number} of this image; reload the labels")
    return rows[number]


def rounded(value: float, decimals: int = 3) -> float:
    """Return a coordinate, px, rounded for a file; never negative zero.

    >>> rounded(1.23456), rounded(-0.0001)
    (1.235, 0.0)
    """
    value = round(value, decimals)
    return 0.0 if math.isclose(value, 0.0) else value
