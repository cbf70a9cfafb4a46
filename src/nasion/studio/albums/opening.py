"""Opening a folder of images, or a labeled data set, as an album."""

import os
import stat
from functools import cache
from pathlib import Path

from nasion import datasets, images
from nasion.datasets.folders import HISTORY, LABELS, PROGRESS, RUNS, files_below
from nasion.datasets.write_back import labels_of, writable
from nasion.errors import ConfigError
from nasion.skeleton import Skeleton
from nasion.studio.albums.album import Album, AlbumImage
from nasion.studio.albums.history import History
from nasion.studio.albums.label_file import LabelFile, stored_skeleton
from nasion.studio.albums.label_store import InPlaceLabels, LabelStore
from nasion.studio.albums.progress import Progress

__all__ = ["RUNS", "find_images", "open_album"]


def open_album(source: str, skeleton: Skeleton, inside: Path | None = None) -> Album:
    """Open a folder of images, with or without labels, or a labeled data set.

    A folder's labels are its `nasion-labels.json`, else its .pts files; without either, `nasion-labels.json` is created
    when the first face is saved.

    Args:
        source: a folder, or a data set's name such as "ibug:DIR" or "csv:FILE".
        skeleton: skeleton for a folder without labels.
        inside: folder that no image may leave through a link; None follows all links.

    Raises:
        ConfigError: there is no such folder, or labels of this format cannot be written back.
        AnnotationError: the labels cannot be read.
    """
    if source.partition(":")[0] not in datasets.available():
        return _open_folder(Path(source), skeleton, inside)
    form, place, options = datasets.parse(source)
    if form not in writable():
        raise ConfigError(f'labels of the format "{form}" cannot be written back; use one of: {", ".join(writable())}')
    faces = datasets.load(source)
    if not faces.annotations:
        raise ConfigError(f"{source}: none of its labels can be read; first problem: {faces.problems[0].reason}")
    root = Path(place).expanduser()
    prefix = ""
    if root.is_file():  # one folder may hold several label files
        root, prefix = root.parent, f"{root.name}-"
    numbers: dict[Path, list[int]] = {}
    for face in faces.annotations:
        numbers.setdefault(face.image, []).append(face.face)
    files = labels_of(form, place, options, faces.skeleton)
    labels = InPlaceLabels(source, files, faces.skeleton, numbers, starts=False)
    entries = [AlbumImage(_name(image, root), image) for image in numbers]
    return _album(root, labels, entries, prefix, inside, is_folder=False)


def _open_folder(folder: Path, skeleton: Skeleton, inside: Path | None) -> Album:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; check the path")
    entries = find_images(folder, inside)
    has_file = (folder / LABELS).exists()
    if not has_file and any(entry.path.with_suffix(".pts").is_file() for entry in entries):
        return _album(folder, _pts_labels(folder, entries), entries, "", inside)
    return _album(folder, LabelFile(folder, stored_skeleton(folder) or skeleton), entries, "", inside)


def _pts_labels(folder: Path, entries: list[AlbumImage]) -> LabelStore:
    first: dict[Path, Path] = {}
    for entry in entries:
        one = first.setdefault(entry.path.with_suffix(""), entry.path)
        if one != entry.path:
            raise ConfigError(
                f"{one} and {entry.path.name} would share the label file {one.stem}.pts; rename one of them"
            )
    source = f"ibug:{folder}"
    skeleton = datasets.load(source).skeleton
    numbers = {entry.path: [0] for entry in entries if entry.path.with_suffix(".pts").is_file()}
    return InPlaceLabels(source, labels_of("ibug", str(folder), {}, skeleton), skeleton, numbers, starts=True)


def _album(
    root: Path,
    labels: LabelStore,
    entries: list[AlbumImage],
    prefix: str,
    inside: Path | None,
    is_folder: bool = True,
) -> Album:
    progress, history = Progress(root / f"{prefix}{PROGRESS}"), History(root / f"{prefix}{HISTORY}")
    return Album(root, labels, entries, progress, history, inside, is_folder)


def find_images(folder: Path, inside: Path | None = None) -> list[AlbumImage]:
    """Return the images in a folder and below it, sorted, without hidden ones and those of training runs.

    Args:
        folder: the folder.
        inside: images that leave this folder through a link are left out; None follows all links.
    """
    limit = None if inside is None else inside.resolve()
    start = len(str(folder / "x")) - 1

    @cache
    def is_inside(place: str) -> bool:
        return limit is None or (folder / place).resolve().is_relative_to(limit)

    found: list[AlbumImage] = []
    for path in files_below(folder):  # without pathlib, which takes a second for ten thousand files
        name = str(path)[start:].replace(os.sep, "/")
        if _is_album_image(name) and (
            is_inside(name.rpartition("/")[0]) if _is_file(path) else _links_to_file(path, limit)
        ):
            found.append(AlbumImage(name, path))
    return found


def _is_album_image(name: str) -> bool:
    is_excluded = any(part.startswith(".") or part == RUNS for part in name.split("/"))
    return not is_excluded and name.lower().endswith(images.SUFFIXES)


def _is_file(path: Path) -> bool:
    """Return whether a path is a file itself, rather than a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _links_to_file(path: Path, limit: Path | None) -> bool:
    """Return whether a link leads to a file, in a folder `limit` if there is one."""
    return path.is_file() and (limit is None or path.resolve().is_relative_to(limit))


def _name(image: Path, root: Path) -> str:
    """Return an image's name: its path relative to the folder."""
    return image.relative_to(root).as_posix() if image.is_relative_to(root) else str(image)
