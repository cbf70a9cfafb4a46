"""Faces whose points carry labels instead of an order, as labeling programs store them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray, is_present
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

__all__ = ["FACE", "LabeledFace", "check_points_left", "check_removal", "labeled_dataset", "with_points"]

FACE = "face"
"""Label of a face's box and of the face as a whole."""


@dataclass
class LabeledFace:
    """One face as it is found in a file.

    Attributes:
        place: where it is in the file, for messages.
        image: path of the image file.
        points: x, y of each label, image px; NaN where missing.
        hidden: labels of hidden points.
        box: x0, y0, x1, y1, image px, if the file has one.
        subject: the person or photo; empty for the photo.
        split: "train", "val", "test" or "".
        score: confidence of the detector, if the points were predicted.
        spread: predicted uncertainty of each label, image px.
    """

    place: str
    image: Path
    points: dict[str, tuple[float, float]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    box: tuple[float, float, float, float] | None = None
    subject: str = ""
    split: str = ""
    score: float | None = None
    spread: dict[str, float] = field(default_factory=dict)

    def add(self, label: str, x: float, y: float) -> None:
        """Add a point, image px.

        Raises:
            AnnotationError: the face has a point with this label.
        """
        if label in self.points:
            raise AnnotationError(f'{self.place} has two points with the label "{label}"; group the points by face')
        self.points[label] = x, y


def labeled_dataset(
    name: str, stem: str, found: reading.Collector, faces: Iterable[LabeledFace], options: Mapping[str, str], note: str
) -> DataSet:
    """Return a data set of faces whose labels determine the skeleton.

    Args:
        name: the data set's name.
        stem: name of a skeleton that is made of the labels.
        found: has the problems so far.
        faces: all faces, in the order of the file.
        options: the options of the data set.
        note: how the format was read.
    """
    given = list(faces)
    labels = list(dict.fromkeys(label for face in given for label in face.points))
    if not labels:
        return found.dataset(name, reading.option_skeleton(options) or reading.any_skeleton(), note)
    skeleton, index = reading.skeleton_of_labels(stem, labels, options)
    seen: dict[Path, int] = {}
    for face in given:
        number = seen[face.image] = seen.get(face.image, -1) + 1
        with found.reading(face.place):
            found.add(_annotation(face, skeleton, index, number))
    return found.dataset(name, skeleton, note)


def _annotation(face: LabeledFace, skeleton: Skeleton, index: Mapping[str, int], number: int) -> Annotation:
    keypoints, visible = np.full((skeleton.count, 2), np.nan), np.ones(skeleton.count, bool)
    spread: FloatArray | None = np.full(skeleton.count, np.nan) if face.spread else None
    for label, point in face.points.items():
        keypoints[index[label]] = point
        visible[index[label]] = label not in face.hidden
        if spread is not None:
            spread[index[label]] = face.spread.get(label, np.nan)
    return reading.checked_annotation(
        face.image,
        keypoints,
        skeleton,
        visible=visible,
        box=None if face.box is None else np.array(face.box, np.float64),
        subject=face.subject or str(face.image.with_suffix("")),
        split=face.split,
        face=number,
        score=face.score,
        spread=spread,
    )


def check_points_left(keypoints: FloatArray, image: Path) -> None:
    """Check that a face keeps a point: without points it is not in the file, and the faces after it are renumbered.

    Args:
        keypoints: (K, 2), image px; NaN where missing.
        image: the image of the face.

    Raises:
        AnnotationError: every point is missing.
    """
    if not is_present(keypoints).any():
        raise AnnotationError(
            f"{image.name}: a face keeps at least one point; delete it in the program that labeled it"
        )


def check_removal(label: str, labels: Iterable[str], file: str) -> None:
    """Check that a label of a point can be removed from a file: a label that no face has is lost for all faces.

    Args:
        label: the label.
        labels: those of the points of all faces, repeated for each face.
        file: name of the file.

    Raises:
        AnnotationError: only one face has a point of this label.
    """
    if sum(each == label for each in labels) == 1:
        raise AnnotationError(f'{file}: no other face has the point "{label}", so it cannot be removed')


def with_points(items: list[Any], before: list[Any], after: list[Any]) -> list[Any]:
    """Return the items with the points `after` of a face in place of `before`, together at the place of the first.

    The order of the faces in a file is that of their first points.

    >>> a, b, c = {"a": 1}, {"b": 1}, {"c": 1}
    >>> with_points([b, a, c], [b, c], [c, {"d": 1}])
    [{'c': 1}, {'d': 1}, {'a': 1}]
    """
    mine = set(map(id, before))
    first = next(k for k, item in enumerate(items) if id(item) in mine)
    return [*items[:first], *after, *(item for item in items[first:] if id(item) not in mine)]
