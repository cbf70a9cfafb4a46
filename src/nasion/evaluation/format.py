"""Scores as text: values with their units, confidence intervals, and what each score means."""

from typing import NamedTuple

import numpy as np

from nasion.evaluation.evaluation import THRESHOLD, Evaluation
from nasion.uncertainty import nominal_share

__all__ = ["SPLIT_NAMES", "ScoreRow", "format_point", "format_score", "score_meaning", "score_rows"]

SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test", "all": "labeled"}
"""The splits as they appear in sentences."""

MEANINGS = {
    "error_px/mean": "mean distance of a predicted keypoint from the ground truth, image px",
    "error_px/median": "mean distance of the median face, image px",
    "nme/inter_ocular": "mean distance / distance of the outer eye corners",
    "nme/inter_pupil": "mean distance / distance of the eyes' mean points",
    "nme/box_size": "mean distance / √(width · height) of the box around the points",
    "nme/box_diagonal": "mean distance / diagonal of the box around the points",
    "auc/hidden_probability": "probability that a hidden point is ranked above a visible one; 50 % is chance",
    "ms_per_face": "time from image and box to keypoints, ms, on the machine that measured",
    "n": "faces",
    "n/lost": "faces for which no box was found; scores do not include them",
}
"""Meanings of the scores with a fixed name."""


class ScoreRow(NamedTuple):
    """One score as text: its name, value, 95 % confidence interval (may be empty) and meaning."""

    name: str
    value: str
    interval: str
    meaning: str


def score_rows(evaluation: Evaluation) -> list[ScoreRow]:
    """Return all scores of an evaluation as text."""
    intervals = evaluation.intervals()
    rows: list[ScoreRow] = []
    for name, value in evaluation.scores().items():
        low, high = intervals.get(name, (np.nan, np.nan))
        interval = f"{format_score(name, low)} – {format_score(name, high)}" if np.isfinite([low, high]).all() else ""
        rows.append(ScoreRow(name, format_score(name, value), interval, score_meaning(name)))
    return rows


def format_score(name: str, value: float) -> str:
    """Return a score with its unit: fractions as percent, px and ms as they are.

    >>> format_score("nme/inter_ocular", 0.0345), format_score("error_px/mean", 5.126), format_score("n", 48)
    ('3.45 %', '5.13 px', '48')
    """
    if name == "n" or name.startswith("n/"):
        return str(int(value))
    if name.startswith("error_px"):
        return f"{value:.2f} px"
    return f"{value:.2f} ms" if name == "ms_per_face" else f"{100 * value:.2f} %"


def score_meaning(name: str) -> str:
    """Return what a score means, in a few words; empty for an unknown score."""
    if name in MEANINGS:
        return MEANINGS[name]
    if name.startswith("n/"):
        return "faces with this length; scores relative to it include only these"
    if name.startswith(("nme/visible/", "nme/hidden/")):
        _, part, length = name.split("/")
        return score_meaning(f"nme/{length}").replace("mean distance", f"mean distance of the {part} points", 1)
    if name.startswith("auc@"):
        return f"area under the error curve up to {100 * THRESHOLD:g} %; higher is better"
    if name.startswith("within@"):
        multiple = int(name.removeprefix("within@").partition("/")[0])
        return (
            f"keypoints within {multiple} spread{'s' * (multiple > 1)}; {100 * nominal_share(multiple):.1f} % is ideal"
        )
    if name.startswith("failure_rate@"):
        return f"faces with an NME above {100 * THRESHOLD:g} %"
    return ""


def format_point(evaluation: Evaluation, index: int) -> str:
    """Return the mean error of keypoint `index`, image px, as a line."""
    skeleton = evaluation.faces[0].skeleton
    return f"point {index} ({skeleton.names[index]}): {evaluation.by_point()[index]:.2f} px"
