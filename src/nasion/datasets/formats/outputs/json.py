"""keypoints.json, which `nasion predict` writes: images with their faces, and the points' names once. 0-based.

Its form is `nasion.outputs.schema.KeypointsFile`. Lists of images without a header, from earlier versions, are read as
well. Image names are relative to the folder of the file, or to `?images=DIR`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._writing import nth_face, replace_file
from nasion.documents import read_json
from nasion.errors import AnnotationError, ConfigError
from nasion.geometry import FloatArray
from nasion.outputs.names import ELLIPSE_FIELDS, SCHEMA_VERSION
from nasion.outputs.records import (
    Content,
    ImageRecord,
    LabelSet,
    face_values,
    header_values,
    point_values,
)
from nasion.sample import HIDDEN_FROM, Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "json:FILE.json   keypoints.json of nasion, with uncertainty and visibility, 0-based"
OPTIONS = {"images": reading.IMAGES_HELP, "skeleton": reading.SKELETON_HELP}

STORES = frozenset(Content)


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a file; the subject is the one that is stored, or the photo."""
    path = reading.existing_path(source, "file")
    root = reading.image_folder(path, options)
    try:
        document = _current(read_json(path, str(path), AnnotationError, reading.MAX_BYTES))
        skeleton = reading.option_skeleton(options) or _skeleton(document)
        entries = [(root / image["image"], list(image["faces"])) for image in document["images"]]
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise AnnotationError(f"{path}: not a keypoints.json of nasion: {error!r}") from None
    except ConfigError as error:
        raise AnnotationError(f"{path}: {error}") from None
    found = reading.Collector()
    for image, faces in entries:
        if not faces:
            found.empty_images.append(image)
        for number, face in enumerate(faces):
            with found.reading(f"{image.name}#{number}"), reading.checked_structure():
                found.add(_face(face, image, number, skeleton))
    return found.dataset(f"json:{source}", skeleton, "")


def _current(document: Any) -> dict[str, Any]:
    """Return a document with its header; earlier versions wrote the list of images only.

    Raises:
        ConfigError: a later version of nasion wrote it.
    """
    if isinstance(document, list):
        faces = [face for image in document for face in image["faces"]]
        name, count = (faces[0]["skeleton"], len(faces[0]["keypoints"])) if faces else ("points", 0)
        known = reading.skeleton_of_count(count)
        names = known.names if known else [f"point_{k}" for k in range(count)]
        return {"skeleton": name, "point_names": list(names), "images": document}
    version = document["schema_version"]
    if version != SCHEMA_VERSION:
        raise ConfigError(f"its schema version is {version!r}, this nasion reads {SCHEMA_VERSION}; update nasion")
    return document


def _skeleton(document: Mapping[str, Any]) -> Skeleton:
    names = [str(name) for name in document["point_names"]]
    return reading.skeleton_of_names(str(document["skeleton"]), names) if names else reading.any_skeleton()


def _face(face: Mapping[str, Any], image: Path, number: int, skeleton: Skeleton) -> Annotation:
    hidden, spread, ellipses = (face.get(key) for key in ("hidden_probability", "spread_px", "ellipses"))
    box = face.get("box")
    return reading.checked_annotation(
        image,
        [(np.nan, np.nan) if point is None else point for point in face["keypoints"]],
        skeleton,
        visible=None if hidden is None else [value is None or value < HIDDEN_FROM for value in hidden],
        box=None if box is None else np.array(box, np.float64).reshape(4),
        subject=str(face.get("subject") or "") or str(image.with_suffix("")),
        split=reading.split_of(face.get("split")),
        face=number,
        score=face.get("score"),
        spread=None if spread is None else np.array(spread, np.float64),
        ellipses=None if ellipses is None else _ellipses(ellipses),
    )


def _ellipses(values: Any) -> FloatArray:
    """Return ellipses (K, 3): half axes, px, and angle, degrees; earlier versions wrote one list per point."""
    if isinstance(values, dict):
        return np.array([values[name] for name in ELLIPSE_FIELDS], np.float64).T
    return np.array([[np.nan] * 3 if each is None else each for each in values], np.float64)


def files(labels: LabelSet, target: Path, _options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the file's path and its content, an image at a time, with one line for each face."""
    header = header_values(labels.skeleton, labels.model)
    images = ((_about(record), _faces(record, labels.contents)) for record in labels.images)
    yield target, (part.encode("utf-8", "backslashreplace") for part in _parts(header, images))


def _about(record: ImageRecord) -> dict[str, Any]:
    height, width = record.size
    return {"image": record.image, "width": width, "height": height}


def _faces(record: ImageRecord, contents: frozenset[Content]) -> list[dict[str, Any]]:
    return [face_values(number, face, contents) for number, face in enumerate(record.faces)]


def _parts(
    header: Mapping[str, Any], images: Iterator[tuple[Mapping[str, Any], list[dict[str, Any]]]]
) -> Iterator[str]:
    """Return the text of a file in parts: the complete text would take many times the memory of the keypoints."""
    return document_parts(header, (image_text(about, faces) for about, faces in images))


def document_parts(header: Mapping[str, Any], images: Iterable[str]) -> Iterator[str]:
    """Yield the text of a file in parts.

    Args:
        header: the values of `schema.Header`.
        images: the text of each image, from `image_text`.
    """
    yield _text(header)[:-1] + ', "images": ['
    separator = "\n"
    for image in images:
        yield separator + image
        separator = ",\n"
    yield "\n]}\n"


def image_text(about: Mapping[str, Any], faces: Iterable[Mapping[str, Any]]) -> str:
    """Return the text of one image in a file, with one line for each face.

    Args:
        about: the values of `schema.ImageFaces` without the faces.
        faces: the values of `schema.Face` of each face.
    """
    lines = "".join(f"{',' if k else ''}\n {_text(face)}" for k, face in enumerate(faces))
    return f'{_text(about)[:-1]}, "faces": [{lines}]}}'


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


class LabelFiles:
    """A keypoints.json whose coordinates can be changed; everything else stays as it is, except measurements."""

    form, hides = "nasion's .json", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.images = place, reading.image_folder(place, options)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where missing."""
        points = self._entry(self._document(), image, face)["keypoints"]
        return np.array([(np.nan, np.nan) if point is None else point for point in points], np.float64)

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; NaN points become null, and its measurements are dropped."""
        document = self._document()
        entry = self._entry(document, image, face)
        entry["keypoints"] = point_values(keypoints)
        entry.pop("measurements", None)
        if isinstance(document, list):
            replace_file(self.path, (json.dumps(document, indent=1) + "\n").encode())
            return
        images = document.pop("images")
        parts = _parts(document, ((entry, entry.pop("faces")) for entry in images))
        replace_file(self.path, "".join(parts).encode())

    def _document(self) -> Any:
        return read_json(self.path, str(self.path), AnnotationError, reading.MAX_BYTES)

    def _entry(self, document: Any, image: Path, face: int) -> dict[str, Any]:
        images = document if isinstance(document, list) else document["images"]
        faces = [each for entry in images if self.images / entry["image"] == image for each in entry["faces"]]
        return nth_face(faces, face, image, self.path)
