"""From a detector's box, and the landmarks that it finds, to the box around the keypoints."""

from typing import NamedTuple

import numpy as np

from nasion.geometry import FloatArray, box_center

__all__ = ["BoxCalibration", "LandmarkCorrection"]

EYES, MOUTH = [0, 1], [3, 4]
"""Indices of a detector's landmarks."""

LOWEST, HIGHEST = np.array([-0.3, -0.7, 0.0]), np.array([0.3, -0.15, 0.3])
"""Range of the eyes' x, the eyes' y and the mouth's y of upright faces, relative to their box."""


class BoxCalibration(NamedTuple):
    """Where the box around a face's keypoints lies relative to a detector's box.

    Each detector frames faces differently. The values are medians over 500 training faces of 300-W.

    Attributes:
        width, height: sizes, as shares of the detector's.
        down: shift of the center, as a share of the detector's height; there is no horizontal shift.
    """

    width: float
    height: float
    down: float

    def keypoints_box(self, box: FloatArray) -> FloatArray:
        """Return the likely box (4,) around the keypoints of a face with the detector's `box` (4,), image px."""
        side = box[2:] - box[:2]
        center = box_center(box) + side * [0.0, self.down]
        half = side * [self.width, self.height] / 2
        return np.concatenate([center - half, center + half])

    def detector_box(self, box: FloatArray) -> FloatArray:
        """Return the box (4,) of a detector for the `box` (4,) around the keypoints, image px: the inverse map.

        >>> calibration = BoxCalibration(0.5, 0.8, 0.1)
        >>> calibration.detector_box(calibration.keypoints_box(np.array([0.0, 0.0, 20.0, 10.0])))
        array([ 0.,  0., 20., 10.])
        """
        side = (box[2:] - box[:2]) / [self.width, self.height]
        center = box_center(box) - side * [0.0, self.down]
        return np.concatenate([center - side / 2, center + side / 2])


class LandmarkCorrection(NamedTuple):
    """How the box around a face's keypoints depends on the detector's landmarks, for example when a face looks down.

    Coordinates are relative to the center of the calibrated box, in its width and height. `bench/box_calibration.py`
    fits the values to the training faces of 300-W. The box of a face that is unlike them, such as one that lies on its
    side, stays as it is.

    Attributes:
        center: horizontal shift of the center per horizontal distance of the eyes from it.
        half_width, top, bottom: weights of the heights of the eyes and of the mouth, and a constant.
    """

    center: float
    half_width: tuple[float, float, float]
    top: tuple[float, float, float]
    bottom: tuple[float, float, float]

    def keypoints_box(self, box: FloatArray, landmarks: FloatArray) -> FloatArray:
        """Return the box (4,) around a face's keypoints, image px.

        Args:
            box: (4,) the calibrated box, image px.
            landmarks: (5, 2) as in `Detection`, image px.
        """
        side, origin = box[2:] - box[:2], box_center(box)
        eyes, mouth = ((landmarks[part].mean(0) - origin) / side for part in (EYES, MOUTH))
        found = np.array([*eyes, mouth[1]])
        if not ((found >= LOWEST) & (found <= HIGHEST)).all():
            return box
        half, top, bottom = (float(np.dot(each, [eyes[1], mouth[1], 1.0])) for each in self[1:])
        center = self.center * eyes[0]
        return np.concatenate([origin, origin]) + np.tile(side, 2) * [center - half, top, center + half, bottom]
