"""A folder that is open for correction: its images, their labels, and what the user has done.

A face is saved only if its labels are still those that the user has seen, so that two browsers cannot overwrite each
other's work unnoticed.
"""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock

import numpy as np
from filelock import FileLock, Timeout

from nasion import datasets, images
from nasion.atomic import translate_os_errors, write_text
from nasion.datasets.folders import PROGRESS, RUNS, files_below
from nasion.datasets.write_back import Labels, labels_of, writable
from nasion.documents import read_json
from nasion.errors import AnnotationError, ConfigError, OutputError
from nasion.geometry import FloatArray, check_coordinates, is_present
from nasion.sample import Image
from nasion.skeleton import Skeleton

__all__ = ["RUNS", "Album", "ConflictError", "Entry", "open_album", "version"]

BROKEN = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, SyntaxError),
    *(ArithmeticError, RecursionError, csv.Error),
)
"""Exceptions of reading or writing a label file that another program has damaged in the meantime."""

LOCK_S = 20
"""Longest wait for another server that is saving, s."""

VERSION_DECIMALS = 2
VERSION_LENGTH = 16


class ConflictError(Exception):
    """The labels have changed since they were read."""


@dataclass(frozen=True)
class Entry:
    """A face to correct.

    Attributes:
        name: unique name within the album.
        image: the image file.
        face: number of the face in its image, from 0.
        labeled: whether the face has labels when the album is opened.
    """

    name: str
    image: Path
    face: int = 0
    labeled: bool = True


class Album:
    """A folder or data set that is open for correction.

    Args:
        source: the data set's name, as `nasion train --data` takes it.
        root: the folder.
        progress: the file that lists the faces that are done.
        skeleton: skeleton of the labels.
        labels: reads and writes the label files.
        entries: the faces.

    Attributes:
        uncertainty: mean uncertainty of a face's keypoints as a fraction of the face's size, by number.
        broken: numbers of the faces that cannot be read.
        labeled: numbers of the faces that have labels.
        done: names of the faces that are done.
        notice: a warning for the user, or an empty string.
    """

    def __init__(
        self,
        source: str,
        root: Path,
        progress: Path,
        skeleton: Skeleton,
        labels: Labels,
        entries: Sequence[Entry],
    ) -> None:
        self.source, self.root, self.progress, self.skeleton, self.labels = source, root, progress, skeleton, labels
        self.entries = list(entries)
        self.uncertainty: dict[int, float] = {}
        self.broken: set[int] = set()
        self.labeled = {number for number, entry in enumerate(self.entries) if entry.labeled}
        self.done = self._read_progress()
        self.notice = ""
        self._lock = Lock()

    def entry(self, number: int) -> Entry:
        """Return face `number`.

        Raises:
            ConfigError: there is no such face.
        """
        if not 0 <= number < len(self.entries):
            raise ConfigError(f"face {number} does not exist; this folder has faces 0 to {len(self.entries) - 1}")
        return self.entries[number]

    def read_image(self, number: int) -> Image:
        """Return the upright image (H, W, 3), uint8 RGB, of face `number`.

        Raises:
            ConfigError: there is no such face.
            ImageError: the image is missing or cannot be read.
        """
        return images.read(self.entry(number).image)

    def keypoints(self, number: int) -> FloatArray | None:
        """Return the labels (K, 2), image px, of face `number` as they are in the file now; None if it has none.

        Raises:
            ConfigError: there is no such face.
            AnnotationError: the file has become unreadable, or has another number of keypoints.
        """
        entry = self.entry(number)
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # the result is checked
                keypoints = self.labels.read(entry.image, entry.face)
            if keypoints is not None:
                keypoints = np.where(is_present(keypoints)[:, None], keypoints, np.nan)
                check_coordinates(keypoints, "a point", AnnotationError)
        except (AnnotationError, *BROKEN) as error:
            reason = getattr(error, "strerror", None) or error
            raise AnnotationError(f"{entry.name}: its labels cannot be read any more ({reason})") from None
        if keypoints is not None and len(keypoints) != self.skeleton.count:
            raise AnnotationError(
                f"{entry.name}: its labels have {len(keypoints)} points, but {self.skeleton.name} has "
                f"{self.skeleton.count}; restore the file"
            )
        return keypoints

    def save(self, number: int, keypoints: FloatArray, seen: str, done: bool) -> str:
        """Write the labels of face `number` and return their new version.

        Args:
            number: the face.
            keypoints: (K, 2), image px; NaN where missing.
            seen: version of the labels that were corrected.
            done: whether to mark the face as done.

        Raises:
            ConflictError: the labels are no longer of the version `seen`.
            ConfigError: there is no such face.
            AnnotationError: the number of keypoints is wrong, the format cannot store missing points, or the image is
                missing.
            OutputError: the file cannot be written.
        """
        entry = self.entry(number)
        self._check(entry, keypoints)
        with self._lock, self._locked_folder():
            if version(self.keypoints(number)) != seen:
                raise ConflictError
            try:
                self.labels.write(entry.image, entry.face, keypoints)
            except BROKEN as error:
                raise AnnotationError(f"{entry.name}: its labels cannot be written ({error})") from None
            self.labeled.add(number)
            if done:
                self._mark_done(entry.name)
            return version(self.keypoints(number))

    @contextmanager
    def _locked_folder(self) -> Iterator[None]:
        """Keep other servers from saving at the same time: most formats have all faces in one file."""
        lock = FileLock(self.progress.with_name(f".{self.progress.name}.lock"), timeout=LOCK_S)
        with translate_os_errors(self.progress):
            try:
                lock.acquire()
            except Timeout:
                raise OutputError(f"{self.root}: another program is saving labels there; try again") from None
        try:
            yield
        finally:
            lock.release()

    def _check(self, entry: Entry, keypoints: FloatArray) -> None:
        if not entry.image.is_file():  # before the folder is locked, which would create it
            raise AnnotationError(f"{entry.name}: nothing was saved, because its image is missing; restore it first")
        if keypoints.shape != (self.skeleton.count, 2):
            raise AnnotationError(
                f"{entry.name}: {self.skeleton.name} has {self.skeleton.count} points, but {len(keypoints)} were sent"
            )
        if not self.labels.hides and not np.isfinite(keypoints).all():
            raise AnnotationError(f"{entry.name}: {self.labels.form} files cannot store missing points; place them all")

    def _mark_done(self, name: str) -> None:
        """Add a face to the progress file, and keep the faces that another server on this folder has added."""
        self.done |= self._read_progress() | {name}
        try:
            write_text(self.progress, json.dumps({"done": sorted(self.done)}, indent=1) + "\n")
            self.notice = ""
        except OutputError as error:  # the labels themselves have been saved
            self.notice = f"the labels are saved, but not the list of finished faces: {error}"

    def _read_progress(self) -> set[str]:
        try:
            names = read_json(self.progress, "the list of finished faces", ConfigError)["done"]
            return {name for name in names if isinstance(name, str)}
        except (ConfigError, LookupError, TypeError):
            return set()


def version(keypoints: FloatArray | None) -> str:
    """Return a hash of the labels (K, 2), image px, rounded to 0.01 px; "new" for a face without labels.

    >>> version(None)
    'new'
    """
    if keypoints is None:
        return "new"
    return hashlib.sha256(np.round(keypoints, VERSION_DECIMALS).tobytes()).hexdigest()[:VERSION_LENGTH]


def open_album(source: str, skeleton: Skeleton) -> Album:
    """Open a folder of images with or without .pts files, or a labeled data set, for correction.

    Args:
        source: a folder, or a data set's name such as "ibug:DIR" or "csv:FILE".
        skeleton: skeleton for a folder without labels.

    Raises:
        ConfigError: there is no image, or labels of this format cannot be written back.
        AnnotationError: the labels cannot be read.
    """
    if source.partition(":")[0] not in datasets.available():
        return _open_folder(Path(source), skeleton)
    form, place, options = datasets.parse(source)
    if form not in writable():
        raise ConfigError(f'labels of the format "{form}" cannot be written back; use one of: {", ".join(writable())}')
    faces = datasets.load(source)
    if not faces.annotations:
        raise ConfigError(f"{source}: none of its labels can be read; first problem: {faces.problems[0].reason}")
    labels = labels_of(form, place, options, faces.skeleton)
    root = Path(place).expanduser()
    progress = root / PROGRESS
    if root.is_file():  # one folder may hold several label files
        root, progress = root.parent, root.with_name(f"{root.name}-{PROGRESS}")
    entries = [Entry(_entry_name(face.image, root, face.face), face.image, face.face) for face in faces.annotations]
    return Album(source, root, progress, faces.skeleton, labels, entries)


def _entry_name(image: Path, root: Path, face: int = 0) -> str:
    """Return a face's name: the image's path relative to the folder, and the face's number unless it is 0."""
    name = image.relative_to(root).as_posix() if image.is_relative_to(root) else str(image)
    return f"{name}#{face}" if face else name


def _open_folder(folder: Path, skeleton: Skeleton) -> Album:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; check the path")
    paths = [path for path in files_below(folder) if _is_album_image(path, folder)]
    if not paths:
        raise ConfigError(f"{folder}: no images in this folder")
    for one, other in pairwise(paths):
        if one.with_suffix("") == other.with_suffix(""):
            raise ConfigError(f"{one} and {other.name} would share the label file {one.stem}.pts; rename one of them")
    source = f"ibug:{folder}"
    if any(path.suffix == ".pts" for path in files_below(folder)):
        skeleton = datasets.load(source).skeleton
    labels = labels_of("ibug", str(folder), {}, skeleton)
    entries = [Entry(_entry_name(path, folder), path, labeled=path.with_suffix(".pts").is_file()) for path in paths]
    return Album(source, folder, folder / PROGRESS, skeleton, labels, entries)


def _is_album_image(path: Path, folder: Path) -> bool:
    """Return whether a file is an image of the album: not hidden, and not written by a training."""
    parts = path.relative_to(folder).parts
    is_excluded = any(part.startswith(".") or part == RUNS for part in parts)
    return not is_excluded and path.suffix.lower() in images.SUFFIXES and path.is_file()
