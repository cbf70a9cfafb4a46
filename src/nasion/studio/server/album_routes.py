"""The rooms "Correct" and "Train": what they ask of an open folder.

GET  /v1/album              its pictures, the most uncertain known so far    GET /v1/album/N/picture   one, upright
GET  /v1/album/N            its points: the labels, or the model's           PUT /v1/album/N           save them
GET  /v1/train              how a training goes                             GET /v1/train/report      its report
POST /v1/train?minutes=M    begin one     /v1/train/stop  /v1/train/go_on
"""

import asyncio
import io
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse
from PIL import Image as PillowImage
from pydantic import BaseModel, Field

from nasion.errors import ConfigError
from nasion.evaluation.metrics import point_errors
from nasion.geometry import FloatArray, box_around
from nasion.predict.predictor import Predictor
from nasion.predict.writers import ellipse_table
from nasion.sample import Image, Prediction
from nasion.studio.album import Album, version
from nasion.studio.server.job_queue import JobQueue, JobTimeoutError, QueueFullError
from nasion.studio.server.loaded_models import LoadedModels
from nasion.studio.training_process import TrainingProcess

__all__ = ["add_album", "look_at_all"]

JPEG_QUALITY = 92
MOST_POINTS = 1000

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""A report is one page with its style and pictures inside, and without scripts."""

FARTHEST = 1e6
"""px from a picture's corner that a point may lie."""

MODEL = Query("", description="a model of /v1/models; else its first")

Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-FARTHEST, le=FARTHEST)]
Place = tuple[Coordinate, Coordinate] | None


class Saved(BaseModel):
    """A face as the page gives it back: its points, null where hidden; what it had seen; whether it is done."""

    keypoints: Annotated[list[Place], Field(max_length=MOST_POINTS)]
    seen: Annotated[str, Field(max_length=64)]
    done: bool = True


def add_album(app: FastAPI, album: Album, training: TrainingProcess, shelf: LoadedModels, desk: JobQueue) -> None:
    """Add the routes of an open folder."""

    @app.get("/v1/album", summary="The open folder")
    def described() -> dict[str, Any]:
        return album.described() | {"skeleton": shelf.skeleton_table(album.skeleton)}

    @app.get("/v1/album/{number}/picture", summary="A picture of the open folder, upright, as JPEG")
    async def picture(number: int) -> Response:
        return Response(await desk.do(lambda: _jpeg(album.picture(number))), media_type="image/jpeg")

    @app.get("/v1/album/{number}", summary="The points of a picture: its labels, or where the model finds them")
    async def points(number: int, model: str = MODEL) -> dict[str, Any]:
        return await desk.do(lambda: _points(album, number, shelf.predictor(model or shelf.names[0])))

    @app.put("/v1/album/{number}", summary="Save a picture's points in the format that was read")
    def save(number: int, saved: Saved) -> dict[str, Any]:
        keypoints = np.array([(np.nan, np.nan) if place is None else place for place in saved.keypoints], np.float64)
        return {"version": album.save(number, keypoints.reshape(-1, 2), saved.seen, saved.done)}

    @app.get("/v1/train", summary="How the training goes")
    def trained() -> dict[str, Any]:
        story = training.described()
        if story["usable"] and training.run is not None:
            shelf.add(training.run.name, str(training.run))
        return story

    @app.post("/v1/train", summary="Begin a training with the folder's labels")
    def train(minutes: float = Query(10, ge=0.1, le=10_000), model: str = MODEL) -> dict[str, Any]:
        if not album.labeled:
            raise ConfigError("no picture of this folder has labels yet; save some first")
        training.start(minutes, shelf.place(model or shelf.names[0]))
        return training.described()

    @app.post("/v1/train/stop", summary="End the training after its epoch, with everything saved")
    def stop() -> dict[str, Any]:
        training.stop()
        return training.described()

    @app.post("/v1/train/go_on", summary="Go on with the training that was stopped")
    def go_on() -> dict[str, Any]:
        training.go_on()
        if training.run is not None:
            shelf.remove(training.run.name)  # its weights will be others
        return training.described()

    @app.get("/v1/train/report", summary="The report of the last training")
    def report() -> HTMLResponse:
        if training.report is None:
            raise HTTPException(404, "there is no report yet; it comes with the end of a training")
        page = training.report.read_text("utf-8")
        return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})


async def look_at_all(album: Album, shelf: LoadedModels, desk: JobQueue) -> None:
    """Find out how doubtful each picture is, one after the other, whenever nobody else asks."""
    for number in range(len(album.entries)):
        while desk.open:
            await asyncio.sleep(0.05)
        try:
            await desk.do(lambda n=number: _doubt(album, n, shelf.predictor(shelf.names[0])))
        except (QueueFullError, JobTimeoutError):
            continue
        except Exception:  # whatever a picture does, the others are looked at
            album.broken.add(number)  # what cannot be read wants to be seen first


def _doubt(album: Album, number: int, predictor: Predictor) -> None:
    """Note how far the model may be off, or how far its points lie from the labels if that is further.

    Labels that a model has written lie where its points are: of those, the ones to look at are those it was unsure of.
    """
    labels = album.keypoints(number)
    guess = _guess(album.picture(number), predictor, labels)
    far = guess.spread
    if labels is not None and predictor.skeleton.names == album.skeleton.names:
        far = np.fmax(far, point_errors(guess.keypoints, labels))
    if np.isfinite(far).any():
        album.relative_spreads[number] = float(np.nanmean(far)) / float(np.sqrt(np.prod(guess.box[2:] - guess.box[:2])))


def _guess(image: Image, predictor: Predictor, labels: FloatArray | None) -> Prediction:
    """Return the face that is labeled, else the largest; where none is found, what the whole picture is taken for."""
    if labels is not None:
        return predictor.predict_boxes([image], [box_around(labels)])[0]
    faces = predictor(image)
    if not faces:
        return predictor.predict_boxes([image], [None])[0]
    return max(faces, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])))


def _points(album: Album, number: int, predictor: Predictor) -> dict[str, Any]:
    labels = album.keypoints(number)
    fits = predictor.skeleton.names == album.skeleton.names
    if labels is None and not fits:
        raise ConfigError(
            f"the model finds {predictor.skeleton.name}, this folder has {album.skeleton.name}: "
            "start the studio with a model of these points, or label the picture elsewhere first"
        )
    guess = _guess(album.picture(number), predictor, labels) if fits else None
    start = labels if labels is not None or guess is None else guess.keypoints
    assert start is not None
    return {
        "version": version(labels),
        "labeled": labels is not None,
        "keypoints": _listed(start),
        "model": None if guess is None else _listed(guess.keypoints),
        "ellipses": None if guess is None else ellipse_table(guess),
    }


def _listed(keypoints: FloatArray) -> list[list[float] | None]:
    return [None if np.isnan(point).any() else np.round(point, 3).tolist() for point in keypoints]


def _jpeg(image: Image) -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
