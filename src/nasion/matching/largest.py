"""The face of an image that is chosen by default: the largest."""

from collections.abc import Sequence

import numpy as np

from nasion.geometry import FloatArray, is_present
from nasion.sample import Prediction

__all__ = ["largest"]


def largest(faces: Sequence[Prediction]) -> int:
    """Return the index of the face whose points have the largest bounding box.

    A face without any point has area 0. Faces of one point have no extent; of those, the one with the largest crop
    counts. The first of equally large faces wins.

    Args:
        faces: at least one face.
    """
    areas = [_points_area(face.keypoints) for face in faces]
    if not any(areas):
        areas = [float(np.prod(face.box[2:] - face.box[:2])) for face in faces]
    return int(np.argmax(areas))


def _points_area(keypoints: FloatArray) -> float:
    """Return the area of the bounding box of the points (K, 2), px^2; 0 if all are missing."""
    present = keypoints[is_present(keypoints)]
    return float(np.prod(np.ptp(present, axis=0))) if len(present) else 0.0
