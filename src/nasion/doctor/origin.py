"""Checks of the pixel origin of coordinates: from the coordinates themselves, and from the symmetry of the faces.

A label file that is read with the wrong origin is one pixel off in every face, which no single image shows. But the
mean image of many faces, aligned with a symmetric mean shape, is symmetric about the axis of the shape. If the labels
are d px too far to the right, the mean image lies d px to the left of the axis, and 2d px from its mirror image.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from nasion import images
from nasion.doctor.checks import MIN_FACES, MIN_POINTS, Finding, Verdict
from nasion.doctor.offsets import Offset, offset_verdict
from nasion.doctor.shape_model import has_every_point
from nasion.geometry import Affine, FloatArray, box_center, image_box, is_present, last_pixel, similarity_between
from nasion.sample import DataSet
from nasion.shapes import mean_shape

__all__ = ["findings", "known_symmetry_offset", "symmetry_offset"]

SIDE = 96
"""Side of the mean image, px."""

FACE_SHARE = 0.7
"""Longer side of the mean shape as a share of the side of the mean image."""

SLOW_PX = 5.0
"""Scale, px, above which changes in brightness are attributed to the light, not to features of the face."""

NO_EDGES = 1e-9
"""Sum of squared slopes below which an image has no edges."""

STEPS = 5
"""Number of Gauss-Newton steps."""

MAX_FACES = 300
"""Largest number of faces that are averaged."""

ROUNDS = 50
"""Number of bootstrap rounds for the standard error of the offset."""

EXPLANATIONS: dict[Verdict, str] = {
    "good": "; a wrong origin would shift them by about 1 px",
    "check": "; a wrong origin would explain this",
    "unclear": "; a wrong origin or a bias of the labels to one side would explain this",
}
"""What may explain an offset, by the verdict."""

WHOLE_SHARE = 0.99
"""Share of coordinates above which all count as whole numbers or halves."""


def findings(
    faces: DataSet,
    sizes: Sequence[tuple[int, int]],
    symmetry: Offset | None = None,
    model_finding: Finding | None = None,
) -> list[Finding]:
    """Return the findings on the pixel origin.

    Args:
        faces: the faces, whose images can be read.
        sizes: the size (height, width) of each face's image, px.
        symmetry: from `known_symmetry_offset`.
        model_finding: the finding on the offset from a model's predictions, if there is one.
    """
    return [_coordinates(faces, sizes), _symmetry(symmetry, model_finding)]


def _coordinates(faces: DataSet, sizes: Sequence[tuple[int, int]]) -> Finding:
    """Check that the coordinates are not half-pixel or 1-based ones."""
    points = faces.keypoints()
    values = points[np.isfinite(points)]
    part = np.abs(values - np.floor(values))
    whole, half = (np.isclose(part, 0) | np.isclose(part, 1)).mean(), np.isclose(part, 0.5).mean()
    kind = "whole numbers" if whole > WHOLE_SHARE else "fractions"
    if half > WHOLE_SHARE:
        kind = "halves: pixels may have been counted from their edge"
    room = np.stack([last_pixel(size) for size in sizes])[:, None, :] - points
    text = f"coordinates are {kind}; smallest {values.min():.2f}, "
    text += f"smallest distance from the last row or column {np.nanmin(room):.2f}"
    one_based = bool(np.isclose(room, -1).any() and values.min() > 0)
    if one_based:
        text += "; some equal the width or height: 1-based labels read as 0-based?"
    return Finding("pixel origin (coordinates)", "check" if one_based or half > WHOLE_SHARE else "good", text)


def _symmetry(symmetry: Offset | None, model_finding: Finding | None) -> Finding:
    """Check that the labels lie on the symmetry axis of the faces.

    Correct labels may be biased to one side of the axis: those of 300-W's training photos are, by 0.5 to 1.5 px. If a
    model's predictions agree with the labels, such a bias may explain the offset, so the verdict is "unclear".
    """
    if symmetry is None:
        text = f"needs a flip map, {MIN_FACES} faces, and {MIN_POINTS} points, each in some face"
        return Finding("pixel origin (symmetry)", "unknown", text)
    verdict = offset_verdict(*symmetry)
    text = f"labels lie {symmetry.value:+.2f} ± {symmetry.error:.2f} px beside the symmetry axis of the faces"
    if verdict == "check" and model_finding is not None and model_finding.verdict == "good":
        text += "; the model finds no offset, so the labels may be biased to one side"
        return Finding("pixel origin (symmetry)", "unclear", text)
    return Finding("pixel origin (symmetry)", verdict, text + EXPLANATIONS[verdict])


def known_symmetry_offset(faces: DataSet) -> Offset | None:
    """Return `symmetry_offset` of the faces with enough points; None if the skeleton or the data does not suffice."""
    faces = faces.subset([face for face in faces.annotations if is_present(face.keypoints).sum() >= MIN_POINTS])
    enough = faces.skeleton.count >= MIN_POINTS and len(faces) >= MIN_FACES
    if faces.skeleton.flip is None or not enough or not has_every_point(faces):
        return None
    return symmetry_offset(faces)


def symmetry_offset(faces: DataSet) -> Offset:
    """Return how far the labels lie to the right of the symmetry axis of the faces, and its standard error, image px.

    Args:
        faces: faces with a flip map and at least three points each.
    """
    shape = _symmetric_shape(faces)
    chosen = np.unique(np.linspace(0, len(faces) - 1, min(MAX_FACES, len(faces))).astype(int))
    aligned, scales = zip(*(_aligned(faces, int(index), shape) for index in chosen), strict=True)
    stack, scale = np.stack(aligned), np.array(scales)
    random = np.random.default_rng(0)
    resamples = random.integers(len(stack), size=(ROUNDS, len(stack)))
    error = np.std([_half_shift(stack[each].mean(0)) / scale[each].mean() for each in resamples])
    return Offset(_half_shift(stack.mean(0)) / float(scale.mean()), float(error))


def _symmetric_shape(faces: DataSet) -> FloatArray:
    """Return the mean shape, made symmetric (K, 2), px of the mean image."""
    mean = mean_shape(faces.keypoints())
    centered = mean - mean.mean(0)
    symmetric = (centered + faces.skeleton.mirrored(centered * [-1.0, 1.0])) / 2
    scale = FACE_SHARE * SIDE / np.ptp(symmetric, axis=0).max()
    return symmetric * scale + box_center(image_box((SIDE, SIDE)))


def _aligned(faces: DataSet, index: int, shape: FloatArray) -> tuple[FloatArray, float]:
    """Return a face aligned with the symmetric shape (K, 2), and the scale, px of the mean image per image px.

    The aligned face is gray, (SIDE, SIDE) float64, with zero mean and unit standard deviation.
    """
    sample = faces.load(index)
    affine = similarity_between(sample.annotation.keypoints, shape)
    gray = cv2.cvtColor(images.warp(sample.image, affine, (SIDE, SIDE)), cv2.COLOR_RGB2GRAY).astype(np.float64)
    return (gray - gray.mean()) / (gray.std() + 1), affine.scale


def _half_shift(gray: FloatArray) -> float:
    """Return how far an image (SIDE, SIDE) must move to the right to be symmetric about its middle, px.

    Gauss-Newton on the difference between the image and its mirror image. Slow changes of brightness are subtracted
    first, because a face that is lit from one side is not symmetric, but its edges are.
    """
    edges = gray - cv2.GaussianBlur(gray, (0, 0), SLOW_PX)
    window = cv2.createHanningWindow((SIDE, SIDE), cv2.CV_64F)
    shift = 0.0
    for _ in range(STEPS):
        matrix = Affine.translation(shift, 0).matrix
        moved = cv2.warpAffine(edges, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        mirror = moved[:, ::-1]
        slope = np.gradient((moved + mirror) / 2, axis=1)
        energy = float((slope * slope * window).sum())
        if energy < NO_EDGES:
            break
        step = float(((mirror - moved) * slope * window).sum()) / (2 * energy)
        shift = float(np.clip(shift - step, -SIDE, SIDE))
    return shift
