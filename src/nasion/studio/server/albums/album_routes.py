"""Routes of open folders: which images they have, which folders can be opened, new skeletons, import and export.

GET  /v1/folders            folders below the root        GET  /v1/formats            label formats
GET  /v1/album              an open folder's images       POST /v1/album/import       take over labels
POST /v1/album/project      labels in one file            GET  /v1/album/export       labels in another format
POST /v1/album/skeleton     a new skeleton                POST /v1/album/pairs        propose its mirror pairs
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from nasion.errors import ConfigError
from nasion.studio.albums.album import Album
from nasion.studio.albums.exchange import export_labels, formats, import_labels, to_label_file
from nasion.studio.albums.folders import Folder
from nasion.studio.albums.skeletons import create_skeleton, propose_pairs
from nasion.studio.server.albums.schemas import (
    AlbumInfo,
    FolderEntry,
    FolderListing,
    FormatEntry,
    ImageEntry,
    ImportSummary,
    NewSkeleton,
    PairProposal,
    PointsToPair,
    points_array,
)
from nasion.studio.server.schemas import SkeletonInfo
from nasion.studio.server.state import MAX_PATH, CurrentFolder, CurrentServer

__all__ = ["router"]

FormatName = Annotated[str, Query(alias="format", max_length=40, description="name of a format from /v1/formats")]

FILE_RESPONSE: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The label file, or a .zip archive of label files; the header X-Not-Stored says what is lost",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
PATH = Query(max_length=MAX_PATH, description="a folder's path relative to the root; default: the root")
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

router = APIRouter()


@router.get("/v1/folders", summary="List the folders that can be opened")
def list_folders(server: CurrentServer, path: Annotated[str, PATH] = "") -> FolderListing:
    """Return a folder below the server's root, and the folders in it."""
    if server.albums.root is None:
        raise ConfigError("folders cannot be opened; start the studio with a folder: nasion serve FOLDER")
    listing = server.albums.root.listing(path)
    own = listing.folder.path
    return FolderListing(
        folder=_folder_entry(listing.folder),
        parent=own.rpartition("/")[0] if own else None,
        folders=[_folder_entry(each) for each in listing.folders],
        refused=listing.refused,
        complete=listing.is_complete,
    )


@router.get("/v1/album", summary="List the images of an open folder")
def album_info(
    folder: CurrentFolder, since: Annotated[int | None, Query(description="`changes` of an earlier answer")] = None
) -> AlbumInfo:
    """Return the images of the folder and what is known about them so far."""
    if since is None:
        folder.refresh()
    album = folder.album
    changes = album.changes
    numbers = [number for number in range(len(album.entries)) if since is None or album.changed_at[number] > since]
    return AlbumInfo(
        folder=folder.key,
        name=album.root.resolve().name,
        form=album.labels.form,
        hides=album.labels.hides,
        adds=album.labels.adds,
        notice=album.notice,
        changes=changes,
        images=len(album.entries),
        entries=[_image_entry(album, number) for number in numbers],
        skeleton=SkeletonInfo.of(album.skeleton),
    )


@router.post("/v1/album/project", summary="Continue with labels in one file, to which faces can be added")
def make_project(folder: CurrentFolder) -> ImportSummary:
    """Copy labels from the files they came from into nasion-labels.json; those files are left unchanged."""
    store = to_label_file(folder.album)
    folder.refresh()
    counts = store.counts()
    return ImportSummary(images=len(counts), faces=sum(counts.values()), elsewhere=0, kept=0, problems=[])


@router.post("/v1/album/pairs", summary="Propose the mirror pairs of a new skeleton")
def propose(points: PointsToPair) -> PairProposal:
    """Return the mirror image of each point: as the names say, otherwise as the symmetry of the face suggests."""
    keypoints = points_array(points.keypoints)
    if len(keypoints) != len(points.names):
        raise ConfigError(f"{len(points.names)} names for {len(keypoints)} points; send one name for each point")
    return PairProposal(flip=propose_pairs(points.names, keypoints))


@router.post("/v1/album/skeleton", summary="Label the folder with a new skeleton")
def new_skeleton(skeleton: NewSkeleton, folder: CurrentFolder) -> SkeletonInfo:
    """Write the skeleton's .toml file into the folder, which must not have labels yet."""
    created = create_skeleton(folder.album, skeleton.name, skeleton.names, skeleton.flip)
    folder.refresh()
    return SkeletonInfo.of(created)


@router.get("/v1/formats", summary="List the label formats for import and export")
def list_formats() -> list[FormatEntry]:
    """Return all formats, sorted by name."""
    return [FormatEntry(name=each.name, title=each.title, folder=each.is_folder) for each in formats()]


@router.post(
    "/v1/album/import",
    summary="Take over labels of another format",
    openapi_extra={"requestBody": {"required": False, "content": BINARY}},
)
async def import_file(
    request: Request,
    folder: CurrentFolder,
    form: FormatName,
    replace: Annotated[bool, Query(description="replace labels that images have already")] = False,
) -> ImportSummary:
    """Import a label file, sent as the body; without a body, the label files in the folder."""
    content = await request.body() or None
    summary = await run_in_threadpool(import_labels, folder.album, form, content, replace)
    folder.refresh()
    return ImportSummary(
        images=summary.images,
        faces=summary.faces,
        elsewhere=summary.elsewhere,
        kept=summary.kept,
        problems=summary.problems,
    )


@router.get(
    "/v1/album/export",
    summary="Get the labels in another format",
    response_class=Response,
    responses=FILE_RESPONSE,
)
def export_file(folder: CurrentFolder, form: FormatName) -> Response:
    """Return the labels as a file, or as a .zip archive if the format has several files."""
    export = export_labels(folder.album, form)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(export.name)}",
        "x-not-stored": quote(export.lost),
    }
    return Response(export.content, media_type="application/octet-stream", headers=headers)


def _folder_entry(folder: Folder) -> FolderEntry:
    return FolderEntry(path=folder.path, name=folder.name, images=folder.images, labeled=folder.is_labeled)


def _image_entry(album: Album, number: int) -> ImageEntry:
    entry, scan = album.entries[number], album.scans.get(number)
    return ImageEntry.model_construct(  # without checks, which take longer than all else for thousands of images
        id=number,
        name=entry.name,
        state=album.state(number),
        faces=album.counts.get(entry.path),
        changed=entry.name in album.progress.changed,
        found=scan.faces if scan else None,
        uncertainty=scan.uncertainty if scan else None,
        error=scan.error if scan else "",
    )
