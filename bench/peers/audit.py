"""Audit nasion, dlib and MediaPipe in one run: the same 75 corruptions of the same faces, with boxes from the points.

make bench-audit DATA=300W_DIR            prints a table, writes audit.csv and audit.png
    CACHE=DIR keeps dlib's trained predictor, SHIPPED=1 takes dlib's own; ON=FORMAT:PATH measures other faces than
    lfpw/testset; FACES=COUNT fewer
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from contenders import Contender, dlib_shipped, of_mediapipe
from main import VALIDATION_SHARE, console, dlibs
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from rich.table import Table

from nasion import Predictor, datasets
from nasion.audit import CORRUPTIONS, Audit, Found, ModelSystem, Scores, System, mean_face, run_audit
from nasion.cli.screen import REPORTER
from nasion.datasets.splits import with_validation
from nasion.geometry import FloatArray
from nasion.predict import model_zoo
from nasion.sample import Annotation, DataSet, Image
from nasion.skeleton import load_skeleton

DARK = 0.45
"""Part of the color map above which text is white."""

TICKS = (3, 4, 5, 7, 10, 15, 20, 30)
"""Tick labels of the color map, percent."""


class PeerSystem:
    """Another package as an audited system, without uncertainty."""

    def __init__(self, contender: Contender) -> None:
        self.name, self.contender = contender.name, contender

    def labeled(self, faces: DataSet) -> DataSet:
        """Return the faces with the 68 points."""
        return faces.reduced_to(load_skeleton("ibug-68"))

    def box(self, face: Annotation) -> FloatArray:
        """Return the box (4,) around the labeled points, image px."""
        return face.points_box()

    def find(self, images: Sequence[Image], box: FloatArray) -> list[Found | None]:
        """Return the face in a box (4,) of each image (H, W, 3) uint8 RGB, px; None if the package returns no face."""
        return [self._found(image, box) for image in images]

    def _found(self, image: Image, box: FloatArray) -> Found | None:
        points = self.contender.find(image, box)
        return None if points is None else Found(points, np.full(len(points), np.nan), np.zeros_like(points))


def main(
    data: Annotated[Path, typer.Argument(help="300-W's folder: dlib and the mapping of MediaPipe are trained on it")],
    on: Annotated[str | None, typer.Option(help="measure these faces; default: its lfpw/testset")] = None,
    out: Annotated[Path, typer.Option(help="folder for audit.csv and audit.png")] = Path("peers"),
    cache: Annotated[Path, typer.Option(help="folder for dlib's trained predictor")] = Path("peers/dlib"),
    faces: Annotated[int | None, typer.Option(help="measure only the first faces")] = None,
    shipped: Annotated[
        bool, typer.Option(help="take dlib's own model, trained on most of lfpw/testset, instead of training one")
    ] = False,
) -> None:
    """Train dlib, audit all systems, print and write the table, and draw the figure."""
    cache.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    known = with_validation(datasets.load(f"ibug:{data}"), VALIDATION_SHARE)
    train, validation = known.of_split("train"), known.of_split("val")
    test = datasets.load(on or f"ibug:{data / 'lfpw' / 'testset'}")
    test = test.subset(test.annotations[:faces])
    systems: list[tuple[System, int | None]] = [(ModelSystem(Predictor(name)), None) for name in model_zoo.available()]
    trees = [dlib_shipped(train)] if shipped else dlibs(train, validation, cache, search=False)
    systems += [(PeerSystem(each), 1) for each in trees]
    systems.append((PeerSystem(of_mediapipe(train, validation)), 1))
    usual = mean_face(systems[0][0], train)
    found = [run_audit(each, test, mean_in_box=usual, threads=n, reporter=REPORTER) for each, n in systems]
    scores = [Scores.of(each, {}) for each in found]
    show(found, scores, out / "audit.csv")
    heat_maps([each.system for each in found], scores).savefig(out / "audit.png", dpi=130)


def show(found: Sequence[Audit], scores: Sequence[Scores], path: Path) -> None:
    """Print the mean NME of each cell and system, and write it with its interval and the share of missing faces."""
    names = [each.system for each in found]
    table = Table(title=f"{len(found[0].faces)} faces of {found[0].data}, NME {found[0].normalizer}, percent; * lowest")
    for title in ("corruption", "severity", *names):
        table.add_column(title, justify="left" if title == "corruption" else "right")
    rows: list[list[str]] = []
    wins = dict.fromkeys(names, 0)
    for cells in zip(*(each.cells for each in scores), strict=True):
        cell = cells[0].cell
        best = int(np.argmin([each.nme.value for each in cells]))
        wins[names[best]] += cell.severity > 0
        kind = CORRUPTIONS[cell.kind].name if cell.severity else "none"
        shown = [f"{100 * each.nme.value:.2f}{'*' if k == best else ' '}" for k, each in enumerate(cells)]
        table.add_row(kind, str(cell.severity), *shown)
        numbers = [f"{value:.6f}" for each in cells for value in (*each.nme, each.missing)]
        rows.append([kind, str(cell.severity), *numbers])
    console.print(table)
    console.print(
        f"lowest NME in cells with corruption: {', '.join(f'{name} {count}' for name, count in wins.items())}"
    )
    missing = (f"{each.system} {100 * each.missing.mean():.1f} %" for each in found)
    console.print(f"no face returned, mean face in the box measured instead: {', '.join(missing)}")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        columns = [f"{name}: {what}" for name in names for what in ("NME", "low", "high", "missing")]
        writer.writerow(["corruption", "severity", *columns])
        writer.writerows(rows)
    console.print(str(path))


def heat_maps(names: Sequence[str], scores: Sequence[Scores]) -> Figure:
    """Return the figure of the NME in every cell, one map per system; the lowest NME of a cell is bold."""
    every = np.array([[100 * cell.nme.value for cell in each.cells] for each in scores])
    lowest = every.argmin(0)
    drawn = Figure(figsize=(2.2 + 2.6 * len(names), 5.4), layout="constrained")
    axes = drawn.subplots(1, len(names), sharey=True, squeeze=False)[0]
    colors = LogNorm(every.min(), every[:, 1:].max())
    for system, (axis, name) in enumerate(zip(axes, names, strict=True)):
        cells = every[system, 1:].reshape(len(CORRUPTIONS), -1)
        image = axis.imshow(cells, cmap="viridis_r", norm=colors, aspect="auto")
        for index, value in enumerate(every[system, 1:]):
            row, column = divmod(index, cells.shape[1])
            axis.text(
                column,
                row,
                f"{value:.1f}",
                ha="center",
                va="center",
                fontsize=7.5,
                fontweight="bold" if lowest[index + 1] == system else "normal",
                color="white" if colors(value) > DARK else "black",
            )
        axis.set_title(f"{name}\nwithout corruption {every[system, 0]:.2f} %", fontsize=9)
        axis.set_xticks(range(cells.shape[1]), [str(each + 1) for each in range(cells.shape[1])])
        axis.set_yticks(range(len(CORRUPTIONS)), [each.name for each in CORRUPTIONS])
        axis.tick_params(length=0, labelsize=8)
        axis.set_xlabel("severity", fontsize=8)
    bar = drawn.colorbar(image, ax=list(axes), ticks=TICKS, format="%g", fraction=0.03, pad=0.01)
    bar.minorticks_off()
    bar.set_label("NME, inter-ocular (%)", fontsize=8)
    return drawn


if __name__ == "__main__":
    typer.run(main)
