"""WFLW's lists: one line per face with 98 points, a box, six flags and the image's path. 0-based, float.

Source of the format: the README of Wu et al., "Look at Boundary", CVPR 2018: 98 x y, x0 y0 x1 y1,
pose expression illumination make-up occlusion blur, path.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._writing import box_of, nth_face, plain, replace_file
from nasion.documents import read_bytes
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.outputs.records import Content, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton, load_skeleton

DESCRIPTION = "wflw:LIST.txt    WFLW's list of 98 points, 0-based; images in WFLW_images or ?images=DIR"
OPTIONS = {"images": "the folder that the list's paths start from"}

STORES = frozenset({Content.NAMES, Content.BOXES, Content.SEVERAL, Content.FRACTIONS})

SKELETON = "wflw-98"
COUNT, BOX, FLAGS = 98, 4, 6
"""Number of points, box coordinates and flags in a line."""

FIELDS = 2 * COUNT + BOX + FLAGS + 1
"""Number of fields in a line; the last one is the image's path."""

ENCODING = "latin-1"


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a list; the subject is the photo, the split comes from the list's name."""
    path = reading.existing_path(source, "file")
    root = image_root(path, options)
    split = next((s for s in ("train", "test") if s in path.stem.split("_")), "")
    found = reading.Collector()
    seen: dict[str, int] = {}
    for number, line in enumerate(_read_lines(path), start=1):
        if fields := line.split():
            face = seen[fields[-1]] = seen.get(fields[-1], -1) + 1
            with found.reading(f"line {number}"):
                found.add(_face(fields, root, face, split))
    return found.dataset(f"wflw:{source}", load_skeleton(SKELETON), "")


def _read_lines(path: Path) -> list[str]:
    return read_bytes(path, str(path), AnnotationError, reading.MAX_BYTES).decode(ENCODING).split("\n")


def image_root(path: Path, options: Mapping[str, str]) -> Path:
    """Return the folder that the paths in a list are relative to.

    It is `?images=`, or the nearest WFLW_images beside or above the list, as the data set unpacks; otherwise the
    folder of the list.

    Raises:
        AnnotationError: the folder of `?images=` does not exist.
    """
    if "images" in options:
        return reading.existing_path(options["images"], "folder")
    candidates = (folder / "WFLW_images" for folder in path.resolve().parents)
    return next((candidate for candidate in candidates if candidate.is_dir()), path.parent)


def _face(fields: list[str], root: Path, face: int, split: str) -> Annotation:
    if len(fields) != FIELDS:
        raise AnnotationError(f"{len(fields)} fields where a face has {FIELDS}")
    try:
        numbers = np.array(fields[: 2 * COUNT + BOX], dtype=np.float64)
    except ValueError as error:
        raise AnnotationError(f"not a number: {error}") from None
    keypoints, box = numbers[: 2 * COUNT], numbers[2 * COUNT :]
    return reading.checked_annotation(
        root / fields[-1], keypoints, load_skeleton(SKELETON), box=box, subject=fields[-1], split=split, face=face
    )


def files(labels: LabelSet, target: Path, _options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the list's path and its content, a line per face; the flags, which labels do not hold, are 0.

    Raises:
        AnnotationError: the path of an image has a space, which separates the fields of a line, or a letter that the
            list's encoding lacks.
    """
    for record in labels.images:
        if record.image.split() != [record.image] or not record.image.isascii():
            raise AnnotationError(
                f'a WFLW list cannot hold the path "{record.image}": it has a space, or letters that are not ASCII; '
                "rename the image"
            )
    yield target, _lines(labels)


def _lines(labels: LabelSet) -> Iterator[bytes]:
    for record in labels.images:
        for face in record.faces:
            numbers = [plain(value) for value in (*face.keypoints.ravel().tolist(), *box_of(face).tolist())]
            yield " ".join(map(str, [*numbers, *[0] * FLAGS, record.image])).encode(ENCODING) + b"\n"


class LabelFiles:
    """A list whose points can be changed; boxes, flags and paths stay as they are."""

    form, hides = "WFLW's list", False

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.images = place, image_root(place, options)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (98, 2), image px."""
        lines = self._lines()
        fields = lines[self._index(lines, image, face)].split()
        return np.array(fields[: 2 * COUNT], np.float64).reshape(-1, 2)

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (98, 2), image px."""
        lines = self._lines()
        index = self._index(lines, image, face)
        fields = lines[index].split()
        fields[: 2 * COUNT] = [f"{value:.6f}" for value in keypoints.ravel()]
        lines[index] = " ".join(fields)
        replace_file(self.path, "\n".join(lines).encode(ENCODING))

    def _lines(self) -> list[str]:
        return _read_lines(self.path)

    def _index(self, lines: list[str], image: Path, face: int) -> int:
        """Return the number of a face's line."""
        fields = (line.split() for line in lines)
        matches = [k for k, row in enumerate(fields) if row and self.images / row[-1] == image]
        return nth_face(matches, face, image, self.path)
