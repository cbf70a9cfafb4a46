"""Routes that match two faces.

POST /v1/match          two images: matched keypoints and a morph
POST /v1/match/KIND     the same as a file: image, gif or json
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from nasion import images
from nasion.errors import ConfigError
from nasion.geometry import FloatArray
from nasion.matching import Match, match
from nasion.matching.largest import largest
from nasion.matching.morph import Pair
from nasion.matching.write import LARGE_RESIDUAL, ChosenFace, match_values, matches_view, morph_gif
from nasion.outputs.records import point_values
from nasion.predict.predictor import Predictor
from nasion.sample import Image
from nasion.studio.server.encoding import data_uri, encode_jpeg
from nasion.studio.server.faces.uploads import FILE_RESPONSE, TWO_IMAGES, read_images
from nasion.studio.server.schemas import MatchedImage, MatchResult
from nasion.studio.server.state import CurrentServer, ModelName, Server

__all__ = ["router"]

MIN_FRAMES, DEFAULT_FRAMES, MAX_FRAMES = 2, 11, 31
GIF_FRAMES = 20
"""Number of frames of a morph that is downloaded, in one direction."""

IMAGE_QUALITY = 85
"""JPEG quality of the frames of a morph, and of the image of the matches."""

FrameCount = Annotated[
    int, Query(ge=MIN_FRAMES, le=MAX_FRAMES, description="number of images in the morph, including both ends")
]
FaceA = Annotated[int | None, Query(ge=0, description="number of the face in image A, from 0; default: the largest")]
FaceB = Annotated[int | None, Query(ge=0, description="number of the face in image B, from 0; default: the largest")]
Kind = Literal["image", "gif", "json"]

MEDIA_TYPES = {"image": "image/jpeg", "gif": "image/gif", "json": "application/json"}
NAMES = {"image": "matches.jpg", "gif": "morph.gif", "json": "match.json"}

router = APIRouter()


@router.post(
    "/v1/match",
    summary="Match a face in each of two images, and morph one into the other",
    openapi_extra={"requestBody": {"required": True, "content": TWO_IMAGES}},
)
async def match_images(
    request: Request,
    server: CurrentServer,
    model: ModelName = "",
    frames: FrameCount = DEFAULT_FRAMES,
    face_a: FaceA = None,
    face_b: FaceB = None,
) -> MatchResult:
    """Return the keypoints that two faces have in common. Send the images as files of a form."""
    async with server.queue.reserve():
        files = await read_images(request, 2)
    return await server.queue.run(lambda: _describe(*_match(server, files, model, (face_a, face_b)), frames))


@router.post(
    "/v1/match/{kind}",
    summary="Get a match as a file: an image of both faces, a morph, or JSON",
    response_class=Response,
    responses=FILE_RESPONSE,
    openapi_extra={"requestBody": {"required": True, "content": TWO_IMAGES}},
)
async def match_file(
    kind: Kind,
    request: Request,
    server: CurrentServer,
    model: ModelName = "",
    face_a: FaceA = None,
    face_b: FaceB = None,
) -> Response:
    """Return a file of the match of two faces, as `nasion match` writes it. Send the images as files of a form."""
    async with server.queue.reserve():
        files = await read_images(request, 2)
    content = await server.queue.run(lambda: _file(kind, *_match(server, files, model, (face_a, face_b))))
    headers = {"content-disposition": f'attachment; filename="{NAMES[kind]}"'}
    return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)


def _match(
    server: Server, files: Sequence[tuple[str, bytes]], model: str, numbers: tuple[int | None, int | None]
) -> tuple[ChosenFace, ChosenFace, Match]:
    predictor, largest_pixels = server.models.predictor(model), server.settings.largest_pixels
    a, b = (
        _chosen(predictor, side, name, images.decode(content, f"image {side}", largest_pixels), number)
        for side, (name, content), number in zip("AB", files, numbers, strict=True)
    )
    return a, b, match(a.face, b.face)


def _chosen(predictor: Predictor, side: str, name: str, image: Image, number: int | None) -> ChosenFace:
    faces = predictor(image)
    if not faces:
        raise ConfigError(f"no face was found in image {side}")
    if number is None:
        number = largest(faces)
    if number >= len(faces):
        raise ConfigError(f"image {side} has no face {number}; it has {len(faces)}, counted from 0")
    return ChosenFace(Path(name or side), image, faces[number], number)


def _describe(a: ChosenFace, b: ChosenFace, matched: Match, frames: int) -> MatchResult:
    pair = Pair(a.image, b.image, matched)
    return MatchResult(
        names=list(matched.names),
        residual=matched.residual,
        large=matched.residual > LARGE_RESIDUAL,
        scale=matched.similarity.scale,
        rotation_deg=matched.similarity.rotation_deg,
        a=_matched_image(a, matched.a),
        b=_matched_image(b, matched.b),
        frames=[data_uri(pair.at(k / (frames - 1)), IMAGE_QUALITY) for k in range(frames)],
    )


def _matched_image(chosen: ChosenFace, keypoints: FloatArray) -> MatchedImage:
    """Return one side of a match with its keypoints (M, 2), image px."""
    height, width = chosen.image.shape[:2]
    return MatchedImage(width=width, height=height, face=chosen.number, keypoints=point_values(keypoints))


def _file(kind: Kind, a: ChosenFace, b: ChosenFace, matched: Match) -> bytes:
    if kind == "json":
        return (json.dumps(match_values(a, b, matched), indent=1) + "\n").encode()
    if kind == "gif":
        return morph_gif(list(Pair(a.image, b.image, matched).frames(GIF_FRAMES)))
    return encode_jpeg(matches_view(a, b, matched), IMAGE_QUALITY)
