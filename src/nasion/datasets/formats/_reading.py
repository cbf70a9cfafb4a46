"""What several formats need: finding pictures, choosing a skeleton, making annotations, collecting problems."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nasion import images
from nasion.errors import AnnotationError, ConfigError, NasionError
from nasion.geometry import is_present
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.skeleton import Skeleton, available, load_skeleton

__all__ = [
    "Collector",
    "annotation",
    "existing",
    "open_picture",
    "option_skeleton",
    "origin",
    "pictures_folder",
    "skeleton_of_count",
]

SKELETON_HELP = "a skeleton's name, or the path of its .toml file"


@dataclass
class Collector:
    """Gathers faces, and the reasons for those that are left out."""

    faces: list[Annotation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def collect(self, name: str, read: Callable[[], Iterable[Annotation]]) -> None:
        """Add what `read` returns, or its error as a problem under `name`."""
        try:
            self.faces.extend(read())
        except (NasionError, OSError, ValueError, TypeError, LookupError) as error:
            reason = str(error) if isinstance(error, NasionError) else f"cannot be read: {error}"
            self.problems.append(Problem(name, reason))

    def dataset(self, name: str, points: Skeleton, note: str) -> DataSet:
        """Return the set of what was gathered."""
        return DataSet(name, points, tuple(self.faces), open_picture, tuple(self.problems), note)


def annotation(
    image: Path,
    keypoints: ArrayLike,
    points: Skeleton,
    visible: ArrayLike | None = None,
    **fields: object,
) -> Annotation:
    """Return a checked annotation; a point with one NaN or infinite coordinate is missing whole.

    Raises:
        AnnotationError: the picture is not there, the count is wrong, or no point is left.
    """
    array = np.array(keypoints, dtype=np.float64).reshape(-1, 2)
    if len(array) != points.count:
        raise AnnotationError(f"{len(array)} points where {points.name} has {points.count}")
    array[~is_present(array)] = np.nan
    if np.isnan(array).all():
        raise AnnotationError("every point is missing (NaN)")
    if not image.is_file():
        raise AnnotationError(f"its picture {image} is missing")
    shown = np.ones(points.count, bool) if visible is None else np.asarray(visible, bool)
    return Annotation(image, array, points, shown, **fields)  # pyright: ignore[reportArgumentType]


def open_picture(face: Annotation) -> Image:
    """Return the picture of a face that is a file."""
    return images.read(face.image)


def existing(source: str, kind: str) -> Path:
    """Return the path of a "folder" or "file" that is there.

    Raises:
        AnnotationError: it is not.
    """
    path = Path(source).expanduser()
    if not (path.is_dir() if kind == "folder" else path.is_file()):
        raise AnnotationError(f"{path}: no such {kind}; check the path after the colon")
    return path


def pictures_folder(path: Path, options: Mapping[str, str]) -> Path:
    """Return the folder that a file's pictures are named from: the option "images", else its own.

    Raises:
        AnnotationError: the option names no folder.
    """
    return existing(options["images"], "folder") if "images" in options else path.parent


def origin(options: Mapping[str, str], usual: int) -> int:
    """Return what to subtract from coordinates: the option "origin", 0 or 1.

    Raises:
        ConfigError: it is something else.
    """
    value = options.get("origin", str(usual))
    if value not in ("0", "1"):
        raise ConfigError(f'origin is 0 or 1 (the number of the first pixel), not "{value}"')
    return int(value)


def option_skeleton(options: Mapping[str, str]) -> Skeleton | None:
    """Return the skeleton that the option names, if it is there."""
    return load_skeleton(options["skeleton"]) if "skeleton" in options else None


def skeleton_of_count(count: int) -> Skeleton | None:
    """Return the package's skeleton with `count` points, if there is one; a lone point may be anything."""
    return next((s for s in map(load_skeleton, available()) if s.count == count > 1), None)


def photograph(stem: str) -> str:
    """Return what all faces of one photograph share: "12345_2" and "12345_2_mirror" are of "12345".

    >>> photograph("12345_2_mirror"), photograph("image_0007")
    ('12345', 'image_0007')
    """
    return re.sub(r"^(\d+)_\d{1,2}$", r"\1", stem.removesuffix("_mirror"))


def in_order(names: Sequence[str], points: Skeleton) -> list[str]:
    """Return the file's names of points in the skeleton's order: by name where they are the same, else as they come."""
    return list(points.names) if set(names) == set(points.names) else list(names)


def named_skeleton(name: str, names: Sequence[str]) -> Skeleton:
    """Return a skeleton with these point names and nothing else known of them."""
    return Skeleton(name=name, title=name, names=tuple(names), regions={"points": tuple(range(len(names)))})
