"""Runs all checks on a data set, and draws the most unusual faces."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nasion import draw, images
from nasion.doctor import checks, origin
from nasion.doctor.checks import Finding, ReadFace
from nasion.errors import AnnotationError, ImageError
from nasion.geometry import FloatArray
from nasion.progress import SILENT, Reporter, track
from nasion.sample import Annotation, DataSet, Image, Problem

__all__ = ["Examination", "draw_worst", "examine", "table_rows"]

WORST_FACES = 12
"""Number of faces that `draw_worst` draws."""

TILE_SIDE = 300
"""Side of one face in the drawing, px."""

TILE_MARGIN = 1.7
"""Side of the drawn part of an image as a multiple of the face's bounding box."""

SHEET_COLUMNS = 4
"""Number of faces in a row of the drawing."""


@dataclass(frozen=True, eq=False)
class Examination:
    """The result of all checks.

    Attributes:
        faces: the data set.
        findings: one finding per check.
        worst: the most unusual faces first, each with the reason; the reason is empty if it cannot be computed.
    """

    faces: DataSet
    findings: Sequence[Finding]
    worst: Sequence[tuple[Annotation, str]]


def examine(faces: DataSet, reporter: Reporter = SILENT) -> Examination:
    """Return the findings on the labels and images of a data set.

    Args:
        faces: the data set; every image is read once.
        reporter: receives the progress.

    Raises:
        AnnotationError: no image can be read.
    """
    results = [checks.read_face(faces, index) for index in track(range(len(faces)), "reading images", reporter)]
    unreadable = [result for result in results if isinstance(result, Problem)]
    read = [result for result in results if isinstance(result, ReadFace)]
    if not read:
        reason = f"; the first: {unreadable[0].reason}" if unreadable else ""
        raise AnnotationError(f"{faces.name}: no image can be read{reason}")
    measurable = [each for each in read if checks.is_measurable(each)]
    readable = faces.subset([each.face for each in measurable])
    findings = [
        checks.counts(faces),
        checks.skipped([*faces.problems, *unreadable]),
        checks.duplicates(read),
        checks.outside(read),
        checks.missing(faces.subset([each.face for each in read])),
        checks.extent(read),
        checks.leaks(read),
    ]
    if not measurable:
        return Examination(faces, findings, [(each.face, "") for each in read[:WORST_FACES]])
    residuals = checks.shape_residuals(readable)
    findings += [
        *origin.findings(readable, [each.size for each in measurable]),
        checks.flip_map(readable),
        checks.left_and_right(readable),
        checks.order_of_points(readable),
        checks.outliers(readable, residuals),
    ]
    return Examination(faces, findings, _worst(readable, residuals))


def _worst(faces: DataSet, residuals: FloatArray) -> list[tuple[Annotation, str]]:
    """Return the faces with the largest residuals (N,), shares of the face size, each with the reason."""
    order = np.argsort(-np.nan_to_num(residuals))[:WORST_FACES]
    percent = 100 * residuals
    return [
        (faces.annotations[i], f"{percent[i]:.0f} % from the mean face" if np.isfinite(percent[i]) else "")
        for i in order
    ]


def table_rows(examination: Examination) -> list[tuple[str, str, str]]:
    """Return the check, the verdict and the text of each finding."""
    return [(finding.check, finding.verdict, finding.text) for finding in examination.findings]


def draw_worst(examination: Examination, folder: Path) -> Path:
    """Draw the most unusual faces with their labels, and return the path of the image.

    Raises:
        OutputError: the image cannot be written.
        ImageError: the images have vanished since they were examined.
    """
    tiles: list[Image] = []
    for face, reason in examination.worst:
        try:
            tiles.append(_tile(examination.faces.open_image(face), face, reason))
        except ImageError:
            continue
    if not tiles:
        raise ImageError(f"{examination.faces.name}: its images cannot be read any more; restore them")
    title = f"most unusual labels of {examination.faces.name}"
    sheet = draw.legend(draw.sheet(tiles, columns=SHEET_COLUMNS), [(title, None), ("labels", draw.TRUE)])
    path = folder / "worst.png"
    images.write(path, sheet)
    return path


def _tile(image: Image, face: Annotation, reason: str) -> Image:
    """Return a face with its labels and two captions, (height, width, 3) uint8 RGB, from its image (H, W, 3)."""
    around = draw.view_box(face.keypoints, image.shape[:2])
    tile = draw.face_view(image, face.keypoints, None, around, side=TILE_SIDE, margin=TILE_MARGIN)
    return draw.caption(draw.caption(tile, face.name), reason)
