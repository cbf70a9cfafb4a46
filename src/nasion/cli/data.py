"""Commands for labeled faces: get, doctor, show, convert, formats."""

from pathlib import Path
from typing import Annotated

import typer

from nasion import datasets, images
from nasion.atomic import ensure_writable, write_text
from nasion.cli.options import DataArgument, SetOption, make_predictor, require_training_extra
from nasion.cli.screen import REPORTER, say
from nasion.errors import ConfigError
from nasion.predict.model_zoo import DEFAULT

__all__ = ["convert", "doctor", "formats", "get", "show"]

NO_MODEL = "none"
"""Value of --model that leaves out the second opinion."""


def get(
    name: Annotated[str, typer.Argument(help="imm or 300w")],
    folder: Annotated[Path, typer.Argument(help="target folder")],
    url: Annotated[str | None, typer.Option(help="download from here instead, such as from a mirror")] = None,
    archive: Annotated[Path | None, typer.Option(help="use this file, which you downloaded yourself")] = None,
) -> None:
    """Download a dataset, show its terms, and verify it."""
    from nasion.datasets import download

    spec = download.get(name, folder, REPORTER, [url] if url else None, archive)
    say(f"next: nasion doctor {spec}")


def doctor(
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="folder for findings.png and findings.csv")] = Path("doctor"),
    model: Annotated[str, typer.Option(help="the model that gives a second opinion, or none")] = DEFAULT,
    json_file: Annotated[Path | None, typer.Option("--json", help="also write the findings here")] = None,
) -> None:
    """Check labels against each other and against the images: origin, sides, outliers, duplicates, leaks."""
    from nasion.doctor import examine, table_rows, to_json, write_files

    if json_file is not None and json_file.is_dir():
        raise ConfigError(f"{json_file} is a folder; name a file")
    predictor = None if model == NO_MODEL else make_predictor(model, None)
    faces = datasets.load(data)
    for folder in (out, *([json_file.parent] if json_file else [])):
        ensure_writable(folder)
    examination = examine(faces, REPORTER, predictor)
    title = f"{examination.faces.name} · {examination.faces.skeleton.name}"
    REPORTER.table(title, ("check", "verdict", "finding"), table_rows(examination))
    picture, table = write_files(examination, out)
    if json_file is not None:
        write_text(json_file, to_json(examination))
    alarms = len(examination.alarms)
    say(f"{alarms} check{'s' * (alarms != 1)} found something; the faces: {picture}; every file: {table}")


def show(
    data: DataArgument,
    recipe: Annotated[str | None, typer.Option(help="draw the augmented crops that this recipe trains on")] = None,
    count: Annotated[int, typer.Option(min=1, max=200, help="number of faces")] = 12,
    out: Annotated[Path, typer.Option(help="the image to write")] = Path("show.png"),
    settings: SetOption = None,
) -> None:
    """Draw labeled faces; with --recipe, the crops that a network trains on."""
    from nasion import draw

    faces = datasets.load(data)
    if recipe is None:
        sheet = draw.faces_sheet(faces, count)
    else:
        require_training_extra()
        from nasion.train import config
        from nasion.train.data.preview import crops_sheet

        sheet, problems = crops_sheet(config.load(recipe, settings or (), [data]), faces, count)
        for problem in problems:
            REPORTER.warn(f"skipped {problem.name}: {problem.reason}")
    images.write(out, sheet)
    say(f"{min(count, len(faces))} of {len(faces)} faces → {out}")


def convert(
    source: Annotated[str, typer.Argument(help='the labels, "format:source"', metavar="SOURCE")],
    target: Annotated[str, typer.Argument(help='what to write, "format:file" or "format:folder"', metavar="TARGET")],
    skeleton: Annotated[
        str | None, typer.Option(help="keep the points of this skeleton, which names them in its [from]")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="choose the points by this file instead", metavar="FILE.toml")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="refuse a target that cannot store everything")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace existing files")] = False,
) -> None:
    """Write labels in another format, and say what it cannot store."""
    from nasion.datasets.convert import convert as write

    done = write(source, target, skeleton, mapping, strict, overwrite, REPORTER)
    if done.problems:
        REPORTER.warn(f"skipped {done.problems} faces that cannot be read; nasion doctor {source} lists the reasons")
    if done.lost:
        REPORTER.warn(done.lost)
    say(f"{done.faces} face{'s' * (done.faces != 1)} in {done.images} image{'s' * (done.images != 1)} → {target}")


def formats() -> None:
    """List the label formats and their options."""
    for name in datasets.available():
        module = datasets.module(name)
        say(module.DESCRIPTION)
        for option, text in module.OPTIONS.items():
            say(f"    ?{option}=  {text}")
    say("all formats")
    for option, text in datasets.COMMON_OPTIONS.items():
        say(f"    ?{option}=  {text}")
