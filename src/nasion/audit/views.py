"""The part of an image that is corrupted: a face and its surroundings, at a common scale for all corruptions."""

from dataclasses import dataclass

import numpy as np

from nasion import images
from nasion.geometry import Affine, FloatArray, box_size, image_box, last_pixel, scale_box
from nasion.sample import Annotation, Image

__all__ = ["FACE_PX", "View", "view_of"]

FACE_PX = 200.0
"""Largest size of a face in a view, px; in a larger one, the network's crop would average out the noise of pixels."""

REACH = 2.4
"""Side of the view, as a multiple of the box around the points; networks crop 1.2 to 1.5 times the box."""


@dataclass(frozen=True, eq=False)
class View:
    """A face and its surroundings.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        keypoints: (K, 2) labeled points, view px; NaN where missing.
        box: (4,) around the face's points, view px.
        key: the face's name.
        scale: view px per image px, at most 1.
    """

    image: Image
    keypoints: FloatArray
    box: FloatArray
    key: str
    scale: float


def view_of(image: Image, face: Annotation, box: FloatArray) -> View:
    """Return the view of a face.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: labeled in this image.
        box: (4,) around its points, image px.
    """
    around, last = scale_box(box, REACH), last_pixel(image.shape[:2])
    low = np.clip(np.floor(around[:2]), 0, last).astype(int)
    high = np.clip(np.ceil(around[2:]), low, last).astype(int) + 1
    part = image[low[1] : high[1], low[0] : high[0]]
    to_view = Affine.translation(-float(low[0]), -float(low[1]))
    scale = FACE_PX / box_size(box)
    if scale < 1:
        size = max(1, int(part.shape[0] * scale)), max(1, int(part.shape[1] * scale))
        corner = image_box(part.shape[:2])[:2]
        shrink = Affine.crop([*corner, *(corner + np.array(size[::-1]) / scale)], size)  # the same scale in x and y
        part, to_view = images.warp(part, shrink, size), shrink @ to_view
    moved_box = to_view(box.reshape(2, 2)).ravel()
    return View(np.ascontiguousarray(part), to_view(face.keypoints), moved_box, face.name, to_view.scale)
