"""Overlap of boxes, and non-maximum suppression (NMS)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nasion.geometry import FloatArray

__all__ = ["IOU_THRESHOLD", "Detection", "iou", "non_max_suppression", "suppress"]

IOU_THRESHOLD = 0.4
"""Intersection over union (IoU) from which two boxes count as the same face."""


class Detection(NamedTuple):
    """A detected face.

    Attributes:
        box: (4,) the likely box around its keypoints, image px.
        score: 0 to 1.
        landmarks: (5, 2), image px: both eyes, the nose, and both corners of the mouth; of two, first the one on the
            left of the image. None if the detector does not find them.
    """

    box: FloatArray
    score: float
    landmarks: FloatArray | None = None


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the intersection over union, 0 to 1, (...), of boxes (..., 4) in the same frame, px, with broadcasting.

    >>> iou(np.array([0.0, 0, 2, 2]), np.array([[1.0, 0, 3, 2], [0, 0, 2, 2]]))
    array([0.33333333, 1.        ])
    """
    common = np.maximum(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0).prod(-1)
    areas = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1)
    return common / np.maximum(areas - common, np.finfo(float).tiny)


def suppress(boxes: FloatArray, scores: FloatArray, threshold: float) -> list[int]:
    """Return the indices of the boxes (N, 4), px, with scores (N,), best first, that overlap no better kept one.

    Boxes overlap if their IoU is at least `threshold`; among equal scores the first box is kept.

    >>> suppress(np.array([[0.0, 0, 2, 2], [0, 0, 2, 2.1], [5, 5, 6, 6]]), np.array([0.7, 0.9, 0.8]), 0.5)
    [1, 2]
    """
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(waiting):
        best, *_ = waiting
        kept.append(int(best))
        waiting = waiting[1:]
        waiting = waiting[iou(boxes[best], boxes[waiting]) < threshold]
    return kept


def non_max_suppression(detections: Sequence[Detection]) -> list[Detection]:
    """Return the detections, boxes (4,) in image px, by falling score, without those that overlap a better one."""
    boxes = np.array([detection.box for detection in detections]).reshape(-1, 4)
    scores = np.array([detection.score for detection in detections])
    return [detections[k] for k in suppress(boxes, scores, IOU_THRESHOLD)]
