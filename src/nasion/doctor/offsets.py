"""Offsets between labels and a model's predictions, image px: common to all faces, or to some of them.

Labels that are read with the wrong origin are one pixel off in x and y, at every point of every face. If only some
files have the wrong origin, the offsets of the faces form two clusters that are (1, 1) px apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasion.doctor.checks import MIN_FACES, Finding, Suspect, Verdict, count, named
from nasion.doctor.comparison import Comparison
from nasion.doctor.reading import ReadFace
from nasion.doctor.second_opinion import AGREES
from nasion.geometry import FloatArray, is_present
from nasion.skeleton import Skeleton

__all__ = ["Offset", "findings", "offset_verdict"]

ROUNDS = 100
"""Number of bootstrap rounds for the standard errors of the common offset."""

USUAL_BIAS_PX = 0.35
"""Largest offset of correct labels, px.

It is at most 0.38 ± 0.13 px on IMM's persons 1 to 32 and on the three parts of 300-W's training photos.
"""

ONE_PIXEL = 1.0
"""Offset that a wrong origin causes, px."""

CLIP = 3.0
"""Offsets of single faces are clipped to this many robust standard deviations from the median."""

MIN_SHARE = 0.2
"""Smallest share of faces in a cluster.

On IMM's persons 1 to 32 and on the three parts of 300-W's training photos, the smaller cluster has at most 0.02.
"""

MEMBER = 0.5
"""Probability above which a face belongs to the upper cluster."""

EM_STEPS = 50
"""Number of steps of the fit of two clusters."""

MAD_TO_STD = 1.4826
"""Standard deviation of a normal distribution divided by its median absolute deviation."""


class Offset(NamedTuple):
    """An offset of the labels in one direction and its standard error, image px."""

    value: float
    error: float


def findings(
    comparison: Comparison, read: Sequence[ReadFace], skeleton: Skeleton, symmetry: Offset | None = None
) -> list[Finding]:
    """Return the findings on the offsets.

    Args:
        comparison: from `compare`.
        read: the faces.
        skeleton: of the labels.
        symmetry: the offset of the labels from the symmetry axis of the faces, if it is known.
    """
    names = "pixel origin (model)", "mixed origins"
    agreeing = np.flatnonzero(comparison.typical <= AGREES)
    if len(agreeing) < MIN_FACES:
        text = f"needs {MIN_FACES} faces on which labels and model agree"
        return [Finding(name, "unknown", text) for name in names]
    return [_common(comparison, agreeing, skeleton, symmetry), _mixed(comparison, agreeing, read)]


def offset_verdict(offset: float, error: float) -> Verdict:
    """Return the verdict on an offset and its standard error, px, by the interval of two standard errors around it.

    It is "check" if a wrong origin explains the offset and the usual bias of labels does not, and "unclear" if both do.

    >>> offset_verdict(0.05, 0.18), offset_verdict(-1.05, 0.18), offset_verdict(0.7, 0.4), offset_verdict(0.6, 0.1)
    ('good', 'check', 'unclear', 'good')
    """
    low, high = abs(offset) - 2 * error, abs(offset) + 2 * error
    if high < ONE_PIXEL:
        return "good"
    return "check" if low > USUAL_BIAS_PX else "unclear"


def _common(comparison: Comparison, chosen: NDArray[np.intp], skeleton: Skeleton, symmetry: Offset | None) -> Finding:
    """Check that the labels of all faces do not have a common offset from the predictions.

    The typical difference of each point is one observation, because two skeletons may define a point differently. The
    weighted median of all points ignores the few that differ most. In x, a difference in the definition of a point has
    the opposite sign on the other side of the face, so it cancels in the mean of both sides.
    """
    differences = (comparison.labels - comparison.points)[chosen]
    weights = _weights(comparison, chosen)
    order = {int(k): place for place, k in enumerate(comparison.here)}
    flip = skeleton.flip or tuple(range(skeleton.count))
    twin = np.array([order.get(flip[int(k)], place) for place, k in enumerate(comparison.here)])

    def estimate(faces: NDArray[np.intp], points: NDArray[np.intp]) -> FloatArray:
        typical = _known_median(differences[faces])
        sides = np.column_stack([(typical[:, 0] + typical[twin, 0]) / 2, typical[:, 1]])
        return np.array([_weighted_median(values[points], weights[points]) for values in sides.T])

    faces, points = np.arange(len(chosen)), np.arange(len(comparison.here))
    random = np.random.default_rng(0)
    rounds = [
        estimate(random.integers(len(faces), size=len(faces)), random.integers(len(points), size=len(points)))
        for _ in range(ROUNDS)
    ]
    offset, error = estimate(faces, points), np.std(rounds, axis=0)
    across, down = (Offset(float(o), float(e)) for o, e in zip(offset, error, strict=True))
    verdicts = [offset_verdict(*across), offset_verdict(*down)]
    biased = symmetry is not None and verdicts[0] == "check" and _contradicts(symmetry, across)
    if biased:
        verdicts[0] = "unclear"
    verdict: Verdict = "check" if "check" in verdicts else "unclear" if "unclear" in verdicts else "good"
    text = f"labels lie {across.value:+.2f} ± {across.error:.2f} px in x and "
    text += f"{down.value:+.2f} ± {down.error:.2f} px in y from the predictions" + EXPLANATIONS.get(verdict, "")
    return Finding("pixel origin (model)", verdict, text + (BIASED if biased else ""))


def _contradicts(symmetry: Offset, model: Offset) -> bool:
    """Return whether the symmetry of the faces excludes the wrong origin in x that the predictions suggest.

    A wrong origin moves the labels away from the axis as far as from the predictions, but the predictions themselves
    may be biased, for example on drawn faces. So the offset from the axis must be good, and differ from the one from
    the predictions by more than two standard errors.
    """
    difference = abs(symmetry.value - model.value)
    return offset_verdict(*symmetry) == "good" and difference > 2 * float(np.hypot(symmetry.error, model.error))


BIASED = "; in x the labels lie on the symmetry axis of the faces, so the predictions may be biased"
"""What contradicts a wrong origin."""

EXPLANATIONS: dict[Verdict, str] = {
    "check": "; a wrong origin would explain this",
    "unclear": "; a wrong origin or another definition of the points would explain this",
}
"""What may explain an offset, by the verdict."""


def _weights(comparison: Comparison, chosen: NDArray[np.intp]) -> FloatArray:
    """Return the weights (S,) of the points, inverse squares of their typical distances in px."""
    sizes = np.abs((comparison.labels - comparison.expected)[chosen])
    typical = np.linalg.norm(_known_median(sizes), axis=-1)
    return np.where(typical > 0, 1 / np.maximum(typical, np.finfo(float).eps) ** 2, 0.0)


def _known_median(differences: FloatArray) -> FloatArray:
    """Return the median (S, 2) of differences (N, S, 2), px; NaN where none is known."""
    known = is_present(differences).any(0)
    median = np.full(differences.shape[1:], np.nan)
    median[known] = np.nanmedian(differences[:, known], axis=0)
    return median


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    """Return the weighted median of the known values (S,).

    >>> _weighted_median(np.array([1.0, 5.0, 2.0]), np.ones(3))
    2.0
    """
    known = np.isfinite(values)
    order = np.argsort(values[known])
    share = weights[known][order] / weights[known].sum()
    return float(np.interp(0.5, np.cumsum(share) - share / 2, values[known][order]))


@dataclass(frozen=True, eq=False)
class Clusters:
    """Two clusters of offsets that are one pixel apart in x and in y.

    Attributes:
        probability: (N,) that a face belongs to the upper cluster.
        share: of the smaller cluster, 0 to 0.5.
    """

    probability: FloatArray
    share: float


def _clusters(offsets: FloatArray) -> Clusters:
    """Return the most likely clusters of the offsets (N, 2), px, by expectation maximization."""
    median = np.median(offsets, axis=0)
    spread = np.maximum(MAD_TO_STD * np.median(np.abs(offsets - median), axis=0), np.finfo(float).eps)
    clipped = np.clip(offsets, median - CLIP * spread, median + CLIP * spread)
    upper = np.full(len(offsets), 0.5)
    low, variance, share = clipped.mean(0) - ONE_PIXEL / 2, clipped.var(0), 0.5
    for _ in range(EM_STEPS):
        squares = [((clipped - low - shift) ** 2 / variance).sum(1) / 2 for shift in (0.0, ONE_PIXEL)]
        odds = np.log(max(share, 1e-12) / max(1 - share, 1e-12)) + squares[0] - squares[1]
        upper = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
        share = float(upper.mean())
        low = (clipped - ONE_PIXEL * upper[:, None]).mean(0)
        below, above = (clipped - low) ** 2, (clipped - low - ONE_PIXEL) ** 2
        variance = np.maximum((below + upper[:, None] * (above - below)).mean(0), np.finfo(float).eps)
    return Clusters(upper, min(share, 1 - share))


def _mixed(comparison: Comparison, chosen: NDArray[np.intp], read: Sequence[ReadFace]) -> Finding:
    """Check that the offsets of the faces do not form two clusters that are one pixel apart in x and y."""
    offsets = _face_offsets(comparison, chosen)
    clusters = _clusters(offsets)
    if clusters.share < MIN_SHARE:
        return Finding("mixed origins", "good", "the faces have one common offset")
    member = clusters.probability > MEMBER
    smaller = member if member.sum() <= len(member) / 2 else ~member
    suspects = tuple(
        Suspect(
            read[int(row)].face,
            f"offset {x:+.1f}, {y:+.1f} px",
            expected=comparison.for_skeleton(comparison.expected[row], read[int(row)].face.skeleton),
        )
        for row, (x, y) in zip(chosen[smaller], offsets[smaller] - np.median(offsets[~smaller], axis=0), strict=True)
    )
    text = f"two clusters of offsets, 1 px apart in x and y: {count(len(suspects))} may have another origin than the"
    return Finding("mixed origins", "check", f"{text} other {(~smaller).sum()}: {named(suspects)}", suspects)


def _face_offsets(comparison: Comparison, chosen: NDArray[np.intp]) -> FloatArray:
    """Return the mean offset (N, 2) of each chosen face's labels from the expected positions, image px.

    A common offset in pixels does not scale with the size of a face, as `Comparison.expected` assumes, so the part
    that depends linearly on the size is subtracted.
    """
    differences = (comparison.labels - comparison.expected)[chosen]
    known = is_present(differences)
    weights = np.where(known, _weights(comparison, chosen), 0.0)
    total = np.where(known[..., None], differences, 0.0) * weights[..., None]
    offsets = total.sum(1) / weights.sum(1)[:, None]
    sizes = np.linalg.norm(np.ptp(comparison.points[chosen], axis=1), axis=-1)
    terms = np.column_stack([np.ones(len(sizes)), sizes / sizes.mean()])
    return offsets - terms @ np.linalg.lstsq(terms, offsets, rcond=None)[0]
