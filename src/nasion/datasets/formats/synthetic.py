"""Synthetic faces with exact keypoints: data without a download, for demos and tests.

`synthetic:COUNT?seed=0&skeleton=imm-58` renders faces 0 to COUNT - 1 of a seed; face n is the same for every COUNT.
Each person has six images, as in the IMM dataset: one head in six combinations of pose, expression and light.
`nasion.datasets.drawn` renders the images; this module makes a data set of them.
"""

from pathlib import Path

import numpy as np

from nasion.datasets.drawn import SKELETONS, render_face
from nasion.errors import ConfigError, suggest
from nasion.sample import Annotation, DataSet, Image
from nasion.skeleton import load_skeleton

DESCRIPTION = "synthetic:COUNT  synthetic faces with exact points; needs no files"
OPTIONS = {"seed": "which faces, a whole number (0)", "skeleton": f"one of {', '.join(SKELETONS)} (imm-58)"}

VIEWS = 6
"""Number of images of each person."""

MAX_COUNT = 100_000
"""Largest number of faces in a set."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return `source` synthetic faces; the last sixth of the people is for testing, if there are at least three."""
    count = _whole_number("count of faces", source, 1, MAX_COUNT)
    seed = _whole_number("seed", options.get("seed", "0"), 0, 2**31)
    name = options.get("skeleton", "imm-58")
    if name not in SKELETONS:
        raise ConfigError(f'synthetic faces have no points of "{name}"; {suggest(name, SKELETONS)}')
    people = -(-count // VIEWS)
    first_test = people - (max(1, people // 6) if people > 2 else 0)
    faces = tuple(_face(seed, index, name, first_test) for index in range(count))
    return DataSet(f"synthetic:{count}", load_skeleton(name), faces, _open_image, note="points exact by construction")


def _face(seed: int, index: int, name: str, first_test: int) -> Annotation:
    person, view = divmod(index, VIEWS)
    skeleton = load_skeleton(name)
    return Annotation(
        image=Path(f"synthetic-{seed}-{person:04d}-{view + 1}.png"),
        keypoints=render_face(seed, person, view, name, render=False).keypoints,
        skeleton=skeleton,
        visible=np.ones(skeleton.count, bool),
        subject=f"{person:04d}",
        split="test" if person >= first_test else "train",
    )


def _open_image(face: Annotation) -> Image:
    """Return the image (H, W, 3), uint8 RGB, that the name of `face.image` describes."""
    seed, person, view = face.image.stem.removeprefix("synthetic-").split("-")
    return render_face(int(seed), int(person), int(view) - 1, "imm-58").image


def _whole_number(meaning: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high):
        raise ConfigError(f'synthetic: the {meaning} is a whole number from {low} to {high:,}, not "{text}"')
    return int(text)
