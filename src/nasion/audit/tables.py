"""An audit as JSON values, and as rows of text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nasion.audit.cells import CLEAN, Audit
from nasion.audit.corruptions import CORRUPTIONS, SEVERITIES
from nasion.audit.scores import CONTROLS, CellScore, GroupScore, Interval, Scores, kind_ratios
from nasion.outputs.records import file_version

__all__ = ["audit_table", "corruption_rows", "group_rows"]

DECIMALS = 6
"""Decimals of fractions in JSON."""


def audit_table(audit: Audit, scores: Scores) -> dict[str, Any]:
    """Return the values of `reports.AuditFile`: fractions, px and degrees; None where unknown."""
    return {
        **file_version(),
        "model": audit.system,
        "data": audit.data,
        "split": audit.split,
        "faces": len(audit.faces),
        "subjects": len(set(audit.subjects)),
        "normalizer": audit.normalizer,
        "clean": _cell_values(scores.cells[CLEAN]),
        "corruptions": [
            {
                "name": kind.name,
                "unit": kind.unit,
                "ratio_at_severities_1_to_3": _number(ratio),
                "severities": [_cell_values(score) for score in scores.cells if score.cell.kind == number],
            }
            for number, (kind, ratio) in enumerate(zip(CORRUPTIONS, kind_ratios(scores.cells), strict=True))
        ],
        "conditions": [_group_values(score) for score in scores.conditions],
        "groups": [_group_values(score) for score in scores.groups],
        "groups_controlled_by": CONTROLS if scores.groups else None,
        "problems": [{"name": problem.name, "reason": problem.reason} for problem in audit.problems],
    }


def _number(value: float) -> float | None:
    return round(value, DECIMALS) if np.isfinite(value) else None


def _interval(interval: Interval | None) -> list[float | None] | None:
    """Return the mean and both ends of its interval."""
    return None if interval is None else [_number(value) for value in interval]


def _cell_values(score: CellScore) -> dict[str, Any]:
    kind, severity = score.cell
    return {
        "severity": severity,
        "value": CORRUPTIONS[kind].values[severity - 1] if severity else None,
        "nme": _interval(score.nme),
        "ratio": _number(score.ratio),
        "failure_rate@0.08": _number(score.failures),
        "within_spreads": [_number(share) for share in score.within],
        "rejected": _number(score.rejected),
        "wrong_and_kept": _number(score.wrong_kept),
        "missing": _number(score.missing),
    }


def _group_values(score: GroupScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "group": score.text,
        "faces": score.faces,
        "subjects": score.subjects,
        "nme": _interval(score.clean),
        "nme_corrupted": _interval(score.corrupted),
        "nme_controlled": _interval(score.controlled_clean),
        "nme_corrupted_controlled": _interval(score.controlled_corrupted),
        "within_2_spreads": _number(score.within),
        "rejected": _number(score.rejected),
    }


def corruption_rows(scores: Sequence[CellScore]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a header and a row for each kind of corruption: the mean NME at each severity, percent."""
    header = ("NME, percent", *map(str, SEVERITIES), "1 to 3 / clean")
    rows = [("no corruption", f"{100 * scores[CLEAN].nme.value:.2f}", *[""] * len(SEVERITIES))]
    for number, (kind, ratio) in enumerate(zip(CORRUPTIONS, kind_ratios(scores), strict=True)):
        values = (f"{100 * score.nme.value:.2f}" for score in scores if score.cell.kind == number)
        rows.append((kind.name, *values, f"{ratio:.2f}"))
    return header, rows


def group_rows(scores: Sequence[GroupScore]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a header and a row for each group: faces, mean NME with its interval, and controlled, percent."""

    def text(interval: Interval | None) -> str:
        return "" if interval is None else "{:.2f} ({:.2f} to {:.2f})".format(*(100 * value for value in interval))

    header = ("group", "faces", "NME, percent", "controlled for yaw and size")
    return header, [
        (f"{score.name} {score.text}", str(score.faces), text(score.clean), text(score.controlled_clean))
        for score in scores
    ]
