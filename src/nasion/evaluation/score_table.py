"""A measurement on the screen: a bar while it runs, then a table."""

import math
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from nasion.atomic import write_bytes
from nasion.errors import ConfigError
from nasion.evaluation.box_sensitivity import SCALES, SHIFTS, box_curve
from nasion.evaluation.evaluation import Evaluation, evaluate
from nasion.evaluation.report import format_score, require_report_extra
from nasion.predict.predictor import Predictor
from nasion.sample import DataSet

__all__ = ["NAMES", "check_curve_path", "draw_box_curve", "measure", "point_line", "scores_table"]

NAMES = {"train": "training", "val": "validation", "test": "test", "all": "labeled"}
"""What a person calls a split."""


def measure(predictor: Predictor, faces: DataSet, boxes: str, split: str, console: Console) -> Evaluation:
    """Return the errors of a predictor on faces, with a bar."""
    steps = iter(track(range(len(faces)), "measuring", console=console, transient=True))

    def tick() -> None:
        next(steps, None)

    measured = evaluate(predictor, faces, boxes, split, tick)
    tick()  # the bar ends with the step after the last
    return measured


def check_curve_path(path: Path) -> None:
    """Say in one line why a curve could not be drawn, before an hour's work.

    Raises:
        ConfigError: matplotlib is not installed, or the file is not to be a .png.
    """
    require_report_extra()
    if path.suffix.lower() != ".png":
        raise ConfigError(f"{path}: the curve is drawn as .png")


def draw_box_curve(predictor: Predictor, faces: DataSet, path: Path, console: Console) -> str:
    """Draw the error against moved and scaled boxes, with a bar, and return it as a line.

    Raises:
        ConfigError: matplotlib is not installed, or the file is not to be a .png.
        OutputError: the file cannot be written.
    """
    check_curve_path(path)
    from nasion.evaluation import plots

    total = len(faces) * (len(SHIFTS) + len(SCALES))
    steps = iter(track(range(total), "moving boxes", console=console, transient=True))

    def tick() -> None:
        next(steps, None)

    curve = box_curve(predictor, faces, tick)
    tick()
    figure = plots.box_curves(SHIFTS, SCALES, {predictor.backend.name: (curve.shifted, curve.scaled)}, curve.normalizer)
    write_bytes(path, plots.png(figure))
    moved = ", ".join(f"{100 * s:g} %: {100 * e:.2f} %" for s, e in zip(SHIFTS, curve.shifted, strict=True))
    scaled = ", ".join(f"x {s:g}: {100 * e:.2f} %" for s, e in zip(SCALES, curve.scaled, strict=True))
    return f"NME {curve.normalizer}, boxes moved by {moved}; scaled by {scaled} → {path}"


def scores_table(measured: Evaluation) -> Table:
    """Return the scores as a table for the screen."""
    table = Table(box=None, pad_edge=False)
    table.add_column("score")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    intervals = measured.intervals()
    for name, value in measured.scores().items():
        low, high = intervals.get(name, (None, None))
        between = (
            ""
            if low is None or high is None or math.isnan(low)
            else f"{format_score(name, low)} – {format_score(name, high)}"
        )
        table.add_row(name, format_score(name, value), between)
    return table


def point_line(measured: Evaluation, index: int) -> str:
    """Return one point's mean error as a line."""
    points = measured.faces[0].skeleton
    return f"point {index} ({points.names[index]}): {measured.by_point()[index]:.2f} px"
