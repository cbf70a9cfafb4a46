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
        limit: the folder outside which no model is read: the root, or the folder itself if it is not below the root.
        model: name of the model that the page uses for it, or an empty string.
    """

    key: str
    album: Album
    training: TrainingProcess
    suggestions: Suggestions
    limit: Path
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
        on_open: called with each album that is opened.
    """

    def __init__(
        self,
        root: Root | None,
        skeleton: Callable[[], Skeleton],
        first: Album | None = None,
        on_open: Callable[[OpenAlbum], None] = lambda _opened: None,
    ) -> None:
        self.root, self._skeleton, self._on_open = root, skeleton, on_open
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
        limit = self.root.folder if self.root and self._is_below(album) else album.root.resolve()
        training = TrainingProcess(album.source, album.root / RUNS, limit)
        opened = OpenAlbum(key, album, training, Suggestions(album), limit)
        self._on_open(opened)
        self._open[key] = opened

    def _is_below(self, album: Album) -> bool:
        return self.root is not None and album.root.resolve().is_relative_to(self.root.folder)

    def _key(self, album: Album) -> str:
        is_named = self.root is not None and album.is_folder and self._is_below(album)
        return self.root.relative(album.root.resolve()) if self.root and is_named else album.source
