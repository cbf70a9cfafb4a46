"""One self-contained page that shows how a model does: scores, curves, the worst faces, where the errors lie."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from nasion.atomic import write_text
from nasion.draw import points as draw
from nasion.errors import ConfigError
from nasion.evaluation.evaluation import THRESHOLD, Evaluation
from nasion.sample import DataSet, Image
from nasion.skeleton import mean_shape
from nasion.uncertainty import nominal_share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TrainingRecord", "face_sheet", "require_report_extra", "write_report"]

SHOWN = 8
"""Faces in each of best, typical and worst."""


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """What the page says of how a model came to be.

    Attributes:
        command: what made it.
        steps, epochs: the curves' columns by name.
        kernels: (N, C, k, k), the first layer's.
        details: configuration, versions and data, as text.
        floor: what the decode alone costs, a sentence; empty where it costs nothing.
    """

    command: str
    steps: Mapping[str, Sequence[float]]
    epochs: Mapping[str, Sequence[float]]
    kernels: np.ndarray
    details: str
    floor: str = ""


def require_report_extra() -> None:
    """Say in one line what a report lacks.

    Raises:
        ConfigError: matplotlib or jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"a report needs matplotlib and jinja2 ({error}); pip install 'nasion[report]'") from None


def write_report(
    path: Path, measured: Evaluation, faces: DataSet, command: str, training: TrainingRecord | None = None
) -> None:
    """Write the page whole or not at all.

    Args:
        path: the .html file.
        measured: the errors.
        faces: where the pictures come from.
        command: what measured them.
        training: of the model, where it is known.

    Raises:
        ConfigError: matplotlib or jinja2 is not installed.
        OutputError: the file cannot be written.
    """
    require_report_extra()
    from jinja2 import Environment

    from nasion.evaluation import plots

    template = (resources.files("nasion.evaluation") / "report.html.j2").read_text("utf-8")
    page = (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            title=f"{measured.model} on {measured.data}",
            lead=_lead(measured),
            scores=_score_rows(measured),
            group_word="persons or photographs",
            curves=_curves(training, plots) if training else [],
            faces=_faces(measured, faces),
            where=_where(measured, plots),
            points=_points(measured),
            floor=training.floor if training else "",
            problems=measured.problems,
            lost=measured.lost,
            kernels=_plot(plots.kernels(training.kernels), KERNELS_TEXT, plots) if training else None,
            commands=_commands(command, training),
            details=training.details if training else "",
        )
    )
    write_text(path, page)


GIVEN = {
    "points": "the box around the true points",
    "picture": "the whole picture",
}


def _lead(measured: Evaluation) -> str:
    points = measured.faces[0].skeleton
    groups = len({face.subject for face in measured.faces})
    given = GIVEN.get(measured.boxes, measured.boxes)
    split = {"val": "validation ", "train": "training ", "test": "test "}.get(measured.split, "")
    return (
        f"{len(measured.faces)} {split}faces of {groups} persons or photographs, {points.title}, "
        f"{points.count} point{'s' if points.count > 1 else ''}; the network was given {given}."
    )


FACE_ROWS = {
    "worst": "The worst faces, the very worst first",
    "typical": "Typical faces, around the median",
    "best": "The best faces",
}


def _faces(measured: Evaluation, faces: DataSet) -> list[dict[str, str]]:
    rows = FACE_ROWS if len(measured.faces) > SHOWN else {"worst": "All faces, the worst first"}
    return [_figure_of(face_sheet(measured, faces, which), text) for which, text in rows.items()]


KERNELS_TEXT = (
    "What the first layer looks for: kernels that have learned something show edges, spots or colors, not noise."
)

BIAS_TEXT = (
    "Mean error vector of each point, ten times as long. Arrows that all point one way are an offset of the labels "
    "or of the picture's origin, not of the faces."
)

RELIABILITY_TEXT = (
    "Does the model know how far it is off? Left: points within so many of their own spreads; above the dotted line "
    "they are nearer than the model believes. Right: points sorted by the error that their ellipses foretell, in ten "
    "equal groups; on the dotted line it came true."
)

MEANINGS = {
    "error_px/mean": "mean distance of a found point from the true one, image px",
    "error_px/median": "the same, of the median face",
    "nme/inter_ocular": "mean distance / distance of the eyes' outer corners",
    "nme/inter_pupil": "mean distance / distance of the eyes' mean points",
    "nme/box_size": "mean distance / √(width · height) of the box around the points",
    "nme/box_diagonal": "mean distance / diagonal of that box",
    "ms_per_face": "time from picture and box to points, ms, on the machine that measured",
    "n": "faces",
}


def _score_rows(measured: Evaluation) -> list[dict[str, str]]:
    intervals = measured.intervals()
    rows: list[dict[str, str]] = []
    for name, value in measured.scores().items():
        low, high = intervals.get(name, (np.nan, np.nan))
        interval = f"{format_score(name, low)} – {format_score(name, high)}" if np.isfinite([low, high]).all() else ""
        rows.append({"name": name, "value": format_score(name, value), "interval": interval, "meaning": _meaning(name)})
    return rows


def _meaning(name: str) -> str:
    if name == "n/lost":
        return "faces for which no box was found; they are in no score"
    if name.startswith("n/"):
        return "faces that have this length; the others are in no score by it"
    if name.startswith("auc@"):
        return f"area under the error curve up to {100 * THRESHOLD:g} %; higher is better"
    if name.startswith("within@"):
        multiple = int(name.removeprefix("within@").partition("/")[0])
        return f"points at most {multiple} of their spreads off; {100 * nominal_share(multiple):.1f} % if all is well"
    if name.startswith("failure_rate@"):
        return f"faces with an NME above {100 * THRESHOLD:g} %"
    return MEANINGS.get(name, "")


def format_score(name: str, value: float) -> str:
    """Return a score as tables print it: fractions as percent, px and ms with their unit.

    >>> told("nme/inter_ocular", 0.0345), told("error_px/mean", 5.126), told("n", 48)
    ('3.45 %', '5.13 px', '48')
    """
    if name == "n" or name.startswith("n/"):
        return str(int(value))
    if name.startswith("error_px"):
        return f"{value:.2f} px"
    return f"{value:.2f} ms" if name == "ms_per_face" else f"{100 * value:.2f} %"


def _curves(training: TrainingRecord, plots: Any) -> list[dict[str, str]]:
    return [
        _plot(
            plots.step_curve(training.steps),
            "The loss at every step: its spread is the batches' luck, its trend the learning.",
            plots,
        ),
        _plot(
            plots.epoch_curves(training.epochs),
            "Loss and error by epoch. Training falling while validation rises is overfitting.",
            plots,
        ),
    ]


def _where(measured: Evaluation, plots: Any) -> list[dict[str, str]]:
    normalizer = next((name for name in measured.lengths if name.startswith("inter_")), None)
    pictures: list[dict[str, str]] = []
    if normalizer:
        curve = plots.ced_curve({measured.model: measured.nme(normalizer)}, normalizer, THRESHOLD)
        pictures.append(_plot(curve, "How many faces have at most a given error.", plots))
    if np.isfinite(measured.spread).any():
        pictures.append(
            _plot(
                plots.reliability(measured.mahalanobis, measured.errors, measured.expected_errors),
                RELIABILITY_TEXT,
                plots,
            )
        )
    if measured.true_keypoints.shape[1] > 1:
        pictures.append(_plot(plots.region_bars(measured.by_region()), "Mean error of each region.", plots))
        complete = np.isfinite(measured.true_keypoints).all((1, 2)).any()
        if complete:
            shape = mean_shape(measured.true_keypoints)
            pictures.append(
                _plot(plots.point_map(shape, measured.by_point()), "Mean error of each point, on the mean face.", plots)
            )
            pictures.append(_plot(plots.bias_map(shape, measured.bias()), BIAS_TEXT, plots))
    return pictures


def _points(measured: Evaluation) -> list[dict[str, str]]:
    names = measured.faces[0].skeleton.names
    return [{"index": str(k), "name": names[k], "error": f"{e:.2f}"} for k, e in enumerate(measured.by_point())]


def _commands(command: str, training: TrainingRecord | None) -> list[dict[str, str]]:
    lines = [{"what": "The model was trained by", "command": training.command}] if training else []
    return (
        [*lines, {"what": "This page was made by", "command": command}]
        if not training or training.command != command
        else lines
    )


def face_sheet(measured: Evaluation, faces: DataSet, which: str, count: int = SHOWN) -> Image:
    """Return a sheet of the "worst", "typical" or "best" faces with both kinds of points and their errors."""
    order = measured.order()
    count = min(count, len(order))
    middle = max(0, len(order) // 2 - count // 2)
    chosen = {"worst": order[::-1][:count], "best": order[:count], "typical": order[middle : middle + count]}[which]
    face_px = np.array([np.nanmean(row) if np.isfinite(row).any() else np.nan for row in measured.errors])
    tiles: list[Image] = []
    for index in chosen:
        face = measured.faces[index]
        true_keypoints, pred_keypoints = measured.true_keypoints[index], measured.pred_keypoints[index]
        image = faces.open_image(face)
        around = (
            (face.whole or face).points_box()
            if face.whole or len(true_keypoints) > 1
            else draw.whole_or_box(true_keypoints, image.shape[:2])
        )
        tile = draw.face_view(image, true_keypoints, pred_keypoints, around)
        tiles.append(draw.caption(tile, f"{face.name} · {face_px[index]:.1f} px"))
    return draw.sheet(tiles, columns=min(4, count))


def _plot(figure: "Figure", caption: str, plots: Any) -> dict[str, str]:
    return {"data": "data:image/png;base64," + base64.b64encode(plots.png(figure)).decode(), "caption": caption}


def _figure_of(image: Image, caption: str) -> dict[str, str]:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert done
    return {"data": "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode(), "caption": caption}
