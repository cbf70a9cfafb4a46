"""Faces drawn by the program, with exact keypoints: data without a download, for demos and tests.

`synthetic:COUNT?seed=0&skeleton=imm-58` draws faces 0 to COUNT - 1 of a seed; face n is the same whatever the
count. People come in groups of six pictures, as in the Danes: six poses and lights of one head. The drawing is
in `nasion.datasets.drawn`; this file gives it the form of a data set.
"""

from pathlib import Path

import numpy as np

from nasion.datasets.drawn import SKELETONS, render_face
from nasion.errors import ConfigError, nearest
from nasion.sample import Annotation, DataSet, Image
from nasion.skeleton import load_skeleton

DESCRIPTION = "synthetic:COUNT  faces drawn by the program, with exact points; needs no files"
OPTIONS = {"seed": "which faces, a whole number (0)", "skeleton": f"one of {', '.join(SKELETONS)} (imm-58)"}

VIEWS = 6
"""Pictures of one person."""

MAX_COUNT = 100_000


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return `source` drawn faces; the last sixth of the people test, unless they are fewer than three."""
    count = _number("count of faces", source, 1, MAX_COUNT)
    seed = _number("seed", options.get("seed", "0"), 0, 2**31)
    name = options.get("skeleton", "imm-58")
    if name not in SKELETONS:
        raise ConfigError(f'synthetic faces have no points of "{name}"; {nearest(name, SKELETONS)}')
    people = -(-count // VIEWS)
    first_test = people - (max(1, people // 6) if people > 2 else 0)
    faces = tuple(_face(seed, index, name, first_test) for index in range(count))
    return DataSet(f"synthetic:{count}", load_skeleton(name), faces, _open, note="points exact by construction")


def _face(seed: int, index: int, name: str, first_test: int) -> Annotation:
    person, view = divmod(index, VIEWS)
    points = load_skeleton(name)
    return Annotation(
        image=Path(f"synthetic-{seed}-{person:04d}-{view + 1}.png"),
        keypoints=render_face(seed, person, view, name, render=False).keypoints,
        skeleton=points,
        visible=np.ones(points.count, bool),
        subject=f"{person:04d}",
        split="test" if person >= first_test else "train",
    )


def _open(face: Annotation) -> Image:
    seed, person, view = face.image.stem.removeprefix("synthetic-").split("-")
    return render_face(int(seed), int(person), int(view) - 1, "imm-58").image


def _number(what: str, text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise ConfigError(f'synthetic: the {what} is a whole number from {low} to {high:,}, not "{text}"')
    return int(text)
