"""From an image to its keypoints: detect faces, crop, run the network, map the keypoints back, and refine.

The network behind a `Predictor` is a `Backend`: an .onnx file in ONNX Runtime, a run folder's torch module, or
anything else that maps crops to keypoints. Every other step is shared with training.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nasion.detect import IOU_THRESHOLD, Detection, Detector, best_detector, iou
from nasion.errors import ConfigError, ImageError
from nasion.geometry import Affine, FloatArray, box_around, box_size
from nasion.images import warp
from nasion.predict.backend import Backend, load_backend, relative_spread
from nasion.predict.boxes import check_box
from nasion.predict.crop import face_box, to_channels
from nasion.predict.model_zoo import DEFAULT
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["Predictor"]

BATCH = 8
"""Crops per network call. Larger batches take more memory and, on a CPU, no less time."""


class Predictor:
    """Predicts the keypoints of every face in an image.

    Args:
        model: a model's name in the package, an .onnx file, a run folder, or a `Backend`.
        detector: finds the faces; default: YuNet, downloaded on first use, or OpenCV's cascade without a connection.
        notice: called with one line about what the user should know, such as that the cascade replaces YuNet.
        min_score: detections with a lower score are dropped.
        max_spread: keypoints with a larger uncertainty, as a share of the face's size, become NaN; None keeps all.

    Raises:
        ModelError: there is no such model, or it is damaged.

    >>> predictor = nasion.Predictor()                              # doctest: +SKIP
    >>> face, = predictor(nasion.read("me.jpg"))                    # doctest: +SKIP
    >>> face.keypoints.shape                                        # doctest: +SKIP
    (68, 2)
    """

    def __init__(
        self,
        model: str | Path | Backend = DEFAULT,
        detector: Detector | None = None,
        notice: Callable[[str], None] = warnings.warn,
        min_score: float = 0.0,
        max_spread: float | None = None,
    ) -> None:
        self.backend: Backend = load_backend(model) if isinstance(model, (str, Path)) else model
        self._detector, self._notice = detector, notice
        self.min_score, self.max_spread = min_score, max_spread

    @property
    def skeleton(self) -> Skeleton:
        """The keypoints that are predicted."""
        return self.backend.skeleton

    @property
    def detector(self) -> Detector:
        """The face detector, loaded on first use."""
        if self._detector is None:
            self._detector = best_detector(notice=self._notice)
        return self._detector

    @property
    def uses_full_image(self) -> bool:
        """Whether the model predicts from the full image, without a detector, as it was trained to."""
        crop = self.backend.crop
        return crop.box == "image" or crop.full_image_share > 0

    def __call__(self, image: Image, boxes: Sequence[ArrayLike | None] | None = None) -> list[Prediction]:
        """Return the faces of an image: one per box, in their order; without boxes, one per detected face.

        A model that was trained on full images returns one face per image. For other models the detector proposes
        faces, and detections that the network rejects are dropped.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (4,) xyxy each, image px, around a face's keypoints; a box None is the full image.

        Raises:
            ImageError: the image is not such an array.
            ConfigError: a box is empty or not finite, or `max_spread` is set and the model predicts no uncertainty.
        """
        return self.batch([image], None if boxes is None else [boxes])[0]

    def batch(
        self, images: Sequence[Image], boxes: Sequence[Sequence[ArrayLike | None]] | None = None
    ) -> list[list[Prediction]]:
        """Return the faces of each image (H, W, 3) uint8 RGB, as calling with each image (and its boxes) would.

        The network runs on the faces of all images together, which is faster.
        """
        for image in images:
            _check_image(image)
        detections = self._detect(images) if boxes is None else [_given(each) for each in boxes]
        pairs = [(k, detection) for k, each in enumerate(detections) for detection in each]
        predicted = self.predict_boxes([images[k] for k, _ in pairs], [d and d.box for _, d in pairs]) if pairs else []
        faces: list[list[Prediction]] = [[] for _ in images]
        for (k, detection), face in zip(pairs, predicted, strict=True):
            faces[k].append(face if detection is None else replace(face, score=detection.score))
        if boxes is None and not self.uses_full_image:
            faces = [self._drop_non_faces(each) for each in faces]
        return [[self.mask_uncertain(face) for face in each] for each in faces]

    def _detect(self, images: Sequence[Image]) -> list[list[Detection | None]]:
        """Return each image's detections; None stands for the full image."""
        if self.uses_full_image:
            return [[None] for _ in images]
        return [[found for found in self.detector(image) if found.score >= self.min_score] for image in images]

    def mask_uncertain(self, face: Prediction) -> Prediction:
        """Return the face with NaN for keypoints whose uncertainty exceeds `max_spread`.

        The uncertainty of a keypoint is the long half axis of its ellipse.

        Raises:
            ConfigError: `max_spread` is set and the model predicts no uncertainty.
        """
        if self.max_spread is None:
            return face
        if not np.isfinite(face.spread).any():
            raise ConfigError(
                f"{self.backend.name} predicts no uncertainty, so --max-spread cannot be used; "
                "models with heatmaps do, such as the default model"
            )
        size = box_size(box_around(face.keypoints)) or box_size(face.box)  # a single point has no size
        uncertain = face.ellipses[:, 0] > self.max_spread * size
        return replace(face, keypoints=np.where(uncertain[:, None], np.nan, face.keypoints))

    def _drop_non_faces(self, faces: Sequence[Prediction]) -> list[Prediction]:
        """Return the faces, best first, without non-faces and duplicates."""
        kept: list[Prediction] = []
        for face in faces:
            box = box_around(face.keypoints)
            # The comparison is False for NaN: a model without uncertainty rejects nothing.
            rejected = relative_spread(face.spread, face.box) > self.backend.max_relative_spread
            if not rejected and all(iou(box, box_around(other.keypoints)) < IOU_THRESHOLD for other in kept):
                kept.append(face)
        return kept

    def predict_boxes(
        self, images: Sequence[Image], boxes: Sequence[ArrayLike | None], passes: int | None = None
    ) -> list[Prediction]:
        """Return one prediction for each pair of an image (H, W, 3) uint8 RGB and a box (4,), image px.

        Args:
            images: one for each box; the same image may be repeated.
            boxes: around the keypoints; None is the full image.
            passes: how often the network runs; each pass after the first crops around the keypoints just predicted.
                Default: as the model was trained for.
        """
        starts = [None if box is None else check_box(box) for box in boxes]
        crop = self.backend.crop
        crops = [face_box(start, image.shape[:2], crop) for image, start in zip(images, starts, strict=True)]
        found = self._pass(images, crops)
        for _ in range(crop.refine if passes is None else passes - 1):
            found = self._pass(images, [self._refined_box(f, i) for f, i in zip(found, images, strict=True)])
        return found

    def _refined_box(self, face: Prediction, image: Image) -> FloatArray:
        """Return the crop's box (4,), image px, around the predicted keypoints."""
        around = box_around(face.keypoints)
        if (around[2:] <= around[:2]).any():  # an untrained network may put all keypoints in one place
            return face.box
        return face_box(around, image.shape[:2], self.backend.crop)

    def _pass(self, images: Sequence[Image], boxes: Sequence[FloatArray]) -> list[Prediction]:
        found: list[Prediction] = []
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            found += self._predict_crops(images[part], boxes[part])
        return found

    def _predict_crops(self, images: Sequence[Image], boxes: Sequence[FloatArray]) -> list[Prediction]:
        crop = self.backend.crop
        maps = [Affine.crop(box, crop.size) for box in boxes]
        crops = [to_channels(warp(i, m, crop.size), crop.channels) for i, m in zip(images, maps, strict=True)]
        keypoints, spread, anisotropy = self.backend(np.stack(crops))
        return [
            Prediction(
                keypoints=affine.inverse()(keypoints[k]),
                spread=spread[k] / affine.scale,
                anisotropy=anisotropy[k],
                box=boxes[k],
                score=1.0,
                skeleton=self.skeleton,
            )
            for k, affine in enumerate(maps)
        ]


def _given(boxes: Sequence[ArrayLike | None]) -> list[Detection | None]:
    return [None if box is None else Detection(check_box(box), 1.0) for box in boxes]


def _check_image(image: Image) -> None:
    """Reject what is not an image as `nasion.read` returns it.

    Raises:
        ImageError: its shape or type differs.
    """
    shape, kind = np.shape(image), getattr(image, "dtype", type(image).__name__)
    if len(shape) != 3 or shape[2] != 3 or not min(shape[:2]) or kind != np.uint8:
        raise ImageError(
            f"an image is an array (H, W, 3) of uint8, RGB, not {shape} of {kind}; read the file with nasion.read"
        )
