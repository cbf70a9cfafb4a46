"""Predicted keypoints as files: JSON for programs, CSV for tables, .pts for the tools of 300-W."""

import csv
import glob
import io
import json
import pickle
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from nasion import draw, images
from nasion.atomic import ensure_no_overwrite, ensure_writable, translate_os_errors, write_bytes, write_text
from nasion.datasets.formats.csv import points_header
from nasion.datasets.formats.ibug import pts_text
from nasion.errors import ConfigError, suggest
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["FORMATS", "STDIN", "ResultWriter", "check_format", "ellipse_table", "face_table"]

Results = Iterable[tuple[Path, Sequence[Prediction]]]
"""Images with their faces."""

STDIN, STDIN_STEM = "-", "stdin"
"""The name of an image read from standard input, and the stem of its output files."""


class ResultWriter:
    """Writes drawn images as they come, and the keypoints of all images at the end.

    The constructor checks that everything can be written. As a context manager it writes the keypoints on exit, also
    after an error or Ctrl-C, so that no finished work is lost. Results wait in an unnamed temporary file, so memory
    does not grow with their number.

    Args:
        folder: where all files go; created if necessary.
        form: "json", "csv" or "pts".
        paths: the images, in order; they determine the names of the files.
        skeleton: the keypoints.
        draw_spread: whether drawn images show the uncertainty.

    Attributes:
        counts: number of faces by image, in the order of `add`.
        drawn: the drawn image of each image.
        files: the files with the keypoints; set on exit.

    Raises:
        ConfigError: the format is unknown, or a file among the inputs would be overwritten.
        OutputError: the folder cannot be written to.
    """

    def __init__(
        self, folder: Path, form: str, paths: Sequence[Path], skeleton: Skeleton, draw_spread: bool = False
    ) -> None:
        check_format(form)
        self.folder, self.form, self.skeleton, self.draw_spread = folder, form, skeleton, draw_spread
        self.counts: dict[Path, int] = {}
        self.drawn: dict[Path, Path] = {}
        self.files: list[Path] = []
        self._stems = unique_stems(paths)
        ensure_writable(folder)
        inputs = [path for path in paths if str(path) != STDIN]
        drawn = [self._drawn_path(path).with_suffix(suffix) for path in paths for suffix in (".jpg", ".png")]
        ensure_no_overwrite(inputs, [*drawn, *FORMATS[form].outputs(folder, self._stems)])
        self._spool = Spool(folder)

    def _drawn_path(self, path: Path) -> Path:
        return self.folder / f"{self._stems[path]}-points.jpg"

    def add(self, path: Path, image: Image, faces: Sequence[Prediction]) -> None:
        """Draw the faces on a copy of the image (H, W, 3) uint8 RGB, and keep their keypoints for the end.

        Raises:
            OutputError: the disk is full.
        """
        self._spool.add(path, faces)
        self.counts[path] = len(faces)
        drawn = self._drawn_path(path)
        self.drawn[path] = drawn if max(image.shape[:2]) <= images.JPEG_SIDE else drawn.with_suffix(".png")
        images.write(self.drawn[path], draw.draw_predictions(image, faces, self.draw_spread))

    def __enter__(self) -> "ResultWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if self._spool.count:
                self.files = FORMATS[self.form].write(self.folder, self._spool, self._stems, self.skeleton)
        finally:
            self._spool.close()


class Spool:
    """Results in an unnamed temporary file, which disappears with the process.

    Args:
        folder: a folder on the disk that also holds the final files.

    Raises:
        OutputError: the folder is read-only or full.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        with translate_os_errors(f"into {folder}"):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # `close` closes it

    def add(self, path: Path, faces: Sequence[Prediction]) -> None:
        """Append the faces of an image.

        Raises:
            OutputError: the disk is full.
        """
        with translate_os_errors(f"into {self.folder}"):
            pickle.dump((path, faces), self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()
        self.count += 1  # an entry that Ctrl-C cut off does not count

    def __iter__(self) -> Iterator[tuple[Path, Sequence[Prediction]]]:
        self._file.seek(0)
        for _ in range(self.count):
            yield pickle.load(self._file)  # noqa: S301  # this object wrote it

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()


def check_format(form: str) -> None:
    """Reject an unknown output format.

    Raises:
        ConfigError: it is none of `FORMATS`.
    """
    if form not in FORMATS:
        raise ConfigError(f'unknown format "{form}"; {suggest(form, FORMATS)}')


def unique_stems(paths: Sequence[Path]) -> dict[Path, str]:
    """Return a distinct name for each image's files: its stem, with its folder or a number where necessary.

    >>> list(unique_stems([Path("a/1.jpg"), Path("b/1.png"), Path("b/1.jpg")]).values())
    ['1', 'b-1', 'b-1-2']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        stem = STDIN_STEM if str(path) == STDIN else path.stem
        candidates = [stem, f"{path.parent.name}-{stem}"]
        numbered = (f"{candidates[1]}-{number}" for number in count(2))
        names[path] = next(name for name in chain(candidates, numbered) if name not in taken)
        taken.add(names[path])
    return names


def face_table(number: int, face: Prediction) -> dict[str, Any]:
    """Return a face as JSON values: image px; None for unknown values."""
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
    """Return each keypoint's ellipse at one spread: half axes, image px, and rotation, degrees; None if unknown."""
    if not np.isfinite(face.spread).any():
        return None
    return [np.round(each, 3).tolist() if np.isfinite(each).all() else None for each in face.ellipses]


def _write_json(folder: Path, results: Results, _stems: Mapping[Path, str], _skeleton: Skeleton) -> list[Path]:
    write_bytes(folder / "keypoints.json", map(str.encode, _json_parts(results)))
    return [folder / "keypoints.json"]


def _json_parts(results: Results) -> Iterator[str]:
    """Yield one list in parts, an image each: the complete text would take many times the memory of the keypoints."""
    separator = "[\n"
    for path, faces in results:
        entry = {"image": str(path), "faces": [face_table(number, face) for number, face in enumerate(faces)]}
        yield separator + textwrap.indent(json.dumps(entry, indent=1), " ")
        separator = ",\n"
    yield "\n]\n"


def _write_csv(folder: Path, results: Results, _stems: Mapping[Path, str], skeleton: Skeleton) -> list[Path]:
    rows = (row.encode("utf-8", "backslashreplace") for row in _csv_rows(results, skeleton.count))
    write_bytes(folder / "keypoints.csv", rows)
    return [folder / "keypoints.csv"]


def _csv_rows(results: Results, points: int) -> Iterator[str]:
    yield _csv_row(["image", "face", "score", *points_header(points)])
    for path, faces in results:
        for number, face in enumerate(faces):
            values = ["" if np.isnan(value) else f"{value:.3f}" for value in face.keypoints.ravel()]
            yield _csv_row([path, number, f"{face.score:.4f}", *values])


def _csv_row(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _write_pts(folder: Path, results: Results, stems: Mapping[Path, str], _skeleton: Skeleton) -> list[Path]:
    written: list[Path] = []
    taken = set(stems.values())
    for path, faces in results:
        for number, face in enumerate(faces):
            stem = stems[path] if number == 0 else _unused(f"{stems[path]}_{number}", taken)
            write_text(folder / f"{stem}.pts", pts_text(face.keypoints))
            written.append(folder / f"{stem}.pts")
    return written


def _unused(stem: str, taken: set[str]) -> str:
    """Return `stem`, with underscores appended until no other file has it, and add it to `taken`."""
    while stem in taken:
        stem += "_"
    taken.add(stem)
    return stem


def _pts_outputs(folder: Path, stems: Mapping[Path, str]) -> list[Path]:
    """Return the .pts files that may be overwritten, including those of further faces."""
    further = [path for stem in stems.values() for path in folder.glob(f"{glob.escape(stem)}_*.pts")]
    return [*(folder / f"{stem}.pts" for stem in stems.values()), *further]


class Format(NamedTuple):
    """One output format.

    Attributes:
        write: (folder, results, stems, skeleton) → the files written.
        outputs: (folder, stems) → the files that may be written.
    """

    write: Callable[[Path, Results, Mapping[Path, str], Skeleton], list[Path]]
    outputs: Callable[[Path, Mapping[Path, str]], list[Path]]


FORMATS: dict[str, Format] = {
    "json": Format(_write_json, lambda folder, _stems: [folder / "keypoints.json"]),
    "csv": Format(_write_csv, lambda folder, _stems: [folder / "keypoints.csv"]),
    "pts": Format(_write_pts, _pts_outputs),
}
"""The output formats by name."""
