"""Label Studio's JSON of tasks: keypoints and boxes in percent of the image. The first pixel's center is at 0.5 px.

Source of the format: labelstud.io, "Label Studio JSON format of annotated tasks". The points of a face name its
rectangle as their parent; without rectangles, the n-th point with a label belongs to face n. Predicted faces are
written as predictions, which Label Studio offers for correction. The images are in the folder of the file, or in
`?images=DIR`; "/data/local-files/?d=" before a path and the eight characters before an uploaded file are left out.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._labels import (
    FACE,
    LabeledFace,
    check_points_left,
    check_removal,
    labeled_dataset,
    with_points,
)
from nasion.datasets.formats._writing import box_of, json_list, nth_face, replace_file, rounded
from nasion.documents import read_json
from nasion.errors import AnnotationError
from nasion.geometry import MAX_COORDINATE, FloatArray, is_present
from nasion.outputs.records import LABEL_CONTENTS, Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "labelstudio:FILE.json  Label Studio's tasks, percent; the first pixel's center is at 0.5 px"
OPTIONS = {
    "images": reading.IMAGES_HELP,
    "origin": "the coordinate of the first pixel's center: 0, 0.5 or 1 (0.5)",
    "skeleton": reading.SKELETON_HELP,
}

STORES = frozenset(Content) - {Content.VISIBILITY, Content.SCORES, Content.SPREAD, Content.ELLIPSES}

NAMES_PRESENT_POINTS = True

ORIGIN = 0.5
"""Coordinate of the first pixel's center: Label Studio measures from the corner of the image."""

DECIMALS = 6
"""Decimals of written percentages: 1e-4 px in an image of 10,000 px."""

POINT_SIZE = 0.5
"""Size of a drawn point, percent of the image's width."""

ALONE = " without a rectangle"
"""End of the key of a face that has no rectangle."""

LOCAL_FILES = "?d="
UPLOAD = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio adds before the name of an uploaded file."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a file; subject and split are those of the task's data, or the photo."""
    path = reading.existing_path(source, "file")
    root, origin = reading.image_folder(path, options), reading.pixel_origin(options, ORIGIN)
    tasks = _read_tasks(path)
    found = reading.Collector()
    faces: list[LabeledFace] = []
    for number, task in enumerate(tasks):
        with found.reading(f"task {number}"), reading.checked_structure():
            image = _image_path(root, str(task["data"]["image"]))
            inside = _faces(_results(task), image, origin)
            for face in inside:
                face.split, face.subject = (
                    reading.split_of(task["data"].get("split")),
                    str(task["data"].get("subject") or ""),
                )
            faces += inside
            if not inside and task.get("annotations"):
                found.empty_images.append(image)
    note = f"coordinates read as {origin:g}-based"
    return labeled_dataset(f"labelstudio:{source}", path.stem, found, faces, options, note)


def _read_tasks(path: Path) -> list[Any]:
    """Return the tasks of a file.

    Raises:
        AnnotationError: the file cannot be read or is not Label Studio's.
    """
    tasks = read_json(path, str(path), AnnotationError, reading.MAX_BYTES)
    if not isinstance(tasks, list):
        raise AnnotationError(f"{path}: not a list of Label Studio's tasks; export the project as JSON")
    return tasks


def _image_path(root: Path, text: str) -> Path:
    """Return the file of a task's image, with what Label Studio adds to its path if only that exists."""
    text = unquote(text.partition(LOCAL_FILES)[2] or text)
    name = PurePosixPath(text).name
    candidates = [root / text, root / name, root / UPLOAD.sub("", name)]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _results(task: Mapping[str, Any]) -> list[Any]:
    """Return the results of a task's last annotation that was not canceled, or of its first prediction."""
    done = [each for each in task.get("annotations") or () if not each.get("was_cancelled")]
    chosen = done[-1] if done else next(iter(task.get("predictions") or ()), {})
    return chosen.get("result") or []


def _faces(results: list[Any], image: Path, origin: float) -> list[LabeledFace]:
    rectangles = _rectangles(results)
    faces: list[LabeledFace] = []
    for key, points in _groups(results).items():
        face = LabeledFace(f"{image.name}#{len(faces)}", image)
        for result in points:
            x, y = _px(result, "x", "y")
            face.add(_label(result), x - origin, y - origin)
        if key in rectangles:
            x, y = _px(rectangles[key], "x", "y")
            width, height = _px(rectangles[key], "width", "height")
            face.box = x - origin, y - origin, x - origin + width, y - origin + height
        faces.append(face)
    return faces


def _rectangles(results: list[Any]) -> dict[str, Any]:
    return {str(each["id"]): each for each in results if each.get("type") == "rectanglelabels"}


def _groups(results: list[Any]) -> dict[str, list[Any]]:
    """Return the results that are points by their face: the rectangle, or the number without one."""
    groups: dict[str, list[Any]] = {}
    times: dict[str, int] = {}
    rectangles = _rectangles(results)
    for result in results:
        if result.get("type") == "keypointlabels":
            label = _label(result)
            times[label] = times.get(label, -1) + 1
            parent = str(result.get("parentID"))
            key = parent if parent in rectangles else f"{times[label]}{ALONE}"
            groups.setdefault(key, []).append(result)
    return groups


def _label(result: Mapping[str, Any]) -> str:
    return str(*result["value"]["keypointlabels"])


def _px(result: Mapping[str, Any], x: str, y: str) -> tuple[float, float]:
    """Return two values of a result, which are percent of the image's width and height, in px."""
    width, height = _size(result)
    return float(result["value"][x]) * width / 100, float(result["value"][y]) * height / 100


def _size(result: Mapping[str, Any]) -> tuple[float, float]:
    """Return the width and height of the image of a result, px.

    Raises:
        AnnotationError: they are not those of an image.
    """
    width, height = float(result["original_width"]), float(result["original_height"])
    if not (1 <= width < MAX_COORDINATE and 1 <= height < MAX_COORDINATE):
        raise AnnotationError(f"the size of its image is stated as {width:g} x {height:g} px")
    return width, height


def files(labels: LabelSet, target: Path, options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the file's path and its content, a task per line."""
    origin = reading.pixel_origin(options, ORIGIN)
    tasks = (_task(number, record, labels, origin) for number, record in enumerate(labels.images, start=1))
    yield target, map(str.encode, chain(json_list(tasks), ["\n"]))


def _task(number: int, record: ImageRecord, labels: LabelSet, origin: float) -> dict[str, Any]:
    data: dict[str, str] = {"image": record.image}
    for key, content in LABEL_CONTENTS.items():
        value = next((getattr(face, key) for face in record.faces if getattr(face, key)), "")
        if value and content in labels.contents:
            data[key] = value
    result = [each for k, face in enumerate(record.faces) for each in _face_results(k, face, record.size, origin)]
    if labels.model is None:
        return {"id": number, "data": data, "annotations": [{"result": result}]}
    return {"id": number, "data": data, "predictions": [{"model_version": labels.model, "result": result}]}


def _face_results(number: int, face: Annotation, size: tuple[int, int], origin: float) -> Iterator[dict[str, Any]]:
    height, width = size
    about = {"to_name": "image", "original_width": width, "original_height": height, "image_rotation": 0}
    rectangle = f"face-{number}"

    def percent(x: float, y: float) -> tuple[float, float]:
        return rounded(100 * x / width, DECIMALS), rounded(100 * y / height, DECIMALS)

    x0, y0, x1, y1 = box_of(face).tolist()
    (left, top), (wide, high) = percent(x0 + origin, y0 + origin), percent(x1 - x0, y1 - y0)
    value = {"x": left, "y": top, "width": wide, "height": high, "rotation": 0, "rectanglelabels": [FACE]}
    yield {"id": rectangle, "type": "rectanglelabels", "from_name": "box", **about, "value": value}
    for index, (name, point) in enumerate(zip(face.skeleton.names, face.keypoints, strict=True)):
        if is_present(point):
            x, y = percent(float(point[0]) + origin, float(point[1]) + origin)
            value = {"x": x, "y": y, "width": POINT_SIZE, "keypointlabels": [name]}
            identity = {"id": f"{rectangle}-{index}", "parentID": rectangle, "type": "keypointlabels"}
            yield {**identity, "from_name": "point", **about, "value": value}


class _Place(NamedTuple):
    """A stored face: the results of its task, the points of each face of the task by key, and the key of this face."""

    results: list[Any]
    groups: dict[str, list[Any]]
    key: str

    @property
    def points(self) -> list[Any]:
        """The results with the points of the face."""
        return self.groups[self.key]

    def is_ambiguous(self) -> bool:
        """Return whether only the order of the points separates this face from another one."""
        return self.key.endswith(ALONE) and sum(key.endswith(ALONE) for key in self.groups) > 1


class LabelFiles:
    """A file of tasks whose points can be changed, added and removed; everything else stays as it is.

    Changes go into the results that are read: those of a task's last annotation, or of its prediction without one.
    """

    form, hides = "Label Studio's .json", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton = place, skeleton
        self.images, self.origin = reading.image_folder(place, options), reading.pixel_origin(options, ORIGIN)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where the face has no such point."""
        places = list(self._places(_read_tasks(self.path)))
        index = self._index(places)
        keypoints = np.full((self.skeleton.count, 2), np.nan)
        for result in self._find(places, image, face).points:
            keypoints[index[_label(result)]] = _px(result, "x", "y")
        return keypoints - self.origin

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; the points that are NaN are removed.

        Raises:
            AnnotationError: the face is no longer in the file; a removed point is the only one with its label, so that
                the file's labels would have fewer points; or a face gains or loses points, and only their order assigns
                them to faces.
        """
        tasks = _read_tasks(self.path)
        places = list(self._places(tasks))
        index, place = self._index(places), self._find(places, image, face)
        check_points_left(keypoints, image)
        points = {index[_label(result)]: result for result in place.points}
        after = np.flatnonzero(is_present(keypoints)).tolist()
        changed = set(points).symmetric_difference(after)
        if changed and place.is_ambiguous():
            raise AnnotationError(
                f"{image.name}: without rectangles, faces cannot gain or lose points; draw one around each face"
            )
        labels = {number: label for label, number in index.items()}
        for number in changed.difference(after):
            check_removal(labels[number], _labels_of_points(places), self.path.name)
        for number in changed.intersection(after):
            points[number] = _point_beside(place.points[0], labels.get(number, self.skeleton.names[number]))
        for number in after:
            _set_position(points[number], keypoints[number] + self.origin)
        if changed:
            place.results[:] = with_points(place.results, place.points, [points[number] for number in after])
        replace_file(self.path, "".join([*json_list(tasks), "\n"]).encode("utf-8"))

    def _places(self, tasks: list[Any]) -> Iterator[tuple[Path, _Place]]:
        """Yield each readable face with its image."""
        for task in tasks:
            with suppress(LookupError, TypeError, AttributeError, ValueError):
                image, results = _image_path(self.images, str(task["data"]["image"])), _results(task)
                groups = _groups(results)
                yield from [(image, _Place(results, groups, key)) for key in groups]

    def _find(self, places: list[tuple[Path, _Place]], image: Path, face: int) -> _Place:
        return nth_face([place for path, place in places if path == image], face, image, self.path)

    def _index(self, places: list[tuple[Path, _Place]]) -> dict[str, int]:
        """Return the index of each label of the file in the skeleton."""
        labels = list(dict.fromkeys(_labels_of_points(places)))
        return reading.indices_of_labels(self.path.stem, labels, self.skeleton)


def _labels_of_points(places: list[tuple[Path, _Place]]) -> Iterator[str]:
    """Yield the label of each point of the faces."""
    return (_label(result) for _, place in places for result in place.points)


def _point_beside(other: dict[str, Any], label: str) -> dict[str, Any]:
    """Return a result for a point of the same face as another one."""
    return other | {"id": f"{other['id']}-{label}", "value": other["value"] | {"keypointlabels": [label]}}


def _set_position(result: dict[str, Any], point: FloatArray) -> None:
    """Move a result to a point (2,), px from the corner of the image."""
    x, y = (100 * point / _size(result)).tolist()
    result["value"] |= {"x": rounded(x, DECIMALS), "y": rounded(y, DECIMALS)}
