"""YOLO's pose labels: a .txt file per image, a line per face, in fractions of the image's size. 0-based, like COCO.

Source of the format: docs.ultralytics.com, "Pose Estimation Datasets". A line is `class x y width height`, the box's
center and size, then `x y v` (or `x y`) for each point, with COCO's v. The labels are in `labels`, the images at the
same places in `images`; a folder train, val or test below them is the split. `data.yaml` names kpt_shape, flip_idx and
kpt_names.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from nasion import images
from nasion.datasets.folders import files_below
from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._labels import FACE
from nasion.datasets.formats._writing import box_of, nth_face, replace_file, visibility
from nasion.documents import read_text
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.outputs.records import Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "yolo:DIR         YOLO's pose labels, a folder with images and labels, fractions, 0-based"
OPTIONS = {
    "origin": "the coordinate of the first pixel's center: 0, 0.5 or 1 (0)",
    "skeleton": reading.SKELETON_HELP,
}

STORES = frozenset(Content) - {Content.SUBJECTS, Content.SCORES, Content.SPREAD, Content.ELLIPSES}

ORIGIN = 0
"""Coordinate of the first pixel's center: converters divide COCO's numbers by the image's size."""

IMAGES, LABELS, SETTINGS = "images", "labels", "data.yaml"

BOX_FIELDS = 5
"""Fields of a line before its points: class, center and size of the box."""

MISSING = ["0", "0", "0"]
"""Fields of a missing point."""

DECIMALS = 8
"""Decimals of written fractions: 1e-4 px in an image of 10,000 px."""

HIDDEN, VISIBLE = 1, 2
"""Values of v for a hidden and a visible point; 0 is a missing one."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a folder; the subject is the photo, the split is the folder below `labels`."""
    folder = reading.existing_path(source, "folder")
    labels = folder / LABELS
    if not labels.is_dir():
        raise AnnotationError(f"{folder}: no folder {LABELS} in it; name the folder that holds {IMAGES} and {LABELS}")
    origin = reading.pixel_origin(options, ORIGIN)
    count, dimensions, names = _settings(folder / SETTINGS)
    found = reading.Collector()
    skeleton = reading.option_skeleton(options)
    for path in (path for path in files_below(labels) if path.suffix == ".txt"):
        place = path.relative_to(labels)
        image = _image_of(folder / IMAGES / place)
        lines: list[list[str]] | None = None
        with found.reading(str(place)):
            text = read_text(path, path.name, AnnotationError)
            lines = [line.split() for line in text.splitlines() if line.strip()]
        if lines is None:
            continue
        if not lines:
            found.empty_images.append(image)
        for number, fields in enumerate(lines):
            with found.reading(f"{place}#{number}"):
                box, table = _parse(fields, dimensions)
                skeleton = skeleton or _skeleton(folder, count or len(table), names)
                found.add(_face(image, box, table, number, skeleton, origin, reading.split_of(place.parts[0])))
    skeleton = skeleton or _skeleton(folder, count, names)
    return found.dataset(f"yolo:{source}", skeleton, "v = 0 read as missing, v = 1 as hidden")


def _settings(path: Path) -> tuple[int, int, list[str]]:
    """Return the number of points, the numbers per point, and the points' names of data.yaml; 0 or empty if unknown.

    Only these two entries are read, in the forms that exporters write: nothing else depends on the file.
    """
    if not path.is_file():
        return 0, 0, []
    text = read_text(path, str(path), AnnotationError)
    shape = re.search(r"(?m)^kpt_shape:\s*+\[\s*+([0-9]{1,5})\s*+,\s*+([0-9])\s*+\]", text)
    count, dimensions = (int(shape.group(1)), int(shape.group(2))) if shape else (0, 0)
    flow = re.search(r"(?m)^kpt_names:\s*+(?:0:)?\s*+(\[[^\]]*\])", text)
    block = re.search(r"(?m)^kpt_names:[ \t]*+\n[ \t]++0:[ \t]*+\n((?:\s++- .+\n?)+)", text)
    names: list[str] = []
    if flow:
        names = [name.strip().strip("\"'") for name in flow.group(1)[1:-1].split(",")]
    elif block:
        names = [line.strip().removeprefix("- ").strip("\"'") for line in block.group(1).strip().splitlines()]
    return count, dimensions, names if len(names) == count else []


def _skeleton(folder: Path, count: int, names: list[str]) -> Skeleton:
    if not count:
        return reading.any_skeleton()
    if names:
        return reading.skeleton_of_names(folder.resolve().name, names)
    unnamed = [f"point_{k}" for k in range(count)]
    return reading.skeleton_of_count(count) or reading.skeleton_of_names(folder.resolve().name, unnamed)


def _image_of(place: Path) -> Path:
    """Return the image at the place of a label file."""
    return next((p for suffix in images.SUFFIXES if (p := place.with_suffix(suffix)).is_file()), place)


def _parse(fields: list[str], dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Return the box (4,) as center and size, and the points (K, 3) as x, y, v; fractions of the image's size."""
    numbers = np.array([float(field) for field in fields])
    per_point = _per_point(fields, dimensions)
    table = numbers[BOX_FIELDS:].reshape(-1, per_point)
    if per_point == 2:
        table = np.column_stack([table, np.where(table.any(1), VISIBLE, 0)])
    return numbers[1:BOX_FIELDS], table


def _per_point(fields: list[str], dimensions: int) -> int:
    """Return how many fields a point has, 2 or 3."""
    count = len(fields) - BOX_FIELDS
    per_point = dimensions or (3 if count % 3 == 0 else 2)
    if count < 1 or count % per_point or per_point not in (2, 3):
        raise AnnotationError(f"{len(fields)} fields, which is not a box and points of {per_point} numbers each")
    return per_point


def _face(
    image: Path, box: FloatArray, table: FloatArray, number: int, skeleton: Skeleton, origin: float, split: str
) -> Annotation:
    height, width = images.size(image) if image.is_file() else (0, 0)
    size = np.array([width, height])
    center, half = box[:2] * size - origin, box[2:] * size / 2
    return reading.checked_annotation(
        image,
        np.where(table[:, 2:] > 0, table[:, :2] * size - origin, np.nan),
        skeleton,
        visible=table[:, 2] != HIDDEN,
        box=np.concatenate([center - half, center + half]),
        subject=str(image.with_suffix("")),
        split=split,
        face=number,
    )


def image_place(name: str, split: str) -> str:
    """Return where in the folder an image is: below `images`, and there below its split."""
    return str(PurePosixPath(IMAGES, split, name))


def files(labels: LabelSet, target: Path, options: Mapping[str, str]) -> Iterator[tuple[Path, bytes]]:
    """Yield the path and the content of data.yaml and of each image's label file."""
    origin = reading.pixel_origin(options, ORIGIN)
    splits: set[str] = set()
    for record in labels.images:
        place = PurePosixPath(record.image).relative_to(IMAGES)
        splits.add(reading.split_of(place.parts[0]))
        path = (target / LABELS / place).with_suffix(".txt")
        yield path, "".join(_line(face, record, origin) for face in record.faces).encode("ascii")
    yield target / SETTINGS, _settings_text(labels.skeleton, splits).encode("utf-8")


def _line(face: Annotation, record: ImageRecord, origin: float) -> str:
    size = np.array(record.size[::-1])
    box = box_of(face)
    center, extent = ((box[:2] + box[2:]) / 2 + origin) / size, (box[2:] - box[:2]) / size
    words = [_fraction(value) for value in (*center, *extent)]
    for (x, y), v in zip((face.keypoints + origin) / size, visibility(face), strict=True):
        words += [_fraction(x), _fraction(y), str(v)] if v else MISSING
    return " ".join(["0", *words]) + "\n"


def _fraction(value: float) -> str:
    return f"{value:.{DECIMALS}f}"


def _settings_text(skeleton: Skeleton, splits: set[str]) -> str:
    """Return the content of data.yaml; lists in the form of JSON are YAML."""
    default = IMAGES if splits == {""} else f"{IMAGES}/{min(splits - {''})}"
    places = {split: f"{IMAGES}/{split}" if split in splits else default for split in ("train", "val")}
    lines = [f"{split}: {place}" for split, place in places.items()]  # relative to this file
    if "test" in splits:
        lines.append(f"test: {IMAGES}/test")
    lines.append(f"kpt_shape: [{skeleton.count}, 3]")
    if skeleton.flip is not None:
        lines.append(f"flip_idx: {json.dumps(list(skeleton.flip))}")
    lines += [f"names:\n  0: {FACE}", f"kpt_names:\n  0: {json.dumps(list(skeleton.names), ensure_ascii=False)}"]
    return "\n".join(lines) + "\n"


class LabelFiles:
    """A folder of labels whose points can be changed; classes and boxes stay as they are."""

    form, hides = "YOLO's .txt", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.folder, self.origin = place, reading.pixel_origin(options, ORIGIN)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where v is 0."""
        path = self._path(image)
        _, fields = self._line(_lines(path), image, face)
        _, table = _parse(fields, self._dimensions())
        size = np.array(images.size(image)[::-1])
        return np.where(table[:, 2:] > 0, table[:, :2] * size - self.origin, np.nan)

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; v becomes 0 where NaN, and 2 where it was 0."""
        path = self._path(image)
        lines = _lines(path)
        number, fields = self._line(lines, image, face)
        per_point = _per_point(fields, self._dimensions())
        shares = (keypoints + self.origin) / np.array(images.size(image)[::-1])
        words = fields[:BOX_FIELDS]
        for k, (x, y) in enumerate(shares.tolist()):
            before = fields[BOX_FIELDS + k * per_point :][:per_point]
            seen = before[2:] if float(before[-1]) in (HIDDEN, VISIBLE) else [str(VISIBLE)]
            words += (MISSING if np.isnan(x + y) else [_fraction(x), _fraction(y), *seen])[:per_point]
        lines[number] = " ".join(words)
        replace_file(path, "\n".join(lines).encode("utf-8"))

    def _dimensions(self) -> int:
        return _settings(self.folder / SETTINGS)[1]

    def _path(self, image: Path) -> Path:
        """Return the label file of an image.

        Raises:
            AnnotationError: it no longer exists.
        """
        folder = self.folder / IMAGES
        place = image.relative_to(folder) if image.is_relative_to(folder) else Path(image.name)
        path = (self.folder / LABELS / place).with_suffix(".txt")
        return nth_face([path] if path.is_file() else [], 0, image, path)

    def _line(self, lines: list[str], image: Path, face: int) -> tuple[int, list[str]]:
        """Return the number and the fields of a face's line."""
        filled = [(number, fields) for number, line in enumerate(lines) if (fields := line.split())]
        return nth_face(filled, face, image, self._path(image))


def _lines(path: Path) -> list[str]:
    return read_text(path, path.name, AnnotationError).split("\n")
