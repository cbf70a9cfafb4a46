"""Weak labels: faces of another skeleton, whose points are means of points of the trained skeleton.

A set with five points can train a network with 68: the skeleton of the set gives each of its points as a mean of some
of the 68 (section `[means]`, `[from]` or `[shared]`), and the same mean of the predicted points is compared with the
label.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from nasion.geometry import FloatArray, is_present, similarity_between
from nasion.sample import Annotation, DataSet
from nasion.shapes import mean_shape
from nasion.skeleton import Skeleton

__all__ = ["WeakAnnotation", "WeakPoints", "is_weak", "with_weak_labels"]


@dataclass(frozen=True, eq=False)
class WeakPoints:
    """Points that are means of the K points of the trained skeleton.

    Attributes:
        weights: (M, K), no unit; each row sums to 1.
        flip: (M,) the index of each point in a mirrored face; -1 if it is unknown.
        shape: (K, 2) the mean face, px of any size.
    """

    weights: FloatArray
    flip: NDArray[np.intp]
    shape: FloatArray

    def __len__(self) -> int:
        return len(self.weights)

    def mirrored(self, labels: FloatArray) -> FloatArray:
        """Return the labels (M, 2) of a mirrored face in the order of these points, in the same frame; NaN if unknown.

        Only the order changes; the caller mirrors the coordinates.
        """
        return np.where((self.flip >= 0)[:, None], labels[self.flip], np.nan)

    def full_face(self, labels: FloatArray) -> FloatArray:
        """Return the mean face (K, 2), placed on the labels (M, 2), both image px; all NaN if it cannot be placed."""
        try:
            return similarity_between(self.weights @ self.shape, labels)(self.shape)
        except ValueError:
            return np.full(self.shape.shape, np.nan)


@dataclass(frozen=True, eq=False, repr=False)
class WeakAnnotation(Annotation):
    """A face with weak labels.

    Its K keypoints are missing, or predicted ones with their spread. `full_face` has the points that place its box.

    Attributes:
        labels: (M, 2) image px; NaN where missing.
        points: what the labels are means of.
    """

    labels: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    points: WeakPoints | None = None


def is_weak(other: Skeleton, skeleton: Skeleton) -> bool:
    """Return whether the points of `other` are not those of `skeleton`, but some are means of them."""
    return other.names != skeleton.names and other.name not in skeleton.sources and bool(other.means_in(skeleton).any())


def with_weak_labels(faces: DataSet, others: Sequence[DataSet]) -> DataSet:
    """Return the set with the training faces of other skeletons as weakly labeled training faces.

    Args:
        faces: the faces of the trained skeleton; the training faces among them give the mean face.
        others: sets of other skeletons; points that are not known in the trained skeleton are left out.

    Raises:
        AnnotationError: `faces` has no training face.
    """
    shape = mean_shape(faces.of_split("train").keypoints())
    parts = [_weak_points(each.skeleton, faces.skeleton, shape) for each in others]
    points = _combined([part for part, _ in parts])
    start = 0
    for other, (part, known) in zip(others, parts, strict=True):
        weak = [
            _weakened(face, faces.skeleton, known, slice(start, start + len(part)), points) for face in _train(other)
        ]
        faces = faces.joined(replace(other, skeleton=faces.skeleton, annotations=tuple(weak)))
        start += len(part)
    return faces


def _train(other: DataSet) -> list[Annotation]:
    return [face for face in other.annotations if face.split in ("", "train") and is_present(face.keypoints).any()]


def _weak_points(weak: Skeleton, skeleton: Skeleton, shape: FloatArray) -> tuple[WeakPoints, NDArray[np.intp]]:
    """Return the points of `weak` that are known in `skeleton`, and their M indices in `weak`, no unit.

    `shape` is the mean face (K, 2), px.
    """
    weights = weak.means_in(skeleton)
    known = np.flatnonzero(weights.any(1))
    place = {int(index): k for k, index in enumerate(known)}
    flip = [-1 if weak.flip is None else place.get(weak.flip[index], -1) for index in known]
    return WeakPoints(weights[known], np.array(flip), shape), known


def _combined(parts: Sequence[WeakPoints]) -> WeakPoints:
    """Return the points of all parts, in their order."""
    starts = np.cumsum([0, *map(len, parts)])
    flips = [np.where(part.flip < 0, -1, part.flip + start) for part, start in zip(parts, starts, strict=False)]
    return WeakPoints(np.concatenate([part.weights for part in parts]), np.concatenate(flips), parts[0].shape)


def _weakened(
    face: Annotation, skeleton: Skeleton, known: NDArray[np.intp], place: slice, points: WeakPoints
) -> WeakAnnotation:
    """Return a face of another skeleton as a weakly labeled one; its labels are at `place` among `points`."""
    labels = np.full((len(points), 2), np.nan)
    labels[place] = face.keypoints[known]
    nothing = np.full((skeleton.count, 2), np.nan)
    bare = Annotation(
        face.image, nothing, skeleton, np.ones(skeleton.count, bool), subject=face.subject, face=face.face
    )
    values = {each.name: getattr(bare, each.name) for each in fields(Annotation)}
    placed = replace(bare, keypoints=points.full_face(labels))
    return WeakAnnotation(**values | {"split": "train", "full_face": placed}, labels=labels, points=points)
