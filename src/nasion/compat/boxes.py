"""Conversion between boxes around keypoints and the boxes of other packages' detectors."""

import numpy as np

from nasion.detect import BoxCalibration, YuNet
from nasion.geometry import HALF_PIXEL, FloatArray, box_around, box_center, is_present
from nasion.sample import Prediction

__all__ = ["DLIB", "WIDER_FACE", "keypoints_box", "square_detector_box", "to_edges", "to_pixels"]

DLIB = BoxCalibration(0.944, 0.924, 0.085)
"""dlib's frontal detector: medians over 477 training faces of 300-W, every fourth, that it finds."""

WIDER_FACE = YuNet.search.calibration
"""Detectors trained on WIDER FACE, as YuNet and face_alignment's SFD are: from the hairline to the chin."""


def keypoints_box(face: Prediction) -> FloatArray:
    """Return the box (4,) around the points of a face, image px; if all are masked, the box of its crop."""
    return box_around(face.keypoints) if is_present(face.keypoints).any() else face.box


def square_detector_box(calibration: BoxCalibration, keypoints_box: FloatArray) -> FloatArray:
    """Return the square box (4,) of a detector for the box (4,) around the keypoints of a face, image px.

    dlib's boxes are square. The side is the mean of the width and the height that the calibration gives.
    """
    box = calibration.detector_box(keypoints_box)
    half = np.full(2, (box[2:] - box[:2]).mean() / 2)
    return np.concatenate([box_center(box) - half, box_center(box) + half])


def to_pixels(box: FloatArray) -> tuple[int, int, int, int]:
    """Return the first and last pixels left, top, right, bottom of a box (4,) of edges, image px.

    >>> to_pixels(np.array([-0.5, 9.5, 19.5, 29.5]))
    (0, 10, 19, 29)
    """
    left, top, right, bottom = np.rint(box + HALF_PIXEL * np.array([1, 1, -1, -1])).astype(int).tolist()
    return left, top, right, bottom


def to_edges(left: float, top: float, right: float, bottom: float) -> FloatArray:
    """Return the box (4,) of edges, image px, around the pixels from left, top to right, bottom.

    >>> to_edges(0, 10, 19, 29)
    array([-0.5,  9.5, 19.5, 29.5])
    """
    return np.array([left, top, right, bottom], np.float64) + HALF_PIXEL * np.array([-1, -1, 1, 1])
