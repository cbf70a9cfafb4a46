"""Networks: train them, compare them, measure them, look inside, take them out."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from nasion import datasets
from nasion.atomic import ensure_writable, write_text
from nasion.cli.screen import Data, Minutes, Model, SetOption, console, needs_torch, notice, say, typed
from nasion.detect.yunet import best_detector
from nasion.errors import ConfigError
from nasion.predict.model_zoo import is_run
from nasion.predict.predictor import Predictor

__all__ = ["COMMANDS"]


def train(
    recipe: Annotated[str | None, typer.Argument(help="a recipe's name, or a .toml file")] = None,
    data: Annotated[list[str] | None, typer.Option(help='"format:source"; further ones add training faces')] = None,
    out: Annotated[Path | None, typer.Option(help="run folder; else runs/RECIPE-DATE-TIME")] = None,
    settings: SetOption = None,
    init: Annotated[
        str | None, typer.Option(metavar="MODEL", help="start from a run folder, an .onnx file or a model's name")
    ] = None,
    minutes: Minutes = None,
    devices: Annotated[int, typer.Option(min=1, help="processes or GPUs on each node")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="machines")] = 1,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="go on with this run")] = None,
) -> None:
    """Train a network and write its report."""
    needs_torch()
    from nasion.train import config
    from nasion.train.jobs import new_folder, resume_job, train_job
    from nasion.train.loop.fit import JOINED
    from nasion.train.loop.hardware import Devices, is_worker

    screen = Console(quiet=True) if is_worker() else console
    machines = Devices(devices, nodes)
    if resume is not None:
        if recipe or data or settings or init or minutes or out:
            raise ConfigError(
                "--resume goes on with a run as it is; leave out the recipe, --data, --out, --set, --init and --minutes"
            )
        resume_job(resume, screen, machines)
        return
    if recipe is None:
        raise ConfigError(f"name a recipe ({', '.join(config.available())}) or --resume RUN")
    if nodes > 1 and out is None:
        raise ConfigError("with --nodes, all machines need the same run folder; name it with --out")
    start = [f"init.model={json.dumps(init)}"] if init else []
    resolved = config.load(recipe, [*(settings or ()), *start], JOINED.join(data) if data else None)
    train_job(resolved, out or new_folder(recipe), screen, typed(), minutes, machines)


def sweep(
    recipe: Annotated[str, typer.Argument(help="a recipe's name, or a .toml file")],
    data: Annotated[list[str] | None, typer.Option(help='"format:source"; further ones add training faces')] = None,
    settings: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="folder for the runs; else runs/sweep-RECIPE-DATE-TIME")] = None,
    minutes: Minutes = None,
) -> None:
    """Train one run for each value of --set a.b=x,y,z and compare their curves and scores."""
    needs_torch()
    from nasion.train import jobs as study
    from nasion.train.loop.fit import JOINED

    jobs = study.sweep_jobs(recipe, settings or (), JOINED.join(data) if data else None)
    study.sweep(recipe, jobs, out or study.new_folder(f"sweep-{recipe}"), console, minutes)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="run folders, such as one from scratch and one pretrained")],
    out: Annotated[Path, typer.Option(help="the picture to write; the scores go beside it as .csv")] = Path(
        "compare.png"
    ),
) -> None:
    """Compare trained runs: their curves in one figure, their validation scores in one table."""
    needs_torch()
    from nasion.train.jobs import compare as draw

    draw({str(run): run for run in runs}, out, console)


def evaluate(
    model: Model,
    data: Data,
    split: Annotated[str, typer.Option(help="train, val, test or all")] = "all",
    boxes: Annotated[
        str | None, typer.Option(help="points, detector, picture or a CSV file; else what the model was trained on")
    ] = None,
    point: Annotated[
        list[int] | None, typer.Option(help="also print the mean error of this point", metavar="INDEX")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the scores here")] = None,
    report: Annotated[Path | None, typer.Option(help="folder for report.html")] = None,
    box_curve: Annotated[
        Path | None, typer.Option(help="draw the error against moved and scaled boxes here", metavar="FILE.png")
    ] = None,
    detector_weights: Annotated[Path | None, typer.Option(help="YuNet's file, instead of its download")] = None,
) -> None:
    """Measure a model on labeled faces."""
    from nasion.datasets.splits import with_validation
    from nasion.evaluation.report import require_report_extra, write_report
    from nasion.evaluation.score_table import NAMES, check_curve_path, draw_box_curve, measure, point_line, scores_table

    if report is not None:
        require_report_extra()
    if box_curve is not None:
        check_curve_path(box_curve)
    predictor = Predictor(model, None if detector_weights is None else best_detector(detector_weights), notice)
    faces = datasets.load(data)
    if split in ("train", "val"):
        faces = with_validation(faces, predictor.backend.validation_share)
    faces = faces.of_split(split)
    for index in point or ():
        if not 0 <= index < predictor.skeleton.count:
            points = predictor.skeleton
            raise ConfigError(f"point {index} is not one of {points.name}: 0 to {points.count - 1}")
    if json_file is not None and json_file.is_dir():
        raise ConfigError(f"{json_file} is a folder; name a file")
    for path in (json_file.parent if json_file else None, box_curve.parent if box_curve else None, report):
        if path is not None:
            ensure_writable(path)
    measured = measure(predictor, faces, boxes or predictor.backend.crop.box, split, console)
    if split == "all" and any(face.split == "train" for face in measured.faces):
        console.print("[yellow]training faces are among these; --split test measures the others[/]")
    for problem in measured.problems:
        console.print(f"[yellow]skipped[/] {escape(f'{problem.name}: {problem.reason}')}", soft_wrap=True)
    for problem in measured.lost:
        console.print(f"[yellow]lost[/] {escape(f'{problem.name}: {problem.reason}')}", soft_wrap=True)
    title = f"{len(measured.faces)} {NAMES[split]} faces of {data}, given the {measured.boxes}"
    console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    console.print(scores_table(measured))
    for index in point or ():
        console.print(point_line(measured, index))
    if json_file is not None:
        write_text(json_file, json.dumps(measured.scores(), indent=1) + "\n")
    if box_curve is not None:
        say(draw_box_curve(predictor, faces, box_curve, console))
    if report is not None:
        story = None
        if is_run(model):
            from nasion.train.jobs import training_record
            from nasion.train.runs.run_folder import open_run

            story = training_record(open_run(model))
        write_report(report / "report.html", measured, faces, typed(), story)
        say(f"the report: {report / 'report.html'}")


def export(
    run: Annotated[Path, typer.Argument(help="a run folder")],
    file: Annotated[Path, typer.Argument(help="the .onnx file to write", metavar="FILE.onnx")],
    precision: Annotated[
        Literal["single", "half", "int8"],
        typer.Option(help="half is half the size; int8 a quarter, and faster, its ranges measured on the run's data"),
    ] = "single",
) -> None:
    """Write a trained network as one file that predicts without torch, after proving that it computes the same."""
    needs_torch()
    from nasion.train.export.onnx_file import export as write

    apart = write(run, file, precision)
    how = "in the mean" if precision == "int8" else "at most"
    say(f"{file}: {file.stat().st_size / 1e6:.1f} MB, its points {how} {apart:.1g} px of the crop from torch's")
    say(f"next: nasion predict PICTURE --model {file}")


def filters(
    model: Annotated[Path, typer.Argument(help="a run folder")],
    out: Annotated[Path | None, typer.Option(help="the picture to write; else RUN/filters.png")] = None,
) -> None:
    """Draw the first layer's kernels."""
    needs_torch()
    from nasion.train.jobs import filters as draw_filters

    say(f"kernels → {draw_filters(model, out or model / 'filters.png')}")


def recipes() -> None:
    """List the recipes: what each learns, its command, its time and its score."""
    from nasion.train import config

    for name in config.available():
        header = [line[1:].strip() for line in config.recipe_text(name).splitlines() if line.startswith("#")]
        console.print(f"[bold]{name}[/]\n  " + "\n  ".join(header), soft_wrap=True)


COMMANDS = (train, sweep, compare, evaluate, filters, export, recipes)
