"""Where the faces are: YuNet, or, without its file, the cascade inside OpenCV.

A detector's box has edges of its own habit. What a network wants is the box around a face's keypoints, so each
detector's boxes are moved by a fixed amount, fitted on the training faces of 300-W.

Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from nasion import images
from nasion.errors import DownloadError, ModelError
from nasion.geometry import Affine, FloatArray, scale_box
from nasion.sample import Image

__all__ = ["YUNET_SHA256", "YUNET_URL", "Cascade", "Detection", "Detector", "YuNet", "best_detector", "iou"]

YUNET_URL = (
    "https://github.com/ShiqiYu/libfacedetection.train/raw/"
    "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_640_640.onnx"
)
YUNET_SHA256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"
"""317 KB, Apache-2.0."""

CONNECT_SECONDS, READ_SECONDS = 4, 20

SIDES = 640, 1280
"""Longest sides at which a picture is searched, px: large faces in the small one, small faces in the large one."""

SMALLEST_SIDE = 16
"""Of a picture, px: in narrower strips YuNet sees what is not there."""

SMALLEST_SCORE = 0.6
"""Of a YuNet detection."""

IOU_THRESHOLD = 0.4
"""Overlap (intersection over union) from which two boxes are one face."""


class Detection(NamedTuple):
    """A face: the likely box (4,) around its keypoints, image px, and a score from 0 to 1."""

    box: FloatArray
    score: float


class BoxCalibration(NamedTuple):
    """How the box around a face's keypoints lies in a detector's box: medians over 500 training faces of 300-W.

    Attributes:
        width, height: as shares of the detector's.
        down: of the center, as a share of the detector's height; to the side it is nothing.
    """

    width: float
    height: float
    down: float

    def keypoints_box(self, box: FloatArray) -> FloatArray:
        """Return the likely box (4,) around the keypoints of a face with the detector's `box`."""
        side = box[2:] - box[:2]
        center = (box[:2] + box[2:]) / 2 + side * [0.0, self.down]
        half = side * [self.width, self.height] / 2
        return np.concatenate([center - half, center + half])


class Detector(Protocol):
    """Finds faces; `name` is what a person calls it."""

    name: str

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of a picture (H, W, 3) RGB, the best first."""
        ...


class YuNet:
    """YuNet through OpenCV.

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
            raise ModelError(f"{path}: the detector's file cannot be read ({error.strerror})") from None
        try:
            self.network = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(content, np.uint8), np.empty(0, np.uint8), (SIDES[0], SIDES[0]), SMALLEST_SCORE
            )
            self._find(np.zeros((64, 64, 3), np.uint8))
        except cv2.error:
            raise ModelError(f"{path}: damaged, or not YuNet's file; leave it out to have it downloaded") from None

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of a picture (H, W, 3) RGB, the best first."""
        if min(image.shape[:2]) < SMALLEST_SIDE:
            return []
        sides = [SIDES[0], *(side for side in SIDES[1:] if max(image.shape[:2]) > SIDES[0])]
        found = [detection for side in sides for detection in self._at(image, side, room=0.0)]
        # A face that fills the picture has no surroundings, without which YuNet does not see it.
        return non_max_suppression(found or self._at(image, SIDES[0], room=0.5))

    def _at(self, image: Image, side: int, room: float) -> list[Detection]:
        height, width = image.shape[:2]
        scale = min(1.0, side / max(height, width) / (1 + 2 * room))
        size = max(1, round(height * scale * (1 + 2 * room))), max(1, round(width * scale * (1 + 2 * room)))
        grown = scale_box([-0.5, -0.5, width - 0.5, height - 0.5], 1 + 2 * room)
        affine = Affine.crop(grown, size)
        rows = self._find(images.warp(image, affine, size, cv2.BORDER_CONSTANT))
        back = affine.inverse()
        boxes = [(back(np.reshape([x, y, x + w, y + h], (2, 2))).ravel(), float(s)) for x, y, w, h, s in rows]
        return [Detection(self.calibration.keypoints_box(box), score) for box, score in boxes]

    def _find(self, image: Image) -> np.ndarray:
        """Return (N, 5): x, y, width, height, score, px of the picture."""
        self.network.setInputSize(image.shape[1::-1])
        rows = self.network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        found = np.empty((0, 5)) if rows is None else np.asarray(rows)[:, [0, 1, 2, 3, -1]]
        return found[np.isfinite(found).all(1)]  # of pictures a few px high it makes something infinite


class Cascade:
    """OpenCV's own frontal face cascade: nothing to download, and fewer faces found.

    Source: Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", 2001.
    """

    name = "OpenCV's cascade"
    calibration = BoxCalibration(0.849, 0.830, 0.145)

    NEIGHBORS = 4
    """Windows that must agree; its score grows with how clearly the last stage does."""

    def __init__(self) -> None:
        folder = Path(cv2.__file__).parent / "data"
        self.cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))
        if self.cascade.empty():
            raise ModelError("this OpenCV has no face cascade; install opencv-python-headless below 5, or give YuNet")

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of a picture (H, W, 3) RGB, the best first."""
        height, width = image.shape[:2]
        scale = min(1.0, SIDES[0] / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        affine = Affine.resize((height, width), size)
        gray = cv2.cvtColor(images.warp(image, affine, size), cv2.COLOR_RGB2GRAY)
        boxes, _, weights = self.cascade.detectMultiScale3(
            gray, 1.08, self.NEIGHBORS, minSize=(24, 24), outputRejectLevels=True
        )
        found = []
        for (x, y, w, h), weight in zip(boxes, np.ravel(weights), strict=True):
            box = affine.inverse()([[x, y], [x + w, y + h]]).ravel()
            found.append(Detection(self.calibration.keypoints_box(box), float(1 - np.exp(-max(0.0, weight) / 4))))
        return non_max_suppression(found)


def non_max_suppression(found: Sequence[Detection]) -> list[Detection]:
    """Return the detections, the best first, without those that lie on a better one."""
    kept: list[Detection] = []
    for each in sorted(found, key=lambda each: -each.score):
        if all(iou(each.box, better.box) < IOU_THRESHOLD for better in kept):
            kept.append(each)
    return kept


def iou(a: FloatArray, b: FloatArray) -> float:
    """Return the intersection of two boxes (4,) over their union.

    >>> iou(np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2]))
    0.3333333333333333
    """
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / max(float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common, np.finfo(float).tiny)


def best_detector(weights: Path | None = None, notice: Callable[[str], None] = lambda _text: None) -> Detector:
    """Return YuNet from `weights`, or from the file that is downloaded once; without a network, the cascade.

    Args:
        weights: YuNet's file.
        notice: told in a line why the cascade takes YuNet's place.

    Raises:
        ModelError: `weights` is given and is not YuNet's file.
    """
    if weights is not None:
        return YuNet(weights)
    try:
        return YuNet(_downloaded())
    except DownloadError as error:
        notice(f"{error}; OpenCV's cascade takes its place and finds fewer faces")
        return Cascade()


def _downloaded() -> Path:
    """Return YuNet's file in the user's cache.

    Raises:
        DownloadError: it cannot be fetched, or what came is something else.
    """
    import pooch  # with the network's libraries, which a face that needs no download should not wait for
    import requests

    folder = Path(pooch.os_cache("nasion"))
    path = folder / YUNET_URL.rsplit("/", 1)[1]
    remedy = "give its file with --detector-weights"
    try:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == YUNET_SHA256:
            return path
        pooch.get_logger().setLevel("ERROR")
        fetch = pooch.HTTPDownloader(progressbar=False, timeout=(CONNECT_SECONDS, READ_SECONDS))
        pooch.retrieve(YUNET_URL, YUNET_SHA256, fname=path.name, path=folder, downloader=fetch)  # pyright: ignore[reportArgumentType]
    except OSError as error:
        unreached = isinstance(error, requests.ConnectionError | requests.Timeout)
        reason = "no connection" if unreached else str(error)[:120]
        raise DownloadError(f"the face detector could not be downloaded ({reason}); {remedy}") from None
    except ValueError:  # pooch's word for another hash; it has kept nothing
        raise DownloadError(f"the face detector's download was cut off or is another file; {remedy}") from None
    return path
