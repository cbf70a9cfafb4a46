"""WFLW's lists: a line a face with 98 points, a box, six flags and the picture's path. 0-based, float.

Source of the format: the README of Wu et al., "Look at Boundary", CVPR 2018: 98 x y, x0 y0 x1 y1,
pose expression illumination make-up occlusion blur, path.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasion.datasets.formats._reading import Collector, annotation, existing
from nasion.errors import AnnotationError
from nasion.sample import Annotation, DataSet
from nasion.skeleton import load_skeleton

DESCRIPTION = "wflw:LIST.txt    WFLW's list of 98 points, 0-based; pictures in WFLW_images or ?images=DIR"
OPTIONS = {"images": "the folder that the list's paths start from"}

COUNT, BOX, FLAGS = 98, 4, 6
FIELDS = 2 * COUNT + BOX + FLAGS + 1


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a list, subject = photograph."""
    path = existing(source, "file")
    root = pictures_folder(path, options)
    split = next((s for s in ("train", "test") if s in path.stem.split("_")), "")
    found = Collector()
    seen: dict[str, int] = {}
    for number, line in enumerate(path.read_text("latin-1").split("\n"), start=1):
        if fields := line.split():
            face = seen[fields[-1]] = seen.get(fields[-1], -1) + 1
            found.collect(f"line {number}", lambda f=fields, n=face: _face(f, root, n, split))
    return found.dataset(f"wflw:{source}", load_skeleton("wflw-98"), "")


def pictures_folder(path: Path, options: Mapping[str, str]) -> Path:
    """Return the folder that the list's paths start from: the option "images", else WFLW_images beside or above it.

    The data set unpacks so; where there is neither, it is the list's own folder.
    """
    if "images" in options:
        return existing(options["images"], "folder")
    places = (folder / "WFLW_images" for folder in path.resolve().parents)
    return next((place for place in places if place.is_dir()), path.parent)


def _face(fields: list[str], root: Path, number: int, split: str) -> Iterator[Annotation]:
    if len(fields) != FIELDS:
        raise AnnotationError(f"{len(fields)} fields where a face has {FIELDS}")
    try:
        numbers = np.array(fields[: 2 * COUNT + BOX], dtype=np.float64)
    except ValueError as error:
        raise AnnotationError(f"not a number: {error}") from None
    points, box = numbers[: 2 * COUNT], numbers[2 * COUNT :]
    yield annotation(
        root / fields[-1], points, load_skeleton("wflw-98"), box=box, subject=fields[-1], split=split, face=number
    )
