"""The IMM Face Database, "the Danes": a folder with `NN-V[mf].jpg` and `NN-V[mf].asf`.

Source of the format: M. B. Stegmann, "Analysis and Segmentation of Face Images using Point Annotations and
Linear Subspace Techniques", DTU 2002. Coordinates are shares of the width and height, 0-based.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nasion import images
from nasion.datasets.formats._reading import Collector, annotation, existing
from nasion.errors import AnnotationError, ConfigError
from nasion.geometry import FloatArray
from nasion.sample import Annotation, DataSet
from nasion.skeleton import load_skeleton

DESCRIPTION = "imm:DIR          IMM Face Database, .asf with 58 points, 0-based shares of the picture's size"
OPTIONS = {"eyes": "labeled, or mended: an eye that is labeled as if it were the other is turned (labeled)"}

LAST_TRAINING_PERSON = 32
"""Persons 1 to 32 train and 33 to 40 test: the split of the courses that use these faces."""

EYES = (slice(13, 21), slice(21, 29))
"""Each a ring of eight points, from the outer corner."""

COLUMNS = (7, 10)  # path, type, x, y, point, from, to; "14-5f.asf" has three user columns more


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a folder, subject = person, split by person."""
    folder = existing(source, "folder")
    eyes = options.get("eyes", "labeled")
    if eyes not in ("labeled", "mended"):
        raise ConfigError(f'imm: eyes is "labeled" or "mended", not "{eyes}"')
    found = Collector()
    for path in sorted(folder.rglob("*.asf")):
        found.collect(path.name, lambda path=path: _faces(path, eyes == "mended"))
    return found.dataset(f"imm:{source}", load_skeleton("imm-58"), "split by person: 1-32 train, 33-40 test")


def _faces(path: Path, mend: bool) -> Iterator[Annotation]:
    shares, image_name = parse_asf(path.read_text("latin-1"))
    if mend:
        shares = with_mended_eyes(shares)
    image = path.with_name(Path(image_name).name)
    if not image.is_file():
        image = path.with_suffix(".jpg")  # a renamed copy
    size = images.size(image) if image.is_file() else (0, 0)
    person = path.name.split("-")[0]
    training = not person.isdigit() or int(person) <= LAST_TRAINING_PERSON
    yield annotation(
        image,
        shares * [size[1], size[0]],
        load_skeleton("imm-58"),
        subject=person,
        split="train" if training else "test",
    )


def with_mended_eyes(points: FloatArray) -> FloatArray:
    """Return the points (58, 2) with each eye's ring begun at its outer corner: the one farther from the other eye.

    In nine of the 240 pictures one eye is labeled as if it were the other: from its inner corner, the other way round.
    """
    mended = points.copy()
    for eye, other in (EYES, EYES[::-1]):
        ring = points[eye]
        half = len(ring) // 2
        outer, inner = np.linalg.norm(ring[[0, half]] - points[other].mean(0), axis=1)
        if outer < inner:
            mended[eye] = np.roll(ring[::-1], 1 - half, axis=0)
    return mended


def parse_asf(text: str) -> tuple[FloatArray, str]:
    """Return the points as shares of the picture's width and height (K, 2), and the picture's name.

    Raises:
        AnnotationError: the text is no .asf file, or holds fewer points than it says.
    """
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    try:
        count = int(lines[0][0])
        rows = lines[1 : count + 1]
        if len(rows) < count or any(len(row) not in COLUMNS for row in rows):
            raise AnnotationError(f"says {count} points, but does not hold that many rows of 7 or 10 columns")
        shares = np.array([[float(row[2]), float(row[3])] for row in rows])
        return shares, " ".join(lines[count + 1])
    except (IndexError, ValueError) as error:
        raise AnnotationError(f"is not an .asf file: {error}") from None
