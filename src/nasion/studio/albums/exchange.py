"""Import and export of an album's labels in the formats of other programs."""

import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nasion import datasets
from nasion.atomic import translate_os_errors
from nasion.datasets.contents import contents_of
from nasion.datasets.convert import label_files, writable_formats
from nasion.errors import AnnotationError, ConfigError
from nasion.outputs.records import face_values
from nasion.sample import DataSet
from nasion.skeleton import Skeleton
from nasion.studio.albums.album import Album
from nasion.studio.albums.label_file import LabelFile
from nasion.studio.albums.label_store import Face

__all__ = ["Export", "Format", "Import", "export_labels", "formats", "import_labels", "to_label_file"]


@dataclass(frozen=True)
class Format:
    """A label format for users.

    Attributes:
        name: its name.
        title: what it is, one line.
        is_folder: whether its labels are several files in the folder of the images; otherwise they are one file.
    """

    name: str
    title: str
    is_folder: bool


@dataclass(frozen=True)
class Import:
    """What was imported.

    Attributes:
        images: number of images that have got labels.
        faces: number of their faces.
        elsewhere: number of labeled images that are not in the folder.
        kept: number of images whose labels were kept, because they had some.
        problems: the first reasons why faces were left out.
    """

    images: int
    faces: int
    elsewhere: int
    kept: int
    problems: list[str]


@dataclass(frozen=True)
class Export:
    """A file for the user.

    Attributes:
        name: its name.
        content: its bytes.
        lost: what the format cannot store, one line; empty if nothing.
    """

    name: str
    content: bytes
    lost: str


MAX_PROBLEMS = 5
"""Largest number of problems that an import reports."""


def formats() -> list[Format]:
    """Return the formats that can be imported and exported, sorted by name."""
    modules = {name: datasets.module(name) for name in writable_formats()}
    return [
        Format(name, module.DESCRIPTION.split("  ")[-1].strip(), hasattr(module, "image_place"))
        for name, module in modules.items()
    ]


def export_labels(album: Album, form: str) -> Export:
    """Return the labels of an album in another format: a file, or an archive of files without the images.

    Raises:
        ConfigError: the format cannot be written, or not with these points.
        AnnotationError: there are no labels, or none that it can store.
    """
    if not album.labeled:
        raise AnnotationError("there are no labels to export yet; label a face first")
    faces = _confined(datasets.load(album.source), album)
    exported = label_files(faces, form, album.root)
    stem = f"{album.root.resolve().name or 'labels'}-{form}"
    if len(exported.files) == 1 and not any(each.is_folder for each in formats() if each.name == form):
        ((path, content),) = exported.files.items()
        return Export(f"{stem}{PurePosixPath(path).suffix}", content, exported.lost)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for path, content in sorted(exported.files.items()):
            files.writestr(path, content)
    return Export(f"{stem}.zip", archive.getvalue(), exported.lost)


def _confined(faces: DataSet, album: Album) -> DataSet:
    """Return the faces in images of the album: label files may name any file of this machine."""
    known = {entry.path for entry in album.entries}
    return faces.subset([face for face in faces.annotations if face.image in known])


def import_labels(album: Album, form: str, content: bytes | None, replace: bool = False) -> Import:
    """Take over labels of another format into the `nasion-labels.json` of an album.

    Labels that stay in other files, such as .pts files beside the images, are left unchanged there.

    Args:
        album: the album.
        form: the format's name.
        content: the label file; None reads the files in the album's folder, for formats with several files.
        replace: whether images that have labels get the imported ones instead.

    Raises:
        ConfigError: the format is unknown, or needs a file.
        AnnotationError: no face can be read, none belongs to the folder, or the points are other than the album's.
        OutputError: the disk is full or the folder read-only.
    """
    is_folder = next((each.is_folder for each in formats() if each.name == form), None)
    if is_folder is None:
        raise ConfigError(f'"{form[:80]}" is not a label format; use one of: {", ".join(writable_formats())}')
    if not is_folder and content is None:
        raise ConfigError(f"{form} labels are one file; choose it")
    with _readable(album, form, content) as source:
        faces = datasets.load(source)
    labels = _labels_by_image(faces)
    known = {entry.path.resolve(): entry.path for entry in album.entries}
    here = {known[image.resolve()]: each for image, each in labels.items() if image.resolve() in known}
    if not here:
        raise AnnotationError(f"no labeled image is in this folder; the first one is {next(iter(labels))}")
    store = _target(album, faces.skeleton)
    kept = {image for image, count in store.counts().items() if count and image in here and not replace}
    new = {image: each for image, each in here.items() if image not in kept}
    store.write_all(new)
    album.replace_labels(store)
    reasons = [f"{each.name}: {each.reason}" for each in faces.problems[:MAX_PROBLEMS]]
    return Import(len(new), sum(map(len, new.values())), len(labels) - len(here), len(kept), reasons)


def _labels_by_image(faces: DataSet) -> dict[Path, list[Face]]:
    """Return the faces of each image of a data set, with all that is known about them; none for empty images."""
    found: dict[Path, list[Face]] = {image: [] for image in faces.empty_images}
    contents = contents_of(faces)
    for face in faces.annotations:
        inside = found.setdefault(face.image, [])
        inside.append(Face(face.keypoints, None, face_values(len(inside), face, contents)))
    return found


def to_label_file(album: Album) -> LabelFile:
    """Return the labels of an album in `nasion-labels.json`; those in other files are copied and left unchanged there.

    Raises:
        AnnotationError: the labels cannot be read.
        OutputError: the disk is full or the folder read-only.
    """
    if isinstance(album.labels, LabelFile):
        return album.labels
    store = LabelFile(album.root, album.skeleton)
    known = {entry.path for entry in album.entries}
    labels = _labels_by_image(datasets.load(album.source))
    store.write_all({image: faces for image, faces in labels.items() if image in known})
    album.replace_labels(store)
    return store


def _target(album: Album, skeleton: Skeleton) -> LabelFile:
    """Return the file that takes imported labels.

    Raises:
        AnnotationError: the album has labels with other points.
    """
    if skeleton.names == album.skeleton.names:
        return to_label_file(album)
    if album.labeled:
        raise AnnotationError(
            f"the labels have the points of {skeleton.name}, but this folder is labeled with {album.skeleton.name}; "
            "import them into another folder"
        )
    return LabelFile(album.root, skeleton)


@contextmanager
def _readable(album: Album, form: str, content: bytes | None) -> Iterator[str]:
    """Yield the name of the data set to import; a file is put into the folder for this time, as names start there."""
    if content is None:
        yield f"{form}:{album.root}"
        return
    with translate_os_errors(album.root):
        handle, name = tempfile.mkstemp(prefix=".nasion-import-", dir=album.root)
    path = Path(name)
    try:
        with translate_os_errors(path), os.fdopen(handle, "wb") as file:
            file.write(content)
        yield f"{form}:{path}"
    finally:
        path.unlink(missing_ok=True)
