"""Routes that train on the labels of an open folder.

GET  /v1/train              state of the training                 GET /v1/train/report      its report
POST /v1/train?minutes=M    start one; /v1/train/stop, /v1/train/resume
GET  /v1/train/comparison   faces that it has held out, before and after
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.responses import HTMLResponse

from nasion import draw, images
from nasion.datasets.folders import RUNS
from nasion.errors import ConfigError
from nasion.geometry import FloatArray, box_around
from nasion.outputs.schema import Schema
from nasion.studio.albums.album import Album
from nasion.studio.comparison import FaceErrors, Measurement
from nasion.studio.server.albums.open_albums import OpenAlbum
from nasion.studio.server.albums.schemas import points_array
from nasion.studio.server.encoding import data_uri
from nasion.studio.server.state import CurrentFolder, CurrentServer, ModelName, Server
from nasion.studio.training_process import TrainingStatus

__all__ = ["router"]

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""Content security policy of a report: one page with inline style and images, and without scripts."""

MIN_COMPARED = 20
"""Number of held-out faces below which a comparison of two models says little."""

VIEW_PX, VIEW_QUALITY = 320, 85
"""Side of a compared face, px, and its JPEG quality."""

NewName = Annotated[str, Query(max_length=100, description="name of the new model; default: the time")]

MINUTES = Query(10, ge=0.1, le=10_000, description="training time to aim for, minutes")

HTML_RESPONSE: dict[int | str, dict[str, object]] = {
    200: {"description": "The report", "content": {"text/html": {"schema": {"type": "string"}}}}
}

router = APIRouter()


class LabelCounts(Schema):
    """The labeled faces of the folder."""

    faces: int
    """All labeled faces."""
    images: int
    """Number of images with labeled faces; a training needs two."""
    corrected: int
    """Faces in images in which the user has drawn or moved points."""
    accepted: int
    """Faces in images that the user has confirmed without a change."""


class Errors(Schema):
    """The errors of two models on the faces that a training has held out."""

    model: str
    """Name of the initial model; empty if it has other points, so that the mean face is measured instead."""
    faces: int
    """Number of held-out faces."""
    accepted: int
    """Number of these faces whose labels were accepted as a model placed them."""
    enough: bool
    """Whether there are enough faces to tell which model is better."""
    before_px: float
    """Mean error of the initial model, image px."""
    after_px: float | None
    """Mean error of the trained model, image px; null until it is measured."""
    low_px: float | None
    """Lower end of the 95 % interval of the change of the error, image px; null if it is unknown."""
    high_px: float | None
    """Upper end."""


class TrainingInfo(TrainingStatus):
    """The state of the training, the labels and the errors."""

    run: str
    """The run folder, relative to the folder of the images; empty if there is none."""
    labels: LabelCounts
    errors: Errors | None
    """Null until the initial model has been measured."""
    measuring: bool
    """Whether a model is being measured on the held-out faces."""
    problem: str
    """Why the models cannot be measured, in one line, or an empty string."""


class ComparedFace(Schema):
    """A face that the training has held out, with its labels and with the points of both models."""

    name: str
    before_px: float
    """Mean error of the initial model, image px."""
    after_px: float | None
    """Mean error of the trained model, image px."""
    before: str
    """Image as a data URI."""
    after: str


class ComparedFaces(Schema):
    """Held-out faces, from the largest initial error to the smallest."""

    faces: list[ComparedFace]


@router.get("/v1/train", summary="Get the state of the training")
def training_status(folder: CurrentFolder, server: CurrentServer) -> TrainingInfo:
    """Return the state of the training; a finished model is added to /v1/models, and measured."""
    training, status = folder.training, folder.training.status()
    if status.usable and training.run is not None:
        name = server.models.add(training.run, folder.limit)
        status = status.model_copy(update={"model": name})
        training.comparison.finish(training.run, training.source, lambda: server.models.predictor(name))
    return _info(folder, status)


@router.post("/v1/train", summary="Start a training on the folder's labels")
def start_training(
    folder: CurrentFolder,
    server: CurrentServer,
    minutes: float = MINUTES,
    model: ModelName = "",
    name: NewName = "",
) -> TrainingInfo:
    """Start to fine-tune a model on the folder's labels, and measure it on the faces that are held out."""
    if not folder.album.labeled:
        raise ConfigError("no image of this folder has labels yet; save some first")
    _check_free(server, name)
    folder.refresh()
    training, model = folder.training, model or server.models.names[0]
    training.start(minutes, server.models.source(model), name.strip())
    if training.run is not None:
        training.comparison.begin(
            training.run, training.source, model, lambda: server.models.predictor(model), _accepted(folder.album)
        )
    return _info(folder, training.status())


def _check_free(server: Server, name: str) -> None:
    """Check that no other model has this name, such as a packaged one.

    Raises:
        ConfigError: the name is in use.
    """
    if name.strip() in server.models.names:
        raise ConfigError(f'there is a model "{name.strip()}" already; choose another name')


def _info(folder: OpenAlbum, status: TrainingStatus) -> TrainingInfo:
    comparison = folder.training.comparison
    run = folder.training.run
    found = comparison.of(run)
    return TrainingInfo(
        **status.model_dump(),
        run=f"{RUNS}/{run.name}" if run else "",
        labels=_count_labels(folder.album),
        errors=_errors(found) if found is not None and found.faces else None,
        measuring=comparison.is_busy,
        problem=comparison.error,
    )


def _count_labels(album: Album) -> LabelCounts:
    counts = {entry.name: album.counts.get(entry.path, 0) for entry in album.entries}
    return LabelCounts(
        faces=sum(counts.values()),
        images=sum(count > 0 for count in counts.values()),
        corrected=sum(count for name, count in counts.items() if name in album.progress.changed),
        accepted=sum(count for name, count in counts.items() if _is_accepted(album, name)),
    )


def _is_accepted(album: Album, name: str) -> bool:
    return name in album.progress.done and name not in album.progress.changed


def _accepted(album: Album) -> frozenset[str]:
    """Return the images whose labels the user has confirmed without a change."""
    return frozenset(str(entry.path) for entry in album.entries if _is_accepted(album, entry.name))


def _errors(found: Measurement) -> Errors:
    low, high = found.change_px()
    return Errors(
        model=found.model,
        faces=len(found.faces),
        accepted=found.accepted,
        enough=len(found.faces) >= MIN_COMPARED,
        before_px=found.before_px,
        after_px=found.after_px,
        low_px=low if np.isfinite(low) else None,
        high_px=high if np.isfinite(high) else None,
    )


@router.get("/v1/train/comparison", summary="Get three held-out faces with the points of both models")
async def compared_faces(folder: CurrentFolder, server: CurrentServer) -> ComparedFaces:
    """Return three of the faces that the training has held out: the initial model's worst, a typical and its best."""
    found = folder.training.comparison.of(folder.training.run)
    if found is None or not found.faces:
        raise HTTPException(404, "no face has been measured yet")
    faces = [await server.queue.run(lambda each=each: _compared(each)) for each in found.samples()]
    return ComparedFaces(faces=faces)


def _compared(face: FaceErrors) -> ComparedFace:
    image = images.read(Path(face.image))
    labels = points_array(face.labels)

    def view(points: FloatArray | None) -> str:
        return data_uri(draw.face_view(image, labels, points, box_around(labels), VIEW_PX), VIEW_QUALITY)

    before, after = (None if points is None else points_array(points) for points in (face.before, face.after))
    return ComparedFace(
        name=face.name, before_px=face.before_px, after_px=face.after_px, before=view(before), after=view(after)
    )


@router.post("/v1/train/stop", summary="Stop the training after the current epoch")
def stop_training(folder: CurrentFolder) -> TrainingInfo:
    """Stop the training after the current epoch; everything is saved."""
    folder.training.stop()
    return _info(folder, folder.training.status())


@router.post("/v1/train/resume", summary="Resume the stopped training")
@router.post("/v1/train/go_on", include_in_schema=False)  # the name in earlier versions
def resume_training(folder: CurrentFolder, server: CurrentServer) -> TrainingInfo:
    """Resume the training that was stopped."""
    training = folder.training
    training.resume()
    if training.run is not None:
        server.models.remove(training.run)  # its weights are about to change
        training.comparison.forget(training.run)
    return _info(folder, training.status())


@router.get(
    "/v1/train/report",
    summary="Get the report of the last training",
    response_class=Response,
    responses=HTML_RESPONSE,
)
def training_report(folder: CurrentFolder) -> HTMLResponse:
    """Return the report of the last training as an HTML page."""
    report = folder.training.report
    if report is None:
        raise HTTPException(404, "there is no report yet; it is written when a training ends")
    page = report.read_text("utf-8")
    return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})
