"""Helpers for writing labels: back into the files they came from, and for formats that need what labels may lack."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

from nasion.atomic import write_bytes
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray, box_around, is_present
from nasion.sample import Annotation

__all__ = [
    "BACKUP_SUFFIX",
    "box_of",
    "csv_line",
    "json_list",
    "nth_face",
    "plain",
    "replace_file",
    "rounded",
    "visibility",
    "xml_content",
]

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


def csv_line(cells: Iterable[object]) -> bytes:
    """Return a row of a CSV table; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")


def xml_content(root: ElementTree.Element, raw: bytes) -> bytes:
    """Return a changed document in the encoding of the original one, `raw`, and with everything before its root."""
    found = re.match(rb"(?s)\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*>\s*)*", raw.removeprefix(b"\xef\xbb\xbf"))
    encoding = re.search(rb"""<\?xml[^>]*encoding=["']([\w.-]+)""", raw[:200])
    name = encoding.group(1).decode("ascii") if encoding else "utf-8"
    content = ElementTree.tostring(root, encoding=name, xml_declaration=False)
    return (found.group() if found else b"") + content + b"\n"


def json_list(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the text of a JSON list with one entry per line, an entry at a time.

    >>> print("".join(json_list([{"id": 1}, {"id": 2}])))
    [
    {"id": 1},
    {"id": 2}
    ]
    """
    separator = "[\n"
    for entry in entries:
        yield separator + json.dumps(entry, ensure_ascii=False)
        separator = ",\n"
    yield "\n]" if separator != "[\n" else "[]"


def box_of(face: Annotation) -> FloatArray:
    """Return a face's box (4,) xyxy, image px: its own, or the bounding box of its points."""
    return box_around(face.keypoints) if face.box is None else face.box


def visibility(face: Annotation) -> list[int]:
    """Return COCO's value of v for each point: 0 missing, 1 hidden, 2 visible."""
    present = is_present(face.keypoints)
    return [int(there) * (1 + int(shown)) for there, shown in zip(present, face.visible, strict=True)]


def plain(value: float, decimals: int = 3) -> int | float:
    """Return a rounded number, as an int if it is whole, which makes files shorter.

    >>> plain(2.0), plain(2.25049)
    (2, 2.25)
    """
    value = rounded(value, decimals)
    return int(value) if value.is_integer() else value


def rounded(value: float, decimals: int = 3) -> float:
    """Return a coordinate, px, rounded for a file; never negative zero.

    >>> rounded(1.23456), rounded(-0.0001)
    (1.235, 0.0)
    """
    value = round(value, decimals)
    return 0.0 if math.isclose(value, 0.0) else value
