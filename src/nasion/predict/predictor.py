"""From a picture to its points: faces, crop, network, points back, and once more from the points just found.

The network behind a `Predictor` is a `Backend`: an .onnx file in ONNX Runtime, a run folder's torch module, or
anything else that maps crops to points. Everything else on the way is shared with training.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasion import images
from nasion.detect.yunet import IOU_THRESHOLD, Detection, Detector, best_detector, iou
from nasion.errors import ConfigError, ImageError, ModelError
from nasion.geometry import Affine, FloatArray, box_around
from nasion.predict.crop import CropConfig, face_box, to_channels
from nasion.predict.model_zoo import DEFAULT, is_run, resolve
from nasion.predict.onnx_backend import OnnxBackend
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["Backend", "Predictor", "check_box", "load_backend", "relative_spread"]

BATCH = 8
"""Crops that go through the network together; more take more memory, and on a CPU no less time."""


class Backend(Protocol):
    """A network as prediction sees it.

    Attributes:
        name: what a person calls the model.
        skeleton: the points that it finds.
        crop: what it wants to see of a picture.
        validation_share: the share of its training faces that it was chosen by.
        max_relative_spread: `relative_spread` above which what a detector shows is no face; infinite if nothing is known.
    """

    name: str
    skeleton: Skeleton
    crop: CropConfig
    validation_share: float
    max_relative_spread: float

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return points (B, K, 2) and spreads (B, K), crop px, and anisotropies (B, K, 2), of crops (B, H, W, C)."""
        ...


def load_backend(model: str | Path) -> Backend:
    """Return the network of a model's name, an .onnx file or a run folder.

    Raises:
        ModelError: there is no such model, it is damaged, or it needs torch and torch is not installed.
    """
    path = Path(model)
    if not is_run(model):
        return OnnxBackend(resolve(model), path.stem)
    try:  # found by name: prediction stands below training and must not need torch
        backend = import_module("nasion.train.runs.torch_backend")
    except ImportError as error:
        raise ModelError(f"{model}: a run folder needs torch ({error}); pip install 'nasion[train]'") from None
    return backend.TorchBackend(path)


class Predictor:
    """Finds keypoints with one model, on every face of a picture.

    Args:
        model: a model's name in the package, an .onnx file, a run folder, or a `Backend`.
        detector: finds the faces; else YuNet, downloaded once, or OpenCV's cascade, when a picture first asks.
        notice: told in a line what a person should know, such as that the cascade took YuNet's place.
        min_score: faces of which the detector is less sure are left out.
        max_spread: points that may be further off, as a share of the face's size, are NaN; None keeps all.

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
        """The points that are found."""
        return self.backend.skeleton

    @property
    def detector(self) -> Detector:
        """What finds the faces; fetched when it is first asked for."""
        if self._detector is None:
            self._detector = best_detector(notice=self._notice)
        return self._detector

    @property
    def looks_at_whole(self) -> bool:
        """Whether the model finds a face in a whole picture by itself: it was trained to."""
        crop = self.backend.crop
        return crop.box == "picture" or crop.full_image_share > 0

    def __call__(self, image: Image, boxes: Sequence[ArrayLike | None] | None = None) -> list[Prediction]:
        """Return the faces of a picture: one a box, in their order; without boxes, those that are found.

        A model that was trained on whole pictures gives one face for each picture. Others look where a detector
        points, and leave out what turns out to be no face.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (4,) xyxy each, image px, around a face's points; a box None is the whole picture.

        Raises:
            ImageError: the picture is no such array.
            ConfigError: a box is empty or not finite; or points are to be left out by a spread that the model lacks.
        """
        return self.batch([image], None if boxes is None else [boxes])[0]

    def batch(
        self, images: Sequence[Image], boxes: Sequence[Sequence[ArrayLike | None]] | None = None
    ) -> list[list[Prediction]]:
        """Return what calling each picture (with its boxes) would return; the network runs on many faces at once."""
        for image in images:
            _check_image(image)
        if boxes is not None:
            given: list[list[Detection | None]] = [
                [None if box is None else Detection(check_box(box), 1.0) for box in each] for each in boxes
            ]
        elif self.looks_at_whole:
            given = [[None] for _ in images]
        else:
            given = [[d for d in self.detector(image) if d.score >= self.min_score] for image in images]
        pairs = [(k, detection) for k, each in enumerate(given) for detection in each]
        found = self.predict_boxes([images[k] for k, _ in pairs], [d and d.box for _, d in pairs]) if pairs else []
        faces: list[list[Prediction]] = [[] for _ in images]
        for (k, detection), face in zip(pairs, found, strict=True):
            faces[k].append(face if detection is None else replace(face, score=detection.score))
        if boxes is None and not self.looks_at_whole:
            faces = [self._drop_non_faces(each) for each in faces]
        return [[self.mask_uncertain(face) for face in each] for each in faces]

    def mask_uncertain(self, face: Prediction) -> Prediction:
        """Return the face without the points that may be further off than `max_spread`.

        Raises:
            ConfigError: there is such a limit, and the model does not know its spread.
        """
        if self.max_spread is None:
            return face
        if not np.isfinite(face.spread).any():
            raise ConfigError(
                f"{self.backend.name} does not say how far its points may be off, so none can be left out by it; "
                "networks with maps do, such as the default model"
            )
        width, height = np.ptp(box_around(face.keypoints).reshape(2, 2), axis=0)
        size = np.sqrt(width * height) or np.sqrt(np.prod(face.box[2:] - face.box[:2]))  # one point has no size
        unsure = face.ellipses[:, 0] > self.max_spread * size  # along the direction in which it is least sure
        return replace(face, keypoints=np.where(unsure[:, None], np.nan, face.keypoints))

    def _drop_non_faces(self, faces: Sequence[Prediction]) -> list[Prediction]:
        """Return the faces, the best detections first, without those that are none and those found twice."""
        kept: list[Prediction] = []
        for face in faces:
            box = box_around(face.keypoints)
            doubtful = (
                relative_spread(face.spread, face.box) > self.backend.max_relative_spread
            )  # no spread, NaN, is no doubt
            if not doubtful and all(iou(box, box_around(other.keypoints)) < IOU_THRESHOLD for other in kept):
                kept.append(face)
        return kept

    def predict_boxes(
        self, pictures: Sequence[Image], boxes: Sequence[ArrayLike | None], passes: int | None = None
    ) -> list[Prediction]:
        """Return one prediction for each pair of a picture and a box (None: the whole picture).

        `passes` says how often the network looks, each time around the points it has just found; else as the model
        was made for.
        """
        starts = [None if box is None else check_box(box) for box in boxes]
        found = self._pass(
            pictures, [face_box(s, p.shape[:2], self.backend.crop) for p, s in zip(pictures, starts, strict=True)]
        )
        for _ in range(self.backend.crop.refine if passes is None else passes - 1):
            found = self._pass(pictures, [self._again(f, p) for f, p in zip(found, pictures, strict=True)])
        return found

    def _again(self, found: Prediction, picture: Image) -> FloatArray:
        around = box_around(found.keypoints)
        if (around[2:] <= around[:2]).any():  # a network that has learned nothing may put all points on one place
            return found.box
        return face_box(around, picture.shape[:2], self.backend.crop)

    def _pass(self, pictures: Sequence[Image], boxes: Sequence[FloatArray]) -> list[Prediction]:
        found: list[Prediction] = []
        for start in range(0, len(pictures), BATCH):
            part = slice(start, start + BATCH)
            found += self._crops(pictures[part], boxes[part])
        return found

    def _crops(self, pictures: Sequence[Image], boxes: Sequence[FloatArray]) -> list[Prediction]:
        crop = self.backend.crop
        maps = [Affine.crop(box, crop.size) for box in boxes]
        crops = [to_channels(images.warp(p, m, crop.size), crop.channels) for p, m in zip(pictures, maps, strict=True)]
        return [
            Prediction(m.inverse()(k), s / m.scale, a, box, 1.0, self.skeleton)
            for m, k, s, a, box in zip(maps, *self.backend(np.stack(crops)), boxes, strict=True)
        ]


def relative_spread(spread: FloatArray, box: FloatArray) -> float:
    """Return how unsure a network is of a face: the median spread of its points (K,), as a share of its crop's side.

    >>> doubt(np.array([2.0, 3.0, 9.0]), np.array([0.0, 0.0, 60.0, 60.0]))
    0.05
    """
    return float(np.median(spread) / np.sqrt(np.prod(box[2:] - box[:2])))


def _check_image(image: Image) -> None:
    """Refuse what is no picture as `images.read` gives it: better one line here than OpenCV's later.

    Raises:
        ImageError: its shape or type is another.
    """
    shape, kind = np.shape(image), getattr(image, "dtype", type(image).__name__)
    if len(shape) != 3 or shape[2] != 3 or not min(shape[:2]) or kind != np.uint8:
        raise ImageError(f"a picture is an array (H, W, 3) of uint8, RGB, not {shape} of {kind}; nasion.read gives it")


def check_box(box: ArrayLike) -> FloatArray:
    """Return the box as an array (4,).

    Raises:
        ConfigError: it has no area, or is not four finite numbers.
    """
    array = np.asarray(box, np.float64)
    if array.shape != (4,) or not np.isfinite(array).all() or (array[2:] <= array[:2]).any():
        raise ConfigError(f"a box is x0,y0,x1,y1 in px with x0 < x1 and y0 < y1, not {np.asarray(box).tolist()}")
    return array
