"""Helpers for reading label formats: finding images, choosing a skeleton, building annotations, collecting problems."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike

from nasion import images
from nasion.errors import AnnotationError, ConfigError, NasionError
from nasion.geometry import FloatArray, is_present
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.skeleton import Skeleton, available, load_skeleton

__all__ = [
    "SKELETON_HELP",
    "Collector",
    "checked_annotation",
    "existing_path",
    "image_folder",
    "open_image",
    "option_skeleton",
    "photo_id",
    "pixel_origin",
    "read_json",
    "read_toml",
    "read_xml",
    "skeleton_of_count",
    "skeleton_of_labels",
    "skeleton_of_names",
    "sorted_like",
]

SKELETON_HELP = "a skeleton's name, or the path of its .toml file"

ORIGINS = {"0": 0.0, "0.5": 0.5, "1": 1.0}
"""Accepted values of `?origin=`. In programs that draw labels on a canvas, the first pixel's center is at 0.5."""


@dataclass
class Collector:
    """Collects faces, and a reason for each face that is skipped."""

    faces: list[Annotation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    empty_images: list[Path] = field(default_factory=list)

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn an error of the block into a `Problem` of this name, so that one bad face does not stop the rest."""
        try:
            yield
        except (NasionError, OSError, ValueError, TypeError, LookupError) as error:
            reason = str(error) if isinstance(error, NasionError) else f"cannot be read: {error}"
            self.problems.append(Problem(name, reason))

    def add(self, face: Annotation) -> None:
        """Add a face."""
        self.faces.append(face)

    def dataset(self, name: str, skeleton: Skeleton, note: str) -> DataSet:
        """Return the collected faces and problems as a data set."""
        empty = tuple(dict.fromkeys(self.empty_images))
        return DataSet(name, skeleton, tuple(self.faces), open_image, tuple(self.problems), note, empty)


def checked_annotation(
    image: Path,
    keypoints: ArrayLike,
    skeleton: Skeleton,
    *,
    visible: ArrayLike | None = None,
    box: FloatArray | None = None,
    subject: str = "",
    split: str = "",
    face: int = 0,
    score: float | None = None,
    spread: FloatArray | None = None,
    ellipses: FloatArray | None = None,
) -> Annotation:
    """Return an annotation after checking it; a point with one NaN or infinite coordinate becomes missing.

    Args:
        image: path of the image file.
        keypoints: (K, 2) or flat (2 K,), image px, 0-based; NaN where missing.
        skeleton: the meaning of the K points.
        visible: (K,) bool, False for hidden points; default: all visible.
        box: (4,) xyxy, image px.
        subject: the person or photo, which must stay on one side of a split.
        split: "train", "val", "test" or "".
        face: number of the face in its image, from 0.
        score: confidence of the detector, 0 to 1, if the labels were predicted.
        spread: (K,) image px, predicted uncertainty.
        ellipses: (K, 3) predicted error ellipses: half axes, image px, and angle, degrees.

    Raises:
        AnnotationError: the image file is missing, the count is wrong, or every point is missing.
    """
    array = np.array(keypoints, dtype=np.float64).reshape(-1, 2)
    if len(array) != skeleton.count:
        raise AnnotationError(f"{len(array)} points where {skeleton.name} has {skeleton.count}")
    array[~is_present(array)] = np.nan
    if np.isnan(array).all():
        raise AnnotationError("every point is missing (NaN)")
    if not image.is_file():
        raise AnnotationError(f"its image {image} is missing")
    shown = np.ones(skeleton.count, bool) if visible is None else np.asarray(visible, bool)
    for name, values in (("visibility", shown), ("uncertainty", spread), ("ellipses", ellipses)):
        if values is not None and len(values) != skeleton.count:
            raise AnnotationError(f"{len(values)} values of {name} for the {skeleton.count} points of {skeleton.name}")
    labels = {"box": box, "subject": subject, "split": split, "face": face}
    return Annotation(image, array, skeleton, shown, **labels, score=score, spread=spread, ellipses=ellipses)


def open_image(face: Annotation) -> Image:
    """Return the image file of a face, (H, W, 3) uint8 RGB."""
    return images.read(face.image)


def existing_path(source: str, kind: str) -> Path:
    """Return the path of an existing "folder" or "file"; "~" is the home folder.

    Raises:
        AnnotationError: there is no such folder or file.
    """
    path = Path(source).expanduser()
    if not (path.is_dir() if kind == "folder" else path.is_file()):
        raise AnnotationError(f"{path}: no such {kind}; check the path after the colon")
    return path


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        AnnotationError: the file cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AnnotationError(f"{path}: not JSON: {error}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        AnnotationError: the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AnnotationError(f"{path}: not TOML: {error}") from None


def read_xml(path: Path) -> ElementTree.Element:
    """Return the root of an XML file; external entities are not fetched.

    Raises:
        AnnotationError: the file cannot be read or is not XML.
    """
    try:
        # Expat itself rejects documents whose entities grow without bound.
        return ElementTree.parse(path).getroot()  # noqa: S314
    except (OSError, ElementTree.ParseError, LookupError, ValueError) as error:
        raise AnnotationError(f"{path}: not XML: {error}") from None


def image_folder(path: Path, options: Mapping[str, str]) -> Path:
    """Return the folder that image names in the file `path` are relative to: `?images=`, or the file's own folder.

    Raises:
        AnnotationError: the folder of `?images=` does not exist.
    """
    return existing_path(options["images"], "folder") if "images" in options else path.parent


def pixel_origin(options: Mapping[str, str], default: float) -> float:
    """Return the coordinate of the first pixel's center in a file: `?origin=`, or the format's default.

    Raises:
        ConfigError: the option is none of 0, 0.5 and 1.
    """
    value = options.get("origin", f"{default:g}")
    if value not in ORIGINS:
        raise ConfigError(f'origin is 0, 0.5 or 1 (the coordinate of the first pixel\'s center), not "{value}"')
    return ORIGINS[value]


def option_skeleton(options: Mapping[str, str]) -> Skeleton | None:
    """Return the skeleton of `?skeleton=`; None without the option."""
    return load_skeleton(options["skeleton"]) if "skeleton" in options else None


def skeleton_of_count(count: int) -> Skeleton | None:
    """Return the packaged skeleton with `count` points, or None; a single point could be anything, so it has none."""
    return next((s for s in map(load_skeleton, available()) if s.count == count > 1), None)


def photo_id(stem: str) -> str:
    """Return what all faces and mirrored copies of one photo share: "12345" for "12345_2" and "12345_2_mirror".

    >>> photo_id("12345_2_mirror"), photo_id("image_0007")
    ('12345', 'image_0007')
    """
    return re.sub(r"^(\d+)_\d{1,2}$", r"\1", stem.removesuffix("_mirror"))


def sorted_like(names: Sequence[str], skeleton: Skeleton) -> list[str]:
    """Return point names in the skeleton's order if it has the same names, otherwise in the file's order."""
    return list(skeleton.names) if set(names) == set(skeleton.names) else list(names)


def skeleton_of_labels(name: str, labels: Sequence[str], options: Mapping[str, str]) -> tuple[Skeleton, dict[str, int]]:
    """Return the skeleton whose points the labels of a labeling program name, and the index of each label.

    The skeleton is that of `?skeleton=`, the packaged one with the same names in any order, or one with these names in
    their order. Labels that are numbers are sorted by value, and a packaged skeleton with as many points takes their
    place.

    Args:
        name: name of a skeleton that is made of the labels.
        labels: different labels in the order of their first use.
        options: the options of the data set.

    Raises:
        AnnotationError: a label is not a point of `?skeleton=`.
    """
    numbered = all(label.isdecimal() for label in labels)
    ordered = sorted(labels, key=int) if numbered else list(labels)
    chosen = option_skeleton(options)
    if chosen is None:
        chosen = next((each for each in map(load_skeleton, available()) if set(each.names) == set(labels)), None)
    if chosen is None and numbered:
        chosen = skeleton_of_count(len(labels))
    if chosen is None:
        chosen = skeleton_of_names(name, ordered)
    if set(labels) <= set(chosen.names):
        return chosen, {label: chosen.names.index(label) for label in labels}
    if numbered and len(labels) == chosen.count:
        return chosen, {label: index for index, label in enumerate(ordered)}
    unknown = next(label for label in labels if label not in chosen.names)
    raise AnnotationError(f'{name}: the label "{unknown}" is not a point of {chosen.name}; rename it there or here')


def skeleton_of_names(name: str, names: Sequence[str]) -> Skeleton:
    """Return the packaged skeleton with these point names, or one in a single region without flip map or normalizers.

    >>> skeleton_of_names("mine", ["nose_tip"]).name, skeleton_of_names("mine", ["eye", "chin"]).name
    ('nose-1', 'mine')
    """
    known = next((each for each in map(load_skeleton, available()) if each.names == tuple(names)), None)
    return known or Skeleton(name=name, title=name, names=tuple(names), regions={"points": tuple(range(len(names)))})
