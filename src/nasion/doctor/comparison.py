"""Labels and the predictions of a model at the points that their skeletons share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasion.doctor.checks import MIN_FACES, MIN_POINTS
from nasion.doctor.reading import ReadFace
from nasion.errors import SkeletonError
from nasion.geometry import FloatArray, has_extent, is_present, similarity_between
from nasion.predict.predictor import Predictor
from nasion.sample import Prediction
from nasion.shapes import mean_shape
from nasion.skeleton import Skeleton
from nasion.uncertainty import mahalanobis

__all__ = ["Comparison", "compare", "shared_points"]

MAX_DEFINITION = 0.05
"""Largest difference between two definitions of a point, as a share of the face's diagonal; IMM's brows have 2 %."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Labels and predictions of N faces at S shared points; NaN for faces that the model does not recognize.

    Attributes:
        here: (S,) indices of the points in the skeleton of the labels.
        there: (S,) indices of the points in the skeleton of the model.
        labels: (N, S, 2) image px.
        points: (N, S, 2) predictions, image px.
        shift: (S, 2) typical difference of labels and predictions, px of `mean`.
        mean: (S, 2) mean shape of the predictions.
        expected: (N, S, 2) expected positions of the labels, image px.
        distances: (N, S) distances of the labels from the expected positions, spreads.
    """

    here: NDArray[np.intp]
    there: NDArray[np.intp]
    labels: FloatArray
    points: FloatArray
    shift: FloatArray
    mean: FloatArray
    expected: FloatArray
    distances: FloatArray

    @property
    def typical(self) -> FloatArray:
        """The median distance of each face's points (N,), spreads; NaN if unknown."""
        return _median(self.distances)

    def expected_in(self, face: Prediction) -> FloatArray:
        """Return the expected positions of the labels of a predicted face (S, 2), image px."""
        points = face.keypoints[self.there]
        return points + _in_image(points, self.mean, self.shift)

    def distance(self, labels: FloatArray, face: Prediction) -> float:
        """Return the median distance of labels (K, 2), image px, from a predicted face, spreads."""
        offsets = labels[self.here] - self.expected_in(face)
        return float(_median(mahalanobis(offsets, face.spread[self.there], face.anisotropy[self.there])[None])[0])

    def for_skeleton(self, expected: FloatArray, skeleton: Skeleton) -> FloatArray:
        """Return expected positions (S, 2), image px, as the points (K, 2) of a skeleton; NaN for the others."""
        points = np.full((skeleton.count, 2), np.nan)
        points[self.here] = expected
        return points


def _median(distances: FloatArray) -> FloatArray:
    """Return the median (N,) of the known distances (N, S); NaN for a face with fewer than `MIN_POINTS`."""
    enough = np.isfinite(distances).sum(1) >= MIN_POINTS
    return np.array([np.nanmedian(row) if known else np.nan for row, known in zip(distances, enough, strict=True)])


def _in_image(points: FloatArray, mean: FloatArray, shift: FloatArray) -> FloatArray:
    """Return differences (S, 2), px of the mean shape (S, 2), as image px of a face with the points (S, 2)."""
    to_image = similarity_between(points, mean).inverse().matrix[:, :2]
    return shift @ to_image.T


def shared_points(skeleton: Skeleton, other: Skeleton) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices (S,) of the points that two skeletons share, in the first and in the second; S may be 0.

    >>> from nasion import load_skeleton
    >>> here, there = shared_points(load_skeleton("imm-58"), load_skeleton("ibug-68"))
    >>> here[:3].tolist(), there[:3].tolist()
    ([6, 13, 17], [8, 45, 42])

    Raises:
        SkeletonError: one of them names a point that the other does not have, or they have the same name.
    """
    if other.name in skeleton.shared:
        here, there = np.array(skeleton.shared[other.name]).T
    elif skeleton.name in other.shared:
        there, here = np.array(other.shared[skeleton.name]).T
    elif skeleton.names == other.names or other.name in skeleton.sources:
        here, there = np.arange(skeleton.count), skeleton.indices_in(other)
    elif skeleton.name in other.sources:
        here, there = other.indices_in(skeleton), np.arange(other.count)
    else:
        here, there = np.arange(0), np.arange(0)
    if max(here, default=-1) >= skeleton.count or max(there, default=-1) >= other.count:
        raise SkeletonError(f'"shared" names a point that {skeleton.name} or {other.name} does not have')
    return here, there


def compare(read: Sequence[ReadFace], skeleton: Skeleton, predictor: Predictor) -> Comparison | None:
    """Return the comparison of labels and predictions; None if there is too little to compare.

    A comparison needs three shared points and three faces that the model recognizes, with uncertainties.

    Args:
        read: the faces.
        skeleton: of their labels.
        predictor: the model that predicted the opinions.
    """
    here, there = shared_points(skeleton, predictor.skeleton)
    opinions = [each.opinion for each in read]
    known = [each for each in opinions if each is not None and np.isfinite(each.spread).all()]
    if len(here) < MIN_POINTS or len(known) < MIN_POINTS or not any(has_extent(f.keypoints[there]) for f in known):
        return None
    labels = np.stack([each.face.keypoints[here] for each in read])
    shape = labels.shape
    points, spread, anisotropy = np.full(shape, np.nan), np.full(shape[:2], np.nan), np.zeros(shape)
    for row, opinion in enumerate(opinions):
        if opinion is not None:
            points[row], spread[row] = opinion.keypoints[there], opinion.spread[there]
            anisotropy[row] = opinion.anisotropy[there]
    mean = mean_shape(points)
    shift = _definition(labels, points, mean)
    expected = points.copy()
    for row in np.flatnonzero(is_present(points).all(1)):
        expected[row] += _in_image(points[row], mean, shift)
    distances = mahalanobis(labels - expected, spread, anisotropy)
    return Comparison(here, there, labels, points, shift, mean, expected, distances)


def _definition(labels: FloatArray, points: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the typical difference (S, 2) of labels and predictions (N, S, 2), image px, in px of the mean shape.

    It is 0 where it is too large for a difference between two definitions, and for points with too few faces.
    """
    known = is_present(points).all(1)
    turned = [
        (label - point) @ similarity_between(point, mean).matrix[:, :2].T
        for label, point in zip(labels[known], points[known], strict=True)
    ]
    counts = is_present(np.stack(turned)).sum(0)
    shift = np.zeros(mean.shape)
    for k in np.flatnonzero(counts >= MIN_FACES):
        shift[k] = np.nanmedian(np.stack(turned)[:, k], axis=0)
    too_large = np.linalg.norm(shift, axis=-1) > MAX_DEFINITION * np.linalg.norm(np.ptp(mean, axis=0))
    return np.where(too_large[:, None], 0.0, shift)
