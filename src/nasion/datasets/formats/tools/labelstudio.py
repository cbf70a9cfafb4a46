"""Label Studio's JSON of tasks: keypoints and boxes in percent of the image. The first pixel's center is at 0.5 px.

Source of the format: labelstud.io, "Label Studio JSON format of annotated tasks". The points of a face name its
rectangle as their parent; without rectangles, the n-th point with a label belongs to face n. Predicted faces are
written as predictions, which Label Studio offers for correction. The images are in the folder of the file, or in
`?images=DIR`; "/data/local-files/?d=" before a path and the eight characters before an uploaded file are left out.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._labels import FACE, LabeledFace, labeled_dataset
from nasion.datasets.formats._writing import box_of, json_list, rounded
from nasion.documents import read_json
from nasion.errors import AnnotationError
from nasion.geometry import is_present
from nasion.outputs.records import LABEL_CONTENTS, Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet

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

LOCAL_FILES = "?d="
UPLOAD = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio adds before the name of an uploaded file."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a file; subject and split are those of the task's data, or the photo."""
    path = reading.existing_path(source, "file")
    root, origin = reading.image_folder(path, options), reading.pixel_origin(options, ORIGIN)
    tasks = read_json(path, str(path), AnnotationError, reading.MAX_BYTES)
    if not isinstance(tasks, list):
        raise AnnotationError(f"{path}: not a list of Label Studio's tasks; export the project as JSON")
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


def _image_path(root: Path, text: str) -> Path:
    """Return the file of a task's image, with what Label Studio adds to its path if only that exists."""
    text = unquote(text.partition(LOCAL_FILES)[2] or text)
    name = PurePosixPath(text).name
    candidates = [root / text, root / name, root / UPLOAD.sub("", name)]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _results(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the results of a task's last annotation that was not canceled, or of its first prediction."""
    done = [each for each in task.get("annotations") or () if not each.get("was_cancelled")]
    chosen = done[-1] if done else next(iter(task.get("predictions") or ()), {})
    return chosen.get("result") or []


def _faces(results: list[Mapping[str, Any]], image: Path, origin: float) -> list[LabeledFace]:
    groups: dict[str, LabeledFace] = {}
    times: dict[str, int] = {}
    rectangles = {str(each["id"]): each for each in results if each.get("type") == "rectanglelabels"}
    for result in results:
        if result.get("type") != "keypointlabels":
            continue
        label = str(*result["value"]["keypointlabels"])
        times[label] = times.get(label, -1) + 1
        parent = str(result.get("parentID"))
        key = parent if parent in rectangles else f"{times[label]} without a rectangle"
        face = groups.setdefault(key, LabeledFace(f"{image.name}#{len(groups)}", image))
        x, y = _px(result, "x", "y")
        face.add(label, x - origin, y - origin)
    for key, face in groups.items():
        if key in rectangles:
            x, y = _px(rectangles[key], "x", "y")
            width, height = _px(rectangles[key], "width", "height")
            face.box = x - origin, y - origin, x - origin + width, y - origin + height
    return list(groups.values())


def _px(result: Mapping[str, Any], x: str, y: str) -> tuple[float, float]:
    """Return two values of a result, which are percent of the image's width and height, in px."""
    value, width, height = result["value"], result["original_width"], result["original_height"]
    return float(value[x]) * width / 100, float(value[y]) * height / 100


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
