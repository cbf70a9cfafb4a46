"""Helpers for reading label formats: finding images, choosing a skeleton, building annotations, collecting problems."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nasion import images
from nasion.errors import AnnotationError, ConfigError, NasionError, one_line
from nasion.geometry import FloatArray, check_coordinates, is_present
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.skeleton import Skeleton, available, from_table, load_skeleton

__all__ = [
    "SKELETON_HELP",
    "Collector",
    "checked_annotation",
    "existing_path",
    "face_text",
    "image_folder",
    "open_image",
    "option_skeleton",
    "photo_id",
    "pixel_origin",
    "skeleton_of_count",
    "skeleton_of_names",
    "sorted_like",
]

MAX_FACE_BYTES = 1_000_000
"""Largest file of one face."""

SKELETON_HELP = "a skeleton's name, or the path of its .toml file"


@dataclass
class Collector:
    """Collects faces, and a reason for each face that is skipped."""

    faces: list[Annotation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

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
        return DataSet(name, skeleton, tuple(self.faces), open_image, tuple(self.problems), note)


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

    Raises:
        AnnotationError: the image file is missing, the count is wrong, every point is missing, or a point or the box
            is where no image can be.
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
        raise AnnotationError(f"its image {image} is missing")
    shown = np.ones(skeleton.count, bool) if visible is None else np.asarray(visible, bool)
    return Annotation(image, array, skeleton, shown, box=box, subject=subject, split=split, face=face)


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


def pixel_origin(options: Mapping[str, str], default: int) -> int:
    """Return the coordinate of the first pixel's center in a file, 0 or 1: `?origin=`, or the format's default.

    Raises:
        ConfigError: the option is neither 0 nor 1.
    """
    value = options.get("origin", str(default))
    if value not in ("0", "1"):
        raise ConfigError(f'origin is 0 or 1 (the number of the first pixel), not "{value}"')
    return int(value)


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


def skeleton_of_names(name: str, names: Sequence[str]) -> Skeleton:
    """Return a skeleton with these point names in one region, without a flip map or normalizers.

    Raises:
        SkeletonError: there is no name, two are the same, or there are too many.
    """
    return from_table(name, {"names": list(names), "regions": {"points": f"0-{max(len(names) - 1, 0)}"}})
