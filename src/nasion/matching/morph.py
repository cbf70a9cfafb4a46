"""The face between two, the way from one to the other, and the mean of many."""

from collections.abc import Iterator

import numpy as np

from nasion import images
from nasion.geometry import Affine, FloatArray, box_around, box_to_aspect, scale_box, similarity_between
from nasion.matching import Match
from nasion.matching.warp import bend, border_points, within
from nasion.sample import Image
from nasion.skeleton import Skeleton

__all__ = ["Pair", "mean_face", "upright"]

CANVAS = 480, 480
"""(height, width) of a morph, px."""

MARGIN = 1.7
"""Side of the canvas relative to the box around the points: the face with hair and ears."""


def to_canvas(points: FloatArray) -> Affine:
    """Return the map that fills the canvas with the face of points (N, 2), in any px."""
    return Affine.crop(box_to_aspect(scale_box(box_around(points), MARGIN), CANVAS), CANVAS)


class Pair:
    """Two matched faces on one canvas: A as it is, B moved, turned and scaled onto A.

    Args:
        a, b: the pictures, (H, W, 3) uint8 RGB.
        matched: their points.
    """

    def __init__(self, a: Image, b: Image, matched: Match) -> None:
        self.size = CANVAS
        of_a = to_canvas(matched.a)
        both = of_a @ matched.similarity
        self.a, self.b = images.warp(a, of_a, self.size), images.warp(b, both, self.size)
        edge = border_points(self.size)
        self.a_points = np.concatenate([within(of_a(matched.a), self.size), edge])
        self.b_points = np.concatenate([within(both(matched.b), self.size), edge])

    def at(self, share: float) -> Image:
        """Return the face that is `share` (0 to 1) of the way from A to B: shape and colors."""
        target = (1 - share) * self.a_points + share * self.b_points
        a, b = (
            bend(image, points, target, self.size).astype(np.float32)
            for image, points in ((self.a, self.a_points), (self.b, self.b_points))
        )
        return np.rint((1 - share) * a + share * b).astype(np.uint8)

    def frames(self, count: int) -> Iterator[Image]:
        """Yield `count` pictures from A to B, slower near both ends."""
        for k in range(count):
            yield self.at(0.5 - 0.5 * float(np.cos(np.pi * k / max(1, count - 1))))


def mean_face(faces: Iterator[tuple[Image, FloatArray]], mean: FloatArray) -> Image:
    """Return the mean of faces' colors, each bent onto the mean shape.

    Args:
        faces: pictures and their points (K, 2); taken one after the other, so that no more than one is in memory.
        mean: (K, 2), of `skeleton.mean_shape`, in any px.
    """
    size = CANVAS
    target = to_canvas(mean)(mean)
    points = np.concatenate([target, border_points(size)])
    total, count = np.zeros((*size, 3)), 0
    for image, keypoints in faces:
        affine = similarity_between(keypoints, target)
        moved = np.concatenate([within(affine(keypoints), size), border_points(size)])
        total += bend(images.warp(image, affine, size), moved, points, size)
        count += 1
    return np.rint(total / max(1, count)).astype(np.uint8)


def upright(shape: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Return a shape (K, 2) turned so that its left and right stand level; as it is where there is no flip map."""
    if skeleton.flip is None:
        return shape
    centerd = shape - shape.mean(0)
    # A face that is tilted one way is, mirrored, tilted as far the other way: half of the turn between them.
    twice = similarity_between(skeleton.mirrored(centerd * [-1.0, 1.0]), centerd).rotation_deg
    return Affine.rotation(-twice / 2, shape.mean(0))(shape)
