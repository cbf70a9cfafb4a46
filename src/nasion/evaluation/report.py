"""One self-contained page about a model: scores, training curves, the worst faces, and where the errors are.

This module needs matplotlib and jinja2 (`pip install 'nasion[report]'`); import it only where a report is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from nasion import draw
from nasion.atomic import write_text
from nasion.evaluation import plots
from nasion.evaluation.evaluation import THRESHOLD, Evaluation
from nasion.evaluation.format import SPLIT_NAMES, score_rows
from nasion.evaluation.pages import Panel, figure_panel, photo_panel, render
from nasion.geometry import FloatArray
from nasion.sample import DataSet, Image
from nasion.shapes import mean_shape

__all__ = ["TrainingRecord", "face_sheet", "write_report"]

SHOWN = 8
"""Faces in each of the rows best, typical and worst."""


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
    text = render(
        "nasion.evaluation",
        "report.html.j2",
        title=f"{evaluation.model} on {evaluation.data}",
        lead=_lead(evaluation),
        scores=score_rows(evaluation),
        curves=_curves(training) if training else [],
        faces=_faces(evaluation, faces),
        errors=_error_figures(evaluation),
        points=_points(evaluation),
        decode_floor=training.decode_floor if training else "",
        problems=evaluation.problems,
        lost=evaluation.lost,
        kernels=figure_panel(plots.kernels(training.kernels), KERNELS_CAPTION) if training else None,
        commands=_commands(command, training),
        details=training.details if training else "",
    )
    write_text(path, text)


BOX_DESCRIPTIONS = {"points": "the box around the true points", "image": "the full image"}
"""The network's input for two of the box modes, in words."""

FACE_ROWS = {
    "worst": "Worst faces, worst first",
    "typical": "Typical faces, around the median",
    "best": "Best faces",
}
"""Titles of the rows of faces."""

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

RELIABILITY_CAPTION = (
    "Is the predicted uncertainty right? Left: share of points within a number of spreads; above the dotted line the "
    "errors are smaller than predicted. Right: points in ten equal groups by predicted error; on the dotted line the "
    "prediction is right."
)


def _lead(evaluation: Evaluation) -> str:
    skeleton = evaluation.faces[0].skeleton
    groups = len({face.subject or face.name for face in evaluation.faces})
    boxes = BOX_DESCRIPTIONS.get(evaluation.boxes, evaluation.boxes)
    split = "" if evaluation.split == "all" else f"{SPLIT_NAMES.get(evaluation.split, evaluation.split)} "
    return (
        f"{len(evaluation.faces)} {split}faces of {groups} people or photographs · {skeleton.title}, "
        f"{skeleton.count} point{'s' if skeleton.count > 1 else ''} · input: {boxes}"
    )


def _faces(evaluation: Evaluation, faces: DataSet) -> list[Panel]:
    if not len(evaluation.order()):  # no face has a size
        return []
    rows = FACE_ROWS if len(evaluation.faces) > SHOWN else {"worst": "All faces, worst first"}
    return [photo_panel(face_sheet(evaluation, faces, which), title) for which, title in rows.items()]


def _curves(training: TrainingRecord) -> list[Panel]:
    return [
        figure_panel(
            plots.step_curve(training.steps),
            "Loss at each step. The noise comes from random batches; the trend shows learning.",
        ),
        figure_panel(
            plots.epoch_curves(training.epochs),
            "Loss and error by epoch. Overfitting shows as a falling training loss with a rising validation error.",
        ),
    ]


def _error_figures(evaluation: Evaluation) -> list[Panel]:
    eye_lengths = (name for name in evaluation.lengths if name.startswith("inter_"))
    normalizer = next((name for name in eye_lengths if np.isfinite(evaluation.nme(name)).any()), None)
    panels: list[Panel] = []
    if normalizer:
        curve = plots.ced_curve({evaluation.model: evaluation.nme(normalizer)}, normalizer, THRESHOLD)
        panels.append(figure_panel(curve, "Share of faces with at most a given error."))
    if np.isfinite(evaluation.spread).any():
        figure = plots.reliability(evaluation.mahalanobis, evaluation.errors, evaluation.expected_errors)
        panels.append(figure_panel(figure, RELIABILITY_CAPTION))
    turned = _by_yaw(evaluation)
    if len(turned) > 1:
        panels.append(figure_panel(plots.yaw_bars(turned), YAW_CAPTION))
    if evaluation.true_keypoints.shape[1] > 1:
        panels.append(figure_panel(plots.region_bars(evaluation.by_region()), "Mean error of each region."))
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
    return [{"index": str(k), "name": names[k], "error": f"{e:.2f}"} for k, e in enumerate(evaluation.by_point())]


def _commands(command: str, training: TrainingRecord | None) -> list[dict[str, str]]:
    """Return the commands that reproduce the model and the page."""
    page = {"title": "This page was written by", "command": command}
    if training is None:
        return [page]
    trained = {"title": "The model was trained by", "command": training.command}
    return [trained] if training.command == command else [trained, page]


def face_sheet(evaluation: Evaluation, faces: DataSet, which: str, count: int = SHOWN) -> Image:
    """Return a sheet (H, W, 3) uint8 RGB of the "worst", "typical" or "best" faces with both kinds of points, px."""
    order = evaluation.order()
    count = min(count, len(order))
    middle = max(0, len(order) // 2 - count // 2)
    chosen = {"worst": order[::-1][:count], "best": order[:count], "typical": order[middle : middle + count]}[which]
    tiles = [_face_tile(evaluation, faces, int(index)) for index in chosen]
    return draw.sheet(tiles, columns=min(4, count))


def _face_tile(evaluation: Evaluation, faces: DataSet, index: int) -> Image:
    face = evaluation.faces[index]
    true_keypoints, pred_keypoints = evaluation.true_keypoints[index], evaluation.pred_keypoints[index]
    image = faces.open_image(face)
    if face.full_face or len(true_keypoints) > 1:
        around = (face.full_face or face).points_box()
    else:
        around = draw.view_box(true_keypoints, image.shape[:2])
    tile = draw.face_view(image, true_keypoints, pred_keypoints, around)
    errors = evaluation.errors[index]
    mean_px = float(np.nanmean(errors)) if np.isfinite(errors).any() else float("nan")
    return draw.caption(tile, f"{face.name} · {mean_px:.1f} px")
