"""What several formats need to write."""

import math
from pathlib import Path
from typing import TypeVar

from nasion.atomic import write_bytes
from nasion.errors import AnnotationError

__all__ = ["ORIGINAL", "nth", "replace", "written"]

ORIGINAL = ".orig"
Row = TypeVar("Row")


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, its first version kept as `.orig`, which is whole or not there itself."""
    kept = path.with_name(path.name + ORIGINAL)
    if path.exists() and not kept.exists():
        write_bytes(kept, path.read_bytes())
    write_bytes(path, content)


def nth(rows: list[Row], number: int, image: Path, path: Path) -> Row:
    """Return a picture's face from all that a file has of that picture.

    Raises:
        AnnotationError: it has not so many.
    """
    if number >= len(rows):
        raise AnnotationError(f"{image.name}: {path} has no face {number} of it any more")
    return rows[number]


def written(value: float, decimals: int = 3) -> float:
    """Return a coordinate as a file shall have it.

    >>> written(1.23456), written(-0.0001)
    (1.235, 0.0)
    """
    value = round(value, decimals)
    return 0.0 if math.isclose(value, 0.0) else value
