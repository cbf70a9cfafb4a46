"""The HTTP server of the studio as one ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from nasion.predict.predictor import Predictor
from nasion.studio.album import RUNS, Album
from nasion.studio.clips import ClipJobs
from nasion.studio.server import album_routes, page_routes
from nasion.studio.server.access import AccessControl
from nasion.studio.server.errors import ERROR_RESPONSES, add_error_handlers
from nasion.studio.server.faces import export_routes, match_routes, predict_routes, video_routes
from nasion.studio.server.job_queue import JobQueue
from nasion.studio.server.loaded_models import LoadedModels
from nasion.studio.server.state import DEFAULT_SETTINGS, Server, ServerSettings
from nasion.studio.training_process import TrainingProcess

__all__ = ["ServerSettings", "build"]


def build(
    settings: ServerSettings = DEFAULT_SETTINGS,
    make: Callable[[str], Predictor] = Predictor,
    extra: dict[str, str] | None = None,
    album: Album | None = None,
) -> AccessControl:
    """Return the ASGI application.

    Args:
        settings: its limits.
        make: returns the predictor of a packaged model, an .onnx file or a run folder.
        extra: names and sources of models besides the packaged ones; the first is the default model.
        album: the folder that is open for correction and training; None offers neither.

    Raises:
        ConfigError: the token is empty, or has characters other than letters, digits, "-" and "_".
    """
    models, queue = LoadedModels(make, extra or {}), JobQueue(settings.queue, settings.timeout_s)
    training = None if album is None else TrainingProcess(album.source, album.root / RUNS)
    app = FastAPI(
        title="nasion HTTP API",
        description="Predict, match and correct facial keypoints.",
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's documentation pages load scripts from other servers
        redoc_url=None,
        responses=ERROR_RESPONSES,
    )
    app.state.server = Server(settings, models, queue, album, training, clips=ClipJobs(settings.longest_clip_s))
    add_error_handlers(app)
    app.include_router(page_routes.router)
    for module in (predict_routes, match_routes, export_routes, video_routes):
        app.include_router(module.router)
    if album is not None:
        app.include_router(album_routes.router)
    return AccessControl(app, settings.token, settings.largest_body, {video_routes.UPLOAD: settings.largest_clip})


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Scan the open folder while the server runs; then end the queue and the training."""
    server: Server = app.state.server
    scan = None
    if server.album is not None:
        app.openapi()  # builds the routes now: FastAPI changes the warning filters for that, which the scan uses too
        scan = asyncio.create_task(album_routes.scan_album(server, server.album))
    yield
    if scan is not None:
        scan.cancel()
    server.queue.close()
    server.clips.close()
    if server.training is not None:
        server.training.close()
