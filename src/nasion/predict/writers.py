"""Predicted keypoints as files: JSON for programs, tables, COCO's JSON, .pts for the tools of 300-W."""

import glob
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from nasion import draw, images
from nasion.atomic import (
    ensure_no_overwrite,
    ensure_writable,
    missing_folders,
    remove_empty,
    translate_os_errors,
    write_bytes,
    write_text,
)
from nasion.datasets import module
from nasion.datasets.formats.ibug import pts_text
from nasion.datasets.formats.outputs.parquet import load_arrow
from nasion.errors import ConfigError, suggest
from nasion.outputs.records import ImageRecord, LabelSet, predicted_faces
from nasion.predict.shards import Shard
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["FORMATS", "STDIN", "ResultWriter", "check_format", "shard_file"]

STDIN, STDIN_STEM = "-", "stdin"
"""The name of an image read from standard input, and the stem of its output files."""


class ResultWriter:
    """Writes drawn images as they come, and the keypoints of all images at the end.

    The constructor checks that everything can be written. As a context manager it writes the keypoints on exit, also
    after an error or Ctrl-C, so that no finished work is lost; without any result, it removes the folders that it
    created. The file of a shard is written only if no error occurs, even if it has no faces, because it marks the shard
    as done. Results wait in an unnamed temporary file, so memory does not grow with their number. An image from
    standard input is saved as stdin.png, so that its keypoints can be read back with it.

    Args:
        folder: where all files go; created if necessary.
        form: one of `FORMATS`.
        paths: the images, in order; they determine the names of the files.
        skeleton: the keypoints.
        ellipse_spreads: half axes of the drawn ellipses, in spreads; 0 draws none.
        draw_regions: whether they show each region in its own color.
        model: name of the model, for the files that state it.
        measure: whether the file has the measurements of each face.
        drawing: whether drawn images are written.
        shard: the part of the images that `paths` are, for the name of the file; None for all images.

    Attributes:
        counts: number of faces by image, in the order of `add`.
        drawn: the drawn image of each image; None without drawing.
        files: the files with the keypoints; set on exit.
        stale: .pts files in the folder that an earlier run seems to have written for the same images; set on exit.

    Raises:
        ConfigError: the format is unknown, needs a package that is not installed or cannot store the requested
            measurements, or a file among the inputs would be overwritten.
        OutputError: the folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        form: str,
        paths: Sequence[Path],
        skeleton: Skeleton,
        ellipse_spreads: float = 0.0,
        draw_regions: bool = False,
        model: str | None = None,
        measure: bool = False,
        drawing: bool = True,
        shard: Shard | None = None,
    ) -> None:
        check_format(form)
        if measure and form not in WITH_MEASUREMENTS:
            formats = ", ".join(WITH_MEASUREMENTS)
            raise ConfigError(f'the format "{form}" cannot store measurements; use one of {formats}, or nasion measure')
        self.folder, self.form, self.skeleton, self.model = folder, form, skeleton, model
        self.ellipse_spreads, self.draw_regions, self.measure = ellipse_spreads, draw_regions, measure
        self.drawing, self.shard = drawing, shard
        self._format = FORMATS[form] if shard is None else _one_file(shard_file(shard, form), form)
        self.counts: dict[Path, int] = {}
        self.drawn: dict[Path, Path | None] = {}
        self.files: list[Path] = []
        self.stale: list[Path] = []
        self._stems = unique_stems(paths)
        self._saved = {path: folder / f"{self._stems[path]}.png" for path in paths if str(path) == STDIN}
        self._created = missing_folders(folder)
        ensure_writable(folder)
        inputs = [path for path in paths if str(path) != STDIN]
        drawn = [self._drawn_path(path).with_suffix(each) for path in paths for each in (".jpg", ".png") if drawing]
        ensure_no_overwrite(inputs, [*drawn, *self._saved.values(), *self._format.outputs(folder, self._stems)])
        self._spool = Spool(folder, measure)

    def _drawn_path(self, path: Path) -> Path:
        return self.folder / f"{self._stems[path]}-points.jpg"

    def draw(self, path: Path, image: Image, faces: Sequence[Prediction]) -> Path | None:
        """Write a copy of the image (H, W, 3) uint8 RGB with the faces drawn on it, and return its path.

        Without drawing, only an image from standard input is written. Several threads may draw at once.

        Raises:
            OutputError: the disk is full.
        """
        if path in self._saved:
            images.write(self._saved[path], image)
        if not self.drawing:
            return None
        drawn = self._drawn_path(path)
        drawn = drawn if max(image.shape[:2]) <= images.JPEG_SIDE else drawn.with_suffix(".png")
        images.write(drawn, self._drawn(image, faces))
        return drawn

    def _drawn(self, image: Image, faces: Sequence[Prediction]) -> Image:
        """Return a copy of the image (H, W, 3) uint8 RGB with the faces drawn on it."""
        return draw.draw_predictions(image, faces, self.ellipse_spreads > 0, self.draw_regions, self.ellipse_spreads)

    def add(self, path: Path, size: tuple[int, int], faces: Sequence[Prediction], drawn: Path | None) -> None:
        """Keep the keypoints of an image of (height, width), px, for the end.

        Raises:
            OutputError: the disk is full.
        """
        self._spool.add(self._saved.get(path, path), size, faces)
        self.counts[path] = len(faces)
        self.drawn[path] = drawn

    def __enter__(self) -> "ResultWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if self._spool.count if self.shard is None else kind is None:
                labels = LabelSet(self.skeleton, self._spool, model=self.model, measured=self.measure)
                stems = {self._saved.get(path, path): stem for path, stem in self._stems.items()}
                self.files = self._format.write(self.folder, labels, stems)
                if self.form == "pts":
                    self.stale = _stale_files(self.folder, self._stems, self.files)
        finally:
            self._spool.close()
            remove_empty(self._created)


def _stale_files(folder: Path, stems: Mapping[Path, str], written: Sequence[Path]) -> list[Path]:
    """Return the .pts files of images that exist in the folder and were not written now."""
    present = {path for path in _pts_outputs(folder, stems) if path.exists()}
    return sorted(present - set(written))


class Spool:
    """Results in an unnamed temporary file, which disappears with the process; iterates over `ImageRecord`s.

    Args:
        folder: a folder on the disk that also holds the final files.
        measure: whether the faces are measured.

    Raises:
        OutputError: the folder is read-only or full.
    """

    def __init__(self, folder: Path, measure: bool = False) -> None:
        self.folder, self.measure, self.count = folder, measure, 0
        with translate_os_errors(f"into {folder}"):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # `close` closes it

    def add(self, path: Path, size: tuple[int, int], faces: Sequence[Prediction]) -> None:
        """Append the faces of an image of (height, width), px.

        Raises:
            OutputError: the disk is full.
        """
        with translate_os_errors(f"into {self.folder}"):
            pickle.dump((path, size, faces), self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()
        self.count += 1  # an entry that Ctrl-C cut off does not count

    def __iter__(self) -> Iterator[ImageRecord]:
        place = 0
        for _ in range(self.count):
            self._file.seek(place)  # other iterations may run at the same time
            path, size, faces = pickle.load(self._file)  # noqa: S301  # this object wrote it
            place = self._file.tell()
            yield ImageRecord(str(path), size, predicted_faces(path, faces, self.measure))

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()


def check_format(form: str) -> None:
    """Reject an output format that is unknown, or that needs a package that is not installed.

    Raises:
        ConfigError: it is none of `FORMATS`, or the package is missing.
    """
    if form not in FORMATS:
        raise ConfigError(f'unknown format "{form}"; {suggest(form, FORMATS)}')
    if form == "parquet":
        load_arrow()


def shard_file(shard: Shard, form: str) -> str:
    """Return the name of the file with the keypoints of a shard.

    Raises:
        ConfigError: the format writes several files.
    """
    name = FORMATS[form].name
    if not name:
        raise ConfigError(f'--shard writes one file, and the format "{form}" several; use --format parquet')
    return shard.file_name(name)


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


def _write_pts(folder: Path, labels: LabelSet, stems: Mapping[Path, str]) -> list[Path]:
    written: list[Path] = []
    taken = set(stems.values())
    for record in labels.images:
        for number, face in enumerate(record.faces):
            stem = stems[Path(record.image)]
            stem = stem if number == 0 else _unused(f"{stem}_{number}", taken)
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
        write: (folder, labels, stems) → the files written.
        outputs: (folder, stems) → the files that may be written.
        name: the file's name; empty for several files.
    """

    write: Callable[[Path, LabelSet, Mapping[Path, str]], list[Path]]
    outputs: Callable[[Path, Mapping[Path, str]], list[Path]]
    name: str = ""


def _one_file(name: str, form: str) -> Format:
    """Return the format that writes one file of this name as the label format `form`."""

    def write(folder: Path, labels: LabelSet, _stems: Mapping[Path, str]) -> list[Path]:
        for path, content in module(form).files(labels, folder / name, {}):
            write_bytes(path, content)
        return [folder / name]

    return Format(write, lambda folder, _stems: [folder / name], name)


FORMATS: dict[str, Format] = {
    "json": _one_file("keypoints.json", "json"),
    "csv": _one_file("keypoints.csv", "csv"),
    "csv-long": _one_file("keypoints-long.csv", "csv-long"),
    "parquet": _one_file("keypoints.parquet", "parquet"),
    "coco": _one_file("keypoints-coco.json", "coco"),
    "pts": Format(_write_pts, _pts_outputs),
}
"""The output formats by name."""

WITH_MEASUREMENTS = "json", "csv", "parquet"
"""The formats that can store measurements."""
