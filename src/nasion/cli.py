"""The command line: parse, call one function, print. What goes wrong by input is one line and exit code 2."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nasion import datasets, draw, images
from nasion.errors import ConfigError, ImageError, ModelError, NasionError
from nasion.files import prove_writable, write_text
from nasion.output import check_format, unique_stems, write_predictions
from nasion.predict import Predictor
from nasion.sample import Prediction

__all__ = ["app", "main"]

app = typer.Typer(
    name="nasion",
    help="Facial keypoints, end to end: check labels, train, see where it fails, find points in your own pictures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False)

Data = Annotated[str, typer.Argument(help='"format:source", such as imm:DIR or synthetic:400', metavar="DATA")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="change a setting: section.key=value", metavar="A.B=C")
]
Minutes = Annotated[float | None, typer.Option(min=0.01, help="fit the schedule into this time")]


def main() -> None:
    """Run the command line; errors of the input end with one line and exit code 2."""
    try:
        app()
    except NasionError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a vanished folder: where no layer below could say it better
        _fail(f"{error.filename or 'the disk'}: {error.strerror or error}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _fail(text: str) -> None:
    print("nasion: " + " ".join(text.split()), file=sys.stderr)
    raise SystemExit(2)


def _needs_torch() -> None:
    try:
        import pytorch_lightning  # noqa: F401
    except ImportError as error:
        raise ModelError(f"training needs torch and Lightning ({error}); pip install 'nasion[train]'") from None


@app.command()
def predict(
    pictures: Annotated[list[Path], typer.Argument(help="pictures, or folders of pictures")],
    model: Annotated[Path, typer.Option("--model", help="a run folder")],
    out: Annotated[Path, typer.Option(help="folder for the drawn pictures and the points")] = Path("predictions"),
    form: Annotated[str, typer.Option("--format", help="json, csv or pts")] = "json",
    box: Annotated[
        str | None, typer.Option(help="x0,y0,x1,y1, px: around the face's points; else the whole picture")
    ] = None,
) -> None:
    """Find the points in your own pictures; draw them and write them."""
    boxes = None if box is None else [_numbers(box)]
    check_format(form)
    predictor = Predictor(model)
    prove_writable(out)
    found: dict[Path, list[Prediction]] = {}
    failed: list[str] = []
    names = unique_stems(_pictures(pictures))
    for path, stem in names.items():
        try:
            image = images.read(path)
        except ImageError as error:
            failed.append(str(error))
            if len(names) > 1:
                print(f"nasion: skipped {error}", file=sys.stderr)
            continue
        found[path] = predictor(image, boxes)
        drawn = out / f"{stem}-points.jpg"
        images.write(drawn, draw.draw_predictions(image, found[path]))
        console.print(f"{path}: {predictor.skeleton.count} points → {drawn}", soft_wrap=True)
    if not found:
        raise ImageError(failed[0] if len(failed) == 1 else f"none of {len(failed)} pictures could be read")
    for path in write_predictions(out, found, form)[:1]:
        console.print(f"points of {len(found)} picture{'s' * (len(found) > 1)} → {path}", soft_wrap=True)
    if failed:
        console.print(f"[yellow]{len(failed)} of {len(names)} pictures were skipped[/]")


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ConfigError(f'a box is x0,y0,x1,y1 in px, such as 200,120,440,400, not "{text}"') from None


def _pictures(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in images.SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise ImageError(f"{path}: no pictures in this folder ({', '.join(images.SUFFIXES[:4])}, …)")
        found += inside
    return found


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="imm or 300w")],
    folder: Annotated[Path, typer.Argument(help="where it goes")],
    url: Annotated[str | None, typer.Option(help="fetch from here instead, such as a mirror of your own")] = None,
    archive: Annotated[Path | None, typer.Option(help="use this file, fetched by hand")] = None,
) -> None:
    """Download a data set that people start from, with its terms, and prove that it is whole."""
    from nasion import fetch

    spec = fetch.get(name, folder, console, [url] if url else None, archive)
    console.print(f"next: nasion doctor {spec}", soft_wrap=True)


@app.command()
def doctor(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder for the picture of the worst faces")] = Path("doctor"),
) -> None:
    """Prove the labels: counts, origin, flip map, left and right, outliers, leaks between splits."""
    from nasion import doctor as doctors

    report = doctors.examine(datasets.load(data), console)
    console.print(doctors.as_table(report))
    path = doctors.draw_worst(report, out)
    console.print(f"the {len(report.worst)} oddest faces: {path}", soft_wrap=True)


@app.command()
def show(
    data: Data,
    recipe: Annotated[
        str | None, typer.Option(help="draw the crops that this recipe trains on, before and after augmentation")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=200, help="faces")] = 12,
    out: Annotated[Path, typer.Option(help="the picture to write")] = Path("show.png"),
    settings: Settings = None,
) -> None:
    """Draw labelled faces; with --recipe, what the loader yields of them, before and after augmentation."""
    from nasion import shown

    faces = datasets.load(data)
    if recipe is None:
        picture = shown.faces_sheet(faces, count)
    else:
        _needs_torch()
        from nasion.train import config
        from nasion.train.showing import crops_sheet

        picture, problems = crops_sheet(config.load(recipe, settings or (), data), faces, count)
        for problem in problems:
            console.print(f"[yellow]skipped[/] {problem.name}: {problem.reason}", soft_wrap=True)
    images.write(out, picture)
    console.print(f"{min(count, len(faces))} of {len(faces)} faces → {out}", soft_wrap=True)


@app.command()
def train(
    recipe: Annotated[str | None, typer.Argument(help="a recipe's name, or a .toml file")] = None,
    data: Annotated[str | None, typer.Option(help='"format:source"')] = None,
    out: Annotated[Path | None, typer.Option(help="run folder; else runs/RECIPE-DATE-TIME")] = None,
    settings: Settings = None,
    minutes: Minutes = None,
    devices: Annotated[int, typer.Option(min=1, help="processes or GPUs on each node")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="machines")] = 1,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="go on with this run")] = None,
) -> None:
    """Train a network and write its report."""
    _needs_torch()
    from nasion.train import config
    from nasion.train.machine import Machines, is_follower
    from nasion.train.study import new_folder, resume_job, train_job

    screen = Console(quiet=True) if is_follower() else console
    machines = Machines(devices, nodes)
    if resume is not None:
        if recipe or data or settings or minutes or out:
            raise ConfigError(
                "--resume goes on with a run as it is; leave out the recipe, --data, --out, --set and --minutes"
            )
        resume_job(resume, screen, machines)
        return
    if recipe is None:
        raise ConfigError(f"name a recipe ({', '.join(config.available())}) or --resume RUN")
    if nodes > 1 and out is None:
        raise ConfigError("with --nodes, all machines need the same run folder; name it with --out")
    resolved = config.load(recipe, settings or (), data)
    train_job(resolved, out or new_folder(recipe), screen, _command(), minutes, machines)


def _command() -> str:
    return shlex.join(["nasion", *sys.argv[1:]])


@app.command()
def sweep(
    recipe: Annotated[str, typer.Argument(help="a recipe's name, or a .toml file")],
    data: Annotated[str | None, typer.Option(help='"format:source"')] = None,
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(help="folder for the runs; else runs/sweep-RECIPE-DATE-TIME")] = None,
    minutes: Minutes = None,
) -> None:
    """Train one run for each value of --set a.b=x,y,z and compare their curves and scores."""
    _needs_torch()
    from nasion.train import study

    jobs = study.sweep_jobs(recipe, settings or (), data)
    study.sweep(recipe, jobs, out or study.new_folder(f"sweep-{recipe}"), console, minutes)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="a run folder")],
    data: Data,
    split: Annotated[str, typer.Option(help="train, val, test or all")] = "all",
    boxes: Annotated[str | None, typer.Option(help="points or picture; else what the model was trained on")] = None,
    point: Annotated[
        list[int] | None, typer.Option(help="also print the mean error of this point", metavar="INDEX")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the scores here")] = None,
    report: Annotated[Path | None, typer.Option(help="folder for report.html")] = None,
) -> None:
    """Measure a model on labelled faces."""
    _needs_torch()
    from nasion.report import write_report
    from nasion.splits import with_validation
    from nasion.train import study
    from nasion.train.run import open_run

    run = open_run(model)
    faces = datasets.load(data)
    if split in ("train", "val"):
        faces = with_validation(faces, run.config.data.validation_share)
    faces = faces.of_split(split)
    for path in (json_file.parent if json_file else None, report):
        if path is not None:
            prove_writable(path)
    measured = study.measure(model, faces, boxes or study.default_boxes(run.config), split, console)
    if split == "all" and any(face.split == "train" for face in measured.faces):
        console.print("[yellow]training faces are among these; --split test measures the others[/]")
    for problem in measured.problems:
        console.print(f"[yellow]skipped[/] {problem.name}: {problem.reason}", soft_wrap=True)
    title = f"{len(measured.faces)} {study.NAMES[split]} faces of {data}, given the {measured.boxes}"
    console.print(f"[bold]{title}[/]", soft_wrap=True)
    console.print(study.scores_table(measured))
    for index in point or ():
        console.print(study.point_line(measured, index))
    if json_file is not None:
        write_text(json_file, json.dumps(measured.scores(), indent=1) + "\n")
    if report is not None:
        write_report(report / "report.html", measured, faces, _command(), study.training_story(run))
        console.print(f"the report: {report / 'report.html'}", soft_wrap=True)


@app.command()
def filters(
    model: Annotated[Path, typer.Argument(help="a run folder")],
    out: Annotated[Path | None, typer.Option(help="the picture to write; else RUN/filters.png")] = None,
) -> None:
    """Draw the first layer's kernels."""
    _needs_torch()
    from nasion.train.study import filters as draw_filters

    console.print(f"kernels → {draw_filters(model, out or model / 'filters.png')}", soft_wrap=True)


@app.command()
def recipes() -> None:
    """List the recipes: what each learns, its command, its time and its score."""
    from nasion.train import config

    for name in config.available():
        header = [line[1:].strip() for line in config.recipe_text(name).splitlines() if line.startswith("#")]
        console.print(f"[bold]{name}[/]\n  " + "\n  ".join(header), soft_wrap=True)


@app.command()
def formats() -> None:
    """List the formats of labelled faces and their options."""
    for name in datasets.available():
        module = datasets.module(name)
        console.print(module.DESCRIPTION, soft_wrap=True, markup=False)
        for option, text in module.OPTIONS.items():
            console.print(f"    ?{option}=  {text}", soft_wrap=True, markup=False)


if __name__ == "__main__":
    main()
