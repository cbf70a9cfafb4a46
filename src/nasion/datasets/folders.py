"""The files in a folder and its subfolders, following links; which of them belong to the studio."""

import os
from collections import deque
from pathlib import Path

__all__ = ["HISTORY", "LABELS", "PROGRESS", "RUNS", "files_below", "is_of_studio"]

LABELS = "nasion-labels.json"
"""Name of the studio's file of labels, in the folder of the images."""

PROGRESS = "nasion-progress.json"
"""Name, or end of the name, of the studio's file that lists the images that are done."""

HISTORY = "nasion-history.jsonl"
"""Name, or end of the name, of the studio's file of earlier labels, for undo."""

RUNS = "nasion-runs"
"""Name of the studio's folder for training runs; its files are not labels or images of the folder that contains it."""


def is_of_studio(path: Path, folder: Path) -> bool:
    """Return whether the studio wrote a file below a folder that is open for correction.

    >>> is_of_studio(Path("a/nasion-runs/1/run.json"), Path("a")), is_of_studio(Path("a/b.json"), Path("a"))
    (True, False)
    """
    return path.name.endswith((LABELS, PROGRESS, HISTORY)) or RUNS in path.relative_to(folder).parts


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
