"""From a detector's box to the box around the keypoints."""

from typing import NamedTuple

import numpy as np

from nasion.geometry import FloatArray, box_center

__all__ = ["BoxCalibration"]


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
