"""Labels of one format written in another.

A format can be written if its module in `nasion.datasets.formats` has

    STORES: frozenset[Content]                                      what its files can hold
    files(labels: LabelSet, target: Path, options) -> Iterator[tuple[Path, bytes or an iterator of bytes]]
    image_place(name: str, split: str) -> str                       only if labels lie beside or near the images: where
                                                                    in its folder an image is
    image_root(path: Path, options) -> Path                         only if images are not named relative to the folder
                                                                    of the file, or to `?images=`
    SKELETON: str                                                   only if it stores no other skeleton
    NAMES_PRESENT_POINTS: bool                                      only if files name only points that some face has

Formats with `image_place` write a folder, into which the images are copied. All others write one file.
"""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from types import ModuleType

from nasion import images
from nasion.atomic import atomic_folder, ensure_writable, write_bytes
from nasion.datasets import available, load, module, parse
from nasion.datasets.contents import contents_of, kept_faces
from nasion.datasets.formats import _reading as reading
from nasion.datasets.mapping import load_mapping
from nasion.errors import AnnotationError, ConfigError, SkeletonError
from nasion.geometry import is_present
from nasion.outputs.records import Content, ImageRecord, LabelSet, faces_by_image
from nasion.progress import SILENT, Reporter, track
from nasion.sample import Annotation, DataSet
from nasion.skeleton import load_skeleton

__all__ = ["Conversion", "ExportedLabels", "convert", "label_files", "writable_formats"]


@dataclass(frozen=True)
class Conversion:
    """What was converted.

    Attributes:
        faces: number of written faces.
        images: number of images that the target names.
        lost: what the source has and the target cannot store, for the user; empty if nothing.
        problems: number of faces of the source that could not be read.
        new_folder: the folder of the target file if it was created; None if it existed, or the target is a folder.
    """

    faces: int
    images: int
    lost: str
    problems: int
    new_folder: Path | None


@dataclass(frozen=True)
class ExportedLabels:
    """Label files without their images.

    Attributes:
        files: the content of each file, by its path in the folder of the images.
        faces: number of faces.
        lost: what the labels have and the format cannot store, for the user; empty if nothing.
    """

    files: Mapping[str, bytes]
    faces: int
    lost: str


Grouped = Sequence[tuple[Path, Sequence[Annotation]]]
"""Images with their faces."""


@dataclass(frozen=True, eq=False)
class _Job:
    """What is written where."""

    writer: ModuleType
    faces: DataSet
    grouped: Grouped
    contents: frozenset[Content]
    path: Path
    options: Mapping[str, str]
    overwrite: bool
    reporter: Reporter

    def files(self, records: Sequence[ImageRecord], target: Path) -> Iterator[tuple[Path, bytes | Iterator[bytes]]]:
        """Yield the paths and the contents of the label files."""
        yield from self.writer.files(LabelSet(self.faces.skeleton, records, self.contents), target, self.options)


@dataclass(frozen=True)
class _Place:
    """An image of the source with its faces, and its name in the target."""

    image: Path
    name: str
    faces: Sequence[Annotation]


def writable_formats() -> list[str]:
    """Return the formats that labels can be converted to.

    >>> writable_formats()
    ['coco', 'csv', 'csv-long', 'cvat', 'dlib', 'ibug', 'imm', 'json', 'labelme', 'labelstudio', 'parquet', 'wflw',
     'yolo']
    """
    return [name for name in available() if hasattr(module(name), "files")]


def convert(
    source: str,
    target: str,
    skeleton: str | None = None,
    mapping: str | Path | None = None,
    strict: bool = False,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Conversion:
    """Write the labels of a data set in another format, completely or not at all.

    Args:
        source: the data set's name, such as "dlib:faces.xml".
        target: name of the data set to write, such as "coco:faces.json".
        skeleton: the points to keep: a skeleton that states where its points are among the source's.
        mapping: a mapping's name or TOML file that states it instead; see `nasion.datasets.mapping`.
        strict: whether to refuse a target that cannot store everything.
        overwrite: whether to replace existing files.
        reporter: receives the progress.

    Raises:
        ConfigError: the format cannot be written, a file exists, or `strict` is set and something would be lost.
        SkeletonError: the target or the mapping needs other points.
        AnnotationError: no face can be read, or none can be written.
        OutputError: a file cannot be written.
    """
    form, place, options = parse(target)
    writer = module(form)
    if form not in writable_formats():
        raise ConfigError(f'"{form}" cannot be written; these can: {", ".join(writable_formats())}')
    given = load(source)
    faces = _with_points(_with_skeleton(given, skeleton, mapping))
    path = Path(place).expanduser()
    _check(form, writer, faces, path, overwrite)
    contents = contents_of(faces)
    kept, lost = kept_faces(form, writer, given, faces, contents)
    if strict and lost:
        raise ConfigError(f"{lost}; nothing was written because of --strict")
    if not kept:
        raise AnnotationError(f"{lost}; no face is left")
    new_folder = None if path.parent.exists() or hasattr(writer, "image_place") else path.parent
    ensure_writable(path.parent)
    grouped = _grouped(writer, faces, kept)
    job = _Job(writer, faces, grouped, contents, path, options, overwrite, reporter)
    if hasattr(writer, "image_place"):
        _write_folder(job)
    else:
        _write_file(job)
    return Conversion(len(kept), len({image for image, _ in grouped}), lost, len(faces.problems), new_folder)


def label_files(faces: DataSet, form: str, root: Path) -> ExportedLabels:
    """Return the labels of a data set in another format, without writing or copying anything.

    In formats with one face per image, the files of further faces have the names NAME_1, NAME_2, ….

    Args:
        faces: the data set; its images are files.
        form: the format's name, one of `writable_formats`.
        root: the folder of the images.

    Raises:
        ConfigError: the format cannot be written, or not with these points.
        AnnotationError: no face can be written.
        ImageError: an image is missing.
    """
    writer = module(form)
    if form not in writable_formats():
        raise ConfigError(f'"{form}" cannot be written; these can: {", ".join(writable_formats())}')
    given, faces = faces, _with_points(faces)
    _check_skeleton(form, writer, faces)
    contents = contents_of(faces)
    kept, lost = kept_faces(form, writer, given, faces, contents)
    if not kept:
        raise AnnotationError(f"{lost}; no face is left")
    records: list[ImageRecord] = []
    is_folder = hasattr(writer, "image_place")
    used: Counter[Path] = Counter()
    for image, inside in _grouped(writer, faces, kept):
        name = PurePosixPath(_relative(image, root))
        numbered = name.with_stem(f"{name.stem}_{used[image]}") if used[image] else name
        used[image] += 1
        split = next((face.split for face in inside if face.split), "")
        placed = writer.image_place(str(numbered), split) if is_folder else str(numbered)
        records.append(ImageRecord(placed, images.size(image), inside))
    suffix = re.search(r":FILE(\.\w+)", writer.DESCRIPTION)
    target = Path() if is_folder else Path(f"labels{suffix.group(1) if suffix else ''}")
    written = writer.files(LabelSet(faces.skeleton, records, contents), target, {})
    content = {path.as_posix(): data if isinstance(data, bytes) else b"".join(data) for path, data in written}
    return ExportedLabels(content, len(kept), lost)


def _with_skeleton(faces: DataSet, skeleton: str | None, mapping: str | Path | None) -> DataSet:
    if skeleton is not None and mapping is not None:
        raise ConfigError("--skeleton and --mapping both choose the points; give one of them")
    if mapping is not None:
        return load_mapping(mapping).apply(faces)
    if skeleton is None:
        return faces
    chosen = load_skeleton(skeleton)
    if chosen.names != faces.skeleton.names and faces.skeleton.name not in chosen.sources:
        raise SkeletonError(
            f"{chosen.name} does not say where its points are among the {faces.skeleton.count} of "
            f"{faces.skeleton.name}; choose them with --mapping FILE.toml"
        )
    return faces.reduced_to(chosen)


def _with_points(faces: DataSet) -> DataSet:
    """Return the faces that have at least one point.

    Raises:
        AnnotationError: no face has any of the chosen points.
    """
    kept = [face for face in faces.annotations if is_present(face.keypoints).any()]
    if not kept:
        raise AnnotationError(f"{faces.name}: no face has any of the points of {faces.skeleton.name}")
    return faces.subset(kept)


def _check(form: str, writer: ModuleType, faces: DataSet, path: Path, overwrite: bool) -> None:
    """Check the target before anything is written."""
    _check_skeleton(form, writer, faces)
    if hasattr(writer, "image_place"):
        if path.is_file():
            raise ConfigError(f"{path} is a file; {form} writes a folder")
    elif path.is_dir():
        raise ConfigError(f"{path} is a folder; {form} writes a file")
    elif path.exists() and not overwrite:
        raise ConfigError(f"{path} exists; choose another name, or replace it with --overwrite")


def _check_skeleton(form: str, writer: ModuleType, faces: DataSet) -> None:
    only = getattr(writer, "SKELETON", None)
    if only is not None and faces.skeleton.names != load_skeleton(only).names:
        raise ConfigError(
            f"{form} stores {only} only, but the data has {faces.skeleton.name}; choose another format, or map the "
            "points with --mapping"
        )


def _grouped(writer: ModuleType, faces: DataSet, kept: Sequence[Annotation]) -> Grouped:
    """Return the images that a format writes, with their faces."""
    empty = [image for image in faces.empty_images if image.is_file()] if Content.EMPTY in writer.STORES else []
    return _by_image(kept, empty, several=Content.SEVERAL in writer.STORES)


def _by_image(faces: Sequence[Annotation], empty: Sequence[Path], several: bool) -> Grouped:
    """Return each image with its faces; each face separately if the target has one face per image."""
    grouped: dict[Path, list[Annotation]] = {image: [] for image in empty} | faces_by_image(faces)
    if several:
        return list(grouped.items())
    return [(image, [face]) for image, inside in grouped.items() for face in inside]


def _write_file(job: _Job) -> None:
    """Write one file; images that have no file, such as synthetic ones, are written into a folder beside it."""
    path, root = job.path, getattr(job.writer, "image_root", reading.image_folder)(job.path, job.options)
    painted = path.with_name(f"{path.stem}-images")
    missing = [(image, inside) for image, inside in job.grouped if not image.is_file()]
    if missing:
        with atomic_folder(painted, job.overwrite) as part:
            for image, inside in track(missing, "writing images", job.reporter):
                images.write(part / image.name, job.faces.open_image(inside[0]))
    records: list[ImageRecord] = []
    for image, inside in track(job.grouped, "converting", job.reporter):
        place = image if image.is_file() else painted / image.name
        records.append(ImageRecord(_relative(place, root), images.size(place), inside))
    for target, content in job.files(records, path):
        write_bytes(target, content)


def _relative(path: Path, folder: Path) -> str:
    """Return a path relative to a folder; absolute if they are on different drives."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _write_folder(job: _Job) -> None:
    """Write a folder of labels with the images, which are not copied if they are in their places."""
    with atomic_folder(job.path, job.overwrite) as part:
        records: list[ImageRecord] = []
        for place in track(_places(job), "converting", job.reporter):
            target = part / place.name
            if not place.image.is_file():
                images.write(target, job.faces.open_image(place.faces[0]))
            elif place.image.resolve() != (job.path / place.name).resolve():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(place.image, target)
            size = images.size(target if target.is_file() else place.image)
            records.append(ImageRecord(place.name, size, place.faces))
        for target, content in job.files(records, part):
            write_bytes(target, content)


def _places(job: _Job) -> list[_Place]:
    """Return each image with its name in the target folder: its path below the folder that all images share."""
    parents = {image.resolve().parent for image, _ in job.grouped}
    target = job.path.resolve()
    inside = all(parent.is_relative_to(target) for parent in parents)
    root = target if inside else Path(os.path.commonpath(parents))
    taken: set[str] = set()
    places: list[_Place] = []
    for image, faces in job.grouped:
        relative = PurePosixPath(image.resolve().relative_to(root).as_posix())
        split = next((face.split for face in faces if face.split), "")
        numbered = (relative.with_stem(f"{relative.stem}_{number}") for number in count(1))
        name = next(each for each in chain([relative], numbered) if str(each.with_suffix("")) not in taken)
        taken.add(str(name.with_suffix("")))
        in_place = inside and _is_placed(job.writer, name)
        places.append(_Place(image, str(name) if in_place else job.writer.image_place(str(name), split), faces))
    return places


def _is_placed(writer: ModuleType, name: PurePosixPath) -> bool:
    """Return whether an image inside the target folder is where the format wants it."""
    first = PurePosixPath(writer.image_place("x", "")).parts[0]
    return first in ("x", name.parts[0])
