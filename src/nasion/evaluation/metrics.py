"""Scores of predicted keypoints against the ground truth, as fractions. Missing points are ignored.

NME = mean point-to-point distance / normalizer. The same predictions score 3.0, 4.2, 1.7 or 1.2 by the
normalizer alone, so a score's name states the normalizer: "nme/inter_ocular", "auc@0.08/inter_ocular".
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from nasion.geometry import FloatArray

__all__ = [
    "auc",
    "bootstrap",
    "ced",
    "face_errors",
    "failure_rate",
    "finite",
    "mean",
    "median",
    "point_errors",
    "roc_auc",
    "share_within",
]


def point_errors(pred_keypoints: ArrayLike, true_keypoints: ArrayLike) -> FloatArray:
    """Return the distances (..., K), px, between points (..., K, 2), px; NaN where a true point is missing.

    >>> point_errors([[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [np.nan, np.nan]])
    array([ 5., nan])
    """
    return np.linalg.norm(np.asarray(pred_keypoints, np.float64) - np.asarray(true_keypoints, np.float64), axis=-1)


def face_errors(errors: FloatArray, lengths: ArrayLike | None = None) -> FloatArray:
    """Return each face's mean error (N,), px, over its present points, from `errors` (N, K), px.

    With `lengths` (N,), px, this is the face's NME, a fraction; a face whose length is NaN or 0 has NaN.

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
    """Return the share of faces whose NME (N,), a fraction, is above `threshold`.

    >>> failure_rate([0.02, 0.05, 0.2, 0.09], 0.08)
    0.5
    """
    values = finite(nme)
    return float((values > threshold).mean()) if len(values) else float("nan")


def auc(nme: ArrayLike, threshold: float) -> float:
    """Return the area under the CED of NMEs (N,), fractions, up to `threshold`: mean(max(0, 1 - NME / threshold)).

    >>> auc([0.0, 0.04, 0.2], 0.08)
    0.5
    """
    values = finite(nme)
    return float(np.maximum(0.0, 1.0 - values / threshold).mean()) if len(values) else float("nan")


def ced(nme: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Return the cumulative error distribution (T,): the share of NMEs (N,), fractions, up to each threshold (T,).

    >>> ced([0.02, 0.05, 0.2], [0.02, 0.1])
    array([0.33333333, 0.66666667])
    """
    values = np.sort(finite(nme))
    return np.searchsorted(values, np.asarray(thresholds, np.float64), side="right") / max(1, len(values))


def share_within(distances: ArrayLike, multiple: float) -> float:
    """Return the share of points whose error, in spreads (N, K), is at most `multiple`.

    Missing points and points of unknown spread are ignored.

    >>> share_within([[0.5, 1.5, np.nan]], 1.0)
    0.5
    """
    present = finite(distances)
    return float((present <= multiple).mean()) if len(present) else float("nan")


def roc_auc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Return the area under the ROC curve, 0 to 1, of the scores (N,) of positive and negative cases; NaN without both.

    It is the probability that a positive case has a higher score than a negative one; equal scores count half.

    >>> roc_auc([0.9, 0.4, 0.4, 0.1], [True, True, False, False])
    0.875
    """
    values, sign = np.asarray(scores, np.float64), np.asarray(positive, bool)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]  # from 1; equal scores share their mean rank
    positives, negatives = int(sign.sum()), int((~sign).sum())
    if not positives * negatives:
        return float("nan")
    return float((rank[sign].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def bootstrap(
    values: ArrayLike,
    groups: Sequence[str],
    statistic: Callable[[FloatArray], float],
    rounds: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of `statistic` of `values` (N,), in their unit, by resampling whole groups.

    Whole groups (such as a person's six views) are resampled because faces of one person are not independent. A
    single group carries no information about others, so its interval is NaN.
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
    if not np.isfinite(found).any():
        return float("nan"), float("nan")
    low, high = np.nanquantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean(values: ArrayLike) -> float:
    """Return the mean of the finite values (...), in their unit; NaN if there is none."""
    present = finite(values)
    return float(present.mean()) if len(present) else float("nan")


def median(values: ArrayLike) -> float:
    """Return the median of the finite values (...), in their unit; NaN if there is none."""
    present = finite(values)
    return float(np.median(present)) if len(present) else float("nan")


def finite(values: ArrayLike) -> FloatArray:
    """Return the finite values (M,) of an array (...), in their unit."""
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]
