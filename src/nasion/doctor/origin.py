"""Whether coordinates start at the right pixel: from the numbers themselves, and from the faces' symmetry.

A label file read with the wrong origin is one pixel off in every face, which no single picture shows. But the
mean of many faces, laid on a symmetric mean shape, is symmetric about the shape's axis; labels that are d px too
far right put the picture d px to the left of it, and the picture's mirror image 2d px from the picture.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from nasion import images
from nasion.doctor.checks import MIN_FACES, Finding
from nasion.geometry import Affine, FloatArray, is_present, similarity_between
from nasion.sample import DataSet
from nasion.skeleton import mean_shape

__all__ = ["findings", "symmetry_offset"]

SIDE = 96
"""Of the mean face, px."""

FACE_SHARE = 0.7
"""Of the mean face's side, between its outermost points."""

SLOW_PX = 5.0
"""Changes over more than this many px are light, not features."""

STEPS = 5

MOST_FACES = 300

ROUNDS = 50
"""Bootstrap rounds for the offset's standard error."""

TOLERANCE_PX = 0.75
"""Offset that the measurement must mask_uncertain exceed: a wrong origin is 1 px, hand labels lean by up to half of one."""

WHOLE_SHARE = 0.99
"""Share of coordinates that must agree before they count as whole numbers or halves."""


def findings(faces: DataSet, sizes: Sequence[tuple[int, int]]) -> list[Finding]:
    """Return what the numbers and the pictures say of the origin."""
    return [_numbers(faces, sizes), _symmetry(faces)]


def _numbers(faces: DataSet, sizes: Sequence[tuple[int, int]]) -> Finding:
    points = faces.keypoints()
    values = points[np.isfinite(points)]
    part = np.abs(values - np.floor(values))
    whole, half = (np.isclose(part, 0) | np.isclose(part, 1)).mean(), np.isclose(part, 0.5).mean()
    kind = (
        "whole numbers"
        if whole > WHOLE_SHARE
        else "halves: pixels may have been counted from their edge"
        if half > WHOLE_SHARE
        else "fractions"
    )
    room = np.array([np.array(size[::-1]) for size in sizes])[:, None, :] - 1 - points
    text = f"coordinates are {kind}; smallest {values.min():.2f}, "
    text += f"nearest to the far edge (W - 1 or H - 1) {np.nanmin(room):.2f}"
    last = bool(np.isclose(room, -1).any() and values.min() > 0)
    if last:
        text += "; some lie on W or H: 1-based labels read as 0-based?"
    return Finding("origin, by numbers", "look" if last or half > WHOLE_SHARE else "good", text)


def _symmetry(faces: DataSet) -> Finding:
    faces = faces.subset([face for face in faces.annotations if is_present(face.keypoints).sum() > 2])
    if faces.skeleton.flip is None or faces.skeleton.count < 3 or len(faces) < MIN_FACES:
        return Finding("origin, by symmetry", "unknown", f"needs a flip map and {MIN_FACES} faces")
    offset, error = symmetry_offset(faces)
    verdict = "look" if abs(offset) - 2 * error > TOLERANCE_PX else "good"
    text = f"labels lie {offset:+.2f} ± {error:.2f} px beside the faces' axis; a wrong origin would show as about 1"
    return Finding("origin, by symmetry", verdict, text)


def symmetry_offset(faces: DataSet) -> tuple[float, float]:
    """Return how many image px the labels lie to the right of the faces, and the standard error of that."""
    shape = _symmetric_shape(faces)
    chosen = np.unique(np.linspace(0, len(faces) - 1, min(MOST_FACES, len(faces))).astype(int))
    aligned, scales = zip(*(_aligned(faces, int(index), shape) for index in chosen), strict=True)
    stack, scale = np.stack(aligned), np.array(scales)
    random = np.random.default_rng(0)
    draws = random.integers(len(stack), size=(ROUNDS, len(stack)))
    spread = np.std([_half_shift(stack[draw].mean(0)) / scale[draw].mean() for draw in draws])
    return float(_half_shift(stack.mean(0)) / scale.mean()), float(spread)


def _symmetric_shape(faces: DataSet) -> FloatArray:
    mean = mean_shape(faces.keypoints())
    centerd = mean - mean.mean(0)
    symmetric = (centerd + faces.skeleton.mirrored(centerd * [-1.0, 1.0])) / 2
    return symmetric * (FACE_SHARE * SIDE / np.ptp(symmetric, axis=0).max()) + (SIDE - 1) / 2


def _aligned(faces: DataSet, index: int, shape: FloatArray) -> tuple[FloatArray, float]:
    """Return a face's picture on the symmetric shape, zero mean and unit deviation, and its scale."""
    sample = faces.load(index)
    affine = similarity_between(sample.annotation.keypoints, shape)
    gray = cv2.cvtColor(images.warp(sample.image, affine, (SIDE, SIDE)), cv2.COLOR_RGB2GRAY).astype(np.float64)
    return (gray - gray.mean()) / (gray.std() + 1), affine.scale


def _half_shift(picture: FloatArray) -> float:
    """Return how far a picture (S, S) must move to the right to lie symmetric about its middle, px.

    Gauss-Newton on the difference between the picture and its mirror image, after the slow changes that light
    makes across a face are taken off: a face lit from one side is not symmetric, its edges are.
    """
    edges = picture - cv2.GaussianBlur(picture, (0, 0), SLOW_PX)
    window = cv2.createHanningWindow((SIDE, SIDE), cv2.CV_64F)
    shift = 0.0
    for _ in range(STEPS):
        matrix = Affine.translation(shift, 0).matrix
        moved = cv2.warpAffine(edges, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        mirror = moved[:, ::-1]
        slope = np.gradient((moved + mirror) / 2, axis=1)
        shift -= float(((mirror - moved) * slope * window).sum() / (2 * (slope * slope * window).sum()))
    return shift
