"""One pass over the images: size, digest and perceptual hash of each face's image, and a model's prediction.

The hash consists of the signs of the low spatial frequencies of the face's crop, as in C. Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010, but of 16 x 16 frequencies instead of 8 x 8, because crops of
faces resemble each other more than photos do. It changes little if an image is compressed, scaled or cropped.
"""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion import images
from nasion.errors import ImageError
from nasion.geometry import (
    MIN_EXTENT,
    Affine,
    FloatArray,
    box_around,
    box_to_aspect,
    has_extent,
    image_box,
    is_present,
    scale_box,
)
from nasion.predict.backends.backend import is_rejected
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet, Image, Prediction, Problem

__all__ = ["FAR_SIZES", "ReadFace", "face_hash", "is_measurable", "is_recognized", "read_face"]

FAR_SIZES = 10
"""Largest distance of a point from the image, in image sizes, up to which its face is compared with others."""

HASH_SIDE = 64
"""Side of the crop that is hashed, px."""

HASH_MARGIN = 1.3
"""Side of the hashed crop as a multiple of the face's box: hair and background tell faces apart."""

MIN_OVERLAP = 0.5
"""Smallest part of a face's box that must lie inside the image to be hashed."""

FREQUENCIES = 16
"""Number of spatial frequencies of the hash in each direction."""


@dataclass(frozen=True, eq=False)
class ReadFace:
    """A face whose image was read.

    Attributes:
        face: the labeled face.
        size: (height, width) of the image, px.
        digest: SHA-256 of the image's pixels.
        hash: (255,) perceptual hash of the face.
        opinion: the prediction of the model in the box of the labels; None without a model, or if the model rejects it.
    """

    face: Annotation
    size: tuple[int, int]
    digest: str
    hash: NDArray[np.bool_]
    opinion: Prediction | None = None


def read_face(faces: DataSet, index: int, predictor: Predictor | None = None) -> ReadFace | Problem:
    """Return face `index` with its image's properties, or the reason why the image cannot be read.

    Args:
        faces: the data set.
        index: of the face.
        predictor: gives the second opinion.
    """
    face = faces.annotations[index]
    try:
        image = faces.load(index).image
    except ImageError as error:
        return Problem(face.name, str(error))
    size = image.shape[0], image.shape[1]
    box = _points_box(face, size)
    opinion = None
    if predictor is not None and box is not None:
        (predicted,) = predictor.predict_boxes([image], [box])
        opinion = predicted if is_recognized(predicted, predictor) else None
    hashed = box if opinion is None else box_around(opinion.keypoints)
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return ReadFace(face, size, digest, face_hash(image, hashed), opinion)


def is_recognized(face: Prediction, predictor: Predictor) -> bool:
    """Return whether the model recognizes a face, by the rule that rejects false detections."""
    return has_extent(face.keypoints) and not is_rejected(face, predictor.backend)


def _points_box(face: Annotation, size: tuple[int, int]) -> FloatArray | None:
    """Return the box (4,) around a face's points in an image of `size`, px; None if a network cannot crop it."""
    if not is_measurable(face, size) or not has_extent(face.keypoints):
        return None
    return box_around(face.keypoints)


def is_measurable(face: Annotation, size: tuple[int, int]) -> bool:
    """Return whether a face can be compared: its points have an extent and lie near its image of `size`, px."""
    present = face.keypoints[is_present(face.keypoints)]
    near = np.abs(present).max() <= FAR_SIZES * max(size)
    return bool(near and (face.skeleton.count < 2 or np.ptp(present, axis=0).max() >= MIN_EXTENT))


def face_hash(image: Image, box: FloatArray | None) -> NDArray[np.bool_]:
    """Return the perceptual hash (255,) of a face.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) xyxy around the face's keypoints, image px; without a box, or if most of it lies outside, the full
            image is hashed.
    """
    size = HASH_SIDE, HASH_SIDE
    full = image_box(image.shape[:2])
    inside = box is not None and _overlap(box, full) >= MIN_OVERLAP
    around = full if box is None or not inside else box_to_aspect(scale_box(box, HASH_MARGIN), size)
    gray = cv2.cvtColor(images.warp(image, Affine.crop(around, size), size), cv2.COLOR_RGB2GRAY)
    return cv2.dct(gray.astype(np.float32))[:FREQUENCIES, :FREQUENCIES].ravel()[1:] > 0


def _overlap(box: FloatArray, image: FloatArray) -> float:
    """Return the share of a box (4,) that lies in the box (4,) of an image, px."""
    low, high = np.maximum(box[:2], image[:2]), np.minimum(box[2:], image[2:])
    return float(np.prod(np.maximum(high - low, 0)) / np.prod(box[2:] - box[:2]))
