"""Scores of found points against true ones. Fractions, not percent; a missing point counts nowhere.

NME = mean point-to-point distance / normalizer. The same predictions score 3.0, 4.2, 1.7 or 1.2 by the
normalizer alone, so a score's name says which: "nme/inter_ocular", "auc@0.08/inter_ocular".
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from nasion.geometry import FloatArray

__all__ = ["auc", "bootstrap", "ced", "face_errors", "failure_rate", "point_errors", "share_within"]


def point_errors(pred_keypoints: ArrayLike, true_keypoints: ArrayLike) -> FloatArray:
    """Return the distances (..., K) between points (..., K, 2); NaN where a true point is missing.

    >>> point_errors([[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [np.nan, np.nan]])
    array([ 5., nan])
    """
    return np.linalg.norm(np.asarray(pred_keypoints, np.float64) - np.asarray(true_keypoints, np.float64), axis=-1)


def face_errors(errors: FloatArray, lengths: ArrayLike | None = None) -> FloatArray:
    """Return each face's mean error (N,) over the points that it has, from `errors` (N, K).

    With `lengths` (N,) this is the face's NME by that normalizer; a face whose length is NaN or 0 is NaN.

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


def share_within(distances: ArrayLike, multiple: float) -> float:
    """Return the share of points whose error, in spreads (N, K), is at most `multiple`.

    A missing point, or one whose spread is not known, counts nowhere.

    >>> share_within([[0.5, 1.5, np.nan]], 1.0)
    0.5
    """
    present = _present(distances)
    return float((present <= multiple).mean()) if len(present) else float("nan")


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
