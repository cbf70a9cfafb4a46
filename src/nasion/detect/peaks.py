"""The packaged face detector: trained on rendered heads and public-domain portraits, it needs no download.

For each cell of 8 px, the network predicts a score and the box around the keypoints; a face is a peak of the scores.
`nasion detector` trains such a network.
"""

from importlib.resources import as_file, files
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from nasion.detect.calibration import BoxCalibration
from nasion.detect.nms import Detection
from nasion.detect.search import Candidates, Search
from nasion.errors import ModelError
from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["BOX", "IMAGES", "SCORE", "STRIDE", "PeakDetector", "brightened", "decode"]

STRIDE = 8
"""Px per cell."""

IMAGES, SCORE, BOX = "images", "score", "box"
"""Names of the input, images (B, H, W, 3) uint8 RGB, and the outputs: see `decode`."""

MULTIPLE = 64
"""The sides of an image are multiples of this, px."""

MIN_SCORE, WEAK_SCORE = 0.35, 0.15
"""Score below which a candidate is dropped, and score from which it may be a face that is too small for a search."""

HIGHLIGHT, PERCENTILE, MAX_GAIN = 128, 99, 12.0
"""Value to which a dark image's highlights are raised, the percentile that defines them, and the largest gain."""

SAMPLES = 256
"""Rows and columns from which the highlights are estimated."""

ERRORS_ONLY = 3
"""ONNX Runtime's log level for errors only."""


class PeakDetector:
    """The packaged detector, or one that `nasion detector` wrote. Several threads may call it at once.

    Args:
        path: its .onnx file; None is the packaged one.
        threads: threads per run; 0 is all cores.

    Raises:
        ModelError: the file is missing or not a detector.
    """

    name = "nasion's detector"
    search = Search(MULTIPLE, BoxCalibration(1.0, 1.0, 0.0), MIN_SCORE)

    def __init__(self, path: str | Path | None = None, threads: int = 1) -> None:
        self.path, self.threads = path, threads
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = threads
        options.enable_mem_pattern = False  # the pattern would keep memory for every size
        try:
            with as_file(files("nasion.detect") / "peaks.onnx") as packaged:
                content = Path(path or packaged).read_bytes()
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            self.candidates(np.zeros((MULTIPLE, MULTIPLE, 3), np.uint8))
        except OSError as error:
            raise ModelError(f"{path}: cannot read the detector's file ({error.strerror})") from None
        except Exception:  # ONNX Runtime's exceptions have no other common base
            raise ModelError(f"{path}: damaged, or not a detector of nasion") from None

    def __reduce__(self) -> tuple[type["PeakDetector"], tuple[str | Path | None, int]]:
        """A copy for another process loads the file again, because a session cannot be copied."""
        return PeakDetector, (self.path, self.threads)

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        return self.search(brightened(image), self.candidates)

    def candidates(self, image: Image) -> Candidates:
        """Return boxes (N, 4), px of the image (H, W, 3), and scores (N,) of the cells that may be a face's center.

        H and W are multiples of `MULTIPLE`.
        """
        score, box = self.session.run((SCORE, BOX), {IMAGES: np.ascontiguousarray(image)[None]})
        return Candidates(*decode(np.asarray(score)[0], np.asarray(box)[0]))


def brightened(image: Image) -> Image:
    """Return an image (H, W, 3) uint8 RGB with brighter pixels if it is dark: it then shows more to the detector.

    >>> brightened(np.full((2, 2, 3), 32, np.uint8))[0, 0], brightened(np.full((2, 2, 3), 200, np.uint8))[0, 0]
    (array([128, 128, 128], dtype=uint8), array([200, 200, 200], dtype=uint8))
    """
    rows, columns = (max(1, extent // SAMPLES) for extent in image.shape[:2])
    highlight = float(np.percentile(image[::rows, ::columns], PERCENTILE))
    if highlight >= HIGHLIGHT:
        return image
    gain = min(HIGHLIGHT / max(highlight, 1.0), MAX_GAIN)
    table = (np.arange(256) * gain).clip(0, 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), np.uint8)


def decode(score: FloatArray, box: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return boxes (N, 4), px, and scores (N,) of the peaks of the maps.

    Args:
        score: (h, w) 0 to 1.
        box: (4, h, w): the center relative to the cell's, and the logarithm of the size, both in cells.
    """
    highest = cv2.dilate(score, np.ones((3, 3), np.uint8))
    row, column = np.nonzero((score >= WEAK_SCORE) & (score == highest))
    x, y, across, down = box[:, row, column].astype(float)
    # a cell's center lies half a cell from its edge, and a pixel's center half a pixel
    center = (np.stack([column + x, row + y], -1) + 0.5) * STRIDE - 0.5
    half = np.exp(np.stack([across, down], -1).clip(-4, 6)) * STRIDE / 2
    return np.concatenate([center - half, center + half], -1), score[row, column].astype(float)
