"""Numbers with standard errors, propagated to first order from the error ellipses of the points.

A function of some points has the covariance J C J^T, where C holds the points' covariances and J is the function's
Jacobian. The errors of different points count as independent. Those of neighboring points are similar in practice:
where many points are averaged, as in an aligned crop, errors are up to 1.8 times as large as their standard error.

The position of a hidden point is uncertain, so hidden points count as missing: a number that needs one is NaN.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nasion.geometry import FloatArray
from nasion.sample import Prediction
from nasion.uncertainty import Measured, covariances

__all__ = ["PointsFunction", "group_means", "measured", "propagate", "propagated", "propagated_means"]

PointsFunction = Callable[[FloatArray], FloatArray]
"""Maps the points (..., n, 2), image px, of any number of faces to their M numbers (..., M)."""

STEP = 1e-4
"""Step of the numeric Jacobian, as a share of the points' extent."""


def propagate(function: PointsFunction, keypoints: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the numbers (M,) of a function of points, and their covariance (M, M), in the function's units.

    Args:
        function: maps points (..., n, 2), image px, to numbers (..., M).
        keypoints: (n, 2), image px; NaN where missing.
        covariance: (n, 2, 2) of each point's error, px^2; NaN where unknown.

    >>> middle = lambda points: points.mean(-2)
    >>> values, covariance = propagate(middle, np.array([[0.0, 2.0], [4.0, 2.0]]), np.stack([np.eye(2)] * 2))
    >>> values, covariance.round(6)
    (array([2., 2.]), array([[0.5, 0. ], [0. , 0.5]]))
    """
    values, jacobian = _linearized(function, keypoints)
    return values, np.einsum("kim,kij,kjn->mn", jacobian, covariance, jacobian, optimize=False)


def _linearized(function: PointsFunction, keypoints: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the numbers (M,) of a function of points (n, 2), image px, and their derivatives (n, 2, M), per px."""
    n = len(keypoints)
    extent = np.ptp(keypoints, axis=0).max() if n > 1 else 1.0
    step = STEP * max(float(np.nan_to_num(extent)), 1.0)
    shifts = step * np.eye(2 * n).reshape(2 * n, n, 2)
    numbers = function(np.concatenate([keypoints[None], keypoints + shifts, keypoints - shifts]))
    return numbers[0], (numbers[1 : 2 * n + 1] - numbers[2 * n + 1 :]).reshape(n, 2, -1) / (2 * step)


def propagated(face: Prediction, indices: Sequence[int], function: PointsFunction) -> tuple[FloatArray, FloatArray]:
    """Return the numbers (M,) of a function of a face's points, and their covariance (M, M), in the function's units.

    Args:
        face: the predicted face; hidden points count as missing.
        indices: the n points that the function receives.
        function: maps points (..., n, 2), image px, to numbers (..., M).
    """
    chosen = list(indices)
    return propagate(
        function, face.visible_keypoints[chosen], covariances(face.spread[chosen], face.anisotropy[chosen])
    )


def propagated_means(
    face: Prediction, groups: Sequence[Sequence[int]], function: PointsFunction
) -> tuple[FloatArray, FloatArray]:
    """Return the same as `propagated` for a function of the means of N groups of points.

    Args:
        face: the predicted face; hidden points count as missing.
        groups: the indices of each group.
        function: maps means (..., N, 2), image px, to numbers (..., M).
    """
    used = sorted({index for group in groups for index in group})
    shares = np.array([[(index in group) / len(group) for index in used] for group in groups])
    covariance = covariances(face.spread[used], face.anisotropy[used])
    values, jacobian = _linearized(function, group_means(face.visible_keypoints, groups))
    slopes = np.einsum("nim,nk->kim", jacobian, shares)
    return values, np.einsum("kim,kij,kjn->mn", slopes, covariance, slopes, optimize=False)


def group_means(points: FloatArray, groups: Sequence[Sequence[int]]) -> FloatArray:
    """Return the means (..., N, 2) of groups of points (..., K, 2), in their frame."""
    return np.stack([points[..., list(group), :].mean(-2) for group in groups], -2)


def measured(
    face: Prediction, indices: Sequence[int], function: PointsFunction, units: Mapping[str, str]
) -> dict[str, Measured]:
    """Return the named numbers of a function of a face's points.

    Args:
        face: the predicted face.
        indices: the n points that the function receives.
        function: maps points (..., n, 2), image px, to numbers (..., M).
        units: the unit of each of the M numbers, by its name, in order.
    """
    values, covariance = propagated(face, indices, function)
    errors = np.sqrt(np.diagonal(covariance))
    numbers = zip(units.items(), values.tolist(), errors.tolist(), strict=True)
    return {name: Measured(value, error, unit) for (name, unit), value, error in numbers}
