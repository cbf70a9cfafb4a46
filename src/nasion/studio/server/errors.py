"""Every error as one line of JSON: `{"error": "..."}`."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from nasion.errors import NasionError
from nasion.studio.albums.album import ConflictError
from nasion.studio.clips import MAX_CLIPS, ClipsFullError
from nasion.studio.server.access import RejectedError
from nasion.studio.server.job_queue import JobTimeoutError, QueueFullError
from nasion.studio.server.schemas import ErrorMessage

__all__ = ["ERROR_RESPONSES", "RETRY_S", "add_error_handlers", "to_status"]

RETRY_S = 2
"""Seconds after which a client should try again when the queue is full."""

ERROR_RESPONSES: dict[int | str, dict[str, object]] = {
    "default": {"model": ErrorMessage, "description": "Any error: one line that says what is wrong"}
}
"""What OpenAPI shows for errors."""

HANDLED = (
    *(NasionError, RejectedError, QueueFullError, JobTimeoutError, ClipsFullError, ConflictError),
    *(RequestValidationError, HTTPException, ClientDisconnect),
)


def add_error_handlers(app: FastAPI) -> None:
    """Make the application answer known errors with one line of JSON."""
    for kind in HANDLED:
        app.add_exception_handler(kind, _respond)


def to_status(error: Exception) -> tuple[int, str]:
    """Return the HTTP status and the message of an error.

    >>> to_status(QueueFullError())
    (429, 'too many images are waiting; try again in 2 s')
    """
    match error:
        case RejectedError():
            return error.status, error.reason
        case QueueFullError():
            return 429, f"too many images are waiting; try again in {RETRY_S} s"
        case ClipsFullError():
            return 429, f"{MAX_CLIPS} clips are waiting already; cancel one, or try again later"
        case JobTimeoutError():
            return 504, "the upload or the prediction took too long; send a smaller image"
        case ClientDisconnect():
            return 400, "the request was not received completely"
        case ConflictError():
            return 409, "these labels have changed since you opened them, perhaps in another window; open them again"
        case RequestValidationError():
            first = error.errors()[0]
            return 422, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        case HTTPException():
            return error.status_code, str(error.detail)
    return 422, str(error)


async def _respond(_request: Request, error: Exception) -> JSONResponse:
    status, text = to_status(error)
    headers = {"retry-after": str(RETRY_S)} if isinstance(error, QueueFullError) else {}
    return JSONResponse({"error": " ".join(text.split())}, status, headers)
