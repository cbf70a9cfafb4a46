"""Predictions that a client sends back, as the files that `nasion predict` writes: one file, or an archive of several.

The client keeps the predictions of the images that it has sent, so that the server needs to store nothing.
"""

import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath

import numpy as np

from nasion.errors import AnnotationError
from nasion.geometry import FloatArray, check_coordinates
from nasion.outputs.records import ELLIPSE_FIELDS, ImageRecord, LabelSet
from nasion.outputs.schema import MEASUREMENTS, Face, ImageFaces, Measurements, Point
from nasion.predict.writers import FORMATS, unique_stems
from nasion.sample import Annotation
from nasion.skeleton import Skeleton
from nasion.uncertainty import Measured

__all__ = ["ARCHIVE", "EXPORT_FORMATS", "ExportedFile", "export_faces"]

ARCHIVE = "zip"
"""The name under which an archive with all formats is exported."""

EXPORT_FORMATS = ("json", "csv", "coco", "pts")
"""The formats of an archive, and those that can be exported alone; a subset of those of `nasion predict`."""

LONGEST_NAME = 200
"""Longest name of a file, bytes: most file systems allow 255, and numbers and suffixes are added."""


@dataclass(frozen=True)
class ExportedFile:
    """A file for the user.

    Attributes:
        name: its name.
        content: its bytes.
    """

    name: str
    content: bytes


def export_faces(form: str, images: Sequence[ImageFaces], skeleton: Skeleton, model: str) -> ExportedFile:
    """Return predicted faces as one file.

    Args:
        form: one of `EXPORT_FORMATS`, or `ARCHIVE` for all of them in one file.
        images: the images with their faces.
        skeleton: the keypoints of the faces.
        model: name of the model that predicted them.

    Raises:
        AnnotationError: a face has another number of keypoints, or coordinates that no image can have.
        OutputError: the disk for temporary files is full.
    """
    names = _unique_names([image.image for image in images])
    records = [_record(name, image, skeleton) for name, image in zip(names, images, strict=True)]
    measured = any(face.measurements for record in records for face in record.faces)
    labels = LabelSet(skeleton, records, model=model, measured=measured)
    stems = unique_stems([Path(name) for name in names])
    with tempfile.TemporaryDirectory(prefix="nasion-export-") as place:
        forms = EXPORT_FORMATS if form == ARCHIVE else (form,)
        written = [path for each in forms for path in FORMATS[each].write(Path(place), labels, stems)]
        if form != ARCHIVE and len(written) == 1:
            return ExportedFile(written[0].name, written[0].read_bytes())
        return ExportedFile("keypoints.zip" if form == ARCHIVE else f"keypoints-{form}.zip", _archive(written))


def _archive(paths: Sequence[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)
    return buffer.getvalue()


def _unique_names(given: Sequence[str]) -> list[str]:
    """Return distinct names of image files, without folders.

    >>> _unique_names(["a.jpg", "b/a.jpg", "../"])
    ['a.jpg', 'a-2.jpg', 'image']
    """
    taken: set[str] = set()
    numbers: dict[str, Iterator[int]] = {}
    names: list[str] = []
    for each in given:
        last = PurePosixPath(each.replace("\\", "/")).name.strip(".")
        name = "".join(letter if letter.isprintable() else "_" for letter in last) or "image"
        path = PurePosixPath(_shortened(name))
        others = (path.with_stem(f"{path.stem}-{number}").name for number in numbers.setdefault(path.name, count(2)))
        names.append(next(candidate for candidate in chain([path.name], others) if candidate not in taken))
        taken.add(names[-1])
    return names


def _shortened(name: str) -> str:
    """Return a name that file systems accept: the end of one that is too long."""
    content = name.encode()
    return name if len(content) <= LONGEST_NAME else content[-LONGEST_NAME:].decode(errors="ignore")


def _record(name: str, image: ImageFaces, skeleton: Skeleton) -> ImageRecord:
    faces = [_annotation(name, number, face, skeleton) for number, face in enumerate(image.faces)]
    return ImageRecord(name, (image.height, image.width), faces)


def _annotation(name: str, number: int, face: Face, skeleton: Skeleton) -> Annotation:
    count = skeleton.count
    keypoints = _points(face.keypoints)
    lists = [face.spread_px, face.hidden_probability]
    lists += [getattr(face.ellipses, field) for field in ELLIPSE_FIELDS] if face.ellipses else []
    if len(keypoints) != count or any(each is not None and len(each) != count for each in lists):
        raise AnnotationError(f"{name}: face {number} does not have the {count} points of {skeleton.name}")
    box = None if face.box is None else np.array(face.box)
    check_coordinates(keypoints, f"{name}: a point", AnnotationError)
    check_coordinates([] if box is None else box, f"{name}: a box", AnnotationError)
    return Annotation(
        image=Path(name),
        keypoints=keypoints,
        skeleton=skeleton,
        visible=np.ones(count, bool),
        box=box,
        face=number,
        score=face.score,
        spread=_numbers(face.spread_px),
        ellipses=_ellipses(face),
        hidden_probability=_numbers(face.hidden_probability),
        measurements=None if face.measurements is None else _measurements(face.measurements),
    )


def _points(points: Sequence[Point | None]) -> FloatArray:
    """Return keypoints (K, 2), image px; NaN for None."""
    return np.array([(np.nan, np.nan) if point is None else point for point in points], np.float64).reshape(-1, 2)


def _numbers(values: Sequence[float | None] | None) -> FloatArray | None:
    """Return numbers (K,), any unit; NaN for None. None without a list."""
    return None if values is None else np.array(values, np.float64)


def _ellipses(face: Face) -> FloatArray | None:
    """Return error ellipses (K, 3): half axes, image px, and angle, degrees; None if the face has none."""
    if face.ellipses is None:
        return None
    return np.array([getattr(face.ellipses, field) for field in ELLIPSE_FIELDS], np.float64).T


def _measurements(measurements: Measurements) -> dict[str, Measured]:
    present = {name: each for name in MEASUREMENTS if (each := getattr(measurements, name)) is not None}
    return {name: Measured(_or_nan(each.value), _or_nan(each.error), each.unit) for name, each in present.items()}


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
