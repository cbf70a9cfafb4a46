"""The page: plain HTML, CSS and JavaScript modules; see `page_files.py`."""

from fastapi import APIRouter, HTTPException, Request, Response

from nasion.studio.server.page.page_files import find_page

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/docs")  # FastAPI's own documentation would load scripts from other servers
@router.get("/pages/{name:path}")
async def page(request: Request) -> Response:
    """Return the studio, the documentation of the HTTP interface, or a file of the page."""
    found = find_page(request.scope["path"])
    if found is None:
        raise HTTPException(404, "there is no such page")
    return Response(found.content, media_type=found.media_type)
