"""The command that measures a model on labeled faces."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasion.atomic import ensure_writable, write_bytes, write_text
from nasion.cli.options import (
    AddressOption,
    DataArgument,
    DeviceOption,
    ModelArgument,
    WeightsOption,
    WorkersOption,
    choice,
    make_predictor,
    split_names,
)
from nasion.cli.screen import REPORTER, say, typed_command
from nasion.errors import ConfigError
from nasion.predict.backends.devices import AUTO
from nasion.predict.model_zoo import is_run

if TYPE_CHECKING:
    from nasion.evaluation.evaluation import Evaluation
    from nasion.predict.predictor import Predictor
    from nasion.sample import DataSet

__all__ = ["evaluate"]


def _box_modes() -> Sequence[str]:
    from nasion.evaluation.box_modes import BOX_MODES

    return BOX_MODES


def evaluate(
    model: ModelArgument,
    data: DataArgument,
    split: Annotated[str, choice("--split", split_names, "which faces")] = "all",
    boxes: Annotated[
        str | None, choice("--boxes", _box_modes, "default: as the model was trained", other="FILE.csv")
    ] = None,
    point: Annotated[
        list[int] | None, typer.Option(help="also print the mean error of this point", metavar="INDEX")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the scores here", metavar="FILE")] = None,
    report: Annotated[Path | None, typer.Option(help="folder for report.html", metavar="FOLDER")] = None,
    box_curve: Annotated[
        Path | None, typer.Option(help="draw the error against shifted and scaled boxes here", metavar="FILE.png")
    ] = None,
    on_ray: Annotated[bool, typer.Option("--bulk", help="measure in processes of Ray; see nasion bulk")] = False,
    address: AddressOption = None,
    workers: WorkersOption = None,
    device: DeviceOption = AUTO,
    detector_weights: WeightsOption = None,
) -> None:
    """Measure the errors of a model on labeled faces.

    Examples:
        nasion evaluate default 'synthetic:24?skeleton=ibug-68'
        nasion evaluate runs/danes imm:data/imm --split test --report test
    """
    from nasion import datasets
    from nasion.evaluation.evaluation import evaluate as measure
    from nasion.evaluation.evaluation import select_split
    from nasion.evaluation.format import format_point

    _check_outputs(json_file, report, box_curve)
    if not on_ray and (address or workers):
        raise ConfigError("--address and --workers apply to Ray; add --bulk")
    predictor = make_predictor(model, detector_weights, device=device)
    faces = select_split(datasets.load(data), split, predictor)
    _check_points(point or (), predictor)
    if on_ray:
        from nasion.bulk.evaluation import evaluate_bulk

        measured = evaluate_bulk(predictor, model, data, boxes, split, address, workers, REPORTER)
    else:
        measured = measure(predictor, faces, boxes, split, REPORTER)
    _print(measured, split, data)
    for index in point or ():
        say(format_point(measured, index))
    if json_file is not None:
        scores = {name: value if math.isfinite(value) else None for name, value in measured.scores().items()}
        write_text(json_file, json.dumps(scores, indent=1) + "\n")
    if box_curve is not None:
        _draw_box_curve(predictor, faces, box_curve)
    if report is not None:
        _write_report(report / "report.html", measured, faces, model)


def _check_outputs(json_file: Path | None, report: Path | None, box_curve: Path | None) -> None:
    """Check all output paths before the measurement."""
    from nasion.evaluation.extras import check_figure_path, require_report_extra

    if report is not None:
        require_report_extra()
    if box_curve is not None:
        check_figure_path(box_curve)
    if json_file is not None and json_file.is_dir():
        raise ConfigError(f"--json {json_file} is a folder; name a file")
    for path in (json_file and json_file.parent, box_curve and box_curve.parent, report):
        if path is not None:
            ensure_writable(path)


def _check_points(indices: Sequence[int], predictor: "Predictor") -> None:
    skeleton = predictor.skeleton
    for index in indices:
        if not 0 <= index < skeleton.count:
            known = f"points are 0 to {skeleton.count - 1}" if skeleton.count > 1 else "only point is 0"
            raise ConfigError(f"{skeleton.name} has no point {index}; its {known}")


def _print(measured: "Evaluation", split: str, data: str) -> None:
    from nasion.evaluation.format import score_rows

    if split == "all" and any(face.split == "train" for face in measured.faces):
        REPORTER.warn("these faces include training faces; use --split test to measure the others")
    for problem in measured.problems:
        REPORTER.warn(f"skipped {problem.name}: {problem.reason}")
    for problem in measured.lost:
        REPORTER.warn(f"lost {problem.name}: {problem.reason}")
    title = f"{len(measured.faces)} {split_names()[split]} faces of {data}; boxes: {measured.boxes}"
    REPORTER.table(title, ("score", "value", "95 % interval"), [row[:3] for row in score_rows(measured)])


def _draw_box_curve(predictor: "Predictor", faces: "DataSet", path: Path) -> None:
    from nasion.evaluation import plots
    from nasion.evaluation.box_sensitivity import SCALES, SHIFTS, box_sensitivity

    curve = box_sensitivity(predictor, faces, REPORTER)
    curves = {predictor.backend.name: (curve.shifted, curve.scaled)}
    write_bytes(path, plots.png(plots.box_curves(SHIFTS, SCALES, curves, curve.normalizer)))
    say(f"{curve} → {path}")


def _write_report(path: Path, measured: "Evaluation", faces: "DataSet", model: str) -> None:
    from nasion.evaluation.report import write_report

    training = None
    if is_run(model):
        from nasion.train.jobs import training_record
        from nasion.train.runs.run_folder import open_run

        training = training_record(open_run(model))
    write_report(path, measured, faces, typed_command(), training)
    say(f"report: {path}")
