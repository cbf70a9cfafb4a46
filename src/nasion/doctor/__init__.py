"""Proves labels: reads every face, measures what can be wrong, and shows the oddest ones.

checks.py   each check, from arrays to a `Finding`
origin.py   whether coordinates start at the right pixel
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nasion import images
from nasion.doctor import checks, origin
from nasion.doctor.checks import Finding
from nasion.draw import points as draw
from nasion.errors import AnnotationError, ImageError
from nasion.sample import Annotation, DataSet, Problem

__all__ = ["Examination", "Finding", "as_table", "draw_worst", "examine"]

WORST = 12

SYMBOLS = {"good": "[green]good[/]", "look": "[yellow]look[/]", "wrong": "[red]wrong[/]", "unknown": "–"}


@dataclass(frozen=True, eq=False)
class Examination:
    """What was found, and the oddest faces with the reason."""

    faces: DataSet
    findings: Sequence[Finding]
    worst: Sequence[tuple[Annotation, str]]


def examine(faces: DataSet, console: Console) -> Examination:
    """Return what the labels and pictures of a data set tell.

    Raises:
        AnnotationError: not one picture can be read.
    """
    pictures = [
        checks.look(faces, index)
        for index in track(range(len(faces)), "reading pictures", console=console, transient=True)
    ]
    unreadable = [p for p in pictures if isinstance(p, Problem)]
    looks = [p for p in pictures if not isinstance(p, Problem)]
    if not looks:
        raise AnnotationError(f"{faces.name}: no picture can be read; the first: {unreadable[0].reason}")
    readable = faces.subset([look.face for look in looks])
    odd = checks.shape_residuals(readable)
    findings = [
        checks.counts(faces),
        checks.skipped([*faces.problems, *unreadable]),
        checks.duplicates(looks),
        checks.outside(looks),
        checks.missing(readable),
        *origin.findings(readable, [look.size for look in looks]),
        checks.flip_map(readable),
        checks.left_and_right(readable),
        checks.order_of_points(readable),
        checks.outliers(readable, odd),
        checks.leaks(looks),
    ]
    return Examination(faces, findings, _worst(readable, odd))


def _worst(faces: DataSet, odd: np.ndarray) -> list[tuple[Annotation, str]]:
    order = np.argsort(-np.nan_to_num(odd))[:WORST]
    return [
        (faces.annotations[i], f"{100 * odd[i]:.0f} % from the mean face" if np.isfinite(odd[i]) else "") for i in order
    ]


def as_table(examination: Examination) -> Table:
    """Return the findings for the screen."""
    table = Table(title=f"{examination.faces.name} · {examination.faces.skeleton.name}", title_justify="left")
    table.add_column("check")
    table.add_column("", justify="center")
    table.add_column("found", overflow="fold")
    for finding in examination.findings:
        table.add_row(finding.check, SYMBOLS[finding.verdict], finding.text)
    return table


def draw_worst(examination: Examination, folder: Path) -> Path:
    """Draw the oddest faces with their points and return the picture's path.

    Raises:
        OutputError: it cannot be written.
    """
    tiles: list[np.ndarray] = []
    for face, reason in examination.worst:
        try:
            image = examination.faces.open_image(face)
        except ImageError:
            continue
        around = draw.whole_or_box(face.keypoints, image.shape[:2])
        tile = draw.face_view(image, face.keypoints, None, around, side=300, margin=1.7)
        tiles.append(draw.caption(draw.caption(tile, face.name), reason))
    path = folder / "worst.png"
    sheet = draw.sheet(tiles, columns=4)
    images.write(
        path,
        draw.legend(sheet, [(f"the oddest labels of {examination.faces.name}", None), ("labeled points", draw.TRUE)]),
    )
    return path
