"""Found points as files: JSON for programs, CSV for tables, .pts for the tools of 300-W."""

import csv
import glob
import io
import json
import pickle
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from nasion.atomic import write_bytes, write_text
from nasion.errors import ConfigError, OutputError, nearest
from nasion.sample import Prediction
from nasion.skeleton import Skeleton

__all__ = [
    "FORMATS",
    "STDIN",
    "Spool",
    "check_format",
    "ellipse_table",
    "face_table",
    "may_be_written",
    "unique_stems",
    "write_predictions",
]

Found = Iterable[tuple[Path, Sequence[Prediction]]]
"""Pictures with their faces."""

PTS_ORIGIN = 1
"""The first pixel's number in .pts files; everywhere else it is 0."""

STDIN, STDIN_STEM = "-", "stdin"
"""A picture that comes through standard input, and what its results are called."""

FORMATS = ("json", "csv", "pts")


class Spool:
    """Pictures with their faces, kept in a file without a name until they are written: memory does not grow with them.

    Args:
        folder: where the file is; it is gone with the process, however that ends.

    Raises:
        OutputError: the folder is read-only or full.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        with self._told():
            self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # it closes with this object

    def add(self, path: Path, faces: Sequence[Prediction]) -> None:
        """Take a picture's faces."""
        with self._told():
            pickle.dump((path, faces), self.file, pickle.HIGHEST_PROTOCOL)
            self.file.flush()
        self.count += 1  # what an end by Ctrl-C has cut off does not count

    def __iter__(self) -> Iterator[tuple[Path, Sequence[Prediction]]]:
        """Yield them in their order."""
        self.file.seek(0)
        for _ in range(self.count):
            yield pickle.load(self.file)  # noqa: S301  # this object wrote it

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"cannot write into {self.folder}: {reason}; choose another place") from None


def check_format(form: str) -> None:
    """Refuse an unknown format, better before an hour's work than after it.

    Raises:
        ConfigError: it is none of `FORMATS`.
    """
    if form not in FORMATS:
        raise ConfigError(f'unknown format "{form}"; {nearest(form, FORMATS)}')


def unique_stems(paths: Sequence[Path]) -> dict[Path, str]:
    """Return a name for each picture's results: its stem, with its folder or a number where that is taken.

    >>> list(unique_stems([Path("a/1.jpg"), Path("b/1.png"), Path("b/1.jpg")]).values())
    ['1', 'b-1', 'b-1-2']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        stem = STDIN_STEM if str(path) == STDIN else path.stem
        wanted = [stem, f"{path.parent.name}-{stem}"]
        numbered = (f"{wanted[1]}-{number}" for number in count(2))
        names[path] = next(name for name in chain(wanted, numbered) if name not in taken)
        taken.add(names[path])
    return names


def write_predictions(
    folder: Path, found: Found, form: str, stems: Mapping[Path, str], skeleton: Skeleton
) -> list[Path]:
    """Write all predictions and return the files: keypoints.json, keypoints.csv, or a .pts file a face.

    Args:
        folder: where.
        found: pictures with their faces.
        form: one of `FORMATS`.
        stems: a name for each picture's own files.
        skeleton: what the points are.

    Raises:
        ConfigError: the format is unknown.
        OutputError: the folder cannot be written to.
    """
    check_format(form)
    if form == "pts":
        return _write_pts(folder, found, stems)
    path = folder / f"keypoints.{form}"
    write_bytes(path, map(str.encode, _json(found) if form == "json" else _csv(found, skeleton.count)))
    return [path]


def may_be_written(folder: Path, form: str, stems: Mapping[Path, str]) -> list[Path]:
    """Return the files that `write_predictions` may write over."""
    if form != "pts":
        return [folder / f"keypoints.{form}"]
    more = [each for stem in stems.values() for each in folder.glob(f"{glob.escape(stem)}_*.pts")]
    return [*(folder / f"{stem}.pts" for stem in stems.values()), *more]


def _json(found: Found) -> Iterator[str]:
    """Yield the parts of one list, a picture each: as a whole it would take many times the memory of the points."""
    between = "[\n"
    for path, faces in found:
        entry = {"image": str(path), "faces": [face_table(number, face) for number, face in enumerate(faces)]}
        yield between + textwrap.indent(json.dumps(entry, indent=1), " ")
        between = ",\n"
    yield "\n]\n"


def face_table(number: int, face: Prediction) -> dict[str, Any]:
    """Return a face as JSON has it: plain numbers, image px; None for what is not known."""
    spread = [None if np.isnan(value) else round(float(value), 3) for value in face.spread]
    return {
        "face": number,
        "score": round(face.score, 4),
        "box": np.round(face.box, 2).tolist(),
        "skeleton": face.skeleton.name,
        "keypoints": [None if np.isnan(point).any() else np.round(point, 3).tolist() for point in face.keypoints],
        "spread_px": None if all(value is None for value in spread) else spread,
        "ellipses": ellipse_table(face),
    }


def ellipse_table(face: Prediction) -> list[list[float] | None] | None:
    """Return each point's ellipse at one spread: half its axes, px, and its turn, degrees; None where none is known."""
    if not np.isfinite(face.spread).any():
        return None
    return [np.round(each, 3).tolist() if np.isfinite(each).all() else None for each in face.ellipses]


def _csv(found: Found, points: int) -> Iterator[str]:
    yield _row(["image", "face", "score", *(f"{axis}{k}" for k in range(points) for axis in "xy")])
    for path, faces in found:
        for number, face in enumerate(faces):
            values = ["" if np.isnan(value) else f"{value:.3f}" for value in face.keypoints.ravel()]
            yield _row([path, number, f"{face.score:.4f}", *values])


def _row(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _free(stem: str, taken: set[str]) -> str:
    """Return `stem`, longer if another picture's results have it, and take it."""
    while stem in taken:
        stem += "_"
    taken.add(stem)
    return stem


def _write_pts(folder: Path, found: Found, stems: Mapping[Path, str]) -> list[Path]:
    written: list[Path] = []
    taken = set(stems.values())
    for path, faces in found:
        for number, face in enumerate(faces):
            stem = stems[path] if number == 0 else _free(f"{stems[path]}_{number}", taken)
            name = f"{stem}.pts"
            lines = "".join(f"{x:.3f} {y:.3f}\n" for x, y in face.keypoints + PTS_ORIGIN)
            write_text(folder / name, f"version: 1\nn_points: {face.skeleton.count}\n{{\n{lines}}}\n")
            written.append(folder / name)
    return written
