"""The page: plain HTML, CSS and JavaScript modules from `studio/pages`.

index.html is the shell; a line `<!-- include NAME -->` in it stands for the file NAME, the part of one tab.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePath

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

__all__ = ["router"]

MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
INCLUDE = re.compile("<!-- include ([a-z/.]+) -->")

router = APIRouter(include_in_schema=False)


@router.get("/")
def studio_page() -> HTMLResponse:
    """Return the studio."""
    return HTMLResponse(_studio_html())


@router.get("/docs")
def docs_page() -> HTMLResponse:
    """Return the documentation of the HTTP interface; FastAPI's own page would load scripts from other servers."""
    return HTMLResponse(_files()["docs/docs.html"].read_text("utf-8"))


@router.get("/pages/{name:path}")
def page_file(name: str) -> Response:
    """Return a file of the page. The name is looked up in a table, never joined to a path."""
    if name not in _files():
        raise HTTPException(404, "there is no such page")
    return Response(_files()[name].read_bytes(), media_type=MEDIA_TYPES[PurePath(name).suffix])


@cache
def _studio_html() -> str:
    return INCLUDE.sub(lambda found: _files()[found[1]].read_text("utf-8"), _files()["index.html"].read_text("utf-8"))


@cache
def _files() -> dict[str, Traversable]:
    """Return the files of the page by their path below `studio/pages`, such as "shared/api.js"."""
    return dict(_files_below(resources.files("nasion") / "studio" / "pages", ""))


def _files_below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files_below(entry, f"{prefix}{entry.name}/")
        elif PurePath(entry.name).suffix in MEDIA_TYPES:
            yield prefix + entry.name, entry
