"""The JSON objects of folders that are open for labeling."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from nasion.geometry import MAX_COORDINATE, FloatArray
from nasion.outputs.schema import Ellipses, Points, Schema
from nasion.studio.albums.progress import State
from nasion.studio.server.albums.suggestions import Start
from nasion.studio.server.schemas import SkeletonInfo

__all__ = [
    "AlbumInfo",
    "FaceBox",
    "FolderEntry",
    "FolderListing",
    "FormatEntry",
    "ImageEntry",
    "ImageFace",
    "ImageLabels",
    "ImageUpdate",
    "ImportSummary",
    "LandmarkPoint",
    "Landmarks",
    "NewSkeleton",
    "PairProposal",
    "PastLabels",
    "PlacedFace",
    "PointsToPair",
    "SavedImage",
    "points_array",
]

MAX_POINTS = 1000
MAX_FACES = 1000
MAX_TEXT = 100
MAX_NAME = 4096

Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-MAX_COORDINATE, le=MAX_COORDINATE)]
GivenPoints = Annotated[list[tuple[Coordinate, Coordinate] | None], Field(max_length=MAX_POINTS)]
PointNames = Annotated[list[Annotated[str, Field(max_length=MAX_TEXT)]], Field(max_length=MAX_POINTS)]


class Given(BaseModel):
    """Base of the objects that a client sends."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ImageEntry(Schema):
    """One image of the open folder."""

    id: int
    """Number of the image, from 0. It stays the same while the server runs."""
    name: str
    """Path of the image in the folder."""
    state: State
    """"todo", "done", or "no_face" if the user has marked the image as showing no face."""
    faces: int | None
    """Number of labeled faces; null if the image is not labeled."""
    changed: bool
    """Whether the user has drawn or moved points, rather than accepted those of a model."""
    found: int | None
    """Number of detected faces; null until the image has been scanned."""
    uncertainty: float | None
    """Of the most uncertain face: mean over its keypoints, as a fraction of the face's size; null if unknown."""
    error: str
    """Why the image or its labels cannot be read, or an empty string."""


class AlbumInfo(Schema):
    """The open folder."""

    folder: str
    """Path of the folder below the server's root, or the name of the data set; send it as `folder`."""
    name: str
    """Name of the folder."""
    form: str
    """Format of the labels."""
    hides: bool
    """Whether this format can store missing points."""
    adds: bool
    """Whether faces can be added and deleted."""
    notice: str
    """A warning for the user, or an empty string."""
    changes: int
    """Number of the last change; send it as `since` to get only what has changed later."""
    images: int
    """Number of all images."""
    entries: list[ImageEntry]
    """The images; with `since`, those that have changed."""
    skeleton: SkeletonInfo


class ImageFace(Schema):
    """One face of an image."""

    keypoints: Points
    """x, y of each keypoint, image px; null if missing."""
    origin: int | None
    """Number of the face in the stored labels; null if it is a suggestion."""
    model: Points | None
    """The model's prediction, image px; null if the model has other keypoints or does not find the face."""
    ellipses: Ellipses | None
    """Uncertainty of the prediction; null if unknown."""


class ImageLabels(Schema):
    """The faces of one image: its labels or, without labels, suggestions."""

    name: str
    width: int
    """Width of the upright image, px."""
    height: int
    """Height of the upright image, px."""
    version: str
    """Version of the labels; send it back as `seen` when saving."""
    state: State
    changed: bool
    """Whether the user has drawn or moved points."""
    labeled: bool
    """Whether `faces` are labels; otherwise they are suggestions."""
    start: Start
    """Where the points of `faces` come from; "none" if the user has to place those of the first face."""
    faces: list[ImageFace]


class GivenFace(Given):
    """One face that a client sends."""

    keypoints: GivenPoints
    """x, y of each keypoint, image px; null for missing points."""
    origin: int | None = None
    """Number of the face in the stored labels, whose other data it keeps; null for a new face."""


class ImageUpdate(Given):
    """All faces of one image."""

    name: Annotated[str, Field(max_length=MAX_NAME)]
    """Name of the image; saving fails if the number belongs to another one, as after a restart of the server."""
    faces: Annotated[list[GivenFace], Field(max_length=MAX_FACES)] | None
    """The faces; null removes the labels."""
    seen: Annotated[str, Field(max_length=MAX_TEXT)]
    """Version of the labels that were changed; saving fails if they have changed since."""
    state: State = "todo"
    changed: bool = True
    """Whether the user has drawn or moved points, now or earlier."""


class SavedImage(Schema):
    """The result of saving an image."""

    version: str
    """New version of the labels."""
    notice: str
    """A warning for the user, or an empty string."""


class FaceBox(Given):
    """A box around a face."""

    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate]
    """x0, y0, x1, y1, image px."""


class PlacedFace(Schema):
    """Points for the face in a box."""

    start: Start
    """Where the points come from; "none" if the user has to place them."""
    face: ImageFace | None


class LandmarkPoint(Schema):
    """A named place in a face."""

    name: str
    x: float
    y: float


class Landmarks(Schema):
    """The named places of the faces of an image."""

    faces: list[list[LandmarkPoint]]


class PastLabels(Schema):
    """Earlier labels of an image."""

    time: float
    """When they were replaced, seconds since 1970."""
    state: State
    faces: list[Points] | None
    """Null without labels."""


class PointsToPair(Given):
    """The points of a new skeleton in one face."""

    names: PointNames
    keypoints: GivenPoints


class PairProposal(Schema):
    """Which points change places in a mirrored face."""

    flip: list[int]
    """For each point, the index of its mirror image."""


class NewSkeleton(Given):
    """A new skeleton."""

    name: Annotated[str, Field(max_length=MAX_TEXT)]
    """Name of the skeleton and of its .toml file."""
    names: PointNames
    """Names of the points."""
    flip: Annotated[list[int], Field(max_length=MAX_POINTS)]
    """For each point, the index of its mirror image."""


class FolderEntry(Schema):
    """A folder below the server's root."""

    path: str
    """Path relative to the root; send it as `folder`."""
    name: str
    images: int
    """Number of images directly in it, at most 1000."""
    labeled: bool
    """Whether it has labels."""


class FolderListing(Schema):
    """A folder and the folders in it."""

    folder: FolderEntry
    parent: str | None
    """Path of the folder above; null for the root."""
    folders: list[FolderEntry]
    refused: list[str]
    """Links that lead out of the root and are not opened."""
    complete: bool
    """Whether all folders are listed."""


class FormatEntry(Schema):
    """A label format."""

    name: str
    title: str
    folder: bool
    """Whether its labels are several files in the folder of the images."""


class ImportSummary(Schema):
    """What was imported."""

    images: int
    """Number of images that have got labels."""
    faces: int
    """Number of their faces."""
    elsewhere: int
    """Number of labeled images that are not in the folder."""
    kept: int
    """Number of images whose labels were kept, because they had some."""
    problems: list[str]
    """The first reasons why faces were left out."""


def points_array(points: list[tuple[float, float] | None]) -> FloatArray:
    """Return keypoints (K, 2) as an array, in their frame; NaN where missing."""
    return np.array([(np.nan, np.nan) if point is None else point for point in points], np.float64).reshape(-1, 2)
