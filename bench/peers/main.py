"""Compare nasion with dlib and MediaPipe: the same faces and the same boxes, in one run.

make bench-peers DATA=300W_DIR            prints a table, writes peers.csv and peers.png
    CACHE=DIR keeps dlib's trained predictors; RUNS="ibug=ibug.onnx danes=danes.onnx" adds trained networks;
    MORE=coco:aflw68/train.json trains another dlib on these faces, too
"""

import csv
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer
from contenders import (
    Contender,
    Trees,
    dlib_shipped,
    of_dlib,
    of_mediapipe,
    of_nasion,
    train_dlib,
)
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from measures import Errors, boxes, errors, installed_mb, jitter, milliseconds
from rich.console import Console
from rich.table import Table

from nasion import datasets
from nasion.datasets.splits import with_validation
from nasion.predict import model_zoo as models
from nasion.sample import DataSet

SEARCH = (Trees(oversampling_amount=40), Trees(nu=0.05))
"""Options of dlib that are tried besides its defaults; validation faces choose among them."""

VALIDATION_SHARE = 0.1

ONE_PASS = ", one pass"
"""End of the names of rows without a second pass, which the figure leaves out: error and time are nearly the same."""

console = Console()
console.width = max(console.width, 140)  # so that the table is complete in a log, too


def main(
    data: Annotated[
        Path, typer.Argument(help="300-W's folder: trains on its training faces, measures on lfpw/testset")
    ],
    out: Annotated[Path, typer.Option(help="folder for peers.csv and peers.png")] = Path("peers"),
    cache: Annotated[Path, typer.Option(help="folder for dlib's trained predictors")] = Path("peers/dlib"),
    search: Annotated[bool, typer.Option(help="search for better options for dlib; takes half an hour or more")] = True,
    run: Annotated[
        list[str] | None, typer.Option(help="also measure this .onnx file or run folder", metavar="NAME=FILE")
    ] = None,
    more: Annotated[str, typer.Option(help="further training faces for another dlib", metavar="FORMAT:PATH")] = "",
) -> None:
    """Train dlib, measure all contenders, and draw the figure."""
    known = with_validation(datasets.load(f"ibug:{data}"), VALIDATION_SHARE)
    train, validation, test = (known.of_split(name) for name in ("train", "val", "test"))
    contenders = [of_nasion(name) for name in models.available()]
    contenders += [of_nasion(name, f"{name}{ONE_PASS}", refine=0) for name in models.available()]
    contenders += [of_nasion(folder, name) for name, _, folder in (each.partition("=") for each in run or ())]
    contenders += dlibs(train, validation, cache, search)
    if more:
        further = datasets.load(more)
        complete = further.subset([face for face in further.annotations if not np.isnan(face.keypoints).any()])
        contenders.append(trained_dlib(train.joined(complete), cache / "more", Trees(), "dlib, with further faces"))
    contenders += [dlib_shipped(train), of_mediapipe(train, validation)]
    show(measured(contenders, test), out)


def dlibs(train: DataSet, validation: DataSet, cache: Path, search: bool) -> list[Contender]:
    """Return dlib trained with its default options and, if `search`, with the best of the options in `SEARCH`."""
    default = trained_dlib(train, cache, Trees(), "dlib, trained on the same faces")
    if not search:
        return [default]
    given = boxes(validation, shaken=False)
    others = (trained_dlib(train, cache, trees, "dlib, best options") for trees in SEARCH)
    scored = [(errors(each, validation, given).nme, each) for each in others]
    for score, each in scored:
        console.print(f"validation {100 * score:.2f} %: {each.note}")
    return [default, min(scored, key=lambda pair: pair[0])[1]]


def trained_dlib(train: DataSet, cache: Path, trees: Trees, name: str) -> Contender:
    """Return dlib trained on the faces."""
    cache.mkdir(parents=True, exist_ok=True)
    path = train_dlib(train, cache / f"{'-'.join(str(value) for value in vars(trees).values())}.dat", trees)
    return of_dlib(path, name, lambda box: box, f"trained on {len(train)} faces; {trees}".removesuffix("; "))


def measured(contenders: list[Contender], test: DataSet) -> list[dict[str, float | str]]:
    """Return one row per contender."""
    plain, shaken = boxes(test, shaken=False), boxes(test, shaken=True)
    times = milliseconds(contenders, test)
    rows: list[dict[str, float | str]] = []
    for each in contenders:
        good: Errors = errors(each, test, plain)
        bad: Errors = errors(each, test, shaken)
        rows.append(
            {
                "name": each.name,
                "nme": 100 * good.nme,
                "nme_shifted": 100 * bad.nme,
                "failures": 100 * good.failures,
                "auc": 100 * good.auc,
                "lost": good.lost,
                "ms": times[each.name],
                "file_mb": each.file_mb,
                "install_mb": installed_mb(each.packages),
                "jitter": 100 * jitter(each, test),
                "note": each.note,
            }
        )
        console.print(f"{each.name}: NME {rows[-1]['nme']:.2f} %")
    return rows


COLUMNS = {
    "nme": ("NME\n%", "{:.2f}"),
    "nme_shifted": ("boxes off by\nup to 15 %", "{:.2f}"),
    "failures": ("failures\nat 8 %", "{:.1f}"),
    "auc": ("AUC@8\n%", "{:.1f}"),
    "lost": ("lost", "{:.0f}"),
    "ms": ("ms per face,\none core", "{:.2f}"),
    "file_mb": ("file\nMB", "{:.1f}"),
    "install_mb": ("install\nMB", "{:.0f}"),
    "jitter": ("jitter\n% of eyes", "{:.3f}"),
}


def show(rows: list[dict[str, float | str]], out: Path) -> None:
    """Print and write the table, and draw the error against time and size."""
    table = Table(title="LFPW test faces of 300-W, NME inter-ocular", title_justify="left")
    table.add_column("", no_wrap=True)
    for title, _ in COLUMNS.values():
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(str(row["name"]), *(form.format(row[key]) for key, (_, form) in COLUMNS.items()))
    console.print(table)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "peers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    figure([row for row in rows if not str(row["name"]).endswith(ONE_PASS)]).savefig(out / "peers.png", dpi=130)
    console.print(f"{out / 'peers.csv'}, {out / 'peers.png'}")


def figure(rows: list[dict[str, float | str]]) -> Figure:
    """Return the figure of the error against time; the area of a disc is the size of the file."""
    drawn = Figure(figsize=(8, 5), layout="constrained")
    axis = drawn.subplots()
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    for row in rows:
        ours = not str(row["name"]).startswith(("dlib", "MediaPipe"))
        axis.scatter(
            row["ms"], row["nme"], s=30 * float(row["file_mb"]), alpha=0.5, color="#1e78ff" if ours else "#888888"
        )
    axis.set(xscale="log", xlabel="ms per face, one core", ylabel="NME, inter-ocular (%)")
    axis.set_title("Lower left is better; disc area: file size; blue: nasion", fontsize=10)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.margins(0.2)
    label(axis, rows)
    return drawn


def label(axis: Axes, rows: list[dict[str, float | str]]) -> None:
    """Write name and file size beside each disc, and move a text down while it overlaps another."""
    figure = cast(Figure, axis.figure)
    figure.draw_without_rendering()
    taken: list[Bbox] = []
    for row in sorted(rows, key=lambda row: -float(row["nme"])):
        place = float(row["ms"]), float(row["nme"])
        text = f"{row['name']}, {row['file_mb']:.1f} MB"
        note = axis.annotate(text, place, xytext=(7, 4), textcoords="offset points", fontsize=8)
        while any(note.get_window_extent().overlaps(other) for other in taken):
            x, y = note.xyann
            note.xyann = x, y - 3
        taken.append(note.get_window_extent())


if __name__ == "__main__":
    typer.run(main)
