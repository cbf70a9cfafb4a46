"""Labels in `nasion-labels.json`, in the folder of the images; the form is that of `keypoints.json`.

The text of every image is kept, so that saving one image of thousands writes a file but formats only one entry.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasion import images
from nasion.atomic import write_bytes
from nasion.datasets.folders import LABELS
from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats.outputs.json import document_parts, image_text
from nasion.documents import read_json
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.outputs.records import face_values, header_values, point_values
from nasion.outputs.schema import SCHEMA_VERSION
from nasion.sample import Annotation
from nasion.skeleton import Skeleton, load_skeleton
from nasion.studio.albums.label_store import BROKEN, Face

__all__ = ["LabelFile", "stored_skeleton"]

MAX_BYTES = 500_000_000
"""Largest file of labels that is opened."""

STALE = ("measurements", "spread_px", "ellipses", "score")
"""Values of a face that describe a prediction; they do not hold for corrected points."""


class LabelFile:
    """The labels of a folder in one file, which is created when the first face is saved.

    Args:
        folder: the folder of the images.
        skeleton: the skeleton of all faces.

    Raises:
        AnnotationError: the file exists and cannot be read, or has other points.
    """

    form, hides, adds = LABELS, True, True

    def __init__(self, folder: Path, skeleton: Skeleton) -> None:
        self.folder, self.path, self.skeleton = folder, folder / LABELS, skeleton
        self._images: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, str] = {}
        self._signature: tuple[int, int, int] | None = None
        self._refresh()

    @property
    def source(self) -> str:
        """The data set's name, as `nasion train --data` takes it."""
        own = self.folder / f"{self.skeleton.name}.toml"
        return f"json:{self.path}" + (f"?skeleton={own}" if own.is_file() else "")

    def counts(self) -> dict[Path, int]:
        """Return the number of labeled faces of each labeled image; 0 for images that have no face."""
        self._refresh()
        return {self.folder / name: len(entry["faces"]) for name, entry in self._images.items()}

    def read(self, image: Path) -> list[FloatArray] | None:
        """Return the keypoints (K, 2), image px, of each face; None if the image is not labeled."""
        self._refresh()
        entry = self._images.get(self._name(image))
        try:
            return None if entry is None else [_keypoints(face) for face in entry["faces"]]
        except BROKEN as error:
            raise AnnotationError(f"its entry in {self.path} is damaged ({error})") from None

    def write(self, image: Path, faces: Sequence[Face] | None) -> None:
        """Replace the labels of an image; None removes them, and an empty list states that it has no face."""
        self.write_all({image: faces})

    def write_all(self, labels: Mapping[Path, Sequence[Face] | None]) -> None:
        """Replace the labels of several images, all or none."""
        self._refresh()
        entries, texts = dict(self._images), dict(self._texts)
        for image, faces in labels.items():
            name = self._name(image)
            if faces is None:
                entries.pop(name, None)
                texts.pop(name, None)
            else:
                entries[name] = self._entry(name, image, faces)
                texts[name] = _text(entries[name])
        header = header_values(self.skeleton, None)
        parts = document_parts(header, (texts[name] for name in sorted(texts)))
        write_bytes(self.path, "".join(parts).encode("utf-8", "backslashreplace"))
        self._images, self._texts, self._signature = entries, texts, _signature(self.path)

    def _entry(self, name: str, image: Path, faces: Sequence[Face]) -> dict[str, Any]:
        before = self._images.get(name, {"faces": []})["faces"]
        height, width = images.size(image)
        values = [self._face(number, face, before) for number, face in enumerate(faces)]
        return {"image": name, "width": width, "height": height, "faces": values}

    def _face(self, number: int, face: Face, before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the values of a face; one that is not new keeps what else is known about it."""
        shown = np.ones(self.skeleton.count, bool)
        values = face_values(number, Annotation(Path(), face.keypoints, self.skeleton, shown))
        if face.origin is None or face.origin >= len(before):
            return values | dict(face.values or {}) | {"face": number}
        kept = dict(before[face.origin])
        if kept.get("keypoints") != [each and list(each) for each in point_values(face.keypoints)]:
            kept |= {key: values.get(key) for key in STALE if key in kept}
            kept.pop("measurements", None)
        return kept | {"face": number, "keypoints": values["keypoints"]}

    def _name(self, image: Path) -> str:
        return image.relative_to(self.folder).as_posix()

    def _refresh(self) -> None:
        """Read the file if another program has changed it."""
        signature = _signature(self.path)
        if signature == self._signature:
            return
        entries: dict[str, dict[str, Any]] = {}
        if signature is not None:
            document = _document(self.path)
            names = document["point_names"]
            if tuple(names) != self.skeleton.names and any(each["faces"] for each in document["images"]):
                raise AnnotationError(
                    f"{self.path} has the {len(names)} points of {document['skeleton']}, not those of "
                    f"{self.skeleton.name}; open the folder again"
                )
            entries = {str(each["image"]): each for each in document["images"]}
        self._images, self._signature = entries, signature
        self._texts = {name: _text(entry) for name, entry in entries.items()}


def stored_skeleton(folder: Path) -> Skeleton | None:
    """Return the skeleton of the folder's `nasion-labels.json`; None without the file or without points in it.

    A file NAME.toml in the folder describes the skeleton; without it, the packaged skeleton of the same points does.

    Raises:
        AnnotationError: the file cannot be read.
        SkeletonError: NAME.toml cannot be read.
    """
    path = folder / LABELS
    if not path.is_file():
        return None
    document = _document(path)
    names, name = tuple(map(str, document["point_names"])), str(document["skeleton"])
    if not names:
        return None
    own = folder / f"{Path(name).name}.toml"
    if own.is_file():
        load_skeleton.cache_clear()  # the file may have changed since it was read
        skeleton = load_skeleton(str(own))
        if skeleton.names != names:
            raise AnnotationError(f"{own} has other points than {path}; restore it or remove one of the two")
        return skeleton
    return reading.skeleton_of_names(name, names)


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path, str(path), AnnotationError, MAX_BYTES)
    try:
        version = document["schema_version"]
        is_complete = all(isinstance(document[key], list) for key in ("images", "point_names")) and all(
            isinstance(each["faces"], list) and isinstance(each["image"], str) for each in document["images"]
        )
        document["skeleton"]
    except (LookupError, TypeError) as error:
        raise AnnotationError(f"{path}: not labels of nasion: {error!r}; restore the file, or move it away") from None
    if version != SCHEMA_VERSION or not is_complete:
        raise AnnotationError(f"{path}: not labels that this nasion reads; update nasion, or move the file away")
    return document


def _keypoints(face: Mapping[str, Any]) -> FloatArray:
    points = face["keypoints"]
    return np.array([(np.nan, np.nan) if point is None else point for point in points], np.float64).reshape(-1, 2)


def _text(entry: Mapping[str, Any]) -> str:
    return image_text({key: value for key, value in entry.items() if key != "faces"}, entry["faces"])


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever another program replaces a file; None without the file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
