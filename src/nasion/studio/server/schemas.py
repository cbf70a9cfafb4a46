"""The JSON objects of the HTTP interface; those of folders are in `albums/schemas.py`, those of files in `outputs`."""

from typing import Literal

from nasion.outputs.schema import Face, Header, Points, Schema
from nasion.skeleton import Skeleton

__all__ = [
    "BrokenModel",
    "ClipFace",
    "ClipLimits",
    "ClipStatus",
    "ErrorMessage",
    "Faces",
    "Health",
    "MatchResult",
    "MatchedImage",
    "ModelInfo",
    "RemovedClip",
    "SkeletonInfo",
    "StudioInfo",
]


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
    """Whether a folder is open for labeling and training."""
    root: str | None
    """Name of the folder whose subfolders can be opened; null if none can."""
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
    terms: str
    """Terms of use; for a model that was trained here, those of the model it started from. Empty if unknown."""


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
