"""The state that all routes of a server share."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Query, Request

from nasion.studio.albums.album import Album
from nasion.studio.clips import ClipJobs
from nasion.studio.server.albums.open_albums import OpenAlbum, OpenAlbums
from nasion.studio.server.albums.thumbnails import Thumbnails
from nasion.studio.server.job_queue import JobQueue
from nasion.studio.server.loaded_models import LoadedModels

__all__ = [
    "DEFAULT_SETTINGS",
    "MAX_PATH",
    "CurrentAlbum",
    "CurrentFolder",
    "CurrentServer",
    "ModelName",
    "Server",
    "ServerSettings",
]


@dataclass(frozen=True)
class ServerSettings:
    """Limits of a server, and how it starts.

    Attributes:
        token: the access token; None requires no token and accepts only local host names.
        largest_body: limit for the size of a request body, bytes.
        largest_pixels: limit for the size of a decoded image, pixels.
        queue: how many jobs may wait while one is running.
        timeout_s: time limit for a job including its wait, s.
        largest_clip: limit for the size of a clip, bytes.
        longest_clip_s: limit for the duration of a clip, s.
        warm_up: whether the default model predicts an example when the server starts, so that the first request is
            answered as fast as later ones.
    """

    token: str | None = None
    largest_body: int = 40_000_000
    largest_pixels: int = 50_000_000
    queue: int = 32
    timeout_s: float = 60.0
    largest_clip: int = 200_000_000
    longest_clip_s: float = 120.0
    warm_up: bool = False


DEFAULT_SETTINGS = ServerSettings()

MAX_PATH = 4096
"""Largest length of a folder's path."""


@dataclass(frozen=True)
class Server:
    """The parts of a running server.

    Attributes:
        settings: its limits, and how it starts.
        models: the models that it offers.
        queue: runs the predictions.
        albums: the folders that are open for labeling and training.
        thumbnails: small images of these folders.
        clips: tracks faces in clips.
    """

    settings: ServerSettings
    models: LoadedModels
    queue: JobQueue
    albums: OpenAlbums
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    clips: ClipJobs = field(default_factory=lambda: ClipJobs(DEFAULT_SETTINGS.longest_clip_s))


async def _current_server(request: Request) -> Server:
    return request.app.state.server


CurrentServer = Annotated[Server, Depends(_current_server)]

FolderName = Annotated[
    str | None,
    Query(
        max_length=MAX_PATH,
        description="path of a folder below the server's root, or the name of an open data set; "
        "default: the one that was opened last",
    ),
]


def _current_folder(server: CurrentServer, folder: FolderName = None) -> OpenAlbum:
    return server.albums.get(folder)


CurrentFolder = Annotated[OpenAlbum, Depends(_current_folder)]


async def _current_album(folder: CurrentFolder) -> Album:
    return folder.album


CurrentAlbum = Annotated[Album, Depends(_current_album)]

ModelName = Annotated[str, Query(description="name of a model from /v1/models; default: the first model")]
