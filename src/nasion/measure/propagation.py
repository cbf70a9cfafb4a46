"""Numbers with standard errors, propagated to first order from the error ellipses of the points.

A function of some points has the covariance J C J^T, where C holds the points' covariances and J is the function's
Jacobian. The errors of different points count as independent. Those of neighboring points are similar in practice:
where many points are averaged, as in an aligned crop, errors are up to 1.8 times as large as their standard error.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from nasion.geometry import FloatArray
from nasion.sample import Prediction
from nasion.uncertainty import covariances

__all__ = ["Measured", "PointsFunction", "group_means", "measured", "propagate", "propagated", "propagated_means"]

PointsFunction = Callable[[FloatArray], FloatArray]
"""Maps the points (..., n, 2), image px, of any number of faces to their M numbers (..., M)."""

STEP = 1e-4
"""Step of the numeric Jacobian, as a share of the points' extent."""

ERROR_DIGITS = 2
"""Significant digits of a standard error in a text; the value has as many decimals."""

JSON_DIGITS = 4
"""Decimals of a number in JSON."""


@dataclass(frozen=True)
class Measured:
    """A number with its standard error.

    Attributes:
        value: NaN if one of its points is missing.
        error: the standard error; NaN if the value is, or if the model predicts no uncertainty.
        unit: of both, such as "px"; empty for ratios.

    >>> Measured(12.345, 0.518, "px")
    12.35 ± 0.52 px
    """

    value: float
    error: float
    unit: str = ""

    def interval(self, share: float = 0.9) -> tuple[float, float]:
        """Return the limits between which the true value lies with the probability `share`, 0 to 1.

        The errors of sums of many points are close to Gaussian, so the interval is Gaussian.

        >>> Measured(10.0, 1.0).interval(0.9)
        (8.355..., 11.644...)
        """
        half = NormalDist().inv_cdf((1 + share) / 2) * self.error
        return self.value - half, self.value + half

    def to_table(self) -> dict[str, Any]:
        """Return the number as JSON values; None for NaN."""
        values = {"value": self.value, "error": self.error}
        rounded = {name: round(value, JSON_DIGITS) if np.isfinite(value) else None for name, value in values.items()}
        return {**rounded, "unit": self.unit}

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        if not np.isfinite(self.error) or self.error <= 0:
            return f"{self.value:.4g} ± {self.error:.2g} {self.unit}".rstrip()
        decimals = max(0, ERROR_DIGITS - 1 - math.floor(math.log10(self.error)))
        return f"{self.value:.{decimals}f} ± {self.error:.{decimals}f} {self.unit}".rstrip()


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
    n = len(keypoints)
    extent = np.ptp(keypoints, axis=0).max() if n > 1 else 1.0
    step = STEP * max(float(np.nan_to_num(extent)), 1.0)
    shifts = step * np.eye(2 * n).reshape(2 * n, n, 2)
    numbers = function(np.concatenate([keypoints[None], keypoints + shifts, keypoints - shifts]))
    jacobian = (numbers[1 : 2 * n + 1] - numbers[2 * n + 1 :]).reshape(n, 2, -1) / (2 * step)
    return numbers[0], np.einsum("kim,kij,kjn->mn", jacobian, covariance, jacobian, optimize=False)


def propagated(face: Prediction, indices: Sequence[int], function: PointsFunction) -> tuple[FloatArray, FloatArray]:
    """Return the numbers (M,) of a function of a face's points, and their covariance (M, M), in the function's units.

    Args:
        face: the predicted face.
        indices: the n points that the function receives.
        function: maps points (..., n, 2), image px, to numbers (..., M).
    """
    chosen = list(indices)
    return propagate(function, face.keypoints[chosen], covariances(face.spread[chosen], face.anisotropy[chosen]))


def propagated_means(
    face: Prediction, groups: Sequence[Sequence[int]], function: PointsFunction
) -> tuple[FloatArray, FloatArray]:
    """Return the same as `propagated` for a function of the means of N groups of points.

    Args:
        face: the predicted face.
        groups: the indices of each group.
        function: maps means (..., N, 2), image px, to numbers (..., M).
    """
    used = sorted({index for group in groups for index in group})
    places = [[used.index(index) for index in group] for group in groups]
    return propagated(face, used, lambda points: function(group_means(points, places)))


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
