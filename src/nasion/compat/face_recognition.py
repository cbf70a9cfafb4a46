"""A replacement for the functions of face_recognition that find faces and their points.

Use it with `from nasion.compat import face_recognition`. Names, arguments and types are those of face_recognition,
whose left and right are the viewer's. Coordinates are rounded like its own. Unlike there, images are turned upright by
their EXIF orientation on loading. Recognition (`face_encodings`, `compare_faces`) is not available.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from nasion import images
from nasion.compat import shared
from nasion.compat.dlib import FIVE_POINTS, Array, fhog_object_detector, shape_predictor
from nasion.compat.dlib_types import rectangle
from nasion.errors import ConfigError

__all__ = ["batch_face_locations", "face_landmarks", "face_locations", "load_image_file"]

Location = tuple[int, int, int, int]
"""A face's box as top, right, bottom, left, image px."""

Points = list[tuple[int, int]]

LARGE = {
    "chin": range(17),
    "left_eyebrow": range(17, 22),
    "right_eyebrow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nose_tip": range(31, 36),
    "left_eye": range(36, 42),
    "right_eye": range(42, 48),
    "top_lip": (*range(48, 55), *range(64, 59, -1)),
    "bottom_lip": (*range(54, 60), 48, 60, 67, 66, 65, 64),
}
"""The parts of a face and their points among the 68."""

SMALL = {"nose_tip": (4,), "left_eye": (2, 3), "right_eye": (0, 1)}
"""The parts of a face and their points among dlib's five."""

FEATURES = {"large": LARGE, "small": SMALL}


def load_image_file(file: str | Path | BinaryIO, mode: str = "RGB") -> Array:
    """Return the image of a file, (H, W, 3) uint8 RGB px, or (H, W) gray with the mode "L"; upright.

    Args:
        file: a path, or an open binary file.
        mode: "RGB" or "L".

    Raises:
        ImageError: the file cannot be read.
        ConfigError: the mode is unknown.
    """
    if mode not in ("RGB", "L"):
        raise ConfigError(f'the mode of an image is "RGB" or "L", not "{mode}"')
    image = images.read(file) if isinstance(file, (str, Path)) else images.decode(file.read(), "the image")
    return image if mode == "RGB" else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def face_locations(img: Array, number_of_times_to_upsample: int = 1, model: str = "hog") -> list[Location]:
    """Return the box of each face: top, right, bottom, left, image px.

    Args:
        img: (H, W, 3) RGB or (H, W) gray, uint8.
        number_of_times_to_upsample: not used.
        model: not used; nasion has one detector.
    """
    return [_trimmed(box, img.shape[:2]) for box in fhog_object_detector()(img, number_of_times_to_upsample)]


def batch_face_locations(
    images: Sequence[Array], number_of_times_to_upsample: int = 1, batch_size: int = 128
) -> list[list[Location]]:
    """Return the boxes of the faces in each image (H, W, 3), px; see `face_locations`. `batch_size` is not used."""
    return [face_locations(image, number_of_times_to_upsample) for image in images]


def _trimmed(box: rectangle, size: tuple[int, int]) -> Location:
    """Return a box within an image of `size` (height, width), px."""
    height, width = size
    return max(box.top(), 0), min(box.right(), width), min(box.bottom(), height), max(box.left(), 0)


def face_landmarks(
    face_image: Array | None = None,
    face_locations: Iterable[Location] | None = None,
    model: str = "large",
    landmark_points: Sequence[Points] | None = None,
) -> list[dict[str, Points]]:
    """Return the points of each face by the part of the face, whole image px.

    Args:
        face_image: (H, W, 3) RGB or (H, W) gray, uint8.
        face_locations: boxes of faces: top, right, bottom, left, image px; default: all faces are found.
        model: "large" for nine parts with 68 points, or "small" for three with five.
        landmark_points: known points of each face, instead of an image.

    Raises:
        ConfigError: the model is unknown, or neither an image nor points are given.
        ImageError: the image is not such an array.
    """
    if model not in FEATURES:
        raise ConfigError(f'the model is "large" or "small", not "{model}"')
    if landmark_points is None:
        if face_image is None:
            raise ConfigError("face_landmarks needs an image, or landmark_points")
        landmark_points = _points(face_image, face_locations, model)
    return [
        {name: [face[index] for index in indices] for name, indices in FEATURES[model].items()}
        for face in landmark_points
    ]


def _points(image: Array, locations: Iterable[Location] | None, model: str) -> list[Points]:
    """Return the points of each face in an image (H, W, 3) or (H, W), whole image px."""
    if locations is None:
        boxes = list(fhog_object_detector()(image))
    else:
        boxes = [rectangle(left, top, right, bottom) for top, right, bottom, left in locations]
    faces = (shape_predictor()(image, box).parts() for box in boxes)
    chosen = range(68) if model == "large" else FIVE_POINTS
    return [[(parts[index].x, parts[index].y) for index in chosen] for parts in faces]


def __getattr__(name: str) -> Any:
    raise shared.missing_name(__name__, name, __all__)
