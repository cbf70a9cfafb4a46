"""The blend of two faces, the morph from one to the other, and the mean of many."""

from collections.abc import Iterator

import numpy as np

from nasion import images
from nasion.geometry import Affine, FloatArray, box_around, box_to_aspect, scale_box, similarity_between
from nasion.matching import Match
from nasion.matching.warp import border_points, clamp_to_canvas, piecewise_warp
from nasion.sample import Image
from nasion.skeleton import Skeleton

__all__ = ["Pair", "level_shape", "mean_face", "to_canvas"]

CANVAS = 480, 480
"""(height, width) of a morph, px."""

MARGIN = 1.7
"""Side of the canvas relative to the box around the keypoints, so that hair and ears are included."""


def to_canvas(points: FloatArray) -> Affine:
    """Return the map to the canvas that fills it with the face of points (N, 2), any px."""
    return Affine.crop(box_to_aspect(scale_box(box_around(points), MARGIN), CANVAS), CANVAS)


class Pair:
    """Two matched faces on one canvas: A in its own pose, B moved, rotated and scaled onto A.

    Args:
        a: (H, W, 3) uint8 RGB, the image of A.
        b: (H, W, 3) uint8 RGB, the image of B.
        matched: their common keypoints.

    Attributes:
        size: (height, width) of the canvas, px.
        a, b: the faces on the canvas, (height, width, 3) uint8 RGB.
        a_points, b_points: (M + 8, 2), canvas px: the keypoints, followed by the border points.
    """

    def __init__(self, a: Image, b: Image, matched: Match) -> None:
        self.size = CANVAS
        a_map = to_canvas(matched.a)
        b_map = a_map @ matched.similarity
        self.a, self.b = images.warp(a, a_map, self.size), images.warp(b, b_map, self.size)
        self.a_points, self.b_points = _with_border(a_map(matched.a)), _with_border(b_map(matched.b))

    def at(self, share: float) -> Image:
        """Return the blend (height, width, 3) uint8 RGB of both shapes and colors; `share` 0 is A, and 1 is B."""
        target = (1 - share) * self.a_points + share * self.b_points
        a = piecewise_warp(self.a, self.a_points, target, self.size).astype(np.float32)
        b = piecewise_warp(self.b, self.b_points, target, self.size).astype(np.float32)
        return np.rint((1 - share) * a + share * b).astype(np.uint8)

    def frames(self, count: int) -> Iterator[Image]:
        """Yield `count` images (height, width, 3) uint8 RGB from A to B, with smaller steps near both ends."""
        for k in range(count):
            yield self.at(0.5 - 0.5 * float(np.cos(np.pi * k / max(1, count - 1))))


def _with_border(points: FloatArray) -> FloatArray:
    """Return points (N, 2) clamped to the canvas, followed by its border points: (N + 8, 2), canvas px."""
    return np.concatenate([clamp_to_canvas(points, CANVAS), border_points(CANVAS)])


def mean_face(faces: Iterator[tuple[Image, FloatArray]], mean: FloatArray) -> Image:
    """Return the mean (480, 480, 3) uint8 RGB of faces, each warped onto the mean shape.

    Args:
        faces: images (H, W, 3) uint8 RGB and their keypoints (K, 2), image px; an iterator, so that only one image is
            in memory at a time.
        mean: (K, 2), any px: the mean shape, from `nasion.shapes.mean_shape`.
    """
    target = to_canvas(mean)(mean)
    total, count = np.zeros((*CANVAS, 3)), 0
    for image, keypoints in faces:
        affine = similarity_between(keypoints, target)
        aligned = images.warp(image, affine, CANVAS)
        total += piecewise_warp(aligned, _with_border(affine(keypoints)), _with_border(target), CANVAS)
        count += 1
    return np.rint(total / max(1, count)).astype(np.uint8)


def level_shape(shape: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Return a shape (K, 2), any px, rotated so that its left and right halves are level.

    A skeleton without a flip map has no halves: its shape is returned unchanged.
    """
    if skeleton.flip is None:
        return shape
    centered = shape - shape.mean(0)
    # The mirror image of a tilted face is tilted the other way, so the tilt is half of the angle between them.
    twice_tilt = similarity_between(skeleton.mirrored(centered * [-1.0, 1.0]), centered).rotation_deg
    return Affine.rotation(-twice_tilt / 2, shape.mean(0))(shape)
