"""Errors of the mean training face, which ignores the image: the baseline that a model has to improve on."""

from collections.abc import Sequence

import numpy as np

from nasion.errors import AnnotationError
from nasion.evaluation.metrics import face_errors, point_errors
from nasion.geometry import FloatArray, image_box
from nasion.sample import Annotation
from nasion.shapes import mean_points

__all__ = ["mean_face_errors"]

WITHOUT_BOX = image_box((1, 1))
"""The frame of faces that are compared without boxes: image coordinates, in px."""


def mean_face_errors(train: Sequence[Annotation], faces: Sequence[Annotation], in_boxes: bool) -> FloatArray:
    """Return the mean error (N,), image px, of the mean training face on each of N faces.

    Args:
        train: the training faces.
        faces: the faces to measure; the error of a face without a bounding box is NaN.
        in_boxes: whether the mean face is computed, and placed, relative to the box around each face's points; if not,
            it is the mean of the image coordinates.
    """
    shapes = [_scaled(face, in_boxes) for face in train]
    mean = mean_points(shapes)
    placed = [mean * size + corner for corner, size in (_frame(face, in_boxes) for face in faces)]
    return face_errors(point_errors(placed, [face.keypoints for face in faces]))


def _scaled(face: Annotation, in_boxes: bool) -> FloatArray:
    """Return a face's keypoints (K, 2), shares of its frame."""
    corner, size = _frame(face, in_boxes)
    return (face.keypoints - corner) / size


def _frame(face: Annotation, in_boxes: bool) -> tuple[FloatArray, FloatArray]:
    """Return the corner (2,) and the size (2,), image px, of the frame of a face; NaN if it has no bounding box."""
    try:
        box = face.points_box() if in_boxes else WITHOUT_BOX
    except AnnotationError:
        box = np.full(4, np.nan)
    return box[:2], box[2:] - box[:2]
