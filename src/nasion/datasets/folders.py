"""The files in a folder and in the folders below it, through links as well."""

import os
from collections import deque
from pathlib import Path

__all__ = ["files_below"]


def files_below(folder: Path) -> list[Path]:
    """Return all files in a folder and below it, sorted.

    Links to folders are followed. Each folder is visited once, even if several links lead to it or a link leads back
    to a folder above; its own place comes before links to it.
    """
    found: list[Path] = []
    visited: set[tuple[int, int]] = set()
    waiting, links = deque([folder]), deque[Path]()
    while waiting or links:
        place = waiting.popleft() if waiting else links.popleft()
        status = _status(place)
        if status is None or status in visited:
            continue
        visited.add(status)
        for entry in sorted(_entries(place), key=lambda entry: entry.name):
            if _is_folder(entry):
                (links if entry.is_symlink() else waiting).append(Path(entry))
            else:
                found.append(Path(entry))
    return sorted(found)


def _status(place: Path) -> tuple[int, int] | None:
    """Return what identifies a folder under all its names; None if it has vanished."""
    try:
        status = place.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _entries(place: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder; none if it may not be read, as in `Path.rglob`."""
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a loop of links
        return False
