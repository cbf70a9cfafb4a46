"""The uncertainty of keypoints: the distribution of their errors, the ellipses that show it, numbers with errors.

The density of a point's error is proportional to exp(-(d / b)^p), where d is the Mahalanobis distance: the length of
the error, in spreads, under a covariance of

    spread^2 * expm([[u, v], [v, -u]])        with (u, v) the anisotropy.

Its determinant is spread^4, so the spread is the geometric mean of the standard deviations along the two axes of the
ellipse. They are spread * exp(±|(u, v)| / 2), and the longer one is turned by half the angle of (u, v).
"""

import math
from dataclasses import dataclass
from math import gamma, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nasion.geometry import FloatArray

__all__ = [
    "ERROR_SHAPE",
    "MEASURED_DECIMALS",
    "SPREAD_OF_SCALE",
    "Measured",
    "confidences",
    "covariances",
    "ellipses",
    "expected_errors",
    "mahalanobis",
    "nominal_multiple",
    "nominal_share",
]

ERROR_SHAPE = 1.25
"""Exponent p of the density: 1 is a Laplace distribution, 2 a Gaussian. 1.25 is the likeliest for validation faces."""

SPREAD_OF_SCALE = sqrt(gamma(4 / ERROR_SHAPE) / gamma(2 / ERROR_SHAPE) / 2)
"""Standard deviation of the errors along an axis of the ellipse, divided by the scale b."""

MEAN_ERROR = gamma(3 / ERROR_SHAPE) / gamma(2 / ERROR_SHAPE) / SPREAD_OF_SCALE
"""Mean distance of an isotropic point's error, in spreads."""

CLOSE = 0.05
"""Distance within which a point counts as right for `confidences`, as a share of the face's size."""

DIRECTIONS = np.linspace(0, np.pi, 32, endpoint=False)
"""Directions (32,), radians, over which `expected_errors` averages the radius of an ellipse."""

MAX_DISTANCE = 40.0
"""Upper limit, in scales b, of the integral in `nominal_share`; the density beyond it is negligible."""

INTEGRATION_POINTS = 8001
"""Number of points of the integral in `nominal_share`."""

ERROR_DIGITS = 2
"""Significant digits of a standard error in a text; the value has as many decimals."""

MEASURED_DECIMALS = 4
"""Decimals of a written number and its error."""


def mahalanobis(offsets: FloatArray, spread: FloatArray, anisotropy: FloatArray) -> FloatArray:
    """Return the lengths of errors (..., K) as multiples of the spread, no unit.

    Args:
        offsets: (..., K, 2) errors, px.
        spread: (..., K), px.
        anisotropy: (..., K, 2), no unit.

    >>> long_in_x = np.array([[np.log(4.0), 0.0]])  # twice the spread along x, half of it along y
    >>> mahalanobis(np.array([[6.0, 0.0]]), np.array([3.0]), long_in_x).round(6)
    array([1.])
    """
    (x, y), (u, v) = np.moveaxis(offsets, -1, 0), np.moveaxis(anisotropy, -1, 0)
    size = np.hypot(u, v)
    with np.errstate(invalid="ignore"):
        slope = np.where(size > 0, np.sinh(size) / np.where(size > 0, size, 1.0), 1.0)
    square = np.cosh(size) * (x**2 + y**2) - slope * (u * (x**2 - y**2) + 2 * v * x * y)
    return np.sqrt(np.maximum(square, 0.0)) / spread


def ellipses(spread: FloatArray, anisotropy: FloatArray) -> FloatArray:
    """Return the error ellipses (..., K, 3) at one spread: semi-major and semi-minor axis, px, and angle, degrees.

    The angle turns the major axis from x towards y, clockwise on a screen, 0 to 180.

    Args:
        spread: (..., K), px.
        anisotropy: (..., K, 2), no unit.

    >>> ellipses(np.array([3.0]), np.array([[0.0, np.log(4.0)]])).round(6)
    array([[ 6. ,  1.5, 45. ]])
    """
    u, v = np.moveaxis(anisotropy, -1, 0)
    longer = np.exp(np.hypot(u, v) / 2)
    angle = np.degrees(np.arctan2(v, u)) / 2 % 180
    return np.stack([spread * longer, spread / longer, angle], -1)


def expected_errors(spread: FloatArray, anisotropy: FloatArray) -> FloatArray:
    """Return the expected distances (..., K) between predicted and true points, px.

    Args:
        spread: (..., K), px.
        anisotropy: (..., K, 2), no unit.

    >>> float(expected_errors(np.array(1.0), np.array([0.0, 0.0]))) == MEAN_ERROR
    True
    """
    long, short, _ = np.moveaxis(ellipses(spread, anisotropy), -1, 0)
    radii = np.hypot(long[..., None] * np.cos(DIRECTIONS), short[..., None] * np.sin(DIRECTIONS))
    return MEAN_ERROR * radii.mean(-1)


def nominal_share(multiple: ArrayLike) -> FloatArray:
    """Return the share of points (...), 0 to 1, that should lie within `multiple` spreads of the ground truth.

    Args:
        multiple: (...) multiples of the spread, no unit.

    >>> nominal_share([1, 2, 3]).round(3)
    array([0.474, 0.859, 0.973])
    """
    radius, within = _cumulative()
    return np.interp(np.asarray(multiple, np.float64) * SPREAD_OF_SCALE, radius, within)


def nominal_multiple(share: ArrayLike) -> FloatArray:
    """Return the multiple of the spread (...), no unit, within which a share (...) of points, 0 to 1, should lie.

    >>> nominal_multiple(nominal_share([1.0, 2.0])).round(3)
    array([1., 2.])
    """
    radius, within = _cumulative()
    return np.interp(np.asarray(share, np.float64), within, radius) / SPREAD_OF_SCALE


def _cumulative() -> tuple[FloatArray, FloatArray]:
    """Return radii (N,), in scales b, and the share of errors (N,), 0 to 1, up to each."""
    r, step = np.linspace(0, MAX_DISTANCE, INTEGRATION_POINTS, retstep=True)
    density = r * np.exp(-(r**ERROR_SHAPE)) * ERROR_SHAPE / gamma(2 / ERROR_SHAPE)
    return r, np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1]) * step / 2])


def confidences(spread: FloatArray, size: float) -> FloatArray:
    """Return the probability (K,), 0 to 1, of each point to be within 5 % of the face's size of its true position.

    Args:
        spread: (K,), px; NaN stays NaN.
        size: of the face, the square root of the area of the box around its points, px.

    >>> confidences(np.array([2.5, 5.0, np.nan]), 100.0).round(3)
    array([0.859, 0.474,   nan])
    """
    with np.errstate(divide="ignore"):
        return nominal_share(CLOSE * size / spread)


def covariances(spread: FloatArray, anisotropy: FloatArray) -> FloatArray:
    """Return the covariance matrices (..., K, 2, 2) of the points' errors, px^2; NaN where the spread is.

    Args:
        spread: (..., K), px.
        anisotropy: (..., K, 2), no unit.

    >>> covariances(np.array([3.0]), np.array([[np.log(4.0), 0.0]])).round(6)
    array([[[36.  ,  0.  ],
            [ 0.  ,  2.25]]])
    """
    u, v = np.moveaxis(np.asarray(anisotropy, np.float64), -1, 0)
    size = np.hypot(u, v)
    slope = np.sinh(size) / np.where(size > 0, size, 1.0)
    square = np.asarray(spread, np.float64) ** 2
    level, slope = square * np.cosh(size), square * slope
    matrices = np.empty((*level.shape, 2, 2))
    matrices[..., 0, 0], matrices[..., 1, 1] = level + slope * u, level - slope * u
    matrices[..., 0, 1] = matrices[..., 1, 0] = slope * v
    return matrices


@dataclass(frozen=True)
class Measured:
    """A number with its standard error.

    Attributes:
        value: NaN if one of its points is missing or hidden.
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
        rounded = {
            name: round(value, MEASURED_DECIMALS) if np.isfinite(value) else None for name, value in values.items()
        }
        return {**rounded, "unit": self.unit}

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        if not np.isfinite(self.error) or self.error <= 0:
            return f"{self.value:.4g} ± {self.error:.2g} {self.unit}".rstrip()
        decimals = max(0, ERROR_DIGITS - 1 - math.floor(math.log10(self.error)))
        return f"{self.value:.{decimals}f} ± {self.error:.{decimals}f} {self.unit}".rstrip()
