"""Routes that predict and match: health check, models, predict, match.

GET  /healthz      health check            POST /v1/predict   one image: its faces and their keypoints
GET  /v1/models    models and keypoints    POST /v1/match     two images: matched keypoints and a morph
GET  /v1/studio    what this server offers
"""

import logging
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from nasion import images
from nasion.errors import ConfigError, NasionError
from nasion.geometry import FloatArray
from nasion.matching import match
from nasion.matching.largest import largest
from nasion.matching.morph import Pair
from nasion.outputs.records import face_values, header_values, point_values, predicted_faces
from nasion.outputs.schema import Face
from nasion.predict.boxes import parse_box
from nasion.sample import Image, Prediction
from nasion.studio.server.encoding import data_uri
from nasion.studio.server.schemas import (
    BrokenModel,
    Faces,
    Health,
    MatchedImage,
    MatchResult,
    ModelInfo,
    StudioInfo,
)
from nasion.studio.server.state import CurrentServer, ModelName, Server

__all__ = ["router"]

MAX_BOXES = 64
MIN_FRAMES, DEFAULT_FRAMES, MAX_FRAMES = 2, 11, 31
MORPH_QUALITY = 85
"""JPEG quality of the frames of a morph."""

BOXES = Query(
    [], max_length=MAX_BOXES, description="x0,y0,x1,y1 around the keypoints of a face, image px; default: detect faces"
)
MEASURE = Query(False, description="also measure pose, eyes, mouth and symmetry of each face")
FrameCount = Annotated[
    int, Query(ge=MIN_FRAMES, le=MAX_FRAMES, description="number of images in the morph, including both ends")
]

FILE = {"type": "string", "format": "binary"}
ONE_IMAGE = {
    "image/*": {"schema": FILE},
    "multipart/form-data": {"schema": {"type": "object", "properties": {"image": FILE}}},
}
TWO_IMAGES = {"multipart/form-data": {"schema": {"type": "object", "properties": {"a": FILE, "b": FILE}}}}

logging.getLogger("python_multipart").addHandler(logging.NullHandler())  # it logs what is wrong with a form, too

router = APIRouter()


@router.get("/healthz", summary="Health check")
def health(server: CurrentServer) -> Health:
    """Return whether the server works, and how busy it is."""
    return Health(ok=True, waiting=server.queue.unfinished)


@router.get("/v1/studio", summary="What this server offers")
def studio_info(server: CurrentServer) -> StudioInfo:
    """Return whether a folder is open, and whether others can be opened."""
    root = server.albums.root
    return StudioInfo(album=bool(server.albums.all), root=None if root is None else root.folder.name)


@router.get("/v1/models", summary="List the models with their keypoints and terms")
async def list_models(server: CurrentServer) -> list[ModelInfo | BrokenModel]:
    """Return all models; the first is the default."""
    return [await server.queue.run(lambda name=name: _describe_model(server, name)) for name in server.models.names]


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
        (content,) = await _read_images(request, 1)
    boxes = [parse_box(text) for text in box] or None
    return await server.queue.run(lambda: _predict(server, content, model, boxes, measure))


@router.post(
    "/v1/match",
    summary="Match the faces in two images and morph one into the other",
    openapi_extra={"requestBody": {"required": True, "content": TWO_IMAGES}},
)
async def match_images(
    request: Request, server: CurrentServer, model: ModelName = "", frames: FrameCount = DEFAULT_FRAMES
) -> MatchResult:
    """Return the keypoints that the largest faces of two images have in common. Send the images as files of a form."""
    async with server.queue.reserve():
        contents = await _read_images(request, 2)
    return await server.queue.run(lambda: _match(server, contents, model, frames))


async def _read_images(request: Request, count: int) -> list[bytes]:
    """Return the image files in a request: its body, or the files of its form in their order.

    Raises:
        ConfigError: their number is not `count`.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        contents = [await request.body()]
    else:
        try:
            async with request.form(max_files=count, max_fields=count) as form:
                contents = [await part.read() for part in form.values() if isinstance(part, UploadFile)]
        except MultiPartException as error:
            raise ConfigError(f"the form cannot be read: {error}") from None
    contents = [content for content in contents if content]
    if len(contents) != count:
        expected = (
            "one image as the body or as a file of a form" if count == 1 else f"{count} images as files of a form"
        )
        raise ConfigError(f"send {expected}; this request has {len(contents)}")
    return contents


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


def _match(server: Server, contents: Sequence[bytes], model: str, frames: int) -> MatchResult:
    predictor = server.models.predictor(model)
    decoded = [
        images.decode(content, f"image {name}", server.settings.largest_pixels)
        for content, name in zip(contents, "AB", strict=True)
    ]
    a, b = (_largest_face(predictor(image), name) for image, name in zip(decoded, "AB", strict=True))
    matched = match(a, b)
    pair = Pair(decoded[0], decoded[1], matched)
    return MatchResult(
        names=list(matched.names),
        residual=matched.residual,
        scale=matched.similarity.scale,
        rotation_deg=matched.similarity.rotation_deg,
        a=_matched_image(decoded[0], matched.a),
        b=_matched_image(decoded[1], matched.b),
        frames=[data_uri(pair.at(k / (frames - 1)), MORPH_QUALITY) for k in range(frames)],
    )


def _largest_face(faces: Sequence[Prediction], name: str) -> Prediction:
    if not faces:
        raise ConfigError(f"no face was found in image {name}")
    return faces[largest(faces)]


def _matched_image(image: Image, keypoints: FloatArray) -> MatchedImage:
    height, width = image.shape[:2]
    return MatchedImage(width=width, height=height, keypoints=point_values(keypoints))
