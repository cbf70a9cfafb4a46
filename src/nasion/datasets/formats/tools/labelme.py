"""LabelMe's JSON files, one beside each image: shapes of the type point. The first pixel's center is at 0.5.

Source of the format: github.com/wkentaro/labelme. Points of one face share a group_id; the label of a point is the name
of its keypoint, and a rectangle of the same group is the face's box. The flag "hidden" of a shape marks a hidden point.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.folders import files_below, is_of_studio
from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._labels import (
    FACE,
    LabeledFace,
    check_points_left,
    check_removal,
    labeled_dataset,
    with_points,
)
from nasion.datasets.formats._writing import nth_face, plain, replace_file
from nasion.documents import read_json
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray, is_present
from nasion.outputs.records import Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

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
    for path in _files(folder):
        with found.reading(str(path.relative_to(folder))):
            document, image = _read_document(path)
            with reading.checked_structure():
                inside = _faces(document["shapes"], image, origin)
            faces += inside
            if not inside:
                found.empty_images.append(image)
    note = f"coordinates read as {origin:g}-based"
    return labeled_dataset(f"labelme:{source}", folder.resolve().name, found, faces, options, note)


def _files(folder: Path) -> list[Path]:
    """Return the files that may be LabelMe's."""
    return [path for path in files_below(folder) if path.suffix == SUFFIX and not is_of_studio(path, folder)]


def _read_document(path: Path) -> tuple[dict[str, Any], Path]:
    """Return the content of a file, and its image.

    Raises:
        AnnotationError: the file cannot be read or is not LabelMe's.
    """
    document = read_json(path, path.name, AnnotationError, MAX_BYTES)
    if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
        raise AnnotationError("is not a file of LabelMe: it has no shapes")
    return document, path.parent / str(document["imagePath"]).replace("\\", "/")


def _faces(shapes: list[Mapping[str, Any]], image: Path, origin: float) -> list[LabeledFace]:
    """Return the faces of an image's shapes; shapes without a group_id are one face."""
    boxes: dict[Any, tuple[float, float, float, float]] = {}
    for shape in shapes:
        corners = _corners(shape, origin)
        if shape.get("shape_type") == "rectangle" and len(corners) == 2:
            (x0, y0), (x1, y1) = corners
            boxes[shape.get("group_id")] = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
    faces: list[LabeledFace] = []
    for key, points in _groups(shapes).items():
        face = LabeledFace(f"{image.name}#{len(faces)}", image, box=boxes.get(key))
        for shape in points:
            face.add(_label(shape), *_corners(shape, origin)[0])
            if (shape.get("flags") or {}).get(HIDDEN):
                face.hidden.add(_label(shape))
        faces.append(face)
    return faces


def _groups(shapes: list[Any]) -> dict[Any, list[Any]]:
    """Return the point shapes by group; each group is a face."""
    groups: dict[Any, list[Any]] = {}
    for shape in shapes:
        if shape.get("shape_type") == "point":
            groups.setdefault(shape.get("group_id"), []).append(shape)
    return groups


def _label(shape: Mapping[str, Any]) -> str:
    return str(shape["label"])


def _corners(shape: Mapping[str, Any], origin: float) -> list[tuple[float, float]]:
    return [(float(x) - origin, float(y) - origin) for x, y in shape["points"]]


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


class LabelFiles:
    """A folder of LabelMe's files whose points can be changed, added and removed; everything else stays as it is."""

    form, hides = "LabelMe's .json", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.folder, self.skeleton, self.origin = place, skeleton, reading.pixel_origin(options, ORIGIN)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where the face has no such point."""
        _, _, points = self._find(image, face)
        index = self._index(points)
        keypoints = np.full((self.skeleton.count, 2), np.nan)
        for shape in points:
            keypoints[index[_label(shape)]] = _corners(shape, self.origin)[0]
        return keypoints

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; the points that are NaN are removed.

        Raises:
            AnnotationError: the face is no longer in the folder, or a removed point is the only one with its label, so
                that the folder's labels would have fewer points.
        """
        path, document, points = self._find(image, face)
        check_points_left(keypoints, image)
        index = self._index(points)
        labels = {number: label for label, number in index.items()}
        before = {index[_label(shape)]: shape for shape in points}
        after = [number for number, point in enumerate(keypoints) if is_present(point)]
        for number in set(before).difference(after):
            check_removal(labels[number], self._labels_of_points(), path.name)
        for number in set(after).difference(before):
            name = labels.get(number, self.skeleton.names[number])
            before[number] = _shape(name, points[0].get("group_id"), "point", [[0, 0]], self.origin, {})
        for number in after:
            before[number]["points"] = [[plain(value + self.origin) for value in keypoints[number].tolist()]]
        document["shapes"] = with_points(document["shapes"], points, [before[number] for number in after])
        replace_file(path, (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode("utf-8"))

    def _find(self, image: Path, face: int) -> tuple[Path, dict[str, Any], list[Any]]:
        """Return the file of a face, its content, and the shapes of the face's points."""
        found: list[tuple[Path, dict[str, Any], list[Any]]] = []
        for path in self._files_of.get(image, ()):
            document, _ = _read_document(path)
            found += [(path, document, points) for points in _groups(document["shapes"]).values()]
        return nth_face(found, face, image, self.folder)

    @cached_property
    def _files_of(self) -> dict[Path, list[Path]]:
        """The files of each image; cached, because finding them takes reading all files."""
        files: dict[Path, list[Path]] = {}
        for path, image, _ in self._readable():
            files.setdefault(image, []).append(path)
        return files

    @cached_property
    def _labels(self) -> list[str]:
        """The different labels of the folder's points; cached as well, because corrections do not change them."""
        return list(dict.fromkeys(self._labels_of_points()))

    def _index(self, points: list[Any]) -> dict[str, int]:
        """Return the index of each label in the skeleton; for labels that are numbers, all of the folder are needed."""
        names = {name: number for number, name in enumerate(self.skeleton.names)}
        if all(_label(shape) in names for shape in points):
            return names
        return reading.indices_of_labels(self.folder.name, self._labels, self.skeleton)

    def _readable(self) -> Iterator[tuple[Path, Path, list[Any]]]:
        """Yield each readable file with its image and its points."""
        for path in _files(self.folder):
            with suppress(AnnotationError, LookupError, TypeError, AttributeError):
                document, image = _read_document(path)
                yield path, image, [shape for points in _groups(document["shapes"]).values() for shape in points]

    def _labels_of_points(self) -> Iterator[str]:
        """Yield the label of each point in the folder."""
        return (_label(shape) for _, _, points in self._readable() for shape in points)
