"""Overlap of boxes, and non-maximum suppression (NMS)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nasion.geometry import FloatArray

__all__ = ["IOU_THRESHOLD", "Detection", "iou", "non_max_suppression"]

IOU_THRESHOLD = 0.4
"""Intersection over union (IoU) from which two boxes count as the same face."""


class Detection(NamedTuple):
    """A detected face: the likely box (4,) around its keypoints, image px, and a score from 0 to 1."""

    box: FloatArray
    score: float


def iou(a: FloatArray, b: FloatArray) -> float:
    """Return the intersection over union, 0 to 1, of two boxes (4,) in the same frame, px.

    >>> iou(np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2]))
    0.3333333333333333
    """
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / max(float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common, np.finfo(float).tiny)


def non_max_suppression(detections: Sequence[Detection]) -> list[Detection]:
    """Return the detections, boxes (4,) in image px, by falling score, without those that overlap a better one."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda detection: -detection.score):
        if all(iou(detection.box, better.box) < IOU_THRESHOLD for better in kept):
            kept.append(detection)
    return kept
