"""The images of an open folder with their labels and states.

An image is saved only if its labels are still those that the user has seen, so that two windows or two servers cannot
overwrite each other's work unnoticed.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np
from filelock import FileLock, Timeout

from nasion import images
from nasion.atomic import translate_os_errors
from nasion.errors import AnnotationError, ConfigError, ImageError, OutputError
from nasion.geometry import FloatArray, check_coordinates, is_present
from nasion.sample import Image
from nasion.skeleton import Skeleton
from nasion.studio.albums.history import History, Past
from nasion.studio.albums.label_store import Face, LabelStore
from nasion.studio.albums.progress import Progress, State

__all__ = ["Album", "AlbumImage", "ConflictError", "Scan", "version"]

LOCK_S = 20
"""Longest wait for another server that is saving, s."""

VERSION_DECIMALS = 2
VERSION_LENGTH = 16


class ConflictError(Exception):
    """The labels have changed since they were read."""


@dataclass(frozen=True)
class AlbumImage:
    """An image of an album.

    Attributes:
        name: its path relative to the folder, unique within the album.
        path: the file.
    """

    name: str
    path: Path


@dataclass
class Scan:
    """What the scan in the background has found out about an image.

    Attributes:
        uncertainty: of its most uncertain face, as a fraction of the face's size; None if unknown.
        faces: number of detected faces; None if unknown.
        error: why the image or its labels cannot be read, or an empty string.
        model: name of the model that was used.
    """

    uncertainty: float | None = None
    faces: int | None = None
    error: str = ""
    model: str = ""


class Album:
    """A folder or data set that is open for labeling.

    Args:
        root: the folder of the images.
        labels: reads and writes the labels.
        entries: the images.
        progress: which of them are done.
        history: their earlier labels.
        inside: folder that no image may leave through a link; None follows all links.
        is_folder: whether all images of the folder belong to the album; otherwise those that a label file names.

    Attributes:
        scans: what is known about the images, by number.
        changes: number of the last change, which increases with each one, also from one start of the server to another.
        changed_at: number of the last change of each image.
        notice: a warning for the user, or an empty string.
    """

    def __init__(
        self,
        root: Path,
        labels: LabelStore,
        entries: Sequence[AlbumImage],
        progress: Progress,
        history: History,
        inside: Path | None = None,
        is_folder: bool = True,
    ) -> None:
        self.root, self.labels, self.progress, self.history = root, labels, progress, history
        self.inside, self.is_folder = inside, is_folder
        self.entries = list(entries)
        self.counts = labels.counts()
        self.scans: dict[int, Scan] = {}
        self.changes = time.time_ns() // 1000
        self.changed_at = dict.fromkeys(range(len(self.entries)), self.changes)
        self.notice = ""
        self._lock = RLock()

    @property
    def source(self) -> str:
        """The data set's name, as `nasion train --data` takes it."""
        return self.labels.source

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of all faces."""
        return self.labels.skeleton

    @property
    def labeled(self) -> set[int]:
        """Numbers of the images that have labeled faces."""
        return {number for number, entry in enumerate(self.entries) if self.counts.get(entry.path)}

    def entry(self, number: int) -> AlbumImage:
        """Return image `number`.

        Raises:
            ConfigError: there is no such image.
        """
        if not 0 <= number < len(self.entries):
            raise ConfigError(f"image {number} does not exist; this folder has images 0 to {len(self.entries) - 1}")
        return self.entries[number]

    def path(self, number: int) -> Path:
        """Return the file of image `number`.

        Raises:
            ConfigError: there is no such image.
            ImageError: a link leads out of the folder that the server may open.
        """
        entry = self.entry(number)
        if self.inside is not None and not entry.path.resolve().is_relative_to(self.inside.resolve()):
            raise ImageError(f"{entry.name}: a link leads out of {self.inside}; copy the image into the folder")
        return entry.path

    def read_image(self, number: int) -> Image:
        """Return image `number`, upright (H, W, 3) uint8 RGB.

        Raises:
            ConfigError: there is no such image.
            ImageError: it is missing, cannot be read, or a link leads out of the folder.
        """
        return images.read(self.path(number))

    def faces(self, number: int) -> list[FloatArray] | None:
        """Return the labels (K, 2), image px, of each face of an image as they are stored now; None without labels.

        Raises:
            ConfigError: there is no such image.
            AnnotationError: the labels have become unreadable, or have another number of keypoints.
        """
        entry = self.entry(number)
        try:
            faces = self.labels.read(entry.path)
            checked = None if faces is None else [self._checked(face) for face in faces]
        except AnnotationError as error:
            raise AnnotationError(f"{entry.name}: its labels cannot be read any more ({error})") from None
        for face in checked or ():
            if len(face) != self.skeleton.count:
                raise AnnotationError(
                    f"{entry.name}: its labels have {len(face)} points, but {self.skeleton.name} has "
                    f"{self.skeleton.count}; restore the file"
                )
        return checked

    def state(self, number: int) -> State:
        """Return the state of image `number`."""
        entry = self.entry(number)
        has_no_face = self.labels.adds and self.counts.get(entry.path) == 0
        return "no_face" if has_no_face else self.progress.state(entry.name)

    def version(self, number: int) -> str:
        """Return the version of an image's labels and state, which changes with them.

        Raises:
            AnnotationError: the labels cannot be read.
        """
        return version(self.faces(number), self.state(number))

    def save(
        self,
        number: int,
        faces: Sequence[Face] | None,
        seen: str,
        state: State = "todo",
        is_changed: bool = True,
    ) -> str:
        """Replace the labels of an image, and return their new version.

        Args:
            number: the image.
            faces: its faces; None removes the labels.
            seen: version of the labels that the user has changed.
            state: its state from now on.
            is_changed: whether the user has drawn or moved points, now or earlier.

        Raises:
            ConflictError: the labels are no longer of the version `seen`.
            ConfigError: there is no such image, or the state contradicts the faces.
            AnnotationError: a face has the wrong number of points, or the labels cannot hold the faces.
            ImageError: a link leads out of the folder.
            OutputError: the disk is full or the folder read-only.
        """
        entry, path = self.entry(number), self.path(number)
        self._check(entry, faces, state)
        if not faces and not self.labels.adds:  # such labels cannot say "no face"; the list of finished images does
            faces = None
        with self._lock, self._locked_folder():
            self.progress.refresh()
            before, state_before = self.faces(number), self.state(number)
            if version(before, state_before) != seen:
                raise ConflictError
            self.history.add(entry.name, state_before, before)
            if _is_other(before, faces):
                try:
                    self.labels.write(path, faces)
                except AnnotationError as error:
                    raise AnnotationError(f"{entry.name}: {error}") from None
            self._count(path, faces)
            self._set_progress(entry.name, state, is_changed)
            self._touch(number)
            return self.version(number)

    def past(self, number: int, count: int) -> list[Past]:
        """Return the last `count` earlier labels of an image, newest first."""
        return self.history.of(self.entry(number).name, count)

    def add_images(self, entries: Sequence[AlbumImage]) -> None:
        """Add images that were copied into the folder after it was opened."""
        with self._lock:
            known = {entry.name for entry in self.entries}
            for entry in entries:
                if entry.name not in known:
                    self.entries.append(entry)
                    self._touch(len(self.entries) - 1)

    def replace_labels(self, labels: LabelStore) -> None:
        """Continue with other labels, such as imported ones."""
        with self._lock:
            self.labels, self.counts = labels, labels.counts()
            self.scans.clear()
            for number in range(len(self.entries)):
                self._touch(number)

    def set_scan(self, number: int, scan: Scan) -> None:
        """Store what the scan has found out about an image."""
        with self._lock:
            self.scans[number] = scan
            self._touch(number)

    @contextmanager
    def _locked_folder(self) -> Iterator[None]:
        """Keep other servers from saving at the same time: most formats have all faces in one file."""
        lock = FileLock(self.progress.path.with_name(f".{self.progress.path.name}.lock"), timeout=LOCK_S)
        with translate_os_errors(self.progress.path):
            try:
                lock.acquire()
            except Timeout:
                raise OutputError(f"{self.root}: another program is saving labels there; try again") from None
        try:
            yield
        finally:
            lock.release()

    def _checked(self, face: FloatArray) -> FloatArray:
        """Return keypoints (K, 2) with NaN in both coordinates of missing points."""
        keypoints = np.where(is_present(face)[:, None], face, np.nan)
        check_coordinates(keypoints, "a point", AnnotationError)
        return keypoints

    def _check(self, entry: AlbumImage, faces: Sequence[Face] | None, state: State) -> None:
        """Check what is to be saved before the folder is locked, which would create it."""
        if not entry.path.is_file():
            raise AnnotationError(f"{entry.name}: nothing was saved, because its image is missing; restore it first")
        if state == "done" and not faces:
            raise ConfigError(f'{entry.name}: an image without faces is not "done"; add a face, or choose "No face"')
        if state == "no_face" and faces:
            raise ConfigError(f'{entry.name}: an image with faces cannot be marked "No face"; delete the faces first')
        count = self.skeleton.count
        for face in faces or ():
            if face.keypoints.shape != (count, 2):
                raise AnnotationError(
                    f"{entry.name}: {self.skeleton.name} has {count} points, but {len(face.keypoints)} were sent"
                )
            if not is_present(face.keypoints).any():
                raise AnnotationError(f"{entry.name}: a face has no point; delete the face, or place a point")
            if not self.labels.hides and not np.isfinite(face.keypoints).all():
                form = self.labels.form
                raise AnnotationError(f"{entry.name}: {form} files cannot store missing points; place them all")

    def _count(self, path: Path, faces: Sequence[Face] | None) -> None:
        if faces is None:
            self.counts.pop(path, None)
        else:
            self.counts[path] = len(faces)

    def _set_progress(self, name: str, state: State, is_changed: bool) -> None:
        try:
            self.progress.set(name, state, is_changed)
            self.notice = ""
        except OutputError as error:  # the labels themselves have been saved
            self.notice = f"the labels are saved, but not the list of finished images: {error}"

    def _touch(self, number: int) -> None:
        self.changes += 1
        self.changed_at[number] = self.changes


def _is_other(before: Sequence[FloatArray] | None, faces: Sequence[Face] | None) -> bool:
    """Return whether faces are other than the stored ones: marking an image as done must not rewrite its labels."""
    if before is None or faces is None:
        return not (before is None and faces is None)
    same = [face.origin for face in faces] == list(range(len(before)))
    return not same or any(
        not np.array_equal(a, b.keypoints, equal_nan=True) for a, b in zip(before, faces, strict=True)
    )


def version(faces: Sequence[FloatArray] | None, state: str = "todo") -> str:
    """Return a hash of an image's labels (K, 2), image px, rounded to 0.01 px, and of its state; "new" without either.

    >>> version(None)
    'new'
    """
    if faces is None and state == "todo":
        return "new"
    digest = hashlib.sha256(state.encode())
    for face in faces or ():
        digest.update(b"face" + np.round(face, VERSION_DECIMALS).tobytes())
    digest.update(b"" if faces is None else b"labeled")
    return digest.hexdigest()[:VERSION_LENGTH]
