"""Helpers for reading label formats: finding images, choosing a skeleton, building annotations, collecting problems."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasion import images
from nasion.errors import AnnotationError, ConfigError, NasionError, one_line
from nasion.geometry import FloatArray, check_coordinates, is_present
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.skeleton import Skeleton, available, from_table, load_skeleton

__all__ = [
    "IMAGES_HELP",
    "MAX_BYTES",
    "NUMBER",
    "SKELETON_HELP",
    "Collector",
    "any_skeleton",
    "checked_annotation",
    "checked_structure",
    "existing_path",
    "face_text",
    "image_folder",
    "indices_of_labels",
    "open_image",
    "option_skeleton",
    "photo_id",
    "pixel_origin",
    "skeleton_of_count",
    "skeleton_of_labels",
    "skeleton_of_names",
    "sorted_like",
    "split_of",
]

MAX_BYTES = 2_000_000_000
"""Largest file of labels; the largest public one, of COCO-WholeBody, has half of it."""

MAX_FACE_BYTES = 1_000_000
"""Largest file of one face."""

NUMBER = re.compile("[0-9]{1,9}")
"""A whole number in a file's name or in a label; longer ones are texts."""

IMAGES_HELP = "the folder that file names start from"
SKELETON_HELP = "a skeleton's name, or the path of its .toml file"

ORIGINS = {"0": 0.0, "0.5": 0.5, "1": 1.0}
"""Accepted values of `?origin=`. In programs that draw labels on a canvas, the first pixel's center is at 0.5."""

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
"""Words for the parts of a data set."""


@dataclass
class Collector:
    """Collects faces, and a reason for each face that is skipped."""

    faces: list[Annotation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    empty_images: list[Path] = field(default_factory=list)

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn an error of the block into a `Problem` of this name, so that one bad face does not stop the rest.

        Arithmetic with huge numbers may give infinities without a warning: `checked_annotation` looks at the result.
        """
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                yield
        except (NasionError, OSError, ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
            reason = str(error) if isinstance(error, NasionError) else f"cannot be read: {error}"
            self.problems.append(Problem(one_line(name), one_line(reason)))

    def add(self, face: Annotation) -> None:
        """Add a face."""
        self.faces.append(face)

    def dataset(self, name: str, skeleton: Skeleton, note: str) -> DataSet:
        """Return the collected faces and problems as a data set."""
        empty = tuple(dict.fromkeys(self.empty_images))
        known = any((~face.visible & is_present(face.keypoints)).any() for face in self.faces)
        faces = tuple(replace(face, visibility_known=True) for face in self.faces) if known else tuple(self.faces)
        return DataSet(name, skeleton, faces, open_image, tuple(self.problems), note, empty)


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
        AnnotationError: the image file is missing, a count is wrong, every point is missing, a coordinate of a
            point or of the box is out of range, or the score is not a finite number.
    """
    array = np.array(keypoints, dtype=np.float64).reshape(-1, 2)
    if len(array) != skeleton.count:
        raise AnnotationError(f"{len(array)} points where {skeleton.name} has {skeleton.count}")
    array[~is_present(array)] = np.nan
    check_coordinates(array, "a point", AnnotationError)
    if box is not None and not np.isfinite(box).all():
        raise AnnotationError("its box has a coordinate that is NaN or infinite")
    check_coordinates([] if box is None else box, "its box", AnnotationError)
    if np.isnan(array).all():
        raise AnnotationError("every point is missing (NaN)")
    if not image.is_file():
        raise AnnotationError(f"its image {image} is missing; ?images=FOLDER names another folder")
    shown = np.ones(skeleton.count, bool) if visible is None else np.asarray(visible, bool)
    _check_shapes(skeleton, shown, spread, ellipses)
    if score is not None and not (isinstance(score, int | float) and math.isfinite(score)):
        raise AnnotationError(f"its score {str(score)[:80]} is not a finite number")
    labels = {"box": box, "subject": subject, "split": split, "face": face}
    return Annotation(image, array, skeleton, shown, **labels, score=score, spread=spread, ellipses=ellipses)


def _check_shapes(
    skeleton: Skeleton, visible: NDArray[np.bool_], spread: FloatArray | None, ellipses: FloatArray | None
) -> None:
    """Reject visibility (K,), uncertainty (K,), image px, or ellipses (K, 3) that do not fit the points."""
    known = (("visibility", visible, ()), ("uncertainty", spread, ()), ("ellipses", ellipses, (3,)))
    for name, values, rest in known:
        if values is not None and len(values) != skeleton.count:
            raise AnnotationError(f"{len(values)} values of {name} for the {skeleton.count} points of {skeleton.name}")
        if values is not None and values.shape[1:] != rest:
            raise AnnotationError(f"its values of {name} are not a list of {'triples' if rest else 'numbers'}")


@contextmanager
def checked_structure() -> Iterator[None]:
    """Reject a document that has a number, a text or a list where the block expects an object.

    Raises:
        AnnotationError: it has.
    """
    try:
        yield
    except AttributeError as error:
        raise AnnotationError(f"is incomplete or mistyped: {error}") from None


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


def face_text(path: Path, encoding: str) -> str:
    """Return the text of a file with the labels of one face, with its own line ends.

    Raises:
        AnnotationError: it is larger than any such file.
    """
    with path.open("rb") as file:
        content = file.read(MAX_FACE_BYTES + 1)
    if len(content) > MAX_FACE_BYTES:
        raise AnnotationError(f"is larger than {MAX_FACE_BYTES:,} bytes, so it cannot hold one face")
    return content.decode(encoding)


def image_folder(path: Path, options: Mapping[str, str]) -> Path:
    """Return the folder that image names in the file `path` are relative to: `?images=`, or the file's own folder.

    Raises:
        AnnotationError: the folder of `?images=` does not exist.
    """
    return existing_path(options["images"], "folder") if "images" in options else path.parent


def pixel_origin(options: Mapping[str, str], default: float) -> float:
    """Return the coordinate of the first pixel's center in a file: `?origin=`, or the format's default.

    Raises:
        ConfigError: the option is not 0, 0.5 or 1.
    """
    value = options.get("origin", f"{default:g}")
    if value not in ORIGINS:
        raise ConfigError(f'origin is 0, 0.5 or 1 (the coordinate of the first pixel\'s center), not "{value}"')
    return ORIGINS[value]


def option_skeleton(options: Mapping[str, str]) -> Skeleton | None:
    """Return the skeleton of `?skeleton=`; None without the option."""
    return load_skeleton(options["skeleton"]) if "skeleton" in options else None


def any_skeleton() -> Skeleton:
    """Return a skeleton for a data set without a face."""
    return load_skeleton("ibug-68")


def skeleton_of_count(count: int) -> Skeleton | None:
    """Return the packaged skeleton with `count` points, or None; a single point could be anything, so it has none."""
    return next((s for s in map(load_skeleton, available()) if s.count == count > 1), None)


def photo_id(stem: str) -> str:
    """Return what all faces and mirrored copies of one photo share: "12345" for "12345_2" and "12345_2_mirror".

    >>> photo_id("12345_2_mirror"), photo_id("image_0007")
    ('12345', 'image_0007')
    """
    return re.sub(r"^(\d+)_\d{1,2}$", r"\1", stem.removesuffix("_mirror"))


def split_of(word: str | None) -> str:
    """Return "train", "val" or "test" for the word of another program; "" for any other.

    >>> split_of("Train"), split_of("valid"), split_of("Default")
    ('train', 'val', '')
    """
    return SPLIT_WORDS.get((word or "").strip().lower(), "")


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
    numbered = all(NUMBER.fullmatch(label) for label in labels)
    ordered = sorted(labels, key=int) if numbered else list(labels)
    chosen = option_skeleton(options)
    if chosen is None:
        chosen = next((each for each in map(load_skeleton, available()) if set(each.names) == set(labels)), None)
    if chosen is None and numbered:
        chosen = skeleton_of_count(len(labels))
    if chosen is None:
        chosen = skeleton_of_names(name, ordered)
    return chosen, indices_of_labels(name, labels, chosen)


def indices_of_labels(name: str, labels: Sequence[str], skeleton: Skeleton) -> dict[str, int]:
    """Return the index of each label in a skeleton: its point of this name, or the n-th number for its n-th point.

    Raises:
        AnnotationError: a label is not a point of the skeleton; `name` starts the message.
    """
    if set(labels) <= set(skeleton.names):
        return {label: skeleton.names.index(label) for label in labels}
    if len(labels) == skeleton.count and all(map(NUMBER.fullmatch, labels)):
        return {label: index for index, label in enumerate(sorted(labels, key=int))}
    unknown = next(label for label in labels if label not in skeleton.names)
    raise AnnotationError(f'{name}: the label "{unknown}" is not a point of {skeleton.name}; rename it there or here')


def skeleton_of_names(name: str, names: Sequence[str]) -> Skeleton:
    """Return the packaged skeleton with these point names, or one in a single region without flip map or normalizers.

    >>> skeleton_of_names("mine", ["nose_tip"]).name, skeleton_of_names("mine", ["eye", "chin"]).name
    ('nose-1', 'mine')

    Raises:
        SkeletonError: there is no name, two are the same, or there are too many.
    """
    known = next((each for each in map(load_skeleton, available()) if each.names == tuple(names)), None)
    return known or from_table(name, {"names": list(names), "regions": {"points": f"0-{max(len(names) - 1, 0)}"}})
