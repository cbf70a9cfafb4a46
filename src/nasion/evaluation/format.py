"""Scores as text: values with their units, confidence intervals, and what each score means."""

from typing import NamedTuple

import numpy as np

from nasion.evaluation.evaluation import THRESHOLD, Evaluation
from nasion.uncertainty import nominal_share

__all__ = [
    "SPLIT_NAMES",
    "ScoreRow",
    "format_point",
    "format_score",
    "in_words",
    "score_meaning",
    "score_rows",
    "score_title",
]

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


TITLES = {
    "error_px/mean": "Mean error",
    "error_px/median": "Median error",
    "auc/hidden_probability": "AUC of hidden points",
    "ms_per_face": "Time per face",
    "n": "Faces",
    "n/lost": "Faces without a box",
}
"""Titles of the scores with a fixed name."""

PREFIX_TITLES = {
    "n/": "Faces with this length",
    "nme/visible/": "NME of visible points",
    "nme/hidden/": "NME of hidden points",
    "nme/": "NME",
    "auc@": f"AUC up to {100 * THRESHOLD:g} %",
    "failure_rate@": f"Failures above {100 * THRESHOLD:g} %",
}
"""Titles of the other scores; the part of the name after its last "/" follows."""


class ScoreRow(NamedTuple):
    """One score as text: its name, value, 95 % confidence interval (may be empty), meaning and title for readers."""

    name: str
    value: str
    interval: str
    meaning: str
    title: str


def score_rows(evaluation: Evaluation) -> list[ScoreRow]:
    """Return all scores of an evaluation as text."""
    intervals = evaluation.intervals()
    rows: list[ScoreRow] = []
    for name, value in evaluation.scores().items():
        low, high = intervals.get(name, (np.nan, np.nan))
        interval = f"{format_score(name, low)} – {format_score(name, high)}" if np.isfinite([low, high]).all() else ""
        rows.append(ScoreRow(name, format_score(name, value), interval, score_meaning(name), score_title(name)))
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


def in_words(name: str) -> str:
    """Return the name of a region, a point or a length as words.

    >>> in_words("left_eye"), in_words("inter_ocular")
    ('left eye', 'inter-ocular')
    """
    return name.replace("inter_", "inter-").replace("_", " ")


def score_title(name: str) -> str:
    """Return a score's title for readers; its name if it has none.

    >>> score_title("nme/inter_ocular"), score_title("within@2/spread"), score_title("ms_per_face")
    ('NME, inter-ocular', 'Points within 2 spreads', 'Time per face')
    """
    if name in TITLES:
        return TITLES[name]
    if name.startswith("within@"):
        multiple = _multiple(name)
        return f"Points within {multiple} spread{'s' * (multiple > 1)}"
    title = next((title for prefix, title in PREFIX_TITLES.items() if name.startswith(prefix)), "")
    return f"{title}, {in_words(name.rpartition('/')[2])}" if title else name


def _multiple(name: str) -> int:
    """Return the number of spreads of a score such as "within@2/spread"."""
    return int(name.removeprefix("within@").partition("/")[0])


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
        multiple = _multiple(name)
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
