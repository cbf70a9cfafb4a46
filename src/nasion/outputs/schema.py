"""The JSON objects of faces, of matched faces and of mean faces, in files and in the answers of the HTTP interface."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nasion.outputs.names import MEASUREMENTS, SCHEMA_VERSION

__all__ = [
    "MEASUREMENTS",
    "SCHEMA_VERSION",
    "Ellipses",
    "Face",
    "Header",
    "ImageFaces",
    "KeypointsFile",
    "MatchFile",
    "MeanFaceFile",
    "Measurement",
    "Measurements",
    "Points",
    "Schema",
    "Versions",
]

Point = tuple[float, float]
Points = list[Point | None]

Box = tuple[float, float, float, float]


class Schema(BaseModel):
    """Base of all objects: unknown keys are errors, and the attributes' docstrings become descriptions."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, protected_namespaces=()
    )


class Ellipses(Schema):
    """The error ellipses of a face's keypoints at one spread: one entry per keypoint, null if unknown."""

    semi_major_px: list[float | None]
    """Half of the long axis, image px."""
    semi_minor_px: list[float | None]
    """Half of the short axis, image px."""
    angle_deg: list[float | None]
    """Direction of the long axis, from x towards y, 0 to 180 degrees."""


class Measurement(Schema):
    """A number with its standard error."""

    value: float | None
    """Null if one of its points is missing or hidden."""
    error: float | None
    """The standard error; null if the value is, or if it is unknown."""
    unit: str
    """Unit of both; empty for ratios."""


class Measurements(Schema):
    """Pose, eyes, mouth and symmetry of a face; measurements for which its skeleton lacks points are left out.

    Tables use the same names: columns NAME and NAME_error, and rows of `nasion measure`.
    """

    yaw: Measurement | None = None
    """Turn of the head, degrees; positive looks to the right of the image, the person's left."""
    pitch: Measurement | None = None
    """Nod, degrees; positive looks up."""
    roll: Measurement | None = None
    """Tilt, degrees; positive is clockwise on the screen."""
    head_x: Measurement | None = None
    """Center of the head, between the ears, image px."""
    head_y: Measurement | None = None
    """The same point, image px."""
    head_scale: Measurement | None = None
    """Image px per cm at that point, for a head of mean size."""
    left_eye_opening: Measurement | None = None
    """Gap between the lids of the person's left eye, divided by the width; no unit."""
    left_eye_opening_gap: Measurement | None = None
    """That gap, image px."""
    left_eye_opening_width: Measurement | None = None
    """Distance of the corners of that eye, image px."""
    left_eye_open: Measurement | None = None
    """1 if the opening reaches the threshold of an open eye, otherwise 0; without an error."""
    right_eye_opening: Measurement | None = None
    """Gap between the lids of the person's right eye, divided by the width; no unit."""
    right_eye_opening_gap: Measurement | None = None
    """That gap, image px."""
    right_eye_opening_width: Measurement | None = None
    """Distance of the corners of that eye, image px."""
    right_eye_open: Measurement | None = None
    """1 if the opening reaches the threshold of an open eye, otherwise 0; without an error."""
    mouth_opening: Measurement | None = None
    """Gap between the lips, divided by the width; no unit."""
    mouth_opening_gap: Measurement | None = None
    """That gap, image px."""
    mouth_opening_width: Measurement | None = None
    """Distance of the inner corners of the mouth, image px."""
    mouth_open: Measurement | None = None
    """1 if the opening reaches the threshold of parted lips, otherwise 0; without an error."""
    asymmetry: Measurement | None = None
    """Mean distance between the points and those of the mirrored face, a share of the inter-ocular distance."""


class Face(Schema):
    """One face. Lists have one entry per keypoint, in the order of `point_names`."""

    face: int
    """Number of the face in its image, from 0."""
    score: float | None
    """Confidence of the face detector, 0 to 1; 1 if the box was given; null for labels."""
    box: Box | None
    """x0, y0, x1, y1, image px: the crop that the network saw, or the box of the labels; null if unknown."""
    keypoints: Points
    """x, y of each keypoint, image px; (0, 0) is the center of the top-left pixel; null if missing."""
    spread_px: list[float | None] | None
    """Uncertainty of each keypoint, a standard deviation, image px; null if unknown."""
    ellipses: Ellipses | None
    """Uncertainty of each keypoint by direction; null if unknown."""
    hidden_probability: list[float | None] | None = None
    """Probability that each keypoint is hidden, 0 to 1: 0 or 1 for labels; missing if the model does not predict it."""
    measurements: Measurements | None = None
    """Measurements of the face, if requested."""
    subject: str | None = None
    """The person or photograph, if the labels name one."""
    split: Literal["train", "val", "test"] | None = None
    """The part of the data set, if the labels name one."""


class ImageFaces(Schema):
    """One image and its faces."""

    image: str
    """Path of the image, as it was given."""
    width: int
    """Width of the upright image, px."""
    height: int
    """Height of the upright image, px."""
    faces: list[Face]
    """Empty if the image has no face."""


class Versions(Schema):
    """The first entries of every file and answer."""

    schema_version: Literal[1]
    """Version of this form."""
    nasion_version: str
    """Version of the nasion that wrote it."""


class Header(Versions):
    """What holds for all faces of a file or an answer."""

    model: str | None
    """Name of the model; null for labels."""
    skeleton: str
    """Name of the skeleton, such as ibug-68."""
    point_names: list[str]
    """Names of the keypoints, in the order of every list of keypoints."""


class KeypointsFile(Header):
    """keypoints.json: images with their faces."""

    images: list[ImageFaces]


class MatchedFace(Schema):
    """One of two matched faces."""

    image: str
    """Path of the image, as it was given."""
    face: int
    """Number of the face in its image, from 0."""


class Similarity(Schema):
    """The similarity transform that moves face B onto face A."""

    source: Literal["b"] = Field(alias="from")
    target: Literal["a"] = Field(alias="to")
    matrix: list[tuple[float, float, float]]
    """2 x 3 matrix, image px of B to image px of A."""
    scale: float
    rotation_deg: float
    """Rotation, degrees; positive is clockwise."""
    residual_px: float
    """Root mean square distance of the keypoints after alignment, px of image A."""
    residual: float
    """The same as a fraction of the size of face A."""


class MatchedPoint(Schema):
    """One keypoint that both faces have."""

    name: str
    a: Point
    """x, y in image A, px."""
    b: Point
    """x, y in image B, px."""
    residual_px: float
    """Distance after alignment, px of image A."""


class MatchFile(Versions):
    """match.json: two matched faces."""

    a: MatchedFace
    b: MatchedFace
    similarity: Similarity
    matches: list[MatchedPoint]


class MeanFaceFile(Versions):
    """mean-face.json: the mean shape of several faces."""

    faces: int
    """Number of faces."""
    images: list[str]
    """Paths of the images, as they were given."""
    skeleton: str
    point_names: list[str]
    shape: list[Point]
    """x, y of each keypoint, in px of one of the faces, turned so that the eyes are level."""
