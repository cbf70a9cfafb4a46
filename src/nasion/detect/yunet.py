"""YuNet, through OpenCV.

Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from nasion import images
from nasion.detect.calibration import BoxCalibration
from nasion.detect.nms import Detection, non_max_suppression
from nasion.errors import ModelError
from nasion.geometry import Affine, FloatArray, image_box, scale_box
from nasion.sample import Image

__all__ = ["YUNET_SHA256", "YUNET_URL", "YuNet"]

YUNET_URL = (
    "https://github.com/ShiqiYu/libfacedetection.train/raw/"
    "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_640_640.onnx"
)
"""Address of the weights: 317 KB, Apache-2.0."""

YUNET_SHA256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"
"""Checksum of the weights."""

SEARCH_SIDES = 640, 1280
"""Longest sides, px, at which an image is searched: the small one finds large faces, the large one small faces."""

MIN_SIDE = 16
"""Shorter side of an image, px, below which YuNet returns false positives."""

MIN_SCORE = 0.6
"""Score below which a detection is dropped."""

PADDING = 0.5
"""Padding around a face that fills the image, as a share of each side: YuNet needs surroundings to detect it."""


class YuNet:
    """YuNet through OpenCV. It may be called from several threads; OpenCV's network runs in one at a time.

    Args:
        path: its .onnx file.

    Raises:
        ModelError: the file is missing or not YuNet's.
    """

    name = "YuNet"
    calibration = BoxCalibration(1.035, 0.743, 0.126)

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot read the detector's file ({error.strerror})") from None
        self._lock = Lock()  # the input size and the result belong to one call
        try:
            self.network = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(content, np.uint8), np.empty(0, np.uint8), (SEARCH_SIDES[0],) * 2, MIN_SCORE
            )
            self._run(np.zeros((64, 64, 3), np.uint8))
        except cv2.error:
            raise ModelError(f"{path}: damaged, or not YuNet's file; omit it to download the file") from None

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        small, large = SEARCH_SIDES
        sides = [small, large] if max(image.shape[:2]) > small else [small]
        found = [detection for side in sides for detection in self._search(image, side, padding=0.0)]
        return non_max_suppression(found or self._search(image, small, padding=PADDING))

    def _search(self, image: Image, side: int, padding: float) -> list[Detection]:
        """Return the detections in an image (H, W, 3) reduced to a longest `side`, px, after padding."""
        height, width = image.shape[:2]
        growth = 1 + 2 * padding
        scale = min(1.0, side / max(height, width) / growth)
        size = max(1, round(height * scale * growth)), max(1, round(width * scale * growth))
        affine = Affine.crop(scale_box(image_box((height, width)), growth), size)
        rows = self._run(images.warp(image, affine, size, cv2.BORDER_CONSTANT))
        back = affine.inverse()
        boxes = [(back(np.reshape([x, y, x + w, y + h], (2, 2))).ravel(), float(s)) for x, y, w, h, s in rows]
        return [Detection(self.calibration.keypoints_box(box), score) for box, score in boxes]

    def _run(self, image: Image) -> FloatArray:
        """Return (N, 5): x, y, width, height, px of the image (H, W, 3), and score."""
        with self._lock:
            self.network.setInputSize(image.shape[1::-1])
            rows = self.network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        found = np.empty((0, 5)) if rows is None else np.asarray(rows, np.float64)[:, [0, 1, 2, 3, -1]]
        return found[np.isfinite(found).all(1)]  # YuNet returns infinities for images a few px high
