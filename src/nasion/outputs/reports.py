"""The JSON objects of reports: scores, audits, findings in labels, crops, and the progress of bulk prediction."""

from typing import Literal

from pydantic import Field, RootModel

from nasion.outputs.schema import Schema, Versions

__all__ = ["AuditFile", "BulkProgress", "CropsFile", "FindingsFile", "Scores"]

Interval = tuple[float | None, float | None, float | None]
"""A mean and both ends of its 95 % interval, fractions; null where unknown."""

Row = tuple[float, float, float]


class Scores(RootModel[dict[str, float | str | None]]):
    """Scores by name, as fractions, px and ms; null if a score is undefined. The key "n" is the number of faces."""


class Cell(Schema):
    """The scores of all faces under one corruption of one severity."""

    severity: int
    """1 to 5; 0 for the images without corruption."""
    value: float | None
    """Strength of the corruption, in its unit; null without corruption."""
    nme: Interval
    """Mean NME with its 95 % interval, fractions."""
    ratio: float | None
    """Mean NME divided by that of the same faces without corruption."""
    failure_rate: float | None = Field(alias="failure_rate@0.08")
    """Share of faces with an NME above 8 %."""
    within_spreads: tuple[float | None, float | None, float | None]
    """Shares of points within 1, 2 and 3 spreads; null without a predicted uncertainty."""
    rejected: float | None
    """Share of faces whose detection the model rejects."""
    wrong_and_kept: float | None
    """Share of faces with an NME above 8 % whose detection the model does not reject."""
    missing: float | None
    """Share of faces for which the model returns nothing."""


class CorruptionScores(Schema):
    """One kind of corruption."""

    name: str
    unit: str
    """Meaning and unit of the strengths."""
    ratio_at_severities_1_to_3: float | None
    """Mean NME at the severities 1 to 3, divided by that without corruption."""
    severities: list[Cell]


class GroupScores(Schema):
    """The faces of one condition or group."""

    name: str
    """The condition or the column of the table."""
    group: str
    """The range of values or the value."""
    faces: int
    subjects: int
    """Number of people or photographs."""
    nme: Interval
    """Mean NME without corruption, with its 95 % interval, fractions."""
    nme_corrupted: Interval
    """The same over all corruptions of the severities 1 to 3."""
    nme_controlled: Interval | None
    """Mean NME without corruption, controlled for yaw and size; null if it does not apply."""
    nme_corrupted_controlled: Interval | None
    """The same over all corruptions of the severities 1 to 3."""
    within_2_spreads: float | None
    """Share of points within two spreads, without corruption."""
    rejected: float | None
    """Share of faces whose detection the model rejects, without corruption."""


class Skipped(Schema):
    """A face or file that was skipped."""

    name: str
    reason: str


class AuditFile(Versions):
    """audit.json: a model on corrupted images, by condition and by group."""

    model: str
    data: str
    """The labeled faces, format:source."""
    split: str
    faces: int
    subjects: int
    normalizer: str
    """What errors are divided by."""
    clean: Cell
    """The scores without corruption."""
    corruptions: list[CorruptionScores]
    conditions: list[GroupScores]
    groups: list[GroupScores]
    """The groups of the columns that --group names."""
    groups_controlled_by: str | None
    """How the means of groups are controlled; null without groups."""
    problems: list[Skipped]


class UnusualFace(Schema):
    """A face that is far from the mean face."""

    image: str
    face: int
    """Number of the face in its image, from 0."""
    reason: str


class NamedFace(UnusualFace):
    """A face that a finding names."""

    points: list[int]
    """Indices of the points concerned; empty for the whole face."""


class Finding(Schema):
    """The result of one check of labels."""

    check: str
    verdict: Literal["good", "check", "wrong", "unclear", "unknown"]
    """ "check": look at the data; "unclear": two explanations fit; "unknown": too little data."""
    text: str
    faces: list[NamedFace]


class FindingsFile(Versions):
    """The file of `nasion doctor --json`: what was found in labels."""

    data: str
    """The labeled faces, format:source."""
    skeleton: str
    faces: int
    findings: list[Finding]
    unusual: list[UnusualFace]
    """The most unusual faces that no finding names."""


class Crop(Schema):
    """One crop of a face."""

    face: int
    """Number of the face in its image, from 0."""
    score: float
    """Confidence of the face detector, 0 to 1; 1 if the box was given."""
    file: str
    """Name of the crop's file, beside crops.json."""
    template: str
    size: int
    """Side of the crop, px."""
    image_to_crop: tuple[Row, Row]
    """2 x 3 matrix, image px to crop px."""
    crop_to_image: tuple[Row, Row]
    """2 x 3 matrix, crop px to image px."""
    corner_error_px: float | None
    """Standard error of the crop's corners, crop px; null if the uncertainty of the keypoints is unknown."""


class ImageCrops(Schema):
    """The crops of one image."""

    image: str
    """Path of the image, as it was given."""
    faces: list[Crop]


class CropsFile(Versions):
    """crops.json: aligned crops with the maps between them and the images."""

    images: list[ImageCrops]


class BulkProgress(Versions):
    """How far a job of `nasion bulk` is: its summary at the end."""

    state: Literal["running", "finished", "stopped"]
    """ "stopped" after an error or Ctrl-C."""
    total: int
    """Images or videos of the job."""
    images: int
    """Images or videos whose rows are committed."""
    faces: int
    """Faces in them; for videos, faces in frames."""
    errors: int
    """Rows with an error."""
    attempt: int
    """Number of times that the job was started."""
    elapsed_s: float
    """Time since its last start, seconds."""
    startup_s: float | None
    """Time until the first worker was ready, seconds; null before."""
    images_per_s: float | None
    """Images or videos per second since then; null before the first commit."""
    remaining_s: float | None
    """Time until the end at this rate, seconds; null if unknown."""
    heartbeat: float
    """Time of writing, seconds since 1970."""
