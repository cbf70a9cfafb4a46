"""The state that all routes of a server share."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Query, Request

from nasion.studio.album import Album
from nasion.studio.clips import ClipJobs
from nasion.studio.server.job_queue import JobQueue
from nasion.studio.server.loaded_models import LoadedModels
from nasion.studio.training_process import TrainingProcess

__all__ = [
    "DEFAULT_SETTINGS",
    "CurrentAlbum",
    "CurrentServer",
    "CurrentTraining",
    "ModelName",
    "Server",
    "ServerSettings",
]


@dataclass(frozen=True)
class ServerSettings:
    """Limits of a server.

    Attributes:
        token: the access token; None requires no token and accepts only local host names.
        largest_body: limit for the size of a request body, bytes.
        largest_pixels: limit for the size of a decoded image, pixels.
        queue: how many jobs may wait while one is running.
        timeout_s: time limit for a job including its wait, s.
        largest_clip: limit for the size of a clip, bytes.
        longest_clip_s: limit for the duration of a clip, s.
    """

    token: str | None = None
    largest_body: int = 40_000_000
    largest_pixels: int = 50_000_000
    queue: int = 32
    timeout_s: float = 60.0
    largest_clip: int = 200_000_000
    longest_clip_s: float = 120.0


DEFAULT_SETTINGS = ServerSettings()


@dataclass(frozen=True)
class Server:
    """The parts of a running server.

    Attributes:
        settings: its limits.
        models: the models that it offers.
        queue: runs the predictions.
        album: the folder that is open for correction and training, if any.
        training: trains on that folder.
        clips: tracks faces in clips.
    """

    settings: ServerSettings
    models: LoadedModels
    queue: JobQueue
    album: Album | None = None
    training: TrainingProcess | None = None
    clips: ClipJobs = field(default_factory=lambda: ClipJobs(DEFAULT_SETTINGS.longest_clip_s))


async def _current_server(request: Request) -> Server:
    return request.app.state.server


CurrentServer = Annotated[Server, Depends(_current_server)]


async def _current_album(server: CurrentServer) -> Album:
    assert server.album is not None  # without an album, its routes do not exist
    return server.album


async def _current_training(server: CurrentServer) -> TrainingProcess:
    assert server.training is not None  # without an album, its routes do not exist
    return server.training


CurrentAlbum = Annotated[Album, Depends(_current_album)]
CurrentTraining = Annotated[TrainingProcess, Depends(_current_training)]

ModelName = Annotated[str, Query(description="name of a model from /v1/models; default: the first model")]
