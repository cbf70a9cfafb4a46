"""Image files in requests."""

import logging
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from nasion.errors import ConfigError

__all__ = ["FILE", "FILE_RESPONSE", "ONE_IMAGE", "TWO_IMAGES", "file_response", "read_images"]

FILE = {"type": "string", "format": "binary"}
ONE_IMAGE = {
    "image/*": {"schema": FILE},
    "multipart/form-data": {"schema": {"type": "object", "properties": {"image": FILE}}},
}
TWO_IMAGES = {"multipart/form-data": {"schema": {"type": "object", "properties": {"a": FILE, "b": FILE}}}}


def file_response(kind: str) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI shows for an answer that is a file of this media type."""
    return {200: {"description": "The file", "content": {kind: {"schema": FILE}}}}


FILE_RESPONSE = file_response("application/octet-stream")
"""What OpenAPI shows for a file whose media type depends on the request."""

logging.getLogger("python_multipart").addHandler(logging.NullHandler())  # it logs what is wrong with a form, too


async def read_images(request: Request, count: int) -> list[tuple[str, bytes]]:
    """Return the names and contents of the image files in a request: its body, or the files of its form in their order.

    Raises:
        ConfigError: their number is not `count`.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        files = [("", await request.body())]
    else:
        try:
            async with request.form(max_files=count, max_fields=count) as form:
                parts = [part for part in form.values() if isinstance(part, UploadFile)]
                files = [(part.filename or "", await part.read()) for part in parts]
        except MultiPartException as error:
            raise ConfigError(f"the form cannot be read: {error}") from None
    files = [(name, content) for name, content in files if content]
    if len(files) != count:
        expected = (
            "one image as the body or as a file of a form" if count == 1 else f"{count} images as files of a form"
        )
        raise ConfigError(f"send {expected}; this request has {len(files)}")
    return files
