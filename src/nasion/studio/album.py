"""A person's folder while it is corrected: its pictures, their labels, what is done, and saving without loss.

A face is saved only onto the labels that whoever saves it has seen: two browsers cannot undo each other's work
without knowing it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from nasion import datasets, images
from nasion.atomic import write_text
from nasion.datasets.write_back import Labels, labels_of, writable
from nasion.errors import AnnotationError, ConfigError, OutputError
from nasion.geometry import FloatArray
from nasion.sample import Image
from nasion.skeleton import Skeleton

__all__ = ["Album", "ConflictError", "Entry", "open_album"]

PROGRESS = "nasion-progress.json"
RUNS = "nasion-runs"


BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, SyntaxError)
"""What reading or writing a file raises that another program has damaged in the meantime."""


class ConflictError(Exception):
    """The labels have changed since they were read."""


@dataclass(frozen=True)
class Entry:
    """A face to correct: its name, which no other has, its picture, and which face of it this is."""

    name: str
    image: Path
    face: int = 0


class Album:
    """A folder, or a data set, that is open for correction.

    Args:
        source: as datasets are named, for a training.
        root: its folder.
        progress: the file where the progress is kept.
        skeleton: of its labels.
        labels: where they are kept.
        entries: its faces.
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
        self.relative_spreads: dict[int, float] = {}
        self.broken: set[int] = set()
        self.labeled = {number for number in range(len(self.entries)) if self._has_labels(number)}
        self.done = self._read_progress()
        self.notice = ""
        self._lock = Lock()

    def _has_labels(self, number: int) -> bool:
        entry = self.entries[number]
        return self.labels.form != ".pts" or entry.image.with_suffix(".pts").is_file()

    def entry(self, number: int) -> Entry:
        """Return a face by its number.

        Raises:
            ConfigError: there is none of that number.
        """
        if not 0 <= number < len(self.entries):
            raise ConfigError(f"there is no face {number} here; there are {len(self.entries)}")
        return self.entries[number]

    def picture(self, number: int) -> Image:
        """Return a face's picture, upright.

        Raises:
            ImageError: it cannot be read, or is gone.
        """
        return images.read(self.entry(number).image)

    def keypoints(self, number: int) -> FloatArray | None:
        """Return the points (K, 2) as the file has them now, image px; None if there are none.

        Raises:
            AnnotationError: the file cannot be read any more, or has other points.
        """
        entry = self.entry(number)
        try:
            found = self.labels.read(entry.image, entry.face)
        except BROKEN as error:
            reason = getattr(error, "strerror", None) or error
            raise AnnotationError(f"{entry.name}: its labels cannot be read any more ({reason})") from None
        if found is not None and len(found) != self.skeleton.count:
            raise AnnotationError(f"{entry.name}: {len(found)} points, where {self.skeleton.name} has others")
        return found

    def save(self, number: int, keypoints: FloatArray, seen: str, done: bool) -> str:
        """Write the points (K, 2) of a face, image px, NaN where missing; return what stands for them.

        Raises:
            ConflictError: the labels are not those that were `seen` any more.
            AnnotationError: there are too few or many points, the format has no place for a missing one, or the
                picture is gone.
            OutputError: the file cannot be written.
        """
        entry = self.entry(number)
        if keypoints.shape != (self.skeleton.count, 2):
            raise AnnotationError(f"{entry.name}: {self.skeleton.name} has {self.skeleton.count} points, not these")
        if not self.labels.hides and not np.isfinite(keypoints).all():
            raise AnnotationError(f"{entry.name}: {self.labels.form} files have no place for hidden points")
        with self._lock:
            if not entry.image.is_file():
                raise AnnotationError(f"{entry.name}: its picture is gone, so nothing is saved")
            if version(self.keypoints(number)) != seen:
                raise ConflictError
            try:
                self.labels.write(entry.image, entry.face, keypoints)
            except BROKEN as error:
                raise AnnotationError(f"{entry.name}: its labels cannot be written ({error})") from None
            self.labeled.add(number)
            if done:
                self._note_progress(entry.name)
            return version(self.keypoints(number))

    def _note_progress(self, name: str) -> None:
        """Keep what is done, with what another server on this folder has noted; the labels themselves are safe."""
        self.done |= self._read_progress() | {name}
        try:
            write_text(self.progress, json.dumps({"done": sorted(self.done)}, indent=1) + "\n")
            self.notice = ""
        except OutputError as error:
            self.notice = f"the labels are saved, but not that they are done: {error}"

    def described(self) -> dict[str, Any]:
        """Return the album as JSON has it."""
        entries = [
            {
                "id": number,
                "name": entry.name,
                "labeled": number in self.labeled,
                "done": entry.name in self.done,
                "doubt": self.relative_spreads.get(number),
                "broken": number in self.broken,
            }
            for number, entry in enumerate(self.entries)
        ]
        name = self.root.resolve().name
        about = {"name": name, "form": self.labels.form, "hides": self.labels.hides, "notice": self.notice}
        return about | {"entries": entries}

    def _read_progress(self) -> set[str]:
        try:
            return set(json.loads(self.progress.read_text("utf-8"))["done"])
        except (OSError, ValueError, KeyError, TypeError):
            return set()


def version(keypoints: FloatArray | None) -> str:
    """Return what stands for points as a file has them.

    >>> version(None)
    'new'
    """
    return "new" if keypoints is None else hashlib.sha256(np.round(keypoints, 2).tobytes()).hexdigest()[:16]


def open_album(source: str, skeleton: Skeleton) -> Album:
    """Return what a person wants to correct: a folder of pictures, with .pts files or none, or labels by format.

    Args:
        source: a folder, or labels as datasets are named, such as "ibug:DIR" or "csv:FILE".
        skeleton: of the points that pictures without labels get.

    Raises:
        ConfigError: there is no picture, or labels of this format cannot be written back.
        AnnotationError: the labels cannot be read.
    """
    if source.partition(":")[0] not in datasets.available():
        return _folder(Path(source), skeleton)
    form, place, options = datasets.parse(source)
    if form not in writable():
        raise ConfigError(f'labels of the format "{form}" cannot be written back; these can: {", ".join(writable())}')
    faces = datasets.load(source)
    if not faces.annotations:
        raise ConfigError(f"{source}: none of its labels can be read; the first: {faces.problems[0].reason}")
    labels = labels_of(form, place, options, faces.skeleton)
    root = Path(place).expanduser()
    progress = root / PROGRESS
    if root.is_file():  # several tables may lie in one folder
        root, progress = root.parent, root.with_name(f"{root.name}-{PROGRESS}")
    entries = [Entry(_name(face.image, root, face.face), face.image, face.face) for face in faces.annotations]
    return Album(source, root, progress, faces.skeleton, labels, entries)


def _name(image: Path, root: Path, face: int = 0) -> str:
    """Return what a face is called: its picture as seen from the folder, and its number where that is not 0."""
    name = image.relative_to(root).as_posix() if image.is_relative_to(root) else str(image)
    return f"{name}#{face}" if face else name


def _folder(folder: Path, skeleton: Skeleton) -> Album:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    pictures = sorted(path for path in folder.rglob("*") if _is_shown(path, folder))
    if not pictures:
        raise ConfigError(f"{folder}: no pictures in this folder")
    for one, other in pairwise(pictures):
        if one.with_suffix("") == other.with_suffix(""):
            raise ConfigError(f"{one} and {other.name} would share their labels, {one.stem}.pts; rename one of them")
    source = f"ibug:{folder}"
    if any(folder.rglob("*.pts")):
        skeleton = datasets.load(source).skeleton
    labels = labels_of("ibug", str(folder), {}, skeleton)
    entries = [Entry(_name(path, folder), path) for path in pictures]
    return Album(source, folder, folder / PROGRESS, skeleton, labels, entries)


def _is_shown(path: Path, folder: Path) -> bool:
    """Return whether a file is one of the folder's own pictures: none that is hidden, and none of a training's."""
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith(".") or part == RUNS for part in parts)
    return not hidden and path.suffix.lower() in images.SUFFIXES and path.is_file()
