"""One self-contained page about a model: scores, training curves, the worst faces, and where the errors are.

This module needs matplotlib and jinja2 (`pip install 'nasion[report]'`); import it only where a report is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nasion import draw
from nasion.atomic import write_text
from nasion.evaluation import metrics, plots
from nasion.evaluation.evaluation import THRESHOLD, Evaluation
from nasion.evaluation.format import SPLIT_NAMES, ScoreRow, in_words, score_rows
from nasion.evaluation.pages import Panel, figure_panel, photo_panel, render
from nasion.evaluation.summary import shown_normalizer, summarize
from nasion.geometry import FloatArray
from nasion.sample import DataSet
from nasion.shapes import mean_shape

__all__ = ["TrainingRecord", "write_report"]

SHOWN = 8
"""Faces in each of the rows best, typical and worst."""

FACE_PX = 480
"""Side of an enlarged face, px."""


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """What the report shows about the training of a model.

    Attributes:
        command: the command that trained it.
        steps, epochs: columns of the training curves by name.
        kernels: (N, C, k, k), the first layer's weights.
        details: configuration, versions and data, as text.
        decode_floor: a sentence about the error that decoding alone causes; empty if it causes none.
    """

    command: str
    steps: Mapping[str, Sequence[float]]
    epochs: Mapping[str, Sequence[float]]
    kernels: FloatArray
    details: str
    decode_floor: str = ""


def write_report(
    path: Path, evaluation: Evaluation, faces: DataSet, command: str, training: TrainingRecord | None = None
) -> None:
    """Write the report completely or not at all.

    Args:
        path: the .html file.
        evaluation: the errors.
        faces: provides the images.
        command: the command that measured the errors.
        training: about the model's training, if known.

    Raises:
        OutputError: the file cannot be written.
    """
    scores = score_rows(evaluation)
    text = render(
        "nasion.evaluation",
        "report.html.j2",
        title=f"{evaluation.model} on {evaluation.data}",
        lead=_lead(evaluation),
        summary=summarize(evaluation),
        cards=_cards(evaluation, scores),
        scores=scores,
        curves=_curves(training) if training else [],
        faces=_faces(evaluation, faces),
        errors=_error_figures(evaluation),
        points=_points(evaluation),
        decode_floor=training.decode_floor if training else "",
        problems=evaluation.problems,
        lost=evaluation.lost,
        commands=_commands(command, training),
        details=training.details if training else "",
    )
    write_text(path, text)


BOX_DESCRIPTIONS = {"points": "the box around the true points", "image": "the full image"}
"""The network's input for two of the box modes, in words."""

KERNELS_CAPTION = "Kernels of the first layer. Trained kernels show edges, spots or colors; untrained ones show noise."

BIAS_CAPTION = (
    "Mean error of each point, drawn 10x. If all arrows point in one direction, the labels or the image origin are "
    "shifted, not the faces."
)

YAW_CAPTION = (
    "Mean error by yaw to either side, as a share of the size of the box around the points, with 95 % intervals. The "
    "yaw is computed from the true points."
)

YAW_EDGES = 0, 15, 30, 45, 60, 90
"""Limits of the groups by yaw, degrees."""

MIN_GROUP = 5
"""Smallest number of faces in a group that is shown."""

COVERAGE_CAPTION = (
    "Is the predicted uncertainty right? Share of points within a number of spreads (the radius of the predicted error "
    "ellipse). Above the dotted line the errors are smaller than predicted."
)

SPREAD_CAPTION = (
    "Measured against predicted errors: points in ten equal groups by predicted error. On the dotted line the "
    "prediction is right."
)

CED_CAPTION = (
    "Cumulative error distribution (CED): share of faces with at most a given NME. The AUC is the area under this "
    "curve to the left of the dotted line."
)

CARDS = "error_px/median", "nme/", "auc@", "failure_rate@"
"""Beginnings of the names of the main scores."""

CARD_MEANINGS = {
    "error_px/median": "Half of the faces have a smaller error: the mean distance of a predicted point from the ground "
    "truth, px of the image.",
    "nme/": "Normalized mean error: the mean error of a face divided by {length}.",
    "auc@": f"Area under the error curve up to an NME of {100 * THRESHOLD:g} %. 100 % would be perfect.",
    "failure_rate@": f"Share of faces with an NME above {100 * THRESHOLD:g} %, as in the 300-W challenge.",
}
"""Explanations of the main scores; `length` describes what errors are divided by."""

LENGTHS = {
    "inter_ocular": "the inter-ocular distance, which is the distance of the outer eye corners",
    "inter_pupil": "the inter-pupil distance, which is the distance of the eyes’ mean points",
    "box_size": "the face’s size, √(width · height) of the box around its points",
}
"""What errors are divided by, in words."""


def _cards(evaluation: Evaluation, scores: Sequence[ScoreRow]) -> list[dict[str, str]]:
    """Return the main scores with explanations."""
    length = shown_normalizer(evaluation) or "box_size"
    cards: list[dict[str, str]] = []
    for beginning in CARDS:
        wanted = (row for row in scores if row.name == beginning or row.name in _names(beginning, length))
        meaning = CARD_MEANINGS[beginning].format(length=LENGTHS.get(length, f"the length “{in_words(length)}”"))
        cards += [{**row._asdict(), "meaning": meaning} for row in wanted]
    return cards


def _names(beginning: str, length: str) -> set[str]:
    """Return the possible names of a score that is relative to a length."""
    return {f"{beginning}{length}", f"{beginning}{THRESHOLD}/{length}"}


def _lead(evaluation: Evaluation) -> str:
    skeleton = evaluation.faces[0].skeleton
    groups = len({face.subject or face.name for face in evaluation.faces})
    boxes = BOX_DESCRIPTIONS.get(evaluation.boxes, evaluation.boxes)
    split = "" if evaluation.split == "all" else f"{SPLIT_NAMES.get(evaluation.split, evaluation.split)} "
    return (
        f"{len(evaluation.faces)} {split}faces of {groups} people or photographs · {skeleton.title}, "
        f"{skeleton.count} point{'s' if skeleton.count > 1 else ''} · input: {boxes}"
    )


def _faces(evaluation: Evaluation, faces: DataSet) -> list[dict[str, Any]]:
    """Return rows of faces, each face at most once: worst, typical and best, or all if they are few."""
    order = evaluation.order()[::-1]
    if len(order) <= 3 * SHOWN:
        rows = {"All faces, worst first": order}
    else:
        middle = (len(order) - SHOWN) // 2
        rows = {
            "Worst faces, worst first": order[:SHOWN],
            "Typical faces, around the median, worst first": order[middle : middle + SHOWN],
            "Best faces, best last": order[-SHOWN:],
        }
    return [
        {"title": title, "panels": [_face_panel(evaluation, faces, int(index)) for index in indices]}
        for title, indices in rows.items()
        if len(indices)
    ]


def _curves(training: TrainingRecord) -> list[Panel]:
    return [
        figure_panel(
            plots.step_curve(training.steps),
            "Loss at each step. The noise comes from random batches; the trend shows learning.",
        ),
        figure_panel(
            plots.loss_curves(training.epochs),
            "Loss by epoch. Overfitting shows as a falling training loss with a rising validation loss.",
        ),
        figure_panel(
            plots.error_curve(training.epochs), "Error by epoch, measured on faces that are not used for training."
        ),
        figure_panel(plots.kernels(training.kernels), KERNELS_CAPTION),
    ]


def _error_figures(evaluation: Evaluation) -> list[Panel]:
    normalizer = shown_normalizer(evaluation)
    panels: list[Panel] = []
    if normalizer:
        curve = plots.ced_curve({evaluation.model: evaluation.nme(normalizer)}, normalizer, THRESHOLD)
        panels.append(figure_panel(curve, CED_CAPTION))
    if np.isfinite(evaluation.spread).any():
        panels.append(figure_panel(plots.coverage_curve(evaluation.mahalanobis), COVERAGE_CAPTION))
        figure = plots.spread_curve(evaluation.errors, evaluation.expected_errors)
        panels.append(figure_panel(figure, SPREAD_CAPTION))
    turned = _by_yaw(evaluation)
    if len(turned) > 1:
        panels.append(figure_panel(plots.yaw_bars(turned), YAW_CAPTION))
    if evaluation.true_keypoints.shape[1] > 1:
        regions = {in_words(name): error for name, error in evaluation.by_region().items()}
        panels.append(figure_panel(plots.region_bars(regions), "Mean error of each region."))
        if np.isfinite(evaluation.true_keypoints).all((1, 2)).any():
            shape = mean_shape(evaluation.true_keypoints)
            panels.append(figure_panel(plots.point_map(shape, evaluation.by_point()), "Mean error of each point."))
            panels.append(figure_panel(plots.bias_map(shape, evaluation.bias()), BIAS_CAPTION))
    return panels


def _by_yaw(evaluation: Evaluation) -> dict[str, FloatArray]:
    """Return the NMEs of the faces, shares of the box's size, in groups by yaw; small groups are left out."""
    if "box_size" not in evaluation.lengths:
        return {}
    yaws, errors = np.abs(evaluation.yaws()), evaluation.nme("box_size")
    groups: dict[str, FloatArray] = {}
    for low, high in pairwise(YAW_EDGES):
        inside = errors[(yaws >= low) & (yaws < high) & np.isfinite(errors)]
        if len(inside) >= MIN_GROUP:
            groups[f"{low}–{high}°"] = inside
    return groups


def _points(evaluation: Evaluation) -> list[dict[str, str]]:
    names = evaluation.faces[0].skeleton.names
    return [
        {"index": str(k), "name": in_words(names[k]), "error": f"{e:.2f}"} for k, e in enumerate(evaluation.by_point())
    ]


def _commands(command: str, training: TrainingRecord | None) -> list[dict[str, str]]:
    """Return the commands that reproduce the model and the page."""
    page = {"title": "This page was written by", "command": command}
    if training is None:
        return [page]
    trained = {"title": "The model was trained by", "command": training.command}
    return [trained] if training.command == command else [trained, page]


def _face_panel(evaluation: Evaluation, faces: DataSet, index: int) -> Panel:
    """Return a face with its true and predicted points; the caption states the error by which faces are ordered."""
    face = evaluation.faces[index]
    true_keypoints, pred_keypoints = evaluation.true_keypoints[index], evaluation.pred_keypoints[index]
    image = faces.open_image(face)
    if face.full_face or len(true_keypoints) > 1:
        around = (face.full_face or face).points_box()
    else:
        around = draw.view_box(true_keypoints, image.shape[:2])
    view = draw.face_view(image, true_keypoints, pred_keypoints, around, FACE_PX)
    errors = evaluation.errors[index]
    mean = f"{metrics.mean(errors):.1f} px"
    label = f"{100 * evaluation.nme('box_size')[index]:.1f} %" if "box_size" in evaluation.lengths else mean
    worst = int(np.nanargmax(errors))
    point = in_words(face.skeleton.names[worst])
    detail = f"{face.name}: mean error {mean}; the largest is {errors[worst]:.1f} px, at {point}"
    return photo_panel(view, f"{label}\n{face.name}", detail)
