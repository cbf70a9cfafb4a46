"""The scores of an audit: by cell, by condition, and by group of people, with 95 % bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasion.audit.cells import CELLS, CLEAN, MODERATE, Audit, Cell
from nasion.audit.columns import Columns
from nasion.audit.conditions import bins
from nasion.audit.corruptions import CORRUPTIONS
from nasion.evaluation.evaluation import THRESHOLD
from nasion.evaluation.metrics import bootstrap, failure_rate, finite, mean
from nasion.geometry import FloatArray

__all__ = [
    "CONTROLS",
    "MIN_FACES",
    "CellScore",
    "GroupScore",
    "Interval",
    "Scores",
    "cell_scores",
    "condition_scores",
    "group_scores",
    "kind_ratios",
    "worst_cells",
]

MIN_FACES = 30
"""Smallest number of faces in a group for a reliable mean; smaller groups are shown in gray."""

ROUNDS = 1000
"""Number of resamples for an interval."""

CONTROLLED_ROUNDS = 300
"""Number of resamples for an interval of a controlled mean; each one fits a regression."""

CONTROLS = (
    "linear regression of a face's NME on the group and on yaw, yaw², log size and log² size; the means are those of "
    "faces with the average of these"
)
"""The method that controls the means of groups, in words."""


class Interval(NamedTuple):
    """A mean, a fraction, with its 95 % interval; NaN where unknown."""

    value: float
    low: float
    high: float


class CellScore(NamedTuple):
    """The scores of a cell, as fractions.

    Attributes:
        cell: the kind of corruption and its severity.
        nme: mean NME.
        ratio: mean NME divided by that of the same faces without corruption.
        failures: share of faces with an NME above 8 %.
        within: (3,) shares of points within 1, 2 and 3 spreads; NaN if the system predicts no uncertainty.
        rejected: share of faces that the system rejects.
        wrong_kept: share of faces with an NME above 8 % that it does not reject.
        missing: share of faces that it does not return; the mean face in the box is measured instead.
    """

    cell: Cell
    nme: Interval
    ratio: float
    failures: float
    within: tuple[float, ...]
    rejected: float
    wrong_kept: float
    missing: float


class GroupScore(NamedTuple):
    """The scores of a group of faces, as fractions.

    Attributes:
        name: the condition or the column.
        text: the range of values or the value.
        faces, subjects: numbers of faces, and of people or photographs.
        clean: mean NME without corruption.
        corrupted: mean NME over all corruptions of severities 1 to 3.
        within: share of points within two spreads, without corruption.
        rejected: share of faces that the system rejects, without corruption.
        controlled_clean, controlled_corrupted: the means controlled for yaw and size; None for groups by condition.
    """

    name: str
    text: str
    faces: int
    subjects: int
    clean: Interval
    corrupted: Interval
    within: float
    rejected: float
    controlled_clean: Interval | None = None
    controlled_corrupted: Interval | None = None

    @property
    def is_small(self) -> bool:
        """Whether the group has fewer than `MIN_FACES` faces."""
        return self.faces < MIN_FACES


@dataclass(frozen=True)
class Scores:
    """The scores of an audit: by cell, by condition, and by group of a table's columns."""

    cells: Sequence[CellScore]
    conditions: Sequence[GroupScore]
    groups: Sequence[GroupScore]

    @staticmethod
    def of(audit: Audit, columns: Columns) -> "Scores":
        """Return the scores of an audit; `columns` are those of `group_scores`."""
        return Scores(cell_scores(audit), condition_scores(audit), group_scores(audit, columns))


def cell_scores(audit: Audit) -> list[CellScore]:
    """Return the scores of all cells, in the order of `CELLS`."""
    return [_cell_score(audit, index) for index in range(len(CELLS))]


def _cell_score(audit: Audit, index: int) -> CellScore:
    nme, rejected = audit.nme[index], audit.rejected[index]
    measured = np.isfinite(nme)
    kept_nme = np.where(rejected, 0.0, nme)[measured]
    return CellScore(
        CELLS[index],
        _interval(nme, audit.subjects),
        mean(nme) / mean(audit.nme[CLEAN]),
        failure_rate(nme, THRESHOLD),
        tuple(_shares_within(audit, index, np.ones(len(nme), bool))),
        float(rejected.mean()),
        failure_rate(kept_nme, THRESHOLD),
        float(audit.missing[index].mean()),
    )


def _interval(values: FloatArray, subjects: Sequence[str]) -> Interval:
    return Interval(mean(values), *bootstrap(values, subjects, mean, ROUNDS))


def _shares_within(audit: Audit, index: int, members: NDArray[np.bool_]) -> list[float]:
    """Return the shares of points within 1, 2 and 3 spreads in a cell, for some of the faces (N,); NaN if unknown."""
    known = int(audit.known[index, members].sum())
    return [float(count) / known if known else float("nan") for count in audit.within[index, members].sum(0)]


def kind_ratios(scores: Sequence[CellScore], severities: tuple[int, ...] = (1, 2, 3)) -> list[float]:
    """Return, for each kind of corruption, the mean NME over severities divided by the NME without corruption."""
    return [
        mean([score.ratio for score in scores if score.cell.kind == kind and score.cell.severity in severities])
        for kind in range(len(CORRUPTIONS))
    ]


def worst_cells(scores: Sequence[CellScore], count: int) -> list[int]:
    """Return the indices of the cells with the largest NME, at most one of each kind, largest first."""
    order = sorted(range(1, len(scores)), key=lambda k: -np.nan_to_num(scores[k].nme.value))
    chosen: dict[int, int] = {}
    for index in order:
        chosen.setdefault(scores[index].cell.kind, index)
    return list(chosen.values())[:count]


def condition_scores(audit: Audit) -> list[GroupScore]:
    """Return the scores of faces in the same condition."""
    return [_group_score(audit, each.condition, each.text, each.members) for each in bins(audit.conditions)]


def _moderate(audit: Audit) -> FloatArray:
    """Return each face's mean NME (N,) over all corruptions of severities 1 to 3, a fraction."""
    return audit.nme[list(MODERATE)].mean(0)


def _group_score(audit: Audit, name: str, text: str, members: NDArray[np.bool_]) -> GroupScore:
    subjects = [subject for subject, inside in zip(audit.subjects, members, strict=True) if inside]
    return GroupScore(
        name,
        text,
        int(members.sum()),
        len(set(subjects)),
        _interval(audit.nme[CLEAN][members], subjects),
        _interval(_moderate(audit)[members], subjects),
        _shares_within(audit, CLEAN, members)[1],
        float(audit.rejected[CLEAN][members].mean()),
    )


def group_scores(audit: Audit, columns: Columns) -> list[GroupScore]:
    """Return the scores of groups of faces by the columns of a table, raw and controlled for yaw and size.

    Args:
        audit: the measured faces.
        columns: the group of each of the N faces by the column's name; empty where unknown.
    """
    found: list[GroupScore] = []
    for name, cells in columns.items():
        values = sorted({cell for cell in cells if cell}, key=_by_number)
        codes = np.array([values.index(cell) if cell else -1 for cell in cells])
        controlled = [_controlled(audit, nme, codes, len(values)) for nme in (audit.nme[CLEAN], _moderate(audit))]
        for code, value in enumerate(values):
            score = _group_score(audit, name, value, codes == code)
            found.append(score._replace(controlled_clean=controlled[0][code], controlled_corrupted=controlled[1][code]))
    return found


def _by_number(text: str) -> tuple[float, str]:
    try:
        return float(text.partition(" ")[0]), text
    except ValueError:
        return float("inf"), text


def _controlled(audit: Audit, nme: FloatArray, codes: NDArray[np.intp], count: int) -> list[Interval]:
    """Return the mean NME of each group, controlled by the method of `CONTROLS`.

    Args:
        audit: contains the conditions.
        nme: (N,), fractions.
        codes: (N,), the group of each face; -1 where unknown.
        count: number of groups.
    """
    covariates = _covariates(audit)
    used = np.flatnonzero((codes >= 0) & np.isfinite(nme) & np.isfinite(covariates).all(1))
    subjects = [audit.subjects[k] for k in used]

    def group_mean(code: int, chosen: FloatArray) -> float:
        rows = used[chosen.astype(int)]
        return float(controlled_means(nme[rows], codes[rows], covariates[rows], count)[code])

    intervals: list[Interval] = []
    for code in range(count):
        value = group_mean(code, np.arange(len(used), dtype=np.float64))
        limits = bootstrap(
            np.arange(len(used)), subjects, lambda chosen, code=code: group_mean(code, chosen), CONTROLLED_ROUNDS
        )
        intervals.append(Interval(value, *limits))
    return intervals


def _covariates(audit: Audit) -> FloatArray:
    """Return the covariates (N, P), no unit: powers of yaw, if it is known, and of the logarithm of size."""
    yaw, size = audit.conditions["yaw"] / 90, np.log(audit.conditions["size"] / 100)
    with_yaw = [yaw, yaw**2] if np.isfinite(yaw).any() else []
    return np.stack([*with_yaw, size, size**2], 1)


def controlled_means(values: FloatArray, codes: NDArray[np.intp], covariates: FloatArray, count: int) -> FloatArray:
    """Return the means of groups (G,) for faces with average covariates, by linear regression.

    Args:
        values: (N,), any unit.
        codes: (N,), the group of each face, 0 to G - 1.
        covariates: (N, P), any unit.
        count: G; a group without a face is NaN.

    >>> x = np.array([[0.0], [1.0], [1.0], [2.0]])
    >>> controlled_means(3 + 2 * x[:, 0], np.array([0, 0, 1, 1]), x, 2).round(6)  # the groups differ only by x
    array([5., 5.])
    """
    present = np.unique(codes)
    if not len(finite(values)):
        return np.full(count, np.nan)
    centered = covariates - covariates.mean(0)
    varying = centered[:, np.ptp(centered, axis=0) > 0]
    design = np.column_stack([codes[:, None] == present, varying])
    weights, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    means = np.full(count, np.nan)
    if rank == design.shape[1]:
        means[present] = weights[: len(present)]
    return means
