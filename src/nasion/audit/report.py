"""The page and the JSON file of an audit.

This module needs matplotlib and jinja2 (`pip install 'nasion[report]'`); import it only where a page is written.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasion import draw
from nasion.atomic import write_text
from nasion.audit.cells import CELLS, CLEAN, Audit, Cell, cell_image
from nasion.audit.conditions import CONDITIONS, has_head
from nasion.audit.corruptions import CORRUPTIONS, SEVERITIES
from nasion.audit.scores import CONTROLS, MIN_FACES, CellScore, GroupScore, Interval, Scores, kind_ratios, worst_cells
from nasion.audit.systems import System
from nasion.audit.views import FACE_PX, view_of
from nasion.evaluation.evaluation import THRESHOLD
from nasion.evaluation.format import SPLIT_NAMES
from nasion.evaluation.metrics import mean
from nasion.evaluation.pages import Panel, photo_panel, render
from nasion.sample import DataSet
from nasion.uncertainty import nominal_share

__all__ = ["write_page"]

WORST_CELLS, WORST_FACES = 5, 4
"""Number of cells whose worst faces are shown, and of faces of each."""

SAMPLE_SEVERITIES = (1, 3, 5)
"""Severities of the sample images."""

TILE_PX = 150
"""Side of a sample image, px."""

DARKEST_RATIO = 3.0
"""Error, relative to that without corruption, with the darkest color."""

RED, BLUE = (214, 69, 65), (70, 130, 200)

OPAQUE = 0.7
"""Opacity of the darkest color, which leaves the text readable."""


def write_page(path: Path, audit: Audit, scores: Scores, system: System, faces: DataSet, command: str) -> None:
    """Write the page completely or not at all.

    Args:
        path: the .html file.
        audit: the measurements.
        scores: their summary.
        system: predicts the shown faces again.
        faces: provides the images.
        command: the command that wrote the page.

    Raises:
        OutputError: the file cannot be written.
    """
    cells = scores.cells
    has_spread = bool(audit.known.any())
    text = render(
        "nasion.audit",
        "page.html.j2",
        title=f"Audit of {audit.system} on {audit.data}",
        lead=_lead(audit),
        summary=_summary(audit, cells),
        severities=SEVERITIES,
        normalizer=audit.normalizer.replace("_", "-"),
        clean=_percent(cells[CLEAN].nme.value, 2),
        nme=_nme_table(cells),
        coverage=_table(cells, lambda score: score.within[1], _coverage_color) if has_spread else [],
        nominal=_percent(float(nominal_share(2)), 0),
        rejected=_table(cells, lambda score: score.rejected, _share_color),
        wrong=_table(cells, lambda score: score.wrong_kept, _share_color),
        missing=_table(cells, lambda score: score.missing, _share_color) if audit.missing.any() else [],
        threshold=_percent(THRESHOLD, 0),
        conditions=[_group_row(score) for score in scores.conditions],
        groups=[_group_row(score) for score in scores.groups],
        yaw_source=_yaw_source(audit),
        normalizer_note=_normalizer_note(audit),
        controls=CONTROLS,
        min_faces=MIN_FACES,
        samples=_samples(audit, system, faces),
        worst=_worst(audit, cells, system, faces),
        face_px=f"{FACE_PX:g}",
        kinds=[{"name": k.name, "unit": k.unit, "strengths": [f"{v:g}" for v in k.values]} for k in CORRUPTIONS],
        problems=audit.problems,
        command=command,
    )
    write_text(path, text)


def _lead(audit: Audit) -> str:
    split = "" if audit.split == "all" else f"{SPLIT_NAMES.get(audit.split, audit.split)} "
    return (
        f"{len(audit.faces)} {split}faces of {len(set(audit.subjects))} people or photographs · "
        f"{audit.faces[0].skeleton.title} · {len(CELLS) - 1} corrupted versions of each"
    )


def _summary(audit: Audit, cells: Sequence[CellScore]) -> list[str]:
    """Return the main results as sentences."""
    ratios = dict(zip((kind.name for kind in CORRUPTIONS), kind_ratios(cells), strict=True))
    order = sorted(ratios, key=lambda name: -ratios[name])
    hardest = ", ".join(f"{name} ({ratios[name]:.2f}×)" for name in order[:3])
    worst = cells[worst_cells(cells, 1)[0]]
    clean = cells[CLEAN].nme
    lines = [
        f"Without corruption the NME is {_percent(clean.value, 2)} (95 % interval {_limits(clean)}).",
        f"At severities 1 to 3 it grows most under {hardest}, and least under {order[-1]} ({ratios[order[-1]]:.2f}×).",
        f"The worst cell is {worst.cell.name}, with an NME of {_percent(worst.nme.value, 1)}.",
    ]
    if audit.known.any():
        kept = max(cells[1:], key=lambda score: score.wrong_kept)
        lines.append(
            f"The largest share of faces with an NME above {_percent(THRESHOLD, 0)} that are not rejected is "
            f"{_percent(kept.wrong_kept, 1)}, in {kept.cell.name}."
        )
    if audit.missing.any():
        lines.append(f"The system returns no face for {_percent(float(audit.missing.mean()), 1)} of all images.")
    return lines


def _yaw_source(audit: Audit) -> str:
    if has_head(audit.faces[0].skeleton):
        return "Yaw is measured from the labeled points."
    return "Yaw is measured from the model's points without corruption, because the labels have too few points."


def _normalizer_note(audit: Audit) -> str:
    if not audit.normalizer.startswith("inter_"):
        return ""
    return (
        "Errors are divided by a distance between the eyes, which is shorter in turned faces: part of their larger NME "
        "comes from that. --normalizer box_size divides by the size of the face."
    )


# --------------------------------------------------------------------------------------------------------------- tables


def _percent(value: float, decimals: int = 1) -> str:
    return f"{100 * value:.{decimals}f} %" if np.isfinite(value) else "–"


def _limits(interval: Interval) -> str:
    """Return an interval in percent, without the sign; empty if it is unknown."""
    low, high = 100 * interval.low, 100 * interval.high
    return f"{low:.2f} – {high:.2f}" if np.isfinite([low, high]).all() else ""


def _mean_cell(interval: Interval | None) -> dict[str, str]:
    if interval is None or not np.isfinite(interval.value):
        return {"text": "–", "detail": ""}
    return {"text": f"{100 * interval.value:.2f}", "detail": _limits(interval)}


def _nme_table(cells: Sequence[CellScore]) -> list[dict[str, Any]]:
    def cell(score: CellScore) -> dict[str, str]:
        return _mean_cell(score.nme) | {"color": _color((score.ratio - 1) / (DARKEST_RATIO - 1))}

    return [
        {"name": kind.name, "cells": [cell(cells[k]) for k in _indices(number)], "mean": f"{ratio:.2f}×"}
        for number, (kind, ratio) in enumerate(zip(CORRUPTIONS, kind_ratios(cells), strict=True))
    ]


def _table(
    cells: Sequence[CellScore], value: Callable[[CellScore], float], color: Callable[[float], str]
) -> list[dict[str, Any]]:
    """Return the rows of a heat map of shares; the last column is the mean of a kind."""
    rows: list[dict[str, Any]] = []
    for number, kind in enumerate(CORRUPTIONS):
        values = [value(cells[k]) for k in _indices(number)]
        shown = [{"text": _percent(each), "detail": "", "color": color(each)} for each in values]
        rows.append({"name": kind.name, "cells": shown, "mean": _percent(mean(values))})
    clean = value(cells[CLEAN])
    first = {"text": _percent(clean), "detail": "", "color": color(clean)}
    return [{"name": "no corruption", "cells": [first], "mean": ""}, *rows]


def _indices(kind: int) -> list[int]:
    """Return the indices of a kind's cells in `CELLS`."""
    return [k for k, cell in enumerate(CELLS) if cell.kind == kind and cell.severity]


def _color(share: float, full: tuple[int, int, int] = RED) -> str:
    """Return a color between transparent (0) and `OPAQUE` (1), as CSS, for light and dark pages."""
    weight = 0.0 if not np.isfinite(share) else OPAQUE * min(max(share, 0.0), 1.0)
    return "rgb({} {} {} / {:.2f})".format(*full, weight)


def _share_color(share: float) -> str:
    return _color(2 * share)


def _coverage_color(share: float) -> str:
    """Return red for a share below the nominal one, blue for a share above it."""
    excess = share - float(nominal_share(2))
    return _color(-3 * excess) if excess < 0 else _color(3 * excess, BLUE)


def _group_row(score: GroupScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "meaning": CONDITIONS.get(score.name, ""),
        "text": score.text,
        "faces": score.faces,
        "subjects": score.subjects,
        "clean": _mean_cell(score.clean),
        "corrupted": _mean_cell(score.corrupted),
        "controlled_clean": _mean_cell(score.controlled_clean),
        "controlled_corrupted": _mean_cell(score.controlled_corrupted),
        "within": _percent(score.within),
        "rejected": _percent(score.rejected),
        "small": score.is_small,
    }


# --------------------------------------------------------------------------------------------------------------- images


def _samples(audit: Audit, system: System, faces: DataSet) -> list[Panel]:
    """Return the face with the smallest error in all kinds of corruption."""
    index = int(np.nanargmin(audit.nme[CLEAN])) if np.isfinite(audit.nme[CLEAN]).any() else 0
    face = audit.faces[index]
    view = view_of(faces.open_image(face), face, system.box(face))
    panels: list[Panel] = []
    for kind, corruption in enumerate(CORRUPTIONS):
        for severity in SAMPLE_SEVERITIES:
            tile = draw.face_view(cell_image(view, Cell(kind, severity)), None, None, view.box, TILE_PX, 1.4)
            panels.append(photo_panel(tile, f"{corruption.name} {severity}"))
    return panels


def _worst(audit: Audit, cells: Sequence[CellScore], system: System, faces: DataSet) -> list[dict[str, Any]]:
    """Return the worst faces of the worst cells."""
    groups: list[dict[str, Any]] = []
    for index in worst_cells(cells, WORST_CELLS):
        order = np.argsort(-np.nan_to_num(audit.nme[index], nan=-1.0))[:WORST_FACES]
        panels = [_worst_panel(audit, index, int(k), system, faces) for k in order]
        title = f"{CELLS[index].name}: NME {_percent(cells[index].nme.value, 1)}"
        groups.append({"title": title, "faces": panels})
    return groups


def _worst_panel(audit: Audit, index: int, number: int, system: System, faces: DataSet) -> Panel:
    face = audit.faces[number]
    view = view_of(faces.open_image(face), face, system.box(face))
    image = cell_image(view, CELLS[index])
    (found,) = system.find([image], view.box)
    tile = draw.face_view(image, view.keypoints, None if found is None else found.keypoints, view.box)
    return photo_panel(tile, f"{_percent(audit.nme[index, number], 1)} · {face.name}")
