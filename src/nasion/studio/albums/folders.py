"""The folders that a user may open from the page: the root that was given at the start, and those below it.

A path from the page is relative to the root. One that leaves it, directly or through a link, is refused.
"""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nasion import images
from nasion.datasets.folders import LABELS, RUNS
from nasion.errors import ConfigError

__all__ = ["Folder", "Listing", "Root"]

MAX_LISTED = 1000
"""Largest number of subfolders that are listed, and of files that are counted in each."""


@dataclass(frozen=True)
class Folder:
    """A folder below the root.

    Attributes:
        path: relative to the root, with "/"; "" for the root.
        name: its last part.
        images: number of images directly in it, at most `MAX_LISTED`.
        is_labeled: whether it has a `nasion-labels.json` or .pts files.
    """

    path: str
    name: str
    images: int
    is_labeled: bool


@dataclass(frozen=True)
class Listing:
    """A folder and the folders in it.

    Attributes:
        folder: the folder.
        folders: those in it, sorted by name; hidden ones and those of training runs are left out.
        refused: names of links that leave the root.
        is_complete: whether all folders are listed.
    """

    folder: Folder
    folders: list[Folder]
    refused: list[str]
    is_complete: bool


class Root:
    """The folder to which the studio is confined.

    Args:
        folder: an existing folder.

    Raises:
        ConfigError: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder; check the path")
        self.folder = folder.resolve()

    def resolve(self, path: str) -> Path:
        """Return the folder of a path that is relative to the root.

        Raises:
            ConfigError: the path leaves the root, also through a link, or is not a folder.
        """
        parts = PurePosixPath(path).parts
        if (
            "\0" in path
            or path.startswith(("/", "~"))
            or ".." in parts
            or "\\" in path
            or ":" in path.partition("/")[0]
        ):
            raise ConfigError(f'"{path[:200]}" is not a path below {self.folder}; choose one of the listed folders')
        place = self.folder.joinpath(*parts)
        try:
            real = place.resolve(strict=True)
        except (OSError, RuntimeError):
            raise ConfigError(f'there is no folder "{path[:200]}" in {self.folder}') from None
        if not real.is_relative_to(self.folder):
            raise ConfigError(f'"{path[:200]}" leads out of {self.folder} through a link; it is not opened')
        if not real.is_dir():
            raise ConfigError(f'"{path[:200]}" is a file; choose the folder that holds it')
        return place

    def relative(self, folder: Path) -> str:
        """Return the path of a folder relative to the root, as `resolve` takes it."""
        path = os.path.relpath(folder.absolute(), self.folder)
        return "" if path == "." else Path(path).as_posix()

    def runs(self) -> list[Path]:
        """Return the folders of training runs in the root and in its folders, sorted; none of them leaves the root."""
        found = [self.folder / RUNS, *sorted(self.folder.glob(f"*/{RUNS}"))]
        return [place for place in found if place.is_dir() and place.resolve().is_relative_to(self.folder)]

    def listing(self, path: str) -> Listing:
        """Return a folder with its subfolders.

        Raises:
            ConfigError: as for `resolve`, or the folder cannot be read.
        """
        place = self.resolve(path)
        try:
            with os.scandir(place) as entries:
                names = sorted(
                    each.name
                    for each in entries
                    if each.is_dir() and each.name != RUNS and not each.name.startswith(".")
                )
        except OSError as error:
            raise ConfigError(f'the folder "{path[:200]}" cannot be read: {error.strerror or error}') from None
        folders: list[Folder] = []
        refused: list[str] = []
        for name in names[:MAX_LISTED]:
            if (place / name).resolve().is_relative_to(self.folder):
                folders.append(self._describe(place / name))
            else:
                refused.append(name)
        return Listing(self._describe(place), folders, refused, len(names) <= MAX_LISTED)

    def _describe(self, place: Path) -> Folder:
        suffixes: list[str] = []
        try:
            with os.scandir(place) as entries:
                for entry, _ in zip(entries, range(MAX_LISTED), strict=False):
                    suffixes.append(LABELS if entry.name == LABELS else Path(entry.name).suffix.lower())
        except OSError:  # a folder that may not be read is listed as empty
            pass
        count = sum(suffix in images.SUFFIXES for suffix in suffixes)
        is_labeled = LABELS in suffixes or ".pts" in suffixes
        return Folder(self.relative(place), place.name, count, is_labeled)
