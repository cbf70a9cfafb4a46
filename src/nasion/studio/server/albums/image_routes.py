"""Routes of the images of an open folder.

GET  /v1/album/images/N             its faces: labels or suggestions      PUT  /v1/album/images/N       save them
GET  /v1/album/images/N/picture     the image, upright                    GET  .../N/history            earlier labels
GET  /v1/album/images/N/thumbnail   a small copy                          POST .../N/place              points in a box
POST /v1/album/images/N/accept      save suggestions, mark as done        GET  .../N/landmarks          named places
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from fastapi import APIRouter, HTTPException, Response

from nasion.errors import ConfigError, ImageError, NasionError
from nasion.geometry import FloatArray
from nasion.outputs.records import ellipse_values, point_values, predicted_faces
from nasion.predict.predictor import Predictor
from nasion.sample import Prediction
from nasion.studio.albums.album import Album, ConflictError, Scan, version
from nasion.studio.albums.label_store import Face
from nasion.studio.server.albums.open_albums import OpenAlbum
from nasion.studio.server.albums.schemas import (
    FaceBox,
    ImageFace,
    ImageLabels,
    ImageUpdate,
    LandmarkPoint,
    Landmarks,
    PastLabels,
    PlacedFace,
    SavedImage,
    points_array,
)
from nasion.studio.server.albums.suggestions import Suggestion
from nasion.studio.server.encoding import encode_jpeg
from nasion.studio.server.state import CurrentAlbum, CurrentFolder, CurrentServer, ModelName, Server

__all__ = ["router"]

IMAGE_QUALITY = 92
"""JPEG quality of the images of an open folder."""

MAX_PAST = 50
"""Number of earlier labels of an image that are sent."""

CACHED = {"cache-control": "private, max-age=600"}
"""Headers of images: a browser keeps them for ten minutes."""

JPEG_RESPONSE: dict[int | str, dict[str, object]] = {
    200: {"description": "The image", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}

router = APIRouter()


@router.get(
    "/v1/album/images/{number}/picture",
    summary="Get an image of an open folder, upright, as JPEG",
    response_class=Response,
    responses=JPEG_RESPONSE,
)
async def image_picture(number: int, album: CurrentAlbum, server: CurrentServer) -> Response:
    """Return an image as a JPEG file."""
    with _missing_is_404(album, number):
        content = await server.queue.run(lambda: encode_jpeg(album.read_image(number), IMAGE_QUALITY))
    return Response(content, media_type="image/jpeg", headers=CACHED)


@router.get(
    "/v1/album/images/{number}/thumbnail",
    summary="Get a small copy of an image, at most 256 px wide and high, as JPEG",
    response_class=Response,
    responses=JPEG_RESPONSE,
)
def image_thumbnail(number: int, album: CurrentAlbum, server: CurrentServer) -> Response:
    """Return a thumbnail as a JPEG file."""
    with _missing_is_404(album, number):
        content = server.thumbnails.get(album.path(number))
    return Response(content, media_type="image/jpeg", headers=CACHED)


@router.get("/v1/album/images/{number}", summary="Get the faces of an image: its labels, or suggestions")
async def image_labels(number: int, folder: CurrentFolder, server: CurrentServer, model: ModelName = "") -> ImageLabels:
    """Return an image's labeled faces with the model's predictions; without labels, the faces that are suggested."""
    return await server.queue.run(lambda: _describe(folder, number, server, model))


@router.put("/v1/album/images/{number}", summary="Save the faces of an image")
def save_image(number: int, update: ImageUpdate, folder: CurrentFolder) -> SavedImage:
    """Replace the faces of an image, unless its labels have changed since they were read."""
    if folder.album.entry(number).name != update.name:
        raise ConflictError
    faces = update.faces
    given = None if faces is None else [Face(points_array(face.keypoints), face.origin) for face in faces]
    saved = folder.album.save(number, given, update.seen, update.state, update.changed)
    return SavedImage(version=saved, notice=folder.album.notice)


@router.post("/v1/album/images/{number}/accept", summary="Mark an image as done with its labels or suggested faces")
async def accept_image(number: int, folder: CurrentFolder, server: CurrentServer, model: ModelName = "") -> SavedImage:
    """Accept an image as it is. An image without labels gets the suggested faces; it must have at least one."""
    return await server.queue.run(lambda: _accept(folder, number, server, model))


@router.get("/v1/album/images/{number}/history", summary="Get earlier labels of an image, newest first")
def image_history(number: int, album: CurrentAlbum) -> list[PastLabels]:
    """Return what the labels of an image were before its last changes."""
    return [
        PastLabels.model_validate(
            {
                "time": past.time,
                "state": past.state,
                "faces": None if past.faces is None else [point_values(face) for face in past.faces],
            }
        )
        for past in album.past(number, MAX_PAST)
    ]


@router.post("/v1/album/images/{number}/place", summary="Suggest points for a face in a box")
async def place_face(
    number: int, given: FaceBox, folder: CurrentFolder, server: CurrentServer, model: ModelName = ""
) -> PlacedFace:
    """Return points for the face that the user has drawn a box around."""
    return await server.queue.run(lambda: _place(folder, number, np.array(given.box), server, model))


@router.get("/v1/album/images/{number}/landmarks", summary="Get named places in the faces of an image")
async def image_landmarks(number: int, folder: CurrentFolder, server: CurrentServer) -> Landmarks:
    """Return places such as the corners of the eyes, from which names of new points are proposed."""
    found = await server.queue.run(lambda: folder.suggestions.landmarks(number, server.models.predictor()))
    return Landmarks(
        faces=[[LandmarkPoint(name=each.name, x=each.point[0], y=each.point[1]) for each in face] for face in found]
    )


@contextmanager
def _missing_is_404(album: Album, number: int) -> Iterator[None]:
    """Answer with status 404 if the image has been deleted since the folder was opened."""
    try:
        yield
    except ImageError:
        entry = album.entry(number)
        if os.path.lexists(entry.path):
            raise
        raise HTTPException(404, f"{entry.name}: the image is no longer there; restore it or reload the page") from None


def _predictors(folder: OpenAlbum, server: Server, model: str) -> tuple[Predictor, Predictor]:
    """Return the model for the folder's points, if there is one, and the model that aligns faces."""
    chosen, reference = server.models.predictor(model), server.models.predictor()
    if folder.suggestions.fits(chosen):
        folder.model = model or server.models.names[0]
    return (
        reference if folder.suggestions.fits(reference) and not folder.suggestions.fits(chosen) else chosen
    ), reference


def _describe(folder: OpenAlbum, number: int, server: Server, model: str) -> ImageLabels:
    album, suggestions = folder.album, folder.suggestions
    predictor, reference = _predictors(folder, server, model)
    try:
        image, labels, state = album.read_image(number), album.faces(number), album.state(number)
    except NasionError as error:
        if number in range(len(album.entries)):
            album.set_scan(number, Scan(error=str(error), model=folder.model))
        raise
    if labels is None:
        found, start = suggestions.faces(number, predictor, reference)
        faces = [_face(each, None) for each in found]
    else:
        predicted, start = suggestions.predictions(number, labels, predictor, image), "labels"
        pairs = zip(labels, predicted, strict=True)
        faces = [_face(Suggestion(label, face), origin) for origin, (label, face) in enumerate(pairs)]
    height, width = image.shape[:2]
    return ImageLabels(
        name=album.entry(number).name,
        width=width,
        height=height,
        version=version(labels, state),
        state=state,
        changed=album.entry(number).name in album.progress.changed,
        labeled=labels is not None,
        start=start,
        faces=faces,
    )


def _accept(folder: OpenAlbum, number: int, server: Server, model: str) -> SavedImage:
    album = folder.album
    labels, seen = album.faces(number), album.version(number)
    if labels is None:
        predictor, reference = _predictors(folder, server, model)
        found, _ = folder.suggestions.faces(number, predictor, reference)
        if not found:
            raise ConfigError(f'{album.entry(number).name}: no face was found; open the image, or choose "No face"')
        faces = _storable([each.keypoints for each in found], album.labels.adds)
        saved = album.save(number, faces, seen, "done", is_changed=False)
    else:
        faces = [Face(face, origin) for origin, face in enumerate(labels)]
        state = "done" if faces else "no_face"
        saved = album.save(number, faces, seen, state, album.entry(number).name in album.progress.changed)
    return SavedImage(version=saved, notice=album.notice)


def _storable(faces: Sequence[FloatArray], adds: bool) -> list[Face]:
    """Return suggested faces as new ones.

    Raises:
        ConfigError: there are several, but label files beside the images hold one face each.
    """
    if len(faces) > 1 and not adds:
        raise ConfigError(f"{len(faces)} faces were found, but these label files hold one; open the image")
    return [Face(face) for face in faces]


def _place(folder: OpenAlbum, number: int, box: FloatArray, server: Server, model: str) -> PlacedFace:
    suggestion, start = folder.suggestions.face_in(number, box, *_predictors(folder, server, model))
    return PlacedFace(start=start, face=None if suggestion is None else _face(suggestion, None))


def _face(suggestion: Suggestion, origin: int | None) -> ImageFace:
    keypoints, prediction = suggestion
    return ImageFace.model_validate(
        {
            "keypoints": point_values(keypoints),
            "origin": origin,
            "model": None if prediction is None else point_values(prediction.keypoints),
            "ellipses": None if prediction is None else _ellipses(prediction),
        }
    )


def _ellipses(face: Prediction) -> dict[str, list[float | None]] | None:
    return ellipse_values(predicted_faces("", [face])[0].ellipses)
