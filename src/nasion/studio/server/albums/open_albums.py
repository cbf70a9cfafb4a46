"""The albums that are open: each folder has one, with its training and its suggestions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from nasion.errors import ConfigError
from nasion.skeleton import Skeleton
from nasion.studio.albums.album import Album
from nasion.studio.albums.folders import Root
from nasion.studio.albums.opening import RUNS, find_images, open_album
from nasion.studio.server.albums.suggestions import Suggestions
from nasion.studio.training_process import TrainingProcess

__all__ = ["OpenAlbum", "OpenAlbums"]


@dataclass(eq=False)
class OpenAlbum:
    """An open folder.

    Attributes:
        key: the folder's path relative to the root, or the name of the data set.
        album: its images and labels.
        training: trains on the labels.
        suggestions: points for faces without labels.
        model: name of the model that the page uses for it, or an empty string.
    """

    key: str
    album: Album
    training: TrainingProcess
    suggestions: Suggestions
    model: str = ""

    def refresh(self) -> None:
        """Take over images that were copied into the folder, and the source of the labels, which may have changed."""
        if self.album.is_folder:
            self.album.add_images(find_images(self.album.root, self.album.inside))
        self.training.source = self.album.source


class OpenAlbums:
    """The open albums of a server.

    Args:
        root: the folder below which folders can be opened; None allows none.
        skeleton: returns the skeleton for folders without labels.
        first: the album that is open from the start.
    """

    def __init__(self, root: Root | None, skeleton: Callable[[], Skeleton], first: Album | None = None) -> None:
        self.root, self._skeleton = root, skeleton
        self._open: dict[str, OpenAlbum] = {}
        self._lock = Lock()
        if first is not None:
            self._add(self._key(first), first)

    @property
    def all(self) -> list[OpenAlbum]:
        """The open albums, the one that was opened last at the end."""
        return list(self._open.values())

    def get(self, folder: str | None) -> OpenAlbum:
        """Return the album of a folder, which is opened if necessary.

        Args:
            folder: the key of an open album, or a path relative to the root; None is the album that was opened last.

        Raises:
            ConfigError: no folder is open, or the path leaves the root or is not a folder.
            AnnotationError: the folder's labels cannot be read.
        """
        with self._lock:
            if folder is None:
                if not self._open:
                    raise ConfigError("no folder is open; start the studio with a folder: nasion serve FOLDER")
                return self.all[-1]
            if folder not in self._open:
                if self.root is None:
                    raise ConfigError("folders cannot be opened; start the studio with --root FOLDER")
                place = self.root.resolve(folder)
                folder = self.root.relative(place)  # "faces/" and "./faces" are the album "faces"
                if folder not in self._open:
                    self._add(folder, open_album(str(place), self._skeleton(), self.root.folder))
            return self._open[folder]

    def close(self) -> None:
        """Stop all trainings."""
        for each in self.all:
            each.training.close()

    def _add(self, key: str, album: Album) -> None:
        training = TrainingProcess(album.source, album.root / RUNS)
        self._open[key] = OpenAlbum(key, album, training, Suggestions(album))

    def _key(self, album: Album) -> str:
        place = Path(album.root).absolute()
        is_below = self.root is not None and place.resolve().is_relative_to(self.root.folder)
        return self.root.relative(place.resolve()) if self.root and album.is_folder and is_below else album.source
