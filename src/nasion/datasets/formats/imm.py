"""The IMM Face Database: a folder with `NN-V[mf].jpg` and `NN-V[mf].asf`.

Source of the format: M. B. Stegmann, "Analysis and Segmentation of Face Images using Point Annotations and
Linear Subspace Techniques", DTU 2002. Coordinates are fractions of the image's width and height, 0-based.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasion import images
from nasion.datasets.folders import files_below
from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._writing import replace_file
from nasion.errors import AnnotationError, ConfigError
from nasion.geometry import FloatArray
from nasion.outputs.records import Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton, load_skeleton

DESCRIPTION = "imm:DIR          IMM Face Database, .asf with 58 points, 0-based fractions of the image's size"
OPTIONS = {"eyes": "labeled, or corrected: turn an eye that is labeled as if it were the other eye (labeled)"}

EYES_SPELLINGS = {"labeled": False, "labelled": False, "corrected": True, "mended": True}
"""Accepted values of `?eyes=`, and whether they correct the eyes; "labelled" and "mended" are former spellings."""

STORES = frozenset({Content.NAMES, Content.FRACTIONS})

SKELETON = "imm-58"

LAST_TRAINING_PERSON = 32
"""Persons 1 to 32 are for training and 33 to 40 for testing: the split of the courses that use these faces."""

EYES = (slice(13, 21), slice(21, 29))
"""Indices of the two eyes; each is a ring of eight points that starts at the outer corner."""

PERSON = re.compile("[0-9]{1,9}")
"""A person's number, at the start of a file's name."""

ASF_SUFFIX = ".asf"
ENCODING = "latin-1"

COLUMN_COUNTS = (7, 10)
"""Possible lengths of a row: path, type, x, y, point, from, to; "14-5f.asf" has three more columns."""

X, Y = 2, 3
"""Columns of the coordinates in a row of an .asf file."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a folder; the subject is the person, and the split is by person."""
    folder = reading.existing_path(source, "folder")
    eyes = options.get("eyes", "labeled")
    if eyes not in EYES_SPELLINGS:
        raise ConfigError(f'imm: eyes is "labeled" or "corrected", not "{eyes}"')
    found = reading.Collector()
    for path in (path for path in files_below(folder) if path.suffix == ASF_SUFFIX):
        with found.reading(path.name):
            found.add(_face(path, correct_eyes=EYES_SPELLINGS[eyes]))
    return found.dataset(f"imm:{source}", load_skeleton(SKELETON), "split by person: 1-32 train, 33-40 test")


def _face(path: Path, correct_eyes: bool) -> Annotation:
    fractions, image_name = parse_asf(reading.face_text(path, ENCODING))
    if correct_eyes and len(fractions) == load_skeleton(SKELETON).count:
        fractions = with_corrected_eyes(fractions)
    image = _image_of(path, image_name)
    height, width = images.size(image) if image.is_file() else (0, 0)
    person = path.name.split("-")[0]
    training = not PERSON.fullmatch(person) or int(person) <= LAST_TRAINING_PERSON
    return reading.checked_annotation(
        image,
        fractions * [width, height],
        load_skeleton(SKELETON),
        subject=person,
        split="train" if training else "test",
    )


def _image_of(path: Path, image_name: str) -> Path:
    """Return the image of an .asf file that holds this name of an image."""
    image = path.with_name(Path(image_name).name)
    return image if image.is_file() else path.with_suffix(".jpg")  # the files were renamed after labeling


def with_corrected_eyes(points: FloatArray) -> FloatArray:
    """Return points (58, 2), in any unit, with each eye's ring starting at its outer corner.

    The outer corner is the one farther from the other eye. In nine of the 240 images one eye is labeled as if it were
    the other: starting at its inner corner, in the opposite direction.
    """
    corrected = points.copy()
    for eye, other in (EYES, EYES[::-1]):
        ring = points[eye]
        half = len(ring) // 2
        outer, inner = np.linalg.norm(ring[[0, half]] - points[other].mean(0), axis=1)
        if outer < inner:
            corrected[eye] = np.roll(ring[::-1], 1 - half, axis=0)
    return corrected


def parse_asf(text: str) -> tuple[FloatArray, str]:
    """Return the points (K, 2) as fractions of the image's width and height, and the image's file name.

    Raises:
        AnnotationError: the text is not an .asf file, or holds fewer points than it says.
    """
    lines = [line.split() for line in _content_lines(text.splitlines())[0]]
    try:
        count = int(lines[0][0])
        rows = lines[1 : count + 1]
        if not 0 < count == len(rows) or any(len(row) not in COLUMN_COUNTS for row in rows):
            raise AnnotationError(f"says {count} points, but does not hold that many rows of 7 or 10 columns")
        fractions = np.array([[float(row[X]), float(row[Y])] for row in rows])
        return fractions, " ".join(lines[count + 1])
    except (IndexError, ValueError) as error:
        raise AnnotationError(f"is not an .asf file: {error}") from None


def _content_lines(lines: list[str]) -> tuple[list[str], list[int]]:
    """Return the lines that are neither empty nor comments, and their numbers."""
    used = [k for k, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    return [lines[k] for k in used], used


def image_place(name: str, _split: str) -> str:
    """Return where in the folder an image is: anywhere."""
    return name


def files(labels: LabelSet, target: Path, _options: Mapping[str, str]) -> Iterator[tuple[Path, bytes]]:
    """Yield the path and the content of the .asf file beside each image, which has one face."""
    for record in labels.images:
        if record.faces:
            yield (target / record.image).with_suffix(ASF_SUFFIX), _asf_text(record).encode(ENCODING)


OPEN_PATH, CLOSED_PATH = 4, 0
"""Types of the points of a region in an .asf file."""


def _asf_text(record: ImageRecord) -> str:
    """Return the content of an .asf file: each region is a path, whose points name their neighbors."""
    (face,) = record.faces
    height, width = record.size
    fractions = face.keypoints / [width, height]
    rows: list[str] = []
    for path, (name, indices) in enumerate(face.skeleton.regions.items()):
        closed = name in face.skeleton.closed
        for place, index in enumerate(indices):
            before = indices[place - 1] if place or closed else index
            after = indices[(place + 1) % len(indices)] if closed or place + 1 < len(indices) else index
            x, y = fractions[index]
            kind = CLOSED_PATH if closed else OPEN_PATH
            rows.append(f"{path} \t{kind} \t{x:.8f} \t{y:.8f} \t{index} \t{before} \t{after}")
    comment = "# path type x y point from to; x and y are fractions of the image's width and height"
    return "\n".join([comment, str(len(rows)), *rows, Path(record.image).name, ""])


class LabelFiles:
    """The .asf files of a folder, one for each image; everything but the coordinates stays as it is."""

    form, hides = ASF_SUFFIX, False

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.paths: dict[Path, Path] = {}
        skipped = reading.Collector()
        for path in (path for path in files_below(place) if path.suffix == ASF_SUFFIX):
            with skipped.reading(path.name):
                image = _image_of(path, parse_asf(reading.face_text(path, ENCODING))[1])
                if image not in self.paths or path.stem == image.stem:
                    self.paths[image] = path

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of an image's face (58, 2), image px, as labeled."""
        height, width = images.size(image)
        return parse_asf(reading.face_text(self._path(image), ENCODING))[0] * [width, height]

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of an image's face (58, 2), image px."""
        path = self._path(image)
        height, width = images.size(image)
        lines = reading.face_text(path, ENCODING).splitlines(keepends=True)
        (first, *_), (_, *rows) = _content_lines(lines)
        for number, point in zip(rows[: int(first.split()[0])], keypoints / [width, height], strict=True):
            cells = re.split(r"(\s+)", lines[number])  # columns and the blanks between them
            start = 0 if cells[0] else 2  # after blanks at the start of the line
            cells[start + 2 * X], cells[start + 2 * Y] = (f"{value:.8f}" for value in point)
            lines[number] = "".join(cells)
        replace_file(path, "".join(lines).encode(ENCODING))

    def _path(self, image: Path) -> Path:
        return self.paths.get(image, image.with_suffix(ASF_SUFFIX))
