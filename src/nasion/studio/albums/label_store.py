"""What an album needs from its labels, and the labels that stay in the files they came from."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from nasion.datasets.write_back import Labels
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

__all__ = ["Face", "InPlaceLabels", "LabelStore"]

BROKEN = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, SyntaxError),
    *(ArithmeticError, RecursionError, csv.Error),
)
"""Exceptions of reading or writing a label file that another program has damaged in the meantime."""


class Face(NamedTuple):
    """A labeled face of an image.

    Attributes:
        keypoints: (K, 2), image px; NaN where missing.
        origin: number of the face in the stored labels whose other data it keeps; None for a new face.
        values: what else is known about a new face, as `outputs.records.face_values` returns it.
    """

    keypoints: FloatArray
    origin: int | None = None
    values: Mapping[str, Any] | None = None


class LabelStore(Protocol):
    """The labels of a folder.

    Attributes:
        source: the data set's name, as `nasion train --data` takes it.
        form: the format's name for users, such as ".pts".
        hides: whether missing points can be stored.
        adds: whether faces can be added and removed, and images be marked as having no face.
        skeleton: the skeleton of all faces.
    """

    form: str
    hides: bool
    adds: bool
    skeleton: Skeleton

    @property
    def source(self) -> str: ...  # noqa: D102  # described above

    def counts(self) -> dict[Path, int]:
        """Return the number of labeled faces of each labeled image; 0 for images that have no face."""
        ...

    def read(self, image: Path) -> list[FloatArray] | None:
        """Return the keypoints (K, 2), image px, of each face; None if the image is not labeled.

        Raises:
            AnnotationError: the labels cannot be read any more.
        """
        ...

    def write(self, image: Path, faces: Sequence[Face] | None) -> None:
        """Replace the labels of an image; None removes them, and an empty list states that it has no face.

        Raises:
            AnnotationError: this store cannot hold them.
            OutputError: the file cannot be written.
        """
        ...


class InPlaceLabels:
    """Labels of another format that are corrected in the files they came from.

    Args:
        source: the data set's name.
        labels: reads and writes the points of single faces.
        skeleton: the skeleton of all faces.
        numbers: the numbers of the labeled faces of each image.
        starts: whether an image without labels can get its first face.
    """

    adds = False

    def __init__(
        self, source: str, labels: Labels, skeleton: Skeleton, numbers: Mapping[Path, Sequence[int]], starts: bool
    ) -> None:
        self.source, self.skeleton, self.form, self.hides = source, skeleton, labels.form, labels.hides
        self._labels, self._starts = labels, starts
        self._numbers = {image: list(each) for image, each in numbers.items()}

    def counts(self) -> dict[Path, int]:
        """Return the number of labeled faces of each labeled image."""
        return {image: len(numbers) for image, numbers in self._numbers.items()}

    def read(self, image: Path) -> list[FloatArray] | None:
        """Return the keypoints (K, 2), image px, of each face as they are in the file now; None without labels."""
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # the album checks the result
                faces = [self._labels.read(image, number) for number in self._numbers.get(image, [0])]
        except BROKEN as error:
            raise AnnotationError(str(getattr(error, "strerror", None) or error)) from None
        return [face for face in faces if face is not None] or None

    def write(self, image: Path, faces: Sequence[Face] | None) -> None:
        """Replace the points of all faces of an image, or label the only face of an image without labels."""
        numbers = self._numbers.get(image, [])
        origins = None if faces is None else [face.origin for face in faces]
        is_first = not numbers and self._starts and origins is not None and len(origins) == 1
        if not is_first and (not numbers or origins != list(range(len(numbers)))):
            raise AnnotationError(
                f"faces cannot be added to or removed from {self.form} files; convert the labels to a nasion project"
            )
        try:
            for number, face in zip(numbers or [0], faces or (), strict=True):
                self._labels.write(image, number, face.keypoints)
        except BROKEN as error:
            raise AnnotationError(f"its labels cannot be written ({error})") from None
        self._numbers[image] = numbers or [0]
