"""YuNet in ONNX Runtime, on images of any size.

The network predicts, for each cell of three grids, a class score, an objectness score, and a box and five landmarks
relative to the cell.

Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from nasion.detect.calibration import BoxCalibration, LandmarkCorrection
from nasion.detect.dynamic_sizes import with_dynamic_sizes
from nasion.detect.nms import Detection
from nasion.detect.search import Candidates, Search
from nasion.errors import ModelError
from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["YUNET_SHA256", "YUNET_URL", "YuNet"]

YUNET_URL = (
    "https://github.com/ShiqiYu/libfacedetection.train/raw/"
    "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_640_640.onnx"
)
"""Address of the weights: 317 KB, Apache-2.0."""

YUNET_SHA256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"
"""Checksum of the weights."""

STRIDES = 8, 16, 32
"""Px per cell of each grid; the sides of the network's input are multiples of the largest."""

OUTPUTS = tuple(f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox", "kps"))
"""The network's outputs."""

LANDMARKS = 5
"""Landmarks of a face."""

MIN_SCORE = 0.6
"""Score below which a detection is dropped."""

LARGEST_OFFSET = 100.0
"""Limit of a box's offset from its cell, in cells, and of the logarithm of its size."""

WEAK_SCORE = 0.2
"""Score from which a candidate away from all faces may be a face that is too small for a search."""

ERRORS_ONLY = 3
"""ONNX Runtime's log level for errors only."""


class YuNet:
    """YuNet in ONNX Runtime. It may be called from several threads at once.

    Args:
        path: its .onnx file.
        threads: threads per run; 0 is all cores. Several threads may call one detector at once, which is faster.

    Raises:
        ModelError: the file is missing or not YuNet's.
    """

    name = "YuNet"
    correction = LandmarkCorrection(-0.161, (-0.055, 0.099, 0.468), (1.268, -0.301, -0.053), (-0.117, 0.135, 0.446))
    search = Search(STRIDES[-1], BoxCalibration(1.035, 0.743, 0.126), MIN_SCORE)

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self.path, self.threads = Path(path), threads
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot read the detector's file ({error.strerror})") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = threads
        options.enable_mem_pattern = False  # the pattern would keep memory for every size
        try:
            self.session = onnxruntime.InferenceSession(
                with_dynamic_sizes(content), options, providers=["CPUExecutionProvider"]
            )
            self.candidates(np.zeros((STRIDES[-1], STRIDES[-1], 3), np.uint8))
        except Exception:  # ONNX Runtime's exceptions have no other common base
            raise ModelError(f"{path}: damaged, or not YuNet's file; leave it out and it is downloaded") from None

    def __reduce__(self) -> tuple[type["YuNet"], tuple[Path, int]]:
        """A copy for another process loads the file again, because a session cannot be copied."""
        return YuNet, (self.path.resolve(), self.threads)

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        found = self.search(image, self.candidates)
        return [face._replace(box=self._corrected(face)) for face in found]

    def _corrected(self, face: Detection) -> FloatArray:
        """Return the box (4,) around a face's keypoints, image px."""
        assert face.landmarks is not None
        return self.correction.keypoints_box(face.box, face.landmarks)

    def candidates(self, image: Image) -> Candidates:
        """Return boxes (N, 4), scores (N,) and landmarks (N, 5, 2) of the cells that may see a face, px of the image.

        Args:
            image: (H, W, 3), H and W are multiples of 32.
        """
        planes = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1), np.float32)  # BGR, 0 to 255
        found = self.session.run(OUTPUTS, {"input": planes[None]})
        outputs = dict(zip(OUTPUTS, (np.asarray(each)[0] for each in found), strict=True))
        parts = [_decode(outputs, stride, image.shape[1] // stride) for stride in STRIDES]
        boxes, scores, landmarks = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Candidates(boxes, scores, landmarks)


def _decode(outputs: Mapping[str, FloatArray], stride: int, columns: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return boxes (N, 4), px, scores (N,) and landmarks (N, 5, 2), px, of the cells that may see a face.

    The grid has `columns` cells of `stride` px per row.
    """
    classes, objects = outputs[f"cls_{stride}"][:, 0], outputs[f"obj_{stride}"][:, 0]
    scores = np.sqrt(classes.clip(0, 1) * objects.clip(0, 1))
    cells = np.flatnonzero(scores >= WEAK_SCORE)
    offsets = outputs[f"bbox_{stride}"][cells]
    finite = (np.abs(offsets) < LARGEST_OFFSET).all(-1)  # YuNet returns infinities for images a few px high
    cells, offsets = cells[finite], offsets[finite].astype(np.float64)
    marks = outputs[f"kps_{stride}"][cells].astype(np.float64).reshape(-1, LANDMARKS, 2)
    row, column = np.divmod(cells, columns)
    corner = np.stack([column, row], -1)
    center, half = corner + offsets[:, :2], np.exp(offsets[:, 2:]) / 2
    boxes = np.concatenate([center - half, center + half], -1)
    return boxes * stride, scores[cells].astype(np.float64), (corner[:, None] + marks) * stride
