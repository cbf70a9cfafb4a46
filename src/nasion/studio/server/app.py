"""The HTTP server of the studio as one ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from starlette.routing import NoMatchFound

from nasion.predict.predictor import Predictor
from nasion.studio.albums.album import Album
from nasion.studio.albums.folders import Root
from nasion.studio.clips import ClipJobs
from nasion.studio.server import train_routes
from nasion.studio.server.access import AccessControl
from nasion.studio.server.albums import album_routes, image_routes
from nasion.studio.server.albums.open_albums import OpenAlbums
from nasion.studio.server.albums.scan import scan_albums
from nasion.studio.server.errors import ERROR_RESPONSES, add_error_handlers
from nasion.studio.server.faces import export_routes, match_routes, predict_routes, video_routes
from nasion.studio.server.job_queue import JobQueue
from nasion.studio.server.loaded_models import LoadedModels
from nasion.studio.server.page import page_routes
from nasion.studio.server.state import DEFAULT_SETTINGS, Server, ServerSettings
from nasion.studio.trained_models import find_trained_models

__all__ = ["ServerSettings", "build"]


def build(
    settings: ServerSettings = DEFAULT_SETTINGS,
    make: Callable[[str], Predictor] = Predictor,
    extra: dict[str, str] | None = None,
    album: Album | None = None,
    root: Path | None = None,
) -> AccessControl:
    """Return the ASGI application.

    Args:
        settings: its limits, and how it starts.
        make: returns the predictor of a packaged model, an .onnx file or a run folder.
        extra: names and sources of models besides the packaged ones; the first is the default model.
        album: the folder that is open for labeling and training from the start.
        root: the folder below which the page can open others; default: that of `album`.

    Raises:
        ConfigError: the root is not a folder, or the token is empty or has characters other than letters, digits, "-"
            and "_".
    """
    models, queue = LoadedModels(make, extra or {}), JobQueue(settings.queue, settings.timeout_s)
    root = album.root if root is None and album is not None else root
    place = None if root is None else Root(root)
    albums = OpenAlbums(
        place,
        lambda: models.predictor().skeleton,
        album,
        lambda opened: _list_trained(models, opened.training.runs, opened.limit),
    )
    if place is not None:
        for runs in place.runs():
            _list_trained(models, runs, place.folder)
    app = FastAPI(
        title="nasion HTTP API",
        description="Predict, match and correct facial keypoints.",
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's documentation pages load scripts from other servers
        redoc_url=None,
        responses=ERROR_RESPONSES,
    )
    app.state.server = Server(settings, models, queue, albums, clips=ClipJobs(settings.longest_clip_s))
    add_error_handlers(app)
    app.include_router(page_routes.router)
    for module in (predict_routes, match_routes, export_routes, video_routes, album_routes, image_routes, train_routes):
        app.include_router(module.router)
    _build_routes(app)
    return AccessControl(app, settings.token, settings.largest_body, {video_routes.UPLOAD: settings.largest_clip})


def _list_trained(models: LoadedModels, runs: Path, inside: Path) -> None:
    """Add the models that earlier trainings have written into a folder of runs."""
    found = find_trained_models(runs, inside)
    for run in found.runs:
        models.add(run, inside)
    models.problems.update(found.problems)


def _build_routes(app: FastAPI) -> None:
    """Make FastAPI build all routes now.

    It would do so for the first request, with changed warning filters, which the scan in another thread uses too.
    """
    with suppress(NoMatchFound):
        app.url_path_for("")  # looks at all routes


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Scan the open folders while the server runs; then end the queue and the trainings."""
    server: Server = app.state.server
    tasks = [asyncio.create_task(scan_albums(server))]
    if server.settings.warm_up:
        tasks.append(asyncio.create_task(predict_routes.warm_up(server)))
    yield
    for task in tasks:
        task.cancel()
    server.queue.close()
    server.clips.close()
    server.albums.close()
