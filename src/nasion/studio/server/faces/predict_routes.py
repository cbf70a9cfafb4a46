"""Routes that predict: health check, models, predict.

GET  /healthz      health check               POST /v1/predict   one image: its faces and their keypoints
GET  /v1/models    models and keypoints       GET  /v1/studio    what this server offers
"""

from collections.abc import Sequence
from contextlib import suppress

from fastapi import APIRouter, Query, Request

from nasion import images
from nasion.errors import NasionError
from nasion.outputs.records import face_values, header_values, predicted_faces
from nasion.outputs.schema import Face
from nasion.predict.boxes import parse_box
from nasion.studio.clips import missing_package
from nasion.studio.server.faces.uploads import ONE_IMAGE, read_images
from nasion.studio.server.job_queue import JobTimeoutError, QueueFullError
from nasion.studio.server.page.page_files import find_page
from nasion.studio.server.schemas import BrokenModel, ClipLimits, Faces, Health, ModelInfo, StudioInfo
from nasion.studio.server.state import CurrentServer, ModelName, Server

__all__ = ["router", "warm_up"]

EXAMPLE = "/pages/examples/astronaut.jpg"
"""The image that `warm_up` predicts."""

MAX_BOXES = 64

BOXES = Query(
    [], max_length=MAX_BOXES, description="x0,y0,x1,y1 around the keypoints of a face, image px; default: detect faces"
)
MEASURE = Query(False, description="also measure pose, eyes, mouth and symmetry of each face")

router = APIRouter()


@router.get("/healthz", summary="Health check")
def health(server: CurrentServer) -> Health:
    """Return whether the server works, and how busy it is."""
    return Health(ok=True, waiting=server.queue.unfinished)


@router.get("/v1/studio", summary="What this server offers")
def studio_info(server: CurrentServer) -> StudioInfo:
    """Return whether a folder is open, whether others can be opened, and which clips can be tracked."""
    settings, root = server.settings, server.albums.root
    limits = ClipLimits(
        missing=missing_package(), largest_bytes=settings.largest_clip, longest_s=settings.longest_clip_s
    )
    return StudioInfo(album=bool(server.albums.all), root=None if root is None else root.folder.name, clips=limits)


@router.get("/v1/models", summary="List the models with their keypoints and terms")
async def list_models(server: CurrentServer) -> list[ModelInfo | BrokenModel]:
    """Return all models, then those that cannot be loaded; the first is the default."""
    names = server.models.names
    found = [await server.queue.run(lambda name=name: _describe_model(server, name)) for name in names]
    return found + [BrokenModel(name=name, error=error) for name, error in server.models.problems.items()]


@router.post(
    "/v1/predict",
    summary="Find faces in an image and predict their keypoints",
    response_model_exclude_unset=True,  # fields that nasion does not fill are left out, as in files
    openapi_extra={"requestBody": {"required": True, "content": ONE_IMAGE}},
)
async def predict(
    request: Request, server: CurrentServer, model: ModelName = "", box: list[str] = BOXES, measure: bool = MEASURE
) -> Faces:
    """Return the faces of an image. Send the image as the request body, or as a file of a form."""
    async with server.queue.reserve():
        ((_, content),) = await read_images(request, 1)
    boxes = [parse_box(text) for text in box] or None
    return await server.queue.run(lambda: _predict(server, content, model, boxes, measure))


async def warm_up(server: Server) -> None:
    """Predict an example, so that model, detector and memory are ready for the first request."""
    example = find_page(EXAMPLE)
    assert example is not None
    with suppress(NasionError, QueueFullError, JobTimeoutError):  # the first request reports it
        await server.queue.run(lambda: _predict(server, example.content, "", None, measure=True))


def _describe_model(server: Server, name: str) -> ModelInfo | BrokenModel:
    """Return a model; one that cannot be loaded does not hide the others."""
    try:
        return server.models.describe(name)
    except NasionError as error:
        return BrokenModel(name=name, error=str(error))


def _predict(
    server: Server, content: bytes, model: str, boxes: Sequence[Sequence[float]] | None, measure: bool
) -> Faces:
    predictor = server.models.predictor(model)
    image = images.decode(content, "the image", server.settings.largest_pixels)
    found = predicted_faces("", predictor(image, boxes), measure)
    faces = [Face.model_validate(face_values(number, face)) for number, face in enumerate(found)]
    height, width = image.shape[:2]
    header = header_values(predictor.skeleton, predictor.backend.name)
    return Faces(**header, width=width, height=height, faces=faces)
