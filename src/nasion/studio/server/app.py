"""What can be asked and what comes back.

GET  /                    the page                     GET  /healthz       whether it works
GET  /v1/models           models and their points      POST /v1/predict    a picture → faces with points
POST /v1/match            two pictures → a morph       GET  /docs          this, to try out
"""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from PIL import Image as PillowImage
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.formparsers import MultiPartException

from nasion import images
from nasion.errors import ConfigError, NasionError
from nasion.matching import match
from nasion.matching.morph import Pair
from nasion.predict.predictor import Predictor
from nasion.predict.writers import face_table
from nasion.sample import Image, Prediction
from nasion.studio.album import RUNS, Album, ConflictError
from nasion.studio.server.access import AccessControl, RefusedError
from nasion.studio.server.album_routes import add_album, look_at_all
from nasion.studio.server.job_queue import JobQueue, JobTimeoutError, QueueFullError
from nasion.studio.server.loaded_models import LoadedModels
from nasion.studio.training_process import TrainingProcess

__all__ = ["ServerSettings", "build"]

RETRY_S = 2
FARTHEST = 1e6
"""px from a picture's corner that a box may reach."""
MOST_BOXES = 64
JPEG_QUALITY = 85

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class ServerSettings:
    """What a server allows.

    Attributes:
        token: what must be shown; None answers this machine alone.
        largest_body: bytes of a request.
        largest_pixels: of a picture, decoded.
        queue: pictures that may wait.
        timeout_s: seconds after which a picture is given up.
    """

    token: str | None = None
    largest_body: int = 40_000_000
    largest_pixels: int = 50_000_000
    queue: int = 32
    timeout_s: float = 60.0


BOXES = Query(
    [], max_length=MOST_BOXES, description="x0,y0,x1,y1 in px around a face's points; else faces are looked for"
)

PICTURE = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"image": {"type": "string", "format": "binary"}}}
            },
        },
    }
}
TWO_PICTURES = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {name: {"type": "string", "format": "binary"} for name in ("a", "b")},
                }
            }
        },
    }
}


def build(
    settings: ServerSettings = ServerSettings(),
    make: Callable[[str], Predictor] = Predictor,
    extra: dict[str, str] | None = None,
    album: Album | None = None,
) -> Any:
    """Return the ASGI application.

    Args:
        settings: what it allows.
        make: makes the predictor of a model.
        extra: names and places of models beside the package's; the first is what is used if none is named.
        album: the folder that is open for correction and training.
    """
    shelf, desk = LoadedModels(make, extra or {}), JobQueue(settings.queue, settings.timeout_s)
    training = None
    if album is not None:
        training = TrainingProcess(album.source, album.root / RUNS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(look_at_all(album, shelf, desk)) if album is not None else None
        yield
        if looking is not None:
            looking.cancel()
        desk.close()
        if training is not None:
            training.close()

    # FastAPI's own page of documentation loads scripts from elsewhere
    app = FastAPI(title="nasion", description="Facial keypoints", lifespan=lifespan, docs_url=None, redoc_url=None)
    _add_errors(app)
    _add_pages(app)

    @app.get("/healthz", summary="Whether it works")
    def health() -> dict[str, Any]:
        return {"ok": True, "waiting": desk.open}

    @app.get("/v1/models", summary="The models, their points and terms")
    async def list_models() -> list[dict[str, Any]]:
        return [await desk.do(lambda name=name: _described(shelf, name)) for name in shelf.names]

    @app.post("/v1/predict", summary="Faces and their points in a picture", openapi_extra=PICTURE)
    async def predict(
        request: Request,
        model: str = Query("", description="a model of /v1/models; else its first"),
        box: list[str] = BOXES,
    ) -> dict[str, Any]:
        async with desk.place():
            (content,) = await _pictures(request, 1)
        boxes = [_box(text) for text in box] or None
        return await desk.do(lambda: _predicted(content, shelf.predictor(model or shelf.names[0]), boxes, settings))

    @app.post("/v1/match", summary="Two pictures matched, and a morph between them", openapi_extra=TWO_PICTURES)
    async def match_two(
        request: Request,
        model: str = Query("", description="a model of /v1/models; else its first"),
        frames: int = Query(11, ge=2, le=31, description="pictures of the morph, both ends included"),
    ) -> dict[str, Any]:
        async with desk.place():
            first, second = await _pictures(request, 2)
        return await desk.do(
            lambda: _matched(first, second, shelf.predictor(model or shelf.names[0]), frames, settings)
        )

    @app.get("/v1/studio", summary="Which rooms are open")
    def rooms() -> dict[str, Any]:
        return {"album": album is not None}

    if album is not None and training is not None:
        add_album(app, album, training, shelf, desk)
    return AccessControl(app, settings.token, settings.largest_body)


def _add_errors(app: FastAPI) -> None:
    def line(status: int, text: str, **headers: str) -> JSONResponse:
        return JSONResponse({"error": " ".join(text.split())}, status, headers)

    @app.exception_handler(NasionError)
    async def of_input(_request: Request, error: NasionError) -> JSONResponse:
        return line(422, str(error))

    @app.exception_handler(RefusedError)
    async def refused(_request: Request, error: RefusedError) -> JSONResponse:
        return line(error.status, error.reason)

    @app.exception_handler(QueueFullError)
    async def full(_request: Request, _error: QueueFullError) -> JSONResponse:
        text = f"too many pictures are waiting; ask again in {RETRY_S} s"
        return line(429, text, **{"retry-after": str(RETRY_S)})

    @app.exception_handler(JobTimeoutError)
    async def late(_request: Request, _error: JobTimeoutError) -> JSONResponse:
        return line(504, "this picture took too long to come or to look at; send a smaller one")

    @app.exception_handler(ConflictError)
    async def changed(_request: Request, _error: ConflictError) -> JSONResponse:
        return line(
            409, "these labels have been changed since you opened them, perhaps in another window; open them anew"
        )

    @app.exception_handler(RequestValidationError)
    async def odd(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return line(422, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")

    @app.exception_handler(StarletteHTTPException)
    async def other(_request: Request, error: StarletteHTTPException) -> JSONResponse:
        return line(error.status_code, str(error.detail))


def _add_pages(app: FastAPI) -> None:
    """Serve the files of `pages` and nothing else: names are looked up in a list, never joined to a path."""
    folder = resources.files("nasion") / "studio" / "pages"
    files = {each.name: each for each in folder.iterdir() if each.name[each.name.rfind(".") :] in KINDS}

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(files["index.html"].read_text("utf-8"))

    @app.get("/docs", include_in_schema=False)
    def documentation() -> HTMLResponse:
        return HTMLResponse(files["docs.html"].read_text("utf-8"))

    @app.get("/pages/{name}", include_in_schema=False)
    def part(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "there is no such page")
        return Response(files[name].read_bytes(), media_type=KINDS[name[name.rfind(".") :]])


async def _pictures(request: Request, count: int) -> list[bytes]:
    """Return the bytes of the pictures in a request: its body, or the files of its form in their order.

    Raises:
        ConfigError: there are others than asked for.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        found = [await request.body()]
    else:
        try:
            async with request.form(max_files=count, max_fields=count) as form:
                found = [await part.read() for part in form.values() if isinstance(part, UploadFile)]
        except MultiPartException as error:
            raise ConfigError(f"the form cannot be read: {error}") from None
    found = [each for each in found if each]
    if len(found) != count:
        words = "a picture, as the body or as a form's file" if count == 1 else f"{count} pictures as a form's files"
        raise ConfigError(f"send {words}; there {'is' if len(found) == 1 else 'are'} {len(found)}")
    return found


def _described(shelf: LoadedModels, name: str) -> dict[str, Any]:
    """Return a model as JSON has it; one that cannot be used any more keeps no other from use."""
    try:
        return shelf.described(name)
    except NasionError as error:
        return {"name": name, "error": str(error)}


def _box(text: str) -> list[float]:
    try:
        box = [float(word) for word in text.split(",")]
        if any(abs(value) > FARTHEST for value in box):
            raise ValueError
        return box
    except ValueError:
        raise ConfigError(f'a box is x0,y0,x1,y1 in px, such as 200,120,440,400, not "{text[:80]}"') from None


def _predicted(
    content: bytes, predictor: Predictor, boxes: list[list[float]] | None, settings: ServerSettings
) -> dict[str, Any]:
    image = images.decode(content, "the picture", settings.largest_pixels)
    faces = predictor(image, boxes)
    height, width = image.shape[:2]
    return {"width": width, "height": height, "faces": [face_table(k, face) for k, face in enumerate(faces)]}


def _matched(
    first: bytes, second: bytes, predictor: Predictor, frames: int, settings: ServerSettings
) -> dict[str, Any]:
    pictures = [
        images.decode(content, f"picture {name}", settings.largest_pixels)
        for content, name in ((first, "A"), (second, "B"))
    ]
    a, b = (_largest(predictor(image), name) for image, name in zip(pictures, "AB", strict=True))
    found = match(a, b)
    pair = Pair(pictures[0], pictures[1], found)
    return {
        "names": list(found.names),
        "residual": found.residual,
        "scale": found.similarity.scale,
        "rotation_deg": found.similarity.rotation_deg,
        "a": {"width": pictures[0].shape[1], "height": pictures[0].shape[0], "keypoints": _listed(found.a)},
        "b": {"width": pictures[1].shape[1], "height": pictures[1].shape[0], "keypoints": _listed(found.b)},
        "frames": [_data_uri(pair.at(k / (frames - 1))) for k in range(frames)],
    }


def _largest(faces: list[Prediction], name: str) -> Prediction:
    if not faces:
        raise ConfigError(f"no face was found in picture {name}")
    return max(faces, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])))


def _listed(points: np.ndarray) -> list[list[float]]:
    return np.round(points, 3).tolist()


def _data_uri(image: Image) -> str:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
