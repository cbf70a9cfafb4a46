"""Scores of found points against true ones. Fractions, not percent; a missing point counts nowhere.

NME = mean point-to-point distance / normaliser. The same predictions score 3.0, 4.2, 1.7 or 1.2 by the
normaliser alone, so a score's name says which: "nme/inter_ocular", "auc@0.08/inter_ocular".
"""

from collections.abc import Callable, Sequence
from math import gamma, sqrt

import numpy as np
from numpy.typing import ArrayLike

from nasion.geometry import FloatArray

__all__ = [
    "ERROR_SHAPE",
    "MEAN_ERROR_OF_SPREAD",
    "SPREAD_OF_SCALE",
    "auc",
    "bootstrap",
    "ced",
    "face_errors",
    "failure_rate",
    "nominal_share",
    "point_errors",
    "share_within",
]


def point_errors(pred_keypoints: ArrayLike, true_keypoints: ArrayLike) -> FloatArray:
    """Return the distances (..., K) between points (..., K, 2); NaN where a true point is missing.

    >>> point_errors([[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [np.nan, np.nan]])
    array([ 5., nan])
    """
    return np.linalg.norm(np.asarray(pred_keypoints, np.float64) - np.asarray(true_keypoints, np.float64), axis=-1)


def face_errors(errors: FloatArray, lengths: ArrayLike | None = None) -> FloatArray:
    """Return each face's mean error (N,) over the points that it has, from `errors` (N, K).

    With `lengths` (N,) this is the face's NME by that normaliser; a face whose length is NaN or 0 is NaN.

    >>> face_errors(np.array([[1.0, 3.0], [2.0, np.nan]]), [10.0, 10.0])
    array([0.2, 0.2])
    """
    present = np.isfinite(errors)
    count = present.sum(-1)
    total = np.where(present, errors, 0.0).sum(-1)
    mean = np.divide(total, count, out=np.full(len(errors), np.nan), where=count > 0)
    if lengths is None:
        return mean
    divisor = np.asarray(lengths, np.float64)
    return np.divide(mean, divisor, out=np.full(len(errors), np.nan), where=divisor > 0)


def failure_rate(nme: ArrayLike, threshold: float) -> float:
    """Return the share of faces whose NME (N,) is above `threshold`.

    >>> failure_rate([0.02, 0.05, 0.2, 0.09], 0.08)
    0.5
    """
    values = _present(nme)
    return float((values > threshold).mean()) if len(values) else float("nan")


def auc(nme: ArrayLike, threshold: float) -> float:
    """Return the area under the CED up to `threshold`, as a share: mean(max(0, 1 - NME / threshold)), exact.

    >>> auc([0.0, 0.04, 0.2], 0.08)
    0.5
    """
    values = _present(nme)
    return float(np.maximum(0.0, 1.0 - values / threshold).mean()) if len(values) else float("nan")


def ced(nme: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Return the cumulative error distribution: the share of faces with NME <= each threshold (T,).

    >>> ced([0.02, 0.05, 0.2], [0.02, 0.1])
    array([0.33333333, 0.66666667])
    """
    values = np.sort(_present(nme))
    return np.searchsorted(values, np.asarray(thresholds, np.float64), side="right") / max(1, len(values))


def share_within(errors: ArrayLike, spreads: ArrayLike, multiple: float) -> float:
    """Return the share of points whose error (N, K) is at most `multiple` times their spread (N, K).

    A missing point, or one whose spread is not known, counts nowhere.

    >>> share_within([[1.0, 3.0, np.nan]], [[2.0, 2.0, 2.0]], 1.0)
    0.5
    """
    ratios = _present(np.asarray(errors, np.float64) / np.asarray(spreads, np.float64))
    return float((ratios <= multiple).mean()) if len(ratios) else float("nan")


ERROR_SHAPE = 1.15
"""Exponent p of the errors' distribution: in the plane, its density at distance r is proportional to exp(-(r / b)^p).

1 would be a Laplace distribution, 2 a Gaussian; this is the likeliest for validation faces under their spreads.
"""

SPREAD_OF_SCALE = sqrt(gamma(4 / ERROR_SHAPE) / gamma(2 / ERROR_SHAPE) / 2)
"""The spread, a standard deviation along an axis, over the scale b."""

MEAN_ERROR_OF_SPREAD = gamma(3 / ERROR_SHAPE) / gamma(2 / ERROR_SHAPE) / SPREAD_OF_SCALE
"""The mean distance over the spread."""


def nominal_share(multiple: ArrayLike) -> FloatArray:
    """Return the share of points that should lie within `multiple` (...) spreads of the truth: see `ERROR_SHAPE`.

    >>> nominal_share([1, 2, 3]).round(3)
    array([0.489, 0.859, 0.97 ])
    """
    r, step = np.linspace(0, 40, 8001, retstep=True)  # in scales: beyond, there is nothing that could be told
    density = r * np.exp(-(r**ERROR_SHAPE)) * ERROR_SHAPE / gamma(2 / ERROR_SHAPE)
    within = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1]) * step / 2])
    return np.interp(np.asarray(multiple, np.float64) * SPREAD_OF_SCALE, r, within)


def bootstrap(
    values: ArrayLike,
    groups: Sequence[str],
    statistic: Callable[[FloatArray], float],
    rounds: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of `statistic` when whole groups of `values` (N,) are drawn anew.

    Groups (a person's six views) are drawn whole, because faces of one person are not independent; a single
    group tells nothing about others, so its interval is NaN.
    Source: B. Efron, "Better bootstrap confidence intervals", JASA 1987 (the percentile method).

    >>> low, high = bootstrap([1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"], np.mean)
    >>> low, high
    (1.5, 3.5)
    """
    array, labels = np.asarray(values, np.float64), np.asarray(groups)
    members = [np.flatnonzero(labels == name) for name in np.unique(labels)]
    if len(members) < 2:
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    draws = random.integers(len(members), size=(rounds, len(members)))
    found = [statistic(array[np.concatenate([members[g] for g in draw])]) for draw in draws]
    low, high = np.nanquantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _present(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]
