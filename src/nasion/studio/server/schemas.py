"""The JSON objects of the HTTP interface; those that files share are in `nasion.outputs.schema`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nasion.geometry import MAX_COORDINATE
from nasion.outputs.schema import Ellipses, Face, Header, Points, Schema
from nasion.skeleton import Skeleton

__all__ = [
    "AlbumEntry",
    "AlbumFace",
    "AlbumInfo",
    "BrokenModel",
    "ClipFace",
    "ClipLimits",
    "ClipStatus",
    "ErrorMessage",
    "FaceUpdate",
    "Faces",
    "Health",
    "MatchResult",
    "MatchedImage",
    "ModelInfo",
    "RemovedClip",
    "SavedFace",
    "SkeletonInfo",
    "StudioInfo",
]

MAX_POINTS = 1000
MAX_VERSION = 64

Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-MAX_COORDINATE, le=MAX_COORDINATE)]


class ErrorMessage(Schema):
    """The body of every error response."""

    error: str
    """What is wrong and what to do, in one line."""


class Health(Schema):
    """The state of the server."""

    ok: bool
    waiting: int
    """Number of jobs that are waiting or running."""


class StudioInfo(Schema):
    """What this server offers."""

    album: bool
    """Whether a folder is open for correction and training."""
    clips: "ClipLimits"
    """Which clips can be tracked."""


class ClipLimits(Schema):
    """Which clips this server tracks."""

    missing: str
    """Why it tracks none, in one line; empty if it does."""
    largest_bytes: int
    """Largest size of a file, bytes."""
    longest_s: float
    """Longest duration, seconds."""


class ClipFace(Schema):
    """One face in a clip."""

    face: int
    """Number of the face in the clip, from 0."""
    frames: int
    """Number of frames in which it is visible."""


class ClipStatus(Schema):
    """What has happened to a clip."""

    name: str
    """Name of the clip in the paths of its files."""
    state: Literal["uploading", "waiting", "running", "done", "failed"]
    error: str
    """Why it failed, in one line; otherwise empty."""
    note: str
    """What was lost, such as damaged parts or the sound; empty if nothing."""
    frames: int
    """Number of tracked frames."""
    total: int
    """Number of frames that the file announces; 0 if it announces none."""
    rate: float
    """Tracked frames per second."""
    faces: list[ClipFace]


class RemovedClip(Schema):
    """The result of removing a clip."""

    removed: bool
    """Whether there was such a clip."""


class SkeletonInfo(Schema):
    """The keypoints that a model finds or a folder is labeled with."""

    name: str
    count: int
    """K, the number of keypoints."""
    names: list[str]
    """Names of the K keypoints."""
    lines: list[list[int]]
    """Polylines of keypoint indices, for drawing."""
    regions: dict[str, list[int]]
    """Keypoint indices by region."""
    flip: list[int] | None
    """For each keypoint of a mirrored face, its index in the original; null if unknown."""

    @classmethod
    def of(cls, skeleton: Skeleton) -> "SkeletonInfo":
        """Return the description of a skeleton."""
        return cls(
            name=skeleton.name,
            count=skeleton.count,
            names=list(skeleton.names),
            lines=[list(line) for line in skeleton.lines],
            regions={name: list(indices) for name, indices in skeleton.regions.items()},
            flip=None if skeleton.flip is None else list(skeleton.flip),
        )


class ModelInfo(Schema):
    """A model that can be used."""

    name: str
    skeleton: SkeletonInfo
    card: dict[str, object]
    """The model card: training data, terms and scores. Empty for models that are not part of the package."""


class BrokenModel(Schema):
    """A model that cannot be used."""

    name: str
    error: str
    """Why it cannot be loaded, in one line."""


class Faces(Header):
    """The predicted faces of one image."""

    width: int
    """Width of the upright image, px."""
    height: int
    """Height of the upright image, px."""
    faces: list[Face]
    """Empty if no face was found."""


class MatchedImage(Schema):
    """One of two matched images."""

    width: int
    """Width of the upright image, px."""
    height: int
    """Height of the upright image, px."""
    face: int
    """Number of the matched face in its image, from 0."""
    keypoints: Points
    """x, y of each matched keypoint, image px."""


class MatchResult(Schema):
    """Two matched faces and a morph between them."""

    names: list[str]
    """Names of the matched keypoints."""
    residual: float
    """Root mean square distance after alignment, as a fraction of the size of face A."""
    large: bool
    """Whether the poses differ so much that the morph stretches hidden parts."""
    scale: float
    """Scale of the similarity transform from B to A."""
    rotation_deg: float
    """Rotation of the similarity transform from B to A, degrees; positive is clockwise."""
    a: MatchedImage
    b: MatchedImage
    frames: list[str]
    """The morph from A to B: JPEG images as data URIs."""


class AlbumEntry(Schema):
    """One face of the open folder."""

    id: int
    """Number of the face in the folder, from 0."""
    name: str
    labeled: bool
    """Whether the face has labels."""
    done: bool
    """Whether the user has marked the face as done."""
    uncertainty: float | None
    """Mean uncertainty of the keypoints, as a fraction of the face's size; null until the face has been scanned."""
    broken: bool
    """Whether the image or its labels cannot be read."""


class AlbumInfo(Schema):
    """The open folder."""

    name: str
    """Name of the folder."""
    form: str
    """Format of the labels."""
    hides: bool
    """Whether this format can store missing points."""
    notice: str
    """A warning for the user, or an empty string."""
    entries: list[AlbumEntry]
    skeleton: SkeletonInfo


class AlbumFace(Schema):
    """The keypoints of one face of the open folder."""

    version: str
    """Version of the labels; send it back as `seen` when saving."""
    labeled: bool
    """Whether `keypoints` are labels; otherwise they are the model's prediction."""
    keypoints: Points
    """x, y of each keypoint, image px; null if missing."""
    model: Points | None
    """The model's prediction, image px; null if the model has other keypoints."""
    ellipses: Ellipses | None
    """Uncertainty of the prediction; null if unknown."""


class FaceUpdate(BaseModel):
    """Corrected keypoints of one face."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    keypoints: Annotated[list[tuple[Coordinate, Coordinate] | None], Field(max_length=MAX_POINTS)]
    """x, y of each keypoint, image px; null for missing points."""
    seen: Annotated[str, Field(max_length=MAX_VERSION)]
    """Version of the labels that were corrected; saving fails if the labels have changed since."""
    done: bool = True
    """Whether to mark the face as done."""


class SavedFace(Schema):
    """The result of saving a face."""

    version: str
    """New version of the labels."""
