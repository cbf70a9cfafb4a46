"""iBUG's `.pts` files, each beside its image: 300-W and its parts, in any depth of folders.

Source of the format: the 300-W challenge. Coordinates are **1-based** (Matlab); use `?origin=0` for 0-based copies.
The folders "trainset", "afw", "testset" and "ibug" set the split, as in 300-W's protocol. With `?images=DIR` the images
are in another folder, and NAME_1.pts may be a further face of the image NAME, as `nasion predict --format pts` writes.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasion import images
from nasion.datasets.folders import files_below
from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._writing import replace_file
from nasion.errors import AnnotationError, ConfigError
from nasion.geometry import FloatArray
from nasion.outputs.records import Content, LabelSet
from nasion.sample import Annotation, DataSet, Problem
from nasion.skeleton import Skeleton, load_skeleton

DESCRIPTION = "ibug:DIR         .pts files beside their images (300-W), 1-based"
OPTIONS = {
    "images": "the folder of the images, if they are not beside the labels",
    "origin": "the coordinate of the first pixel's center: 0, 0.5 or 1 (1)",
    "skeleton": reading.SKELETON_HELP,
}

STORES = frozenset({Content.FRACTIONS})

PTS_ORIGIN = 1
"""Coordinate of the first pixel's center in .pts files."""

HEADER = re.compile(r"\s*(version|n_points)\s*:\s*(\S+)")
"""A line of the header with its key and value."""

PTS_SUFFIX = ".pts"
ENCODING = "latin-1"


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a folder; the subject is the photo, the skeleton is that of most files."""
    folder = reading.existing_path(source, "folder")
    found = reading.Collector()
    skeleton = reading.option_skeleton(options)
    origin = reading.pixel_origin(options, PTS_ORIGIN)
    images_folder = reading.existing_path(options["images"], "folder") if "images" in options else None
    for path in (path for path in files_below(folder) if path.suffix == PTS_SUFFIX):
        with found.reading(str(path.relative_to(folder))):
            image, number = (image_beside(path), 0) if images_folder is None else _image_in(images_folder, path, folder)
            found.add(_face(path, image, number, skeleton, origin, _split(path, folder)))
    skeleton = skeleton or _most_common(found.faces)
    for face in [face for face in found.faces if face.skeleton.name != skeleton.name]:
        found.faces.remove(face)
        reason = f"{face.skeleton.count} points, where most files have {skeleton.count}"
        found.problems.append(Problem(face.image.with_suffix(PTS_SUFFIX).name, reason))
    return found.dataset(f"ibug:{source}", skeleton, f"coordinates read as {origin:g}-based")


def _most_common(faces: list[Annotation]) -> Skeleton:
    counts = Counter(face.skeleton.name for face in faces)
    return load_skeleton(counts.most_common(1)[0][0] if counts else "ibug-68")


def _face(path: Path, image: Path, number: int, skeleton: Skeleton | None, origin: float, split: str) -> Annotation:
    keypoints = parse_pts(reading.face_text(path, ENCODING)) - origin
    skeleton = skeleton or reading.skeleton_of_count(len(keypoints))
    if skeleton is None:
        raise AnnotationError(f"{len(keypoints)} points match no known skeleton; name yours with ?skeleton=FILE.toml")
    return reading.checked_annotation(
        image, keypoints, skeleton, subject=subject(image.with_suffix(PTS_SUFFIX)), split=split, face=number
    )


def image_beside(path: Path) -> Path:
    """Return the image with the stem of `path`; if there is none, the .jpg that would be expected."""
    found = (path.with_suffix(s) for s in (*images.SUFFIXES, *(s.upper() for s in images.SUFFIXES)))
    return next((p for p in found if p.is_file()), path.with_suffix(".jpg"))


def _image_in(images_folder: Path, path: Path, folder: Path) -> tuple[Path, int]:
    """Return the image in another folder that a .pts file belongs to, and the number of the face in it."""
    place = images_folder / path.relative_to(folder)
    image = image_beside(place)
    further = re.fullmatch(r"(.+)_([0-9]{1,9})_*", path.stem)
    if image.is_file() or further is None:
        return image, 0
    return image_beside(place.with_name(f"{further.group(1)}{PTS_SUFFIX}")), int(further.group(2))


def subject(path: Path) -> str:
    """Return the photo with its part of 300-W, because several parts use the same file names.

    >>> subject(Path("afw/12345_2.pts")), subject(Path("lfpw/testset/image_0007.pts"))
    ('afw/12345', 'lfpw/testset/image_0007')
    """
    parents = 2 if path.parent.name in ("trainset", "testset") else 1
    return "/".join((*path.parts[-1 - parents : -1], reading.photo_id(path.stem)))


def _split(path: Path, folder: Path) -> str:
    """Return the split of a file in 300-W's protocol, from the named folder and the folders below it."""
    inside = path.relative_to(folder).parts[:-1]
    parts = {folder.resolve().name, *inside}
    if "testset" in parts or "ibug" in inside:  # the 135 faces of iBUG are the challenging part of the test set
        return "test"
    return "train" if {"trainset", "afw"} & parts else ""


def parse_pts(text: str) -> FloatArray:
    """Return the points of a .pts file (K, 2), px, with the origin of the file; files without braces hold bare lines.

    Raises:
        AnnotationError: a word is not a number, or the count differs from the header's.
    """
    lines = text.splitlines()
    matches = (HEADER.match(line) for line in lines)
    header: dict[str, str] = {found[1]: found[2] for found in matches if found}
    bare = "\n".join(line for line in lines if ":" not in line)
    body = text.partition("{")[2].partition("}")[0] if "{" in text else bare
    try:
        points = np.array([float(word) for word in body.split()]).reshape(-1, 2)
        stated = int(header.get("n_points", len(points)))
    except ValueError as error:
        raise AnnotationError(f"is not a .pts file: {error}") from None
    if not len(points) or stated != len(points):
        raise AnnotationError(f"its header says {header.get('n_points', 'no')} points, but it holds {len(points)}")
    return points


def pts_text(keypoints: FloatArray) -> str:
    """Return the content of a .pts file, which is 1-based, for keypoints (K, 2), image px, 0-based.

    >>> print(pts_text(np.array([[0.0, 0.5], [10.25, 3.0]])), end="")
    version: 1
    n_points: 2
    {
    1.000 1.500
    11.250 4.000
    }
    """
    lines = "".join(f"{x:.3f} {y:.3f}\n" for x, y in keypoints + PTS_ORIGIN)
    return f"version: 1\nn_points: {len(keypoints)}\n{{\n{lines}}}\n"


def image_place(name: str, _split: str) -> str:
    """Return where in the folder an image is: anywhere."""
    return name


def files(labels: LabelSet, target: Path, options: Mapping[str, str]) -> Iterator[tuple[Path, bytes]]:
    """Yield the path and the content of the .pts file beside each image, which has one face."""
    shift = reading.pixel_origin(options, PTS_ORIGIN) - PTS_ORIGIN
    for record in labels.images:
        for face in record.faces:
            yield (target / record.image).with_suffix(PTS_SUFFIX), pts_text(face.keypoints + shift).encode("ascii")


class LabelFiles:
    """The .pts files of a folder, one beside each image, one face each."""

    form, hides = PTS_SUFFIX, False

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        if reading.pixel_origin(options, PTS_ORIGIN) != PTS_ORIGIN:
            raise ConfigError("ibug: .pts files are written 1-based; leave out ?origin=, or correct them as a csv")
        self.folder, self.images = place, Path(options["images"]).expanduser() if "images" in options else place

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of an image's face (K, 2), image px; None without a .pts file."""
        path = self._file_of(image, face)
        if not path.is_file():
            return None
        try:
            return parse_pts(reading.face_text(path, ENCODING)) - PTS_ORIGIN
        except AnnotationError as error:
            raise AnnotationError(f"{path}: {error}") from None

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of an image's face (K, 2), image px."""
        replace_file(self._file_of(image, face), pts_text(keypoints).encode("ascii"))

    def _file_of(self, image: Path, face: int) -> Path:
        path = image if self.images == self.folder else self.folder / image.relative_to(self.images)
        return path.with_name(f"{path.stem}_{face}{PTS_SUFFIX}" if face else f"{path.stem}{PTS_SUFFIX}")
