"""LabelMe's JSON files, one beside each image: shapes of the type point. The first pixel's center is at 0.5.

Source of the format: github.com/wkentaro/labelme. Points of one face share a group_id; the label of a point is the name
of its keypoint, and a rectangle of the same group is the face's box. The flag "hidden" of a shape marks a hidden point.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nasion.datasets.folders import files_below
from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._labels import FACE, LabeledFace, labeled_dataset
from nasion.datasets.formats._writing import plain
from nasion.documents import read_json
from nasion.errors import AnnotationError
from nasion.geometry import is_present
from nasion.outputs.records import Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet

DESCRIPTION = "labelme:DIR      LabelMe's .json beside the images; the first pixel's center is at 0.5"
OPTIONS = {
    "origin": "the coordinate of the first pixel's center: 0, 0.5 or 1 (0.5)",
    "skeleton": reading.SKELETON_HELP,
}

STORES = frozenset(
    {
        *(Content.VISIBILITY, Content.MISSING, Content.BOXES, Content.NAMES),
        *(Content.SEVERAL, Content.EMPTY, Content.FRACTIONS),
    }
)

NAMES_PRESENT_POINTS = True

ORIGIN = 0.5
"""Coordinate of the first pixel's center: LabelMe draws on a canvas whose origin is the corner of the image."""

MAX_BYTES = 200_000_000
"""Largest file of an image; it may hold the image itself."""

SUFFIX = ".json"
VERSION = "5.4.1"
"""Version of LabelMe whose files are written."""

HIDDEN = "hidden"
"""Flag of a hidden point."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a folder; the subject is the photo."""
    folder = reading.existing_path(source, "folder")
    origin = reading.pixel_origin(options, ORIGIN)
    found = reading.Collector()
    faces: list[LabeledFace] = []
    for path in (path for path in files_below(folder) if path.suffix == SUFFIX):
        with found.reading(str(path.relative_to(folder))):
            document = read_json(path, path.name, AnnotationError, MAX_BYTES)
            if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
                raise AnnotationError("is not a file of LabelMe: it has no shapes")
            image = path.parent / str(document["imagePath"]).replace("\\", "/")
            with reading.checked_structure():
                inside = _faces(document["shapes"], image, origin)
            faces += inside
            if not inside:
                found.empty_images.append(image)
    note = f"coordinates read as {origin:g}-based"
    return labeled_dataset(f"labelme:{source}", folder.resolve().name, found, faces, options, note)


def _faces(shapes: list[Mapping[str, Any]], image: Path, origin: float) -> list[LabeledFace]:
    """Return the faces of an image's shapes; shapes without a group_id are one face."""
    groups: dict[Any, LabeledFace] = {}
    boxes: dict[Any, tuple[float, float, float, float]] = {}
    for shape in shapes:
        key, label = shape.get("group_id"), str(shape["label"])
        corners = [(float(x) - origin, float(y) - origin) for x, y in shape["points"]]
        if shape.get("shape_type") == "rectangle" and len(corners) == 2:
            (x0, y0), (x1, y1) = corners
            boxes[key] = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        elif shape.get("shape_type") == "point":
            face = groups.setdefault(key, LabeledFace(f"{image.name}#{len(groups)}", image))
            face.add(label, *corners[0])
            if (shape.get("flags") or {}).get(HIDDEN):
                face.hidden.add(label)
    for key, face in groups.items():
        face.box = boxes.get(key)
    return list(groups.values())


def image_place(name: str, _split: str) -> str:
    """Return where in the folder an image is: anywhere."""
    return name


def files(labels: LabelSet, target: Path, options: Mapping[str, str]) -> Iterator[tuple[Path, bytes]]:
    """Yield the path and the content of the file beside each image."""
    origin = reading.pixel_origin(options, ORIGIN)
    for record in labels.images:
        text = json.dumps(_document(record, origin), ensure_ascii=False, indent=1)
        yield (target / record.image).with_suffix(SUFFIX), text.encode("utf-8")


def _document(record: ImageRecord, origin: float) -> dict[str, Any]:
    height, width = record.size
    shapes = [shape for number, face in enumerate(record.faces) for shape in _shapes(number, face, origin)]
    about = {"imagePath": Path(record.image).name, "imageData": None, "imageHeight": height, "imageWidth": width}
    return {"version": VERSION, "flags": {}, "shapes": shapes, **about}


def _shapes(group: int, face: Annotation, origin: float) -> Iterator[dict[str, Any]]:
    for name, point, shown in zip(face.skeleton.names, face.keypoints, face.visible, strict=True):
        if is_present(point):
            yield _shape(name, group, "point", [point.tolist()], origin, {} if shown else {HIDDEN: True})
    if face.box is not None:
        yield _shape(FACE, group, "rectangle", face.box.reshape(2, 2).tolist(), origin, {})


def _shape(
    label: str, group: int, kind: str, points: list[list[float]], origin: float, flags: Mapping[str, bool]
) -> dict[str, Any]:
    shifted = [[plain(x + origin), plain(y + origin)] for x, y in points]
    about = {"group_id": group, "description": "", "shape_type": kind, "flags": dict(flags), "mask": None}
    return {"label": label, "points": shifted, **about}
