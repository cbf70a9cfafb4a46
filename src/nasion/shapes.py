"""Statistics of face shapes: the mean shape, and the flip map that its symmetry suggests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nasion.geometry import FloatArray, has_places, is_present, similarity_between

__all__ = ["infer_flip_map", "mean_points", "mean_shape"]

PAIRING_ROUNDS = 10
"""Number of times `infer_flip_map` alternates between aligning the mirrored shape and pairing its points."""


def mean_shape(shapes: ArrayLike, rounds: int = 5) -> FloatArray:
    """Return the mean shape (K, 2) of faces after generalized Procrustes alignment, in the px of the reference face.

    The reference is the first face with the most points. A face with missing points contributes the points it has;
    faces with fewer than two different points, of those that the mean has, are left out. A point that no such face has
    is NaN.

    Args:
        shapes: (N, K, 2) keypoints, image px; NaN where missing.
        rounds: number of alignment rounds.

    Raises:
        ValueError: no face has two different points.
    """
    array = np.asarray(shapes, np.float64)
    array = array[[has_places(each) for each in array]]
    if not len(array):
        raise ValueError("a mean shape needs a face with at least two points in different places")
    mean = array[is_present(array).sum(1).argmax()]
    reference = mean
    for _ in range(rounds):
        aligned = np.stack([_aligned(shape, mean) for shape in array])
        mean = mean_points(aligned)
        mean = similarity_between(mean, reference)(mean)  # otherwise the size drifts from round to round
    return mean


def mean_points(shapes: ArrayLike) -> FloatArray:
    """Return the mean (K, 2) of the points of shapes (N, K, 2), px, NaN where missing; NaN for a point that none has.

    >>> mean_points([[[1.0, 2.0], [5.0, 6.0]], [[3.0, 2.0], [np.nan, np.nan]]])
    array([[2., 2.],
           [5., 6.]])
    """
    array = np.asarray(shapes, np.float64)
    present = np.isfinite(array)
    total, count = np.where(present, array, 0.0).sum(0), present.sum(0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _aligned(shape: FloatArray, mean: FloatArray) -> FloatArray:
    """Return a shape (K, 2) aligned with the mean shape (K, 2), px of the latter; NaN if they share too few points."""
    try:
        return similarity_between(shape, mean)(shape)
    except ValueError:
        return np.full(shape.shape, np.nan)


def infer_flip_map(shapes: Sequence[FloatArray] | FloatArray) -> tuple[tuple[int, ...], float]:
    """Return a flip map inferred from faces, and its residual as a share of the size of the mean shape.

    The mean shape is mirrored and aligned with itself; points that coincide are pairs. This assumes that the faces
    look straight ahead on average. Check the map manually if the residual exceeds about 0.05.

    Args:
        shapes: (N, K, 2) keypoints, image px; NaN where missing.

    >>> face = np.array([[[0.0, 0], [10, 0], [5, 4], [2, 8], [8, 8]]])
    >>> infer_flip_map(face)[0]
    (1, 0, 2, 4, 3)
    """
    mean = mean_shape(shapes)
    mirror = mean * [-1.0, 1.0]
    aligned = mirror + (mean.mean(0) - mirror.mean(0))
    flip = _pairs(aligned, mean)
    for _ in range(PAIRING_ROUNDS):
        aligned = similarity_between(mirror, mean[list(flip)])(mirror)
        flip = _pairs(aligned, mean)
    size = float(np.linalg.norm(np.ptp(mean, axis=0)))
    return flip, float(np.linalg.norm(aligned - mean[list(flip)], axis=1).mean()) / size


def _pairs(mirrored: FloatArray, mean: FloatArray) -> tuple[int, ...]:
    """Return the involution that pairs each mirrored point (K, 2) with the nearest free one (K, 2), px.

    The closest pairs are fixed first.
    """
    distance = np.linalg.norm(mirrored[:, None] - mean[None], axis=-1)
    cost = distance + distance.T
    flip = [-1] * len(mean)
    for flat in np.argsort(cost, axis=None):
        i, j = divmod(int(flat), len(mean))
        if flip[i] < 0 and flip[j] < 0:
            flip[i], flip[j] = j, i
    return tuple(flip)
