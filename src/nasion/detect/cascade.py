"""OpenCV's face cascade: the offline fallback, which needs no download and finds fewer faces.

Source: Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", 2001.
"""

from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from nasion import images
from nasion.detect.calibration import BoxCalibration
from nasion.detect.nms import Detection, non_max_suppression
from nasion.errors import ModelError
from nasion.geometry import Affine
from nasion.sample import Image

__all__ = ["Cascade"]

SEARCH_SIDE = 640
"""Longest side, px, to which an image is reduced before the search."""

SCALE_STEP = 1.08
"""Ratio of neighboring window sizes."""

NEIGHBORS = 4
"""Windows that must agree on a face."""

SMALLEST_FACE = 24, 24
"""Smallest window (width, height), px of the reduced image."""

SCORE_SCALE = 4
"""Weight of the last stage at which the score is 1 - 1/e."""


class Cascade:
    """OpenCV's frontal face cascade. It may be called from several threads; the cascade runs in one at a time.

    Raises:
        ModelError: this OpenCV comes without cascades.
    """

    name = "OpenCV's cascade"
    calibration = BoxCalibration(0.849, 0.830, 0.145)

    def __init__(self) -> None:
        self._lock = Lock()
        make = getattr(cv2, "CascadeClassifier", None)
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
        if make is None or not path.is_file():
            raise ModelError(
                f'OpenCV {cv2.__version__} has no face cascade; pip install "opencv-python-headless<5", or use YuNet'
            )
        self.cascade = make(str(path))

    def __reduce__(self) -> tuple[type["Cascade"], tuple[()]]:
        """A copy for another process loads the cascade again."""
        return Cascade, ()

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        height, width = image.shape[:2]
        scale = min(1.0, SEARCH_SIDE / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        affine = Affine.resize((height, width), size)
        gray = cv2.cvtColor(images.warp(image, affine, size), cv2.COLOR_RGB2GRAY)
        with self._lock:
            boxes, _, weights = self.cascade.detectMultiScale3(
                gray, SCALE_STEP, NEIGHBORS, minSize=SMALLEST_FACE, outputRejectLevels=True
            )
        found: list[Detection] = []
        for (x, y, w, h), weight in zip(boxes, np.ravel(weights), strict=True):
            box = affine.inverse()([[x, y], [x + w, y + h]]).ravel()
            score = float(1 - np.exp(-max(0.0, weight) / SCORE_SCALE))
            found.append(Detection(self.calibration.keypoints_box(box), score))
        return non_max_suppression(found)
