"""Labels written back into the files they came from. One file here is one format, called as its reader is.

A format is a module with a class `Files`, made with (place, options, skeleton) as its reader has them. Before a file
is changed for the first time it is kept beside itself as `.orig`.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

__all__ = ["Labels", "labels_of", "writable"]


class Labels(Protocol):
    """Where labels are kept.

    Attributes:
        form: what a person calls the format.
        hides: whether it has a place for missing points.
    """

    form: str
    hides: bool

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points (K, 2) of a picture's face, image px, as the file has them now; None if it has none.

        Raises:
            AnnotationError: the face is not in the file any more.
        """
        ...

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points (K, 2) of a picture's face, image px; NaN is missing.

        Raises:
            AnnotationError: the face is not in the file any more.
            OutputError: the file cannot be written.
        """
        ...


def writable() -> list[str]:
    """Return the formats whose labels can be written back.

    >>> writable()
    ['coco', 'csv', 'dlib', 'ibug', 'imm', 'wflw']
    """
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def labels_of(form: str, place: str, options: Mapping[str, str], skeleton: Skeleton) -> Labels:
    """Return where the labels of a data set are kept.

    Args:
        form: the format's name, one of `writable`.
        place: its folder or file.
        options: after the "?" of its name.
        skeleton: of its points.

    Raises:
        ConfigError: labels with these options cannot be written back.
    """
    return import_module(f"{__name__}.{form}").Files(Path(place).expanduser(), options, skeleton)
