"""dlib's XML: pictures with several boxes, each with named parts. Coordinates are 0-based and whole.

Source of the format: dlib's imglab tool. Boxes with ignore='1' are no faces to learn from; a part that is
not there is missing; copies called "…_mirror" belong to the photograph they were made from.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from nasion.datasets.formats._reading import (
    SKELETON_HELP,
    Collector,
    annotation,
    existing,
    in_order,
    named_skeleton,
    option_skeleton,
    photograph,
    skeleton_of_count,
)
from nasion.errors import AnnotationError
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "dlib:FILE.xml    dlib's XML (imglab), several faces a picture, 0-based"
OPTIONS = {"skeleton": SKELETON_HELP}


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of an XML file, subject = photograph."""
    path = existing(source, "file")
    try:
        # Expat itself refuses documents whose entities grow without bound, and fetches no outside ones.
        root = ElementTree.parse(path).getroot()  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise AnnotationError(f"{path}: not XML: {error}") from None
    parts = part_names(root)
    points = option_skeleton(options) or skeleton_of_count(len(parts)) or named_skeleton(path.stem, parts)
    if points.count != len(parts):
        raise AnnotationError(f"{path}: {len(parts)} different parts, but {points.name} has {points.count} points")
    parts = in_order(parts, points)
    split = next((s for s in ("train", "test") if path.name.startswith(s)), "")
    found = Collector()
    for picture in root.findall("./images/image"):
        image = path.parent / picture.get("file", "")
        for number, box in enumerate(faces_of(picture)):
            name = f"{image.name}#{number}"
            found.collect(name, lambda a=image, b=box, n=number: _face(a, b, n, points, parts, split))
    return found.dataset(f"dlib:{source}", points, "parts matched by name")


def part_names(root: ElementTree.Element) -> list[str]:
    """Return the names of all parts in a file, sorted as dlib does: 2 comes before 10."""
    found = {part.get("name", "") for part in root.iterfind("./images/image/box/part")}
    return sorted(found, key=lambda name: (int(name) if name.isdigit() else -1, name))


def faces_of(picture: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the boxes of a picture that are faces to learn from."""
    return [box for box in picture.findall("box") if box.get("ignore") != "1"]


def _face(
    image: Path, box: ElementTree.Element, number: int, points: Skeleton, parts: list[str], split: str
) -> Iterator[Annotation]:
    keypoints = np.full((points.count, 2), np.nan)
    order = {part: k for k, part in enumerate(parts)}
    try:
        left, top, width, height = (float(box.get(key, "")) for key in ("left", "top", "width", "height"))
        for part in box.findall("part"):
            keypoints[order[part.get("name", "")]] = float(part.get("x", "")), float(part.get("y", ""))
    except ValueError as error:
        raise AnnotationError(f"a box or part without its numbers: {error}") from None
    yield annotation(
        image,
        keypoints,
        points,
        box=np.array([left, top, left + width, top + height]),
        subject=photograph(image.stem),
        split=split,
        face=number,
    )
