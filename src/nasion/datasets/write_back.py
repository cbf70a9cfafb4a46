"""Labels written back into the files they came from.

A format can be written back if its module in `nasion.datasets.formats` has a class `LabelFiles` with the methods of
`Labels`. Before a file is changed for the first time, a copy named `.orig` is kept beside it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from nasion.datasets import available, module
from nasion.errors import ConfigError
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

__all__ = ["Labels", "labels_of", "writable"]


class Labels(Protocol):
    """The label files of a data set.

    Attributes:
        form: the format's name for users, such as ".pts".
        hides: whether the format can store missing points.
    """

    form: str
    hides: bool

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints (K, 2), image px, that the file now holds for a face; None if it holds none.

        Raises:
            AnnotationError: the face is no longer in the file.
        """
        ...

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints (K, 2) of a face, image px; NaN where missing.

        Raises:
            AnnotationError: the face is no longer in the file.
            OutputError: the file cannot be written.
        """
        ...


def writable() -> list[str]:
    """Return the formats whose labels can be written back.

    >>> writable()
    ['coco', 'csv', 'csv-long', 'cvat', 'dlib', 'ibug', 'imm', 'json', 'labelme', 'labelstudio', 'parquet', 'wflw',
     'yolo']
    """
    return [name for name in available() if hasattr(module(name), "LabelFiles")]


def labels_of(form: str, place: str, options: Mapping[str, str], skeleton: Skeleton) -> Labels:
    """Return the label files of a data set.

    Args:
        form: the format's name, one of `writable`.
        place: the folder or file of the data set.
        options: the options after "?" in the data set's name.
        skeleton: the skeleton of its points.

    Raises:
        ConfigError: labels of this format, or with these options, cannot be written back.
    """
    if form not in writable():
        raise ConfigError(f'labels of the format "{form}" cannot be written back; these can: {", ".join(writable())}')
    return module(form).LabelFiles(Path(place).expanduser(), options, skeleton)
