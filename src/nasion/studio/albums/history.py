"""Earlier labels of each image, in a file to which one line is appended before every change.

After a reload, a crash or a mistake in another window, the user can return to each of them.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasion.atomic import translate_os_errors, write_bytes
from nasion.documents import parse_json
from nasion.errors import NasionError
from nasion.geometry import FloatArray
from nasion.outputs.records import point_values

__all__ = ["History", "Past"]

MAX_BYTES = 8_000_000
"""Size from which the older half of the file is dropped when the folder is opened."""


class Past(NamedTuple):
    """What an image's labels were before a change.

    Attributes:
        time: when they were replaced, seconds since 1970.
        state: "todo", "done" or "no_face".
        faces: (K, 2) each, image px, NaN where missing; None without labels.
    """

    time: float
    state: str
    faces: list[FloatArray] | None


class History:
    """The earlier labels of a folder.

    Args:
        path: the file; it is created with the first change.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._drop_old()

    def add(self, name: str, state: str, faces: Sequence[FloatArray] | None) -> None:
        """Append what an image's labels (K, 2), image px, are before a change.

        Raises:
            OutputError: the disk is full or the folder read-only.
        """
        points = None if faces is None else [point_values(face) for face in faces]
        line = json.dumps({"image": name, "time": round(time.time(), 1), "state": state, "faces": points})
        with translate_os_errors(self.path), self.path.open("ab") as file:
            if file.tell() and not _ends_line(self.path):
                file.write(b"\n")  # a full disk has cut the last line
            file.write(f"{line}\n".encode())

    def of(self, name: str, count: int) -> list[Past]:
        """Return the last `count` earlier labels of an image, newest first; damaged lines are skipped."""
        if not self.path.is_file():
            return []
        start = f'{{"image": {json.dumps(name)}, '.encode()
        found: list[Past] = []
        for line in reversed(self.path.read_bytes().splitlines()):
            if line.startswith(start) and len(found) < count:
                found += _parsed(line)
        return found

    def _drop_old(self) -> None:
        if self.path.is_file() and self.path.stat().st_size > MAX_BYTES:
            lines = self.path.read_bytes().splitlines(keepends=True)
            write_bytes(self.path, lines[len(lines) // 2 :])


def _parsed(line: bytes) -> list[Past]:
    try:
        entry: dict[str, Any] = parse_json(line.decode(), "a line of the history", NasionError)
        faces = entry["faces"] if entry["faces"] is None else [_keypoints(face) for face in entry["faces"]]
        return [Past(float(entry["time"]), str(entry["state"]), faces)]
    except (NasionError, ValueError, LookupError, TypeError):
        return []


def _keypoints(points: Sequence[Sequence[float] | None]) -> FloatArray:
    return np.array([(np.nan, np.nan) if point is None else point for point in points], np.float64).reshape(-1, 2)


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
