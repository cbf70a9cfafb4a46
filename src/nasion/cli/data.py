"""Labeled faces: get them, prove them, look at them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from nasion import datasets, images
from nasion.cli.screen import Data, SetOption, console, needs_torch, say

__all__ = ["COMMANDS"]


def get(
    name: Annotated[str, typer.Argument(help="imm or 300w")],
    folder: Annotated[Path, typer.Argument(help="where it goes")],
    url: Annotated[str | None, typer.Option(help="fetch from here instead, such as a mirror of your own")] = None,
    archive: Annotated[Path | None, typer.Option(help="use this file, fetched by hand")] = None,
) -> None:
    """Download a data set that people start from, with its terms, and prove that it is whole."""
    from nasion.datasets import download as fetch

    spec = fetch.get(name, folder, console, [url] if url else None, archive)
    say(f"next: nasion doctor {spec}")


def doctor(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder for the picture of the worst faces")] = Path("doctor"),
) -> None:
    """Prove the labels: counts, origin, flip map, left and right, outliers, leaks between splits."""
    from nasion import doctor as doctors

    report = doctors.examine(datasets.load(data), console)
    console.print(doctors.as_table(report))
    path = doctors.draw_worst(report, out)
    say(f"the {len(report.worst)} oddest faces: {path}")


def show(
    data: Data,
    recipe: Annotated[
        str | None, typer.Option(help="draw the crops that this recipe trains on, before and after augmentation")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=200, help="faces")] = 12,
    out: Annotated[Path, typer.Option(help="the picture to write")] = Path("show.png"),
    settings: SetOption = None,
) -> None:
    """Draw labeled faces; with --recipe, what the loader yields of them, before and after augmentation."""
    from nasion.draw import sheets as shown

    faces = datasets.load(data)
    if recipe is None:
        picture = shown.faces_sheet(faces, count)
    else:
        needs_torch()
        from nasion.train import config
        from nasion.train.data.preview import crops_sheet

        picture, problems = crops_sheet(config.load(recipe, settings or (), data), faces, count)
        for problem in problems:
            console.print(f"[yellow]skipped[/] {escape(f'{problem.name}: {problem.reason}')}", soft_wrap=True)
    images.write(out, picture)
    say(f"{min(count, len(faces))} of {len(faces)} faces → {out}")


def formats() -> None:
    """List the formats of labeled faces and their options."""
    for name in datasets.available():
        module = datasets.module(name)
        console.print(module.DESCRIPTION, soft_wrap=True, markup=False)
        for option, text in module.OPTIONS.items():
            console.print(f"    ?{option}=  {text}", soft_wrap=True, markup=False)


COMMANDS = (get, doctor, show, formats)
