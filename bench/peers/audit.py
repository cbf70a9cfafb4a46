"""Audit nasion, dlib and MediaPipe in one run: the same 75 corruptions of the same faces, with boxes from the points.

make bench-audit DATA=300W_DIR            prints a table, writes audit.csv
    CACHE=DIR keeps dlib's trained predictor; ON=FORMAT:PATH measures other faces than lfpw/testset; FACES=COUNT fewer
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from contenders import Contender, of_mediapipe
from main import VALIDATION_SHARE, console, dlibs
from rich.table import Table

from nasion import Predictor, datasets
from nasion.audit import CORRUPTIONS, Audit, Found, ModelSystem, Scores, System, mean_face, run_audit
from nasion.cli.screen import REPORTER
from nasion.datasets.splits import with_validation
from nasion.geometry import FloatArray
from nasion.predict import model_zoo
from nasion.sample import Annotation, DataSet, Image
from nasion.skeleton import load_skeleton


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
    out: Annotated[Path, typer.Option(help="folder for audit.csv")] = Path("peers"),
    cache: Annotated[Path, typer.Option(help="folder for dlib's trained predictor")] = Path("peers/dlib"),
    faces: Annotated[int | None, typer.Option(help="measure only the first faces")] = None,
) -> None:
    """Train dlib, audit all systems, and print and write the table."""
    cache.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    known = with_validation(datasets.load(f"ibug:{data}"), VALIDATION_SHARE)
    train, validation = known.of_split("train"), known.of_split("val")
    test = datasets.load(on or f"ibug:{data / 'lfpw' / 'testset'}")
    test = test.subset(test.annotations[:faces])
    systems: list[tuple[System, int | None]] = [(ModelSystem(Predictor(name)), None) for name in model_zoo.available()]
    systems += [(PeerSystem(each), 1) for each in dlibs(train, validation, cache, search=False)]
    systems.append((PeerSystem(of_mediapipe(train, validation)), 1))
    usual = mean_face(systems[0][0], train)
    found = [run_audit(each, test, mean_in_box=usual, threads=n, reporter=REPORTER) for each, n in systems]
    show(found, [Scores.of(each, {}) for each in found], out / "audit.csv")


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


if __name__ == "__main__":
    typer.run(main)
