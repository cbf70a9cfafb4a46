"""YuNet in ONNX Runtime, on images of any size.

The network predicts, for each cell of three grids, a class score, an objectness score, and a box and five landmarks
relative to the cell.

Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from nasion import images
from nasion.detect.calibration import BoxCalibration, LandmarkCorrection
from nasion.detect.dynamic_sizes import with_dynamic_sizes
from nasion.detect.nms import Detection, iou, non_max_suppression, suppress
from nasion.errors import ModelError
from nasion.geometry import Affine, FloatArray, box_size, image_box, scale_box
from nasion.sample import Image

__all__ = ["YUNET_SHA256", "YUNET_URL", "YuNet"]

YUNET_URL = (
    "https://github.com/ShiqiYu/libfacedetection.train/raw/"
    "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_640_640.onnx"
)
"""Address of the weights: 317 KB, Apache-2.0."""

YUNET_SHA256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"
"""Checksum of the weights."""

SMALL_IMAGE = 640
"""Longest side of an image, px, up to which it counts as small."""

SMALL_SIDES, LARGE_SIDES = (320, 640), (640, 1280)
"""Longest sides, px, at which small and large images are searched: at the second only if the first `_needs_finer`."""

PADDED_SIDE = 640
"""Longest side, px, of the search with padding, which follows if no face is found."""

STRIDES = 8, 16, 32
"""Px per cell of each grid; the sides of the network's input are multiples of the largest."""

OUTPUTS = tuple(f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox", "kps"))
"""The network's outputs."""

LANDMARKS = 5
"""Landmarks of a face."""

MIN_SIDE = 16
"""Shorter side of an image, px, below which YuNet returns false positives."""

MIN_SCORE = 0.6
"""Score below which a detection is dropped."""

CELL_IOU = 0.3
"""Intersection over union from which the boxes of two cells count as the same face."""

LARGEST_OFFSET = 100.0
"""Limit of a box's offset from its cell, in cells, and of the logarithm of its size."""

WEAK_SCORE = 0.2
"""Score from which a candidate away from all faces may be a face that is too small for a search."""

SAME_PLACE_IOU = 0.1
"""Intersection over union below which a weak candidate is away from a face."""

SMALL_FACE = 64
"""Size of a face, px of a search, below which the image may show other faces that are too small for it.

`bench/detection.py` measures the recall and the cost for other values of both limits.
"""

PADDING = 0.5
"""Padding around a face that fills the image, as a share of each side: YuNet needs surroundings to detect it."""

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
    calibration = BoxCalibration(1.035, 0.743, 0.126)
    correction = LandmarkCorrection(-0.161, (-0.055, 0.099, 0.468), (1.268, -0.301, -0.053), (-0.117, 0.135, 0.446))

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
            self._candidates(np.zeros((STRIDES[-1], STRIDES[-1], 3), np.uint8))
        except Exception:  # ONNX Runtime's exceptions have no other common base
            raise ModelError(f"{path}: damaged, or not YuNet's file; leave it out and it is downloaded") from None

    def __reduce__(self) -> tuple[type["YuNet"], tuple[Path, int]]:
        """A copy for another process loads the file again, because a session cannot be copied."""
        return YuNet, (self.path.resolve(), self.threads)

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        return [found._replace(box=self._corrected(found)) for found in self._found(image)]

    def _corrected(self, face: Detection) -> FloatArray:
        """Return the box (4,) around a face's keypoints, image px."""
        assert face.landmarks is not None
        return self.correction.keypoints_box(face.box, face.landmarks)

    def _found(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) with their calibrated boxes, image px, best first."""
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        longest = max(image.shape[:2])
        found: list[Detection] = []
        for side in SMALL_SIDES if longest <= SMALL_IMAGE else LARGE_SIDES:
            candidates = self._search(image, side)
            found += _accepted(candidates)
            if longest <= side or not _needs_finer(candidates, side / longest):
                break
        return non_max_suppression(found or _accepted(self._search(image, PADDED_SIDE, PADDING)))

    def _search(self, image: Image, side: int, padding: float = 0.0) -> list[Detection]:
        """Return the candidates in an image (H, W, 3) reduced to a longest `side`, px, after padding; best first."""
        height, width = image.shape[:2]
        growth = 1 + 2 * padding
        scale = min(1.0, side / max(height, width) / growth)
        size = max(1, round(height * scale * growth)), max(1, round(width * scale * growth))
        affine = Affine.crop(scale_box(image_box((height, width)), growth), size)
        canvas = -(-size[0] // STRIDES[-1]) * STRIDES[-1], -(-size[1] // STRIDES[-1]) * STRIDES[-1]
        boxes, scores, landmarks = self._candidates(images.warp(image, affine, canvas, cv2.BORDER_CONSTANT))
        back = affine.inverse()
        return [
            Detection(
                self.calibration.keypoints_box(back(boxes[k].reshape(2, 2)).ravel()),
                float(scores[k]),
                back(landmarks[k]),
            )
            for k in suppress(boxes, scores, CELL_IOU)
        ]

    def _candidates(self, image: Image) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return boxes (N, 4), scores (N,) and landmarks (N, 5, 2) of the cells that may see a face, px of the image.

        Args:
            image: (H, W, 3), H and W are multiples of 32.
        """
        planes = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1), np.float32)  # BGR, 0 to 255
        found = self.session.run(OUTPUTS, {"input": planes[None]})
        outputs = dict(zip(OUTPUTS, (np.asarray(each)[0] for each in found), strict=True))
        parts = [_decode(outputs, stride, image.shape[1] // stride) for stride in STRIDES]
        boxes, scores, landmarks = (np.concatenate(each) for each in zip(*parts, strict=True))
        return boxes, scores, landmarks


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


def _accepted(candidates: Sequence[Detection]) -> list[Detection]:
    """Return the candidates that are certain enough."""
    return [candidate for candidate in candidates if candidate.score >= MIN_SCORE]


def _needs_finer(candidates: Sequence[Detection], scale: float) -> bool:
    """Return whether an image may show faces that are too small for a search.

    It may if a face is small or missing, or if there is a weak candidate away from all faces.

    Args:
        candidates: of the search, best first.
        scale: of the search, its px per image px.
    """
    count = len(_accepted(candidates))
    boxes = np.array([candidate.box for candidate in candidates]).reshape(-1, 4)
    faces, weak = boxes[:count], boxes[count:]
    if not count or min(box_size(box) for box in faces) * scale < SMALL_FACE:
        return True
    return bool((iou(weak[:, None], faces).max(1) < SAME_PLACE_IOU).any())
