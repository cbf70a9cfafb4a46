"""The page: plain HTML, CSS and JavaScript modules from `studio/pages`."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePath

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

__all__ = ["router"]

MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

router = APIRouter(include_in_schema=False)


@router.get("/")
def studio_page() -> HTMLResponse:
    """Return the studio."""
    return HTMLResponse(_files()["index.html"].read_text("utf-8"))


@router.get("/docs")
def docs_page() -> HTMLResponse:
    """Return the documentation of the HTTP interface; FastAPI's own page would load scripts from other servers."""
    return HTMLResponse(_files()["docs.html"].read_text("utf-8"))


@router.get("/pages/{name}")
def page_file(name: str) -> Response:
    """Return a file of the page. The name is looked up in a table, never joined to a path."""
    if name not in _files():
        raise HTTPException(404, "there is no such page")
    return Response(_files()[name].read_bytes(), media_type=MEDIA_TYPES[PurePath(name).suffix])


@cache
def _files() -> dict[str, Traversable]:
    folder = resources.files("nasion") / "studio" / "pages"
    return {file.name: file for file in folder.iterdir() if PurePath(file.name).suffix in MEDIA_TYPES}
