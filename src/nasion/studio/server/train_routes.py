"""Routes that train on the labels of an open folder.

GET  /v1/train              state of the training                 GET /v1/train/report      its report
POST /v1/train?minutes=M    start one; /v1/train/stop, /v1/train/resume
"""

from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.responses import HTMLResponse

from nasion.errors import ConfigError
from nasion.studio.server.state import CurrentFolder, CurrentServer, CurrentTraining, ModelName
from nasion.studio.training_process import TrainingStatus

__all__ = ["router"]

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""Content security policy of a report: one page with inline style and images, and without scripts."""

MINUTES = Query(10, ge=0.1, le=10_000, description="training time to aim for, minutes")

HTML_RESPONSE: dict[int | str, dict[str, object]] = {
    200: {"description": "The report", "content": {"text/html": {"schema": {"type": "string"}}}}
}

router = APIRouter()


@router.get("/v1/train", summary="Get the state of the training")
def training_status(training: CurrentTraining, server: CurrentServer) -> TrainingStatus:
    """Return the state of the training; a finished model is added to /v1/models."""
    status = training.status()
    if status.usable and training.run is not None:
        server.models.add(training.run.name, str(training.run))
    return status


@router.post("/v1/train", summary="Start a training on the folder's labels")
def start_training(
    folder: CurrentFolder,
    server: CurrentServer,
    minutes: float = MINUTES,
    model: ModelName = "",
) -> TrainingStatus:
    """Start to fine-tune a model on the folder's labels."""
    if not folder.album.labeled:
        raise ConfigError("no image of this folder has labels yet; save some first")
    folder.refresh()
    folder.training.start(minutes, server.models.source(model))
    return folder.training.status()


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
