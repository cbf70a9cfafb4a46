"""Routes of an open folder: correct its labels and train on them.

GET  /v1/album              its entries, with uncertainty         GET /v1/album/N/picture   an image, upright
GET  /v1/album/N            keypoints: labels or prediction       PUT /v1/album/N           save keypoints
GET  /v1/train              state of the training                 GET /v1/train/report      its report
POST /v1/train?minutes=M    start one; /v1/train/stop, /v1/train/resume
"""

import asyncio

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.responses import HTMLResponse

from nasion.errors import ConfigError
from nasion.evaluation.metrics import point_errors
from nasion.geometry import FloatArray, box_around, box_size, has_extent
from nasion.matching.largest import largest
from nasion.outputs.records import ellipse_values, point_values, predicted_faces
from nasion.predict.predictor import Predictor
from nasion.sample import Image, Prediction
from nasion.studio.album import Album, version
from nasion.studio.server.encoding import encode_jpeg
from nasion.studio.server.job_queue import JobTimeoutError, QueueFullError
from nasion.studio.server.schemas import AlbumEntry, AlbumFace, AlbumInfo, FaceUpdate, SavedFace, SkeletonInfo
from nasion.studio.server.state import CurrentAlbum, CurrentServer, CurrentTraining, ModelName, Server
from nasion.studio.training_process import TrainingStatus

__all__ = ["router", "scan_album"]

IMAGE_QUALITY = 92
"""JPEG quality of the images of an open folder."""

IDLE_CHECK_S = 0.05
"""How often the scan checks whether the queue is idle."""

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""Content security policy of a report: one page with inline style and images, and without scripts."""

MINUTES = Query(10, ge=0.1, le=10_000, description="training time to aim for, minutes")

JPEG_RESPONSE: dict[int | str, dict[str, object]] = {
    200: {"description": "The image", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}
HTML_RESPONSE: dict[int | str, dict[str, object]] = {
    200: {"description": "The report", "content": {"text/html": {"schema": {"type": "string"}}}}
}

router = APIRouter()


@router.get("/v1/album", summary="Describe the open folder")
def album_info(album: CurrentAlbum) -> AlbumInfo:
    """Return all faces of the folder and what is known about them so far."""
    entries = [
        AlbumEntry(
            id=number,
            name=entry.name,
            labeled=number in album.labeled,
            done=entry.name in album.done,
            uncertainty=album.uncertainty.get(number),
            broken=number in album.broken,
        )
        for number, entry in enumerate(album.entries)
    ]
    return AlbumInfo(
        name=album.root.resolve().name,
        form=album.labels.form,
        hides=album.labels.hides,
        notice=album.notice,
        entries=entries,
        skeleton=SkeletonInfo.of(album.skeleton),
    )


@router.get(
    "/v1/album/{number}/picture",
    summary="Get an image of the open folder, upright, as JPEG",
    response_class=Response,
    responses=JPEG_RESPONSE,
)
async def album_image(number: int, album: CurrentAlbum, server: CurrentServer) -> Response:
    """Return the image of a face as a JPEG file."""
    content = await server.queue.run(lambda: encode_jpeg(album.read_image(number), IMAGE_QUALITY))
    return Response(content, media_type="image/jpeg")


@router.get("/v1/album/{number}", summary="Get the keypoints of a face: its labels, or the model's prediction")
async def album_face(number: int, album: CurrentAlbum, server: CurrentServer, model: ModelName = "") -> AlbumFace:
    """Return a face's labels and the model's prediction."""
    return await server.queue.run(lambda: _describe_face(album, number, server.models.predictor(model)))


@router.put("/v1/album/{number}", summary="Save the keypoints of a face in the format they were read from")
def save_face(number: int, update: FaceUpdate, album: CurrentAlbum) -> SavedFace:
    """Save corrected keypoints, unless the labels have changed since they were read."""
    pairs = [(np.nan, np.nan) if point is None else point for point in update.keypoints]
    keypoints = np.array(pairs, np.float64).reshape(-1, 2)
    return SavedFace(version=album.save(number, keypoints, update.seen, update.done))


@router.get("/v1/train", summary="Get the state of the training")
def training_status(training: CurrentTraining, server: CurrentServer) -> TrainingStatus:
    """Return the state of the training; a finished model is added to /v1/models."""
    status = training.status()
    if status.usable and training.run is not None:
        server.models.add(training.run.name, str(training.run))
    return status


@router.post("/v1/train", summary="Start a training on the folder's labels")
def start_training(
    album: CurrentAlbum,
    training: CurrentTraining,
    server: CurrentServer,
    minutes: float = MINUTES,
    model: ModelName = "",
) -> TrainingStatus:
    """Start to fine-tune a model on the folder's labels."""
    if not album.labeled:
        raise ConfigError("no image of this folder has labels yet; save some first")
    training.start(minutes, server.models.source(model))
    return training.status()


@router.post("/v1/train/stop", summary="Stop the training after the current epoch")
def stop_training(training: CurrentTraining) -> TrainingStatus:
    """Stop the training after the current epoch; everything is saved."""
    training.stop()
    return training.status()


@router.post("/v1/train/resume", summary="Resume the stopped training")
@router.post("/v1/train/go_on", include_in_schema=False)  # the name in earlier versions
def resume_training(training: CurrentTraining, server: CurrentServer) -> TrainingStatus:
    """Resume the training that was stopped."""
    training.resume()
    if training.run is not None:
        server.models.remove(training.run.name)  # its weights are about to change
    return training.status()


@router.get(
    "/v1/train/report",
    summary="Get the report of the last training",
    response_class=Response,
    responses=HTML_RESPONSE,
)
def training_report(training: CurrentTraining) -> HTMLResponse:
    """Return the report of the last training as an HTML page."""
    if training.report is None:
        raise HTTPException(404, "there is no report yet; it is written when a training ends")
    page = training.report.read_text("utf-8")
    return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})


async def scan_album(server: Server, album: Album) -> None:
    """Estimate the uncertainty of every face in the background, whenever the queue is idle.

    Faces that cannot be read are added to `album.broken`, so that the user sees them first.
    """
    for number in range(len(album.entries)):
        while server.queue.unfinished:
            await asyncio.sleep(IDLE_CHECK_S)
        try:
            await server.queue.run(lambda number=number: _scan_face(album, number, server.models.predictor()))
        except (QueueFullError, JobTimeoutError):
            continue
        except Exception:  # one face, whatever its error, must not end the scan of the others
            album.broken.add(number)


def _scan_face(album: Album, number: int, predictor: Predictor) -> None:
    """Store the uncertainty of a face: the mean over its keypoints, as a fraction of the face's size.

    A keypoint counts with its predicted spread, or with its distance to the label if that is larger. Labels that were
    written by a model have no such distance; the spread still finds those of which the model was uncertain.
    """
    labels = album.keypoints(number)
    face = _predict_face(album.read_image(number), predictor, labels)
    errors = face.spread
    if labels is not None and predictor.skeleton.names == album.skeleton.names:
        errors = np.fmax(errors, point_errors(face.keypoints, labels))
    if np.isfinite(errors).any():
        album.uncertainty[number] = float(np.nanmean(errors)) / box_size(face.box)


def _predict_face(image: Image, predictor: Predictor, labels: FloatArray | None) -> Prediction:
    """Return the prediction for the labeled face, or for the largest face if there are no labels that show one.

    If no face is detected, the whole image is taken as the face.
    """
    if labels is not None and has_extent(labels):
        return predictor.predict_boxes([image], [box_around(labels)])[0]
    faces = predictor(image)
    return faces[largest(faces)] if faces else predictor.predict_boxes([image], [None])[0]


def _describe_face(album: Album, number: int, predictor: Predictor) -> AlbumFace:
    labels = album.keypoints(number)
    has_same_points = predictor.skeleton.names == album.skeleton.names
    if labels is None and not has_same_points:
        raise ConfigError(
            f"the model predicts {predictor.skeleton.name}, but this folder has {album.skeleton.name}: "
            "start the studio with a model for these points, or label the image with another tool first"
        )
    face = _predict_face(album.read_image(number), predictor, labels) if has_same_points else None
    start = labels if labels is not None or face is None else face.keypoints
    assert start is not None
    return AlbumFace.model_validate(
        {
            "version": version(labels),
            "labeled": labels is not None,
            "keypoints": point_values(start),
            "model": None if face is None else point_values(face.keypoints),
            "ellipses": None if face is None else ellipse_values(predicted_faces("", [face])[0].ellipses),
        }
    )
