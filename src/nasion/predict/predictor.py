"""From an image to its keypoints: detect faces, crop, run the network, map the keypoints back, and refine.

The network behind a `Predictor` is a `Backend`: an .onnx file in ONNX Runtime, a run folder's torch module, or
anything else that maps crops to keypoints. Every other step is shared with training.
"""

from __future__ import annotations  # help() then shows the names of types as they are written here

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from nasion.detect import IOU_THRESHOLD, PACKAGED, Detection, Detector, best_detector, iou, suppress
from nasion.errors import ConfigError, ImageError
from nasion.geometry import Affine, FloatArray, box_around, box_size, image_box
from nasion.images import read, warp
from nasion.predict.backends.backend import Backend, is_rejected, load_backend
from nasion.predict.boxes import check_box
from nasion.predict.crop import face_box, to_channels
from nasion.predict.model_zoo import DEFAULT, detector_of, names
from nasion.predict.parallel import cores, map_in_order
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["Predictor"]

BATCH = 8
"""Crops per network call. Larger batches take more memory and, on a CPU, no less time."""

SAME_CROP = 0.075
"""Displacement of a crop's edge, as a share of the crop, up to which another pass is left out.

Chosen on validation faces of 300-W: it saves nearly all second passes with the boxes of YuNet; see
docs/results/accuracy.md.
"""

MAX_RESIZE = 2.0
"""Largest factor by which a pass may change the size of the crop, up or down.

Boxes that are off by 30 % need 1.43; a network that has learned little often puts all keypoints in a small spot.
"""


class Predictor:
    """Predicts the keypoints of every face in an image.

    Args:
        model: a model's name in the package, an .onnx file, a run folder, or a `Backend`.
        detector: finds the faces: a function, the path of a detector's file, or "packaged" for nasion's own detector,
            which needs no download; default: the one that the model's card names, or YuNet, downloaded on first use, or
            without a connection nasion's own.
        notice: called with one line about what the user should know, such as that another detector replaces YuNet.
        min_score: detections with a lower score, 0 to 1, are dropped.
        max_spread: keypoints with a larger uncertainty, as a share of the face's size, become NaN; None keeps all.
        device: runs the network: "cpu", "cuda", "coreml", "openvino", "directml", or "auto" for the best that the
            installed ONNX Runtime supports. The detector runs on the CPU.

    A predictor may be called from several threads at once. A pickled or deep copy loads the model and the detector
    again, by the same name or path.

    Raises:
        ConfigError: the device is unknown, the installed packages do not support it, or a limit is out of range.
        ModelError: there is no such model, it is damaged, or the detector's file is.

    >>> import nasion
    >>> sample = nasion.load("synthetic:1?skeleton=ibug-68").load(0)
    >>> predictor = nasion.Predictor("tiny")
    >>> predictor
    <Predictor: tiny, 68 points of ibug-68, on cpu>
    >>> face, = predictor(sample.image, boxes=[sample.annotation.points_box()])
    >>> face
    <Prediction: 68 points of ibug-68, box (...), score 1.00, spread ... px>
    >>> face.keypoints.shape, face["nose_bridge_3"].shape
    ((68, 2), (2,))

    Without boxes, a detector finds the faces; the path of a file works as well as an image:

    >>> faces = predictor("me.jpg")                                 # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path | Backend = DEFAULT,
        detector: Detector | str | Path | None = None,
        notice: Callable[[str], None] = warnings.warn,
        min_score: float = 0.0,
        max_spread: float | None = None,
        device: str = "auto",
    ) -> None:
        _check_limits(min_score, max_spread)
        self.backend: Backend = load_backend(model, device) if isinstance(model, (str, Path)) else model
        self._detector = best_detector(Path(detector)) if isinstance(detector, (str, Path)) else detector
        self._sources = _portable(model), _portable(detector), device
        self._notice = notice
        self._lock = Lock()
        self.min_score, self.max_spread = min_score, max_spread

    @property
    def skeleton(self) -> Skeleton:
        """The keypoints that are predicted."""
        return self.backend.skeleton

    @property
    def detector(self) -> Detector:
        """The face detector, loaded on first use."""
        with self._lock:
            if self._detector is None:
                wanted = detector_of(self._sources[0])
                self._detector = best_detector(wanted, self._notice)
            return self._detector

    @property
    def uses_full_image(self) -> bool:
        """Whether the model predicts from the full image, without a detector, as it was trained to."""
        crop = self.backend.crop
        return crop.box == "image" or crop.full_image_share > 0

    def __repr__(self) -> str:
        skeleton, limits = self.skeleton, f", min_score {self.min_score:g}" if self.min_score else ""
        limits += "" if self.max_spread is None else f", max_spread {self.max_spread:g}"
        points = f"{skeleton.count} point{'s' * (skeleton.count != 1)}"
        return f"<Predictor: {self.backend.name}, {points} of {skeleton.name}, on {self.backend.device}{limits}>"

    def __reduce__(self) -> tuple[type[Predictor], tuple[object, ...]]:
        """Copies load the model and the detector again, because sessions of ONNX Runtime cannot be copied."""
        model, detector, device = self._sources
        return Predictor, (model, detector, self._notice, self.min_score, self.max_spread, device)

    def __copy__(self) -> Predictor:
        """A shallow copy shares the network and the detector."""
        return Predictor(self.backend, self._detector, self._notice, self.min_score, self.max_spread)

    def __call__(self, image: Image | str | Path, boxes: Sequence[ArrayLike | None] | None = None) -> list[Prediction]:
        """Return the faces of an image: one per box, in their order; without boxes, one per detected face.

        A model that was trained on full images returns one face per image. For other models the detector proposes
        faces, and detections that the network rejects are dropped.

        Args:
            image: (H, W, 3) uint8 RGB, or the path of an image file.
            boxes: a list of boxes (4,) xyxy, image px, around each face's keypoints; a box None is the full image.

        Raises:
            ImageError: the image is not such an array, the file cannot be read, or a box lies outside the image.
            ConfigError: a box is empty or not finite, or `max_spread` is set and the model predicts no uncertainty.
        """
        image = read(image) if isinstance(image, (str, Path)) else image
        _check_image(image)
        detections = self._detect(image) if boxes is None else _given(boxes, image.shape[:2])
        predicted = self.predict_boxes([image] * len(detections), [found and found.box for found in detections])
        faces = [
            face if detection is None else replace(face, score=detection.score)
            for detection, face in zip(detections, predicted, strict=True)
        ]
        if boxes is None and not self.uses_full_image:
            faces = self._drop_non_faces(faces)
        return [self.mask_uncertain(face) for face in faces]

    def batch(
        self,
        images: Sequence[Image | str | Path],
        boxes: Sequence[Sequence[ArrayLike | None] | None] | None = None,
        threads: int | None = None,
    ) -> list[list[Prediction]]:
        """Return the faces of each image, as calling with each image (and its boxes) would; several at once.

        Args:
            images: (H, W, 3) uint8 RGB each, or paths of image files.
            boxes: those of each image; default: the detector finds the faces.
            threads: images at a time; default: one per core.

        Raises:
            ImageError: an image is not such an array, or a file cannot be read.
        """
        pairs = zip(images, [None] * len(images) if boxes is None else boxes, strict=True)
        return list(map_in_order(lambda pair: self(*pair), pairs, cores() if threads is None else threads))

    def _detect(self, image: Image) -> list[Detection | None]:
        """Return the detections in an image (H, W, 3); None stands for the full image."""
        if self.uses_full_image:
            return [None]
        return [found for found in self.detector(image) if found.score >= self.min_score]

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
                f"{self.backend.name} predicts no uncertainty, which max_spread needs; leave it out, "
                "or use a model with heatmaps, such as the default model"
            )
        size = box_size(box_around(face.keypoints)) or box_size(face.box)  # a single point has no size
        uncertain = face.ellipses[:, 0] > self.max_spread * size
        return replace(face, keypoints=np.where(uncertain[:, None], np.nan, face.keypoints))

    def _drop_non_faces(self, faces: Sequence[Prediction]) -> list[Prediction]:
        """Return the faces, best first, without non-faces and duplicates."""
        accepted = [face for face in faces if not is_rejected(face, self.backend)]
        boxes = np.array([box_around(face.keypoints) for face in accepted]).reshape(-1, 4)
        scores = np.array([face.score for face in accepted])
        return [accepted[k] for k in suppress(boxes, scores, IOU_THRESHOLD)]

    def predict_boxes(
        self, images: Sequence[Image], boxes: Sequence[ArrayLike | None], passes: int | None = None
    ) -> list[Prediction]:
        """Return one prediction for each pair of an image (H, W, 3) uint8 RGB and a box (4,), image px.

        Args:
            images: one for each box; the same image may be repeated.
            boxes: around the keypoints; None is the full image.
            passes: how often the network may run on a face; each pass after the first crops around the keypoints just
                predicted, and leaves out faces whose box would hardly change. Default: as the model was trained for.
        """
        starts = [None if box is None else check_box(box) for box in boxes]
        crop = self.backend.crop
        crops = [face_box(start, image.shape[:2], crop) for image, start in zip(images, starts, strict=True)]
        found = self._pass(images, crops)
        for _ in range(crop.refine if passes is None else passes - 1):
            refined = [self._refined_box(*each) for each in zip(found, images, starts, strict=True)]
            moved = [k for k, face in enumerate(found) if _displacement(face.box, refined[k]) > SAME_CROP]
            again = self._pass([images[k] for k in moved], [refined[k] for k in moved])
            for k, face in zip(moved, again, strict=True):
                found[k] = face
        return found

    def _refined_box(self, face: Prediction, image: Image, start: FloatArray | None) -> FloatArray:
        """Return the crop's box (4,), image px, around the predicted keypoints.

        `start` (4,), image px, is the box that was given; None is the full image. Keypoints that cover much less or
        more than a given box come from a network that sees no face there, or that has learned little: another pass
        would make them worse, so the crop's box stays.
        """
        around = box_around(face.keypoints)
        if (around[2:] <= around[:2]).any():
            return face.box
        refined = face_box(around, image.shape[:2], self.backend.crop)
        change = box_size(refined) / box_size(face.box)
        return refined if start is None or 1 / MAX_RESIZE < change < MAX_RESIZE else face.box

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
        found = self.backend(np.stack(crops))
        return [
            Prediction(
                keypoints=affine.inverse()(found.keypoints[k]),
                spread=found.spread[k] / affine.scale,
                anisotropy=found.anisotropy[k],
                hidden_probability=found.hidden[k],
                box=boxes[k],
                score=1.0,
                skeleton=self.skeleton,
            )
            for k, affine in enumerate(maps)
        ]


T = TypeVar("T")


def _portable(source: T) -> T | str:
    """Return a model's or a detector's path as an absolute path; names of packaged models and objects stay the same."""
    if not isinstance(source, (str, Path)) or str(source) in (*names(), PACKAGED):
        return source
    return str(Path(source).resolve())


def _displacement(before: FloatArray, after: FloatArray) -> float:
    """Return how far an edge of a box (4,) moves to the second box (4,), image px, as a share of the first's size."""
    return float(np.abs(after - before).max()) / box_size(before)


def _given(boxes: Sequence[ArrayLike | None], size: tuple[int, int]) -> list[Detection | None]:
    """Return given boxes (4,) as detections; None stands for the full image.

    Raises:
        ImageError: a box lies outside an image of `size` (height, width), px.
    """
    if len(boxes) and all(isinstance(each, (int, float, np.number)) for each in boxes):
        raise ConfigError(f"boxes is a list of boxes, such as [[200, 120, 440, 400]], not one box {list(boxes)}")
    given: list[Detection | None] = []
    for box in boxes:
        checked = None if box is None else check_box(box)
        if checked is not None and iou(checked, image_box(size)) == 0:
            raise ImageError(
                f"the box {np.round(checked, 1).tolist()} lies outside the image of {size[1]} x {size[0]} px"
            )
        given.append(None if checked is None else Detection(checked, 1.0))
    return given


def _check_limits(min_score: float, max_spread: float | None) -> None:
    """Check the limits of a predictor.

    Raises:
        ConfigError: one is out of range.
    """
    if not 0 <= min_score <= 1:
        raise ConfigError(f"min_score is a score from 0 to 1, not {min_score}")
    if max_spread is not None and not 0 < max_spread < math.inf:
        raise ConfigError(f"max_spread is a share of the face's size above 0, such as 0.05, not {max_spread}")


def _check_image(image: object) -> None:
    """Check that an image is an array as `nasion.read` returns it.

    Raises:
        ImageError: its shape or type differs.
    """
    rule = "an image is the path of a file or an array (H, W, 3) of uint8, RGB"
    if isinstance(image, (list, tuple)):
        raise ImageError(f"{rule}, not a {type(image).__name__}; for several images, use predictor.batch(images)")
    if not isinstance(image, np.ndarray):
        kind = f"{type(image).__module__}.{type(image).__qualname__}"
        remedy = 'numpy.asarray(image.convert("RGB"))' if hasattr(image, "convert") else "numpy.asarray(image)"
        raise ImageError(f"{rule}, not {kind}; convert it with {remedy}")
    shape, kind = image.shape, image.dtype
    if len(shape) != 3 or shape[2] != 3 or not min(shape[:2]) or kind != np.uint8:
        raise ImageError(f"{rule}, not {shape} of {kind}; nasion.read returns it for a file")
