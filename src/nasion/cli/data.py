"""Commands for labeled faces: get, doctor, show, convert, formats."""

from pathlib import Path
from typing import Annotated

import typer

from nasion import datasets, images
from nasion.cli.options import DataArgument, SetOption, require_training_extra
from nasion.cli.screen import REPORTER, say

__all__ = ["convert", "doctor", "formats", "get", "show"]


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
    out: Annotated[Path, typer.Option(help="folder for the image of the most unusual faces")] = Path("doctor"),
) -> None:
    """Check labels: counts, origin, flip map, left and right, outliers, leaks between splits."""
    from nasion.doctor import draw_worst, examine, table_rows

    examination = examine(datasets.load(data), REPORTER)
    title = f"{examination.faces.name} · {examination.faces.skeleton.name}"
    REPORTER.table(title, ("check", "verdict", "finding"), table_rows(examination))
    path = draw_worst(examination, out)
    say(f"the {len(examination.worst)} most unusual faces: {path}")


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
        str | None, typer.Option(help="choose the points by a mapping instead", metavar="NAME|FILE.toml")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="refuse a target that does not store everything")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace existing files")] = False,
) -> None:
    """Write labels in another format, and list what it does not store."""
    from nasion.datasets.convert import convert as write

    done = write(source, target, skeleton, mapping, strict, overwrite, REPORTER)
    if done.problems:
        count = f"{done.problems} face{'s' * (done.problems != 1)}"
        REPORTER.warn(f"skipped {count} that cannot be read; nasion doctor {source} lists the reasons")
    if done.lost:
        REPORTER.warn(done.lost)
    if done.new_folder:
        say(f"created the folder {done.new_folder}")
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
