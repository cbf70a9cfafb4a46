"""Routes that track the faces of a clip in the background.

POST   /v1/video                    send a clip, start to track it    GET /v1/video/NAME/frame           latest frame
GET    /v1/video/NAME               its state                         GET /v1/video/NAME/keypoints.mp4   the result
DELETE /v1/video/NAME               cancel it, remove its files       GET /v1/video/NAME/keypoints.csv   the table
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from nasion.atomic import translate_os_errors
from nasion.sample import Image
from nasion.studio.clips import ClipJob
from nasion.studio.server.encoding import encode_jpeg
from nasion.studio.server.faces.uploads import FILE, file_response
from nasion.studio.server.schemas import ClipFace, ClipStatus, RemovedClip
from nasion.studio.server.state import CurrentServer, ModelName

__all__ = ["UPLOAD", "router"]

UPLOAD = "/v1/video"
"""Path of the route that takes a clip, which may be larger than an image."""

PREVIEW_PX, PREVIEW_QUALITY = 960, 80
"""Longest side of the preview, px, and its JPEG quality."""

CLIP = {"requestBody": {"required": True, "content": {"video/*": {"schema": FILE}}}}

Smooth = Annotated[Literal["none", "light", "strong"], Query(description="strength of the smoothing")]

router = APIRouter()


@router.post(UPLOAD, summary="Send a clip to have its faces tracked", openapi_extra=CLIP)
async def send_clip(
    request: Request, server: CurrentServer, model: ModelName = "", smooth: Smooth = "light"
) -> ClipStatus:
    """Start to track the faces of a clip, which is the request body."""
    server.models.source(model)  # an unknown model is an error before the clip is read
    job = server.clips.add()
    try:
        await _receive(request.stream(), job.source)
        await run_in_threadpool(server.clips.start, job, lambda: server.models.fresh(model), smooth)
    except BaseException:
        server.clips.remove(job.name)
        raise
    return _status(job)


@router.get("/v1/video/{name}", summary="Get the state of a clip")
def clip_status(name: str, server: CurrentServer) -> ClipStatus:
    """Return how far a clip is."""
    return _status(server.clips.get(name))


@router.delete("/v1/video/{name}", summary="Cancel a clip and remove its files")
def remove_clip(name: str, server: CurrentServer) -> RemovedClip:
    """Stop tracking a clip, and remove all of its files."""
    return RemovedClip(removed=server.clips.remove(name))


@router.get(
    "/v1/video/{name}/frame",
    summary="Get the latest tracked frame as JPEG",
    response_class=Response,
    responses=file_response("image/jpeg"),
)
def clip_frame(name: str, server: CurrentServer) -> Response:
    """Return the latest frame with its keypoints."""
    preview = server.clips.get(name).preview
    if preview is None:
        raise HTTPException(404, "no frame is tracked yet; try again")
    return Response(encode_jpeg(_small(preview), PREVIEW_QUALITY), media_type="image/jpeg")


@router.get(
    "/v1/video/{name}/keypoints.mp4",
    summary="Get the clip with its keypoints drawn",
    response_class=FileResponse,
    responses=file_response("video/mp4"),
)
def clip_video(name: str, server: CurrentServer) -> FileResponse:
    """Return the clip with the keypoints drawn, and its sound."""
    return FileResponse(_finished(server.clips.get(name)).video, media_type="video/mp4")


@router.get(
    "/v1/video/{name}/keypoints.csv",
    summary="Get the keypoints of every frame as a table",
    response_class=FileResponse,
    responses=file_response("text/csv"),
)
def clip_table(name: str, server: CurrentServer) -> FileResponse:
    """Return a table with a row for each face in each frame."""
    return FileResponse(_finished(server.clips.get(name)).table, media_type="text/csv")


async def _receive(parts: AsyncIterator[bytes], path: Path) -> None:
    with translate_os_errors(path), path.open("wb") as file:
        async for part in parts:
            file.write(part)


def _finished(job: ClipJob) -> ClipJob:
    if job.state != "done":
        raise HTTPException(404, job.error or "the clip is not finished yet; ask for its state first")
    return job


def _status(job: ClipJob) -> ClipStatus:
    faces = sorted(job.summary.frames_by_face.items())
    return ClipStatus(
        name=job.name,
        state=job.state,
        error=job.error,
        note=job.note,
        frames=job.frames,
        total=job.total,
        rate=round(job.summary.rate, 1),
        faces=[ClipFace(face=number, frames=frames) for number, frames in faces],
    )


def _small(image: Image) -> Image:
    """Return an image (H, W, 3) uint8 RGB no larger than the preview."""
    height, width = image.shape[:2]
    scale = PREVIEW_PX / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(scale * width)), max(1, round(scale * height))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
