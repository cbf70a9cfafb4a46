"""A replacement for dlib's face detector and shape predictor: `from nasion.compat import dlib`.

Names and types are dlib's. Coordinates are rounded, because dlib's are whole px; the attribute `prediction` of a
`full_object_detection` has the exact points and their uncertainty. Differences: scores are 0 to 1, while dlib's are
margins, and images need no upsampling, because the detector also finds small faces.
"""

import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion import images
from nasion.compat import shared
from nasion.compat.boxes import DLIB, keypoints_box, square_detector_box, to_edges, to_pixels
from nasion.compat.dlib_types import (
    full_object_detection,
    full_object_detections,
    point,
    points,
    rectangle,
    rectangles,
)
from nasion.errors import ConfigError
from nasion.geometry import box_around
from nasion.measure import crop, load_template
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton

__all__ = [
    "fhog_object_detector",
    "full_object_detection",
    "full_object_detections",
    "get_face_chip",
    "get_face_chips",
    "get_frontal_face_detector",
    "load_grayscale_image",
    "load_rgb_image",
    "point",
    "points",
    "rectangle",
    "rectangles",
    "save_image",
    "shape_predictor",
]

FIVE_POINTS = [45, 42, 36, 39, 33]
"""The points of dlib's five-point model: outer and inner corner of the eye at image right and left, nose base."""

FIVE_POINTS_FILE = "5_face_landmarks"
"""Part of the name of the file of dlib's five-point model."""

TEMPLATE = "dlib"
"""Template of dlib's face chips."""

Array = NDArray[np.uint8]
"""An image (H, W) gray or (H, W, 3) RGB, uint8."""


class fhog_object_detector:
    """Finds faces with the shared predictor; called like dlib's frontal face detector."""

    def __call__(self, image: Array, upsample_num_times: int = 0) -> rectangles:
        """Return the boxes of the faces in an image, framed as dlib does.

        Args:
            image: (H, W) gray or (H, W, 3) RGB, uint8.
            upsample_num_times: not used.

        Raises:
            ImageError: the image is not such an array.
        """
        return self.run(image, upsample_num_times)[0]

    def run(
        self, image: Array, upsample_num_times: int = 0, adjust_threshold: float = 0.0
    ) -> tuple[rectangles, list[float], list[int]]:
        """Return the boxes of the faces, their scores, 0 to 1, and a 0 for each instead of dlib's weight index.

        Args:
            image: (H, W) gray or (H, W, 3) RGB, uint8.
            upsample_num_times: not used.
            adjust_threshold: faces with this score or a lower one are dropped.

        Raises:
            ImageError: the image is not such an array.
        """
        faces = [face for face in shared.predictor()(shared.as_rgb(image)) if face.score > adjust_threshold]
        boxes = (to_pixels(square_detector_box(DLIB, keypoints_box(face))) for face in faces)
        return rectangles(rectangle(*box) for box in boxes), [face.score for face in faces], [0] * len(faces)


def get_frontal_face_detector() -> fhog_object_detector:
    """Return the face detector."""
    return fhog_object_detector()


class shape_predictor:
    """Predicts the points of a face in a box; called like dlib's.

    Args:
        predictor_path: a model file of dlib. It is not read, and a warning states that nasion uses its own model.
            Without `5_face_landmarks` in its name, 68 points are predicted.
    """

    def __init__(self, predictor_path: str | Path = "") -> None:
        self.indices = FIVE_POINTS if FIVE_POINTS_FILE in Path(predictor_path).name else list(range(68))
        if predictor_path:
            name = Path(predictor_path).name
            warnings.warn(f"nasion predicts with its own model and does not read {name}", stacklevel=2)

    def __call__(self, image: Array, box: rectangle) -> full_object_detection:
        """Return the face in a box.

        Args:
            image: (H, W) gray or (H, W, 3) RGB, uint8.
            box: the face as a detector frames it, image px; it need not be precise.

        Raises:
            ImageError: the image is not such an array, or the box lies outside.
            ConfigError: the box is empty.
        """
        around = DLIB.keypoints_box(to_edges(box.left(), box.top(), box.right(), box.bottom()))
        (face,) = shared.predictor()(shared.as_rgb(image), [around])
        return full_object_detection(box, map(point.of_keypoint, face.keypoints[self.indices]), prediction=face)


def get_face_chip(img: Array, face: full_object_detection, size: int = 150, padding: float = 0.25) -> Array:
    """Return the upright crop of a face, (size, size) gray or (size, size, 3) RGB, uint8, like the image.

    Args:
        img: (H, W) gray or (H, W, 3) RGB, uint8.
        face: a face with 68 parts, or with five from a `shape_predictor`, image px.
        size: side of the crop, px.
        padding: width of the border around the face, as a share of the face's part of the crop.

    Raises:
        ConfigError: the face has no `prediction`, and not 68 parts.
    """
    template = load_template(TEMPLATE)
    table = template.table.model_copy(update={"padding": padding})
    chip = crop(_exact(face), shared.as_rgb(img), replace(template, table=table), size).image
    return chip[..., 0] if np.ndim(img) == 2 else chip


def get_face_chips(
    img: Array, faces: Iterable[full_object_detection], size: int = 150, padding: float = 0.25
) -> list[Array]:
    """Return the upright crops of several faces, each (size, size, 3) uint8 px; see `get_face_chip`."""
    return [get_face_chip(img, face, size, padding) for face in faces]


def _exact(face: full_object_detection) -> Prediction:
    """Return a face with its points before rounding; without a prediction, its parts are the points."""
    if face.prediction is not None:
        return face.prediction
    skeleton = load_skeleton(shared.SKELETON)
    if face.num_parts != skeleton.count:
        raise ConfigError(f"a face chip needs a face with {skeleton.count} parts, not {face.num_parts}")
    keypoints = np.array([(part.x, part.y) for part in face.parts()], np.float64)
    unknown = np.full(len(keypoints), np.nan)
    return Prediction(keypoints, unknown, np.zeros((len(keypoints), 2)), box_around(keypoints), 1.0, skeleton)


def load_rgb_image(filename: str | Path) -> Array:
    """Return the image of a file, (H, W, 3) uint8 RGB px, upright.

    Raises:
        ImageError: the file cannot be read.
    """
    return images.read(filename)


def load_grayscale_image(filename: str | Path) -> Array:
    """Return the image of a file, (H, W) uint8 gray px, upright.

    Raises:
        ImageError: the file cannot be read.
    """
    return np.asarray(cv2.cvtColor(images.read(filename), cv2.COLOR_RGB2GRAY), np.uint8)


def save_image(img: Array, filename: str | Path, quality: float = 75) -> None:
    """Write an image (H, W) gray or (H, W, 3) RGB, uint8 px; the suffix decides the format, `quality` is not used.

    Raises:
        OutputError: the file cannot be written.
    """
    images.write(filename, shared.as_rgb(img))


def __getattr__(name: str) -> Any:
    raise shared.missing_name(__name__, name, __all__)
