"""iBUG's `.pts` files, each beside its picture: 300-W and its parts, in any depth of folders.

Source of the format: the 300-W challenge. Coordinates are **1-based** (Matlab); `?origin=0` reads copies that
are not. The folders "trainset", "afw", "testset" and "ibug" name the split, as 300-W's protocol has it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasion import images
from nasion.datasets.formats._reading import (
    SKELETON_HELP,
    Collector,
    annotation,
    existing,
    option_skeleton,
    origin,
    photograph,
    skeleton_of_count,
)
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.sample import Annotation, DataSet, Problem
from nasion.skeleton import Skeleton, load_skeleton

DESCRIPTION = "ibug:DIR         .pts files beside their pictures (300-W), 1-based"
OPTIONS = {"origin": "the number of the first pixel, 0 or 1 (1)", "skeleton": SKELETON_HELP}


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a folder, subject = photograph."""
    folder = existing(source, "folder")
    found = Collector()
    points = option_skeleton(options)
    first = origin(options, usual=1)
    for path in sorted(folder.rglob("*.pts")):
        found.collect(
            str(path.relative_to(folder)), lambda path=path: _faces(path, points, first, _split(path, folder))
        )
    points = points or _commonest(found.faces)
    for face in [face for face in found.faces if face.skeleton.name != points.name]:
        found.faces.remove(face)
        reason = f"{face.skeleton.count} points, where most files have {points.count}"
        found.problems.append(Problem(f"{face.image.stem}.pts", reason))
    return found.dataset(f"ibug:{source}", points, f"coordinates read as {first}-based")


def _commonest(faces: list[Annotation]) -> Skeleton:
    counts = Counter(face.skeleton.name for face in faces)
    return load_skeleton(counts.most_common(1)[0][0] if counts else "ibug-68")


def _faces(path: Path, points: Skeleton | None, first: int, split: str) -> Iterator[Annotation]:
    keypoints = parse_pts(path.read_text("latin-1")) - first
    points = points or skeleton_of_count(len(keypoints))
    if points is None:
        raise AnnotationError(f"{len(keypoints)} points are of no known skeleton; name yours with ?skeleton=FILE.toml")
    yield annotation(picture_beside(path), keypoints, points, subject=subject(path), split=split)


def picture_beside(path: Path) -> Path:
    """Return the picture with the stem of `path`; where there is none, the name it would most likely have."""
    found = (path.with_suffix(s) for s in (*images.SUFFIXES, *(s.upper() for s in images.SUFFIXES)))
    return next((p for p in found if p.is_file()), path.with_suffix(".jpg"))


def subject(path: Path) -> str:
    """Return the photograph with its part of the set: the parts number theirs alike.

    >>> subject(Path("afw/12345_2.pts")), subject(Path("lfpw/testset/image_0007.pts"))
    ('afw/12345', 'lfpw/testset/image_0007')
    """
    parents = 2 if path.parent.name in ("trainset", "testset") else 1
    return "/".join((*path.parts[-1 - parents : -1], photograph(path.stem)))


def _split(path: Path, folder: Path) -> str:
    """Return which side of 300-W's protocol a file is on, by the folders from the one that was named downwards."""
    inside = path.relative_to(folder).parts[:-1]
    parts = {folder.resolve().name, *inside}
    if "testset" in parts or "ibug" in inside:  # the 135 faces of iBUG are the challenging part of the test
        return "test"
    return "train" if {"trainset", "afw"} & parts else ""


def parse_pts(text: str) -> FloatArray:
    """Return the points (K, 2) as they are written; files without braces hold bare lines.

    Raises:
        AnnotationError: a line is no pair of numbers, or the count is not what the header says.
    """
    said: Mapping[str, str] = dict(re.findall(r"(?m)^\s*(version|n_points)\s*:\s*(\S+)", text))
    body = text.partition("{")[2].partition("}")[0] if "{" in text else re.sub(r"(?m)^.*:.*$", "", text)
    try:
        points = np.array([float(word) for word in body.split()]).reshape(-1, 2)
    except ValueError as error:
        raise AnnotationError(f"is not a .pts file: {error}") from None
    if not len(points) or int(said.get("n_points", len(points))) != len(points):
        raise AnnotationError(f"says {said.get('n_points', 'no')} points, but holds {len(points)}")
    return points
