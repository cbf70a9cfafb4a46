"""The search for faces of all sizes with a network that finds those of some sizes: at one or two scales.

`bench/detection.py` measures the recall and the cost for other values of `SMALL_FACE` and of YuNet's `WEAK_SCORE`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from nasion import images
from nasion.detect.calibration import BoxCalibration
from nasion.detect.nms import Detection, iou, non_max_suppression, suppress
from nasion.geometry import Affine, FloatArray, box_size, image_box, scale_box
from nasion.sample import Image

__all__ = ["Candidates", "Search", "needs_finer"]

SMALL_IMAGE = 640
"""Longest side of an image, px, up to which it counts as small."""

SMALL_SIDES, LARGE_SIDES = (320, 640), (640, 1280)
"""Longest sides, px, at which small and large images are searched: at the second only if the first `needs_finer`."""

PADDED_SIDE = 640
"""Longest side, px, of the search with padding, which follows if no face is found."""

MIN_SIDE = 16
"""Shorter side of an image, px, below which networks return false positives."""

CELL_IOU = 0.3
"""Intersection over union from which the boxes of two cells count as the same face."""

SAME_PLACE_IOU = 0.1
"""Intersection over union below which a weak candidate is away from a face."""

SMALL_FACE = 64
"""Size of a face, px of a search, below which the image may show other faces that are too small for it."""

PADDING = 0.5
"""Padding around a face that fills the image, as a share of each side: a network needs surroundings to detect it."""


class Candidates(NamedTuple):
    """Boxes (N, 4), px, scores (N,) and, if the network finds them, landmarks (N, 5, 2), px, as in `Detection`."""

    boxes: FloatArray
    scores: FloatArray
    landmarks: FloatArray | None = None


Network = Callable[[Image], Candidates]
"""From an image (H, W, 3) whose sides are multiples of `Search.multiple` to the candidates in it."""


@dataclass(frozen=True)
class Search:
    """How the candidates of a network become faces.

    Attributes:
        multiple: the sides of the network's input are multiples of this, px.
        calibration: from the network's boxes to those around the keypoints.
        min_score: score below which a candidate is dropped.
    """

    multiple: int
    calibration: BoxCalibration
    min_score: float

    def __call__(self, image: Image, network: Network) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        longest = max(image.shape[:2])
        found: list[Detection] = []
        for side in SMALL_SIDES if longest <= SMALL_IMAGE else LARGE_SIDES:
            seen = self.at(image, network, side)
            accepted = self.accepted(seen)
            found += accepted
            if longest <= side or not needs_finer(seen, len(accepted), side / longest):
                break
        return non_max_suppression(found or self.accepted(self.at(image, network, PADDED_SIDE, PADDING)))

    def at(self, image: Image, network: Network, side: int, padding: float = 0.0) -> list[Detection]:
        """Return the candidates in an image (H, W, 3) reduced to a longest `side`, px, after padding; best first."""
        height, width = image.shape[:2]
        growth = 1 + 2 * padding
        scale = min(1.0, side / max(height, width) / growth)
        size = max(1, round(height * scale * growth)), max(1, round(width * scale * growth))
        affine = Affine.crop(scale_box(image_box((height, width)), growth), size)
        canvas = -(-size[0] // self.multiple) * self.multiple, -(-size[1] // self.multiple) * self.multiple
        boxes, scores, landmarks = network(images.warp(image, affine, canvas, cv2.BORDER_CONSTANT))
        back = affine.inverse()
        return [
            Detection(
                self.calibration.keypoints_box(back(boxes[k].reshape(2, 2)).ravel()),
                float(scores[k]),
                None if landmarks is None else back(landmarks[k]),
            )
            for k in suppress(boxes, scores, CELL_IOU)
        ]

    def accepted(self, candidates: Sequence[Detection]) -> list[Detection]:
        """Return the candidates that are certain enough."""
        return [candidate for candidate in candidates if candidate.score >= self.min_score]


def needs_finer(candidates: Sequence[Detection], count: int, scale: float) -> bool:
    """Return whether an image may show faces that are too small for a search.

    It may if a face is small or missing, or if there is a weak candidate away from all faces.

    Args:
        candidates: of the search, best first.
        count: number of candidates that are accepted.
        scale: of the search, its px per image px.
    """
    boxes = np.array([candidate.box for candidate in candidates]).reshape(-1, 4)
    faces, weak = boxes[:count], boxes[count:]
    if not count or min(box_size(box) for box in faces) * scale < SMALL_FACE:
        return True
    return bool((iou(weak[:, None], faces).max(1) < SAME_PLACE_IOU).any())
