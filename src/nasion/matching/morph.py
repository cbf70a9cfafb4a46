"""The face between two, the way from one to the other, and the mean of many."""

from collections.abc import Iterator, Sequence

import numpy as np

from nasion import images
from nasion.crop import CropConfig, face_box
from nasion.geometry import Affine, FloatArray, box_around, similarity_between
from nasion.matching import Match
from nasion.matching.warp import bend, frame
from nasion.sample import Image
from nasion.skeleton import Skeleton

__all__ = ["Pair", "mean_face", "mean_shape", "upright"]

CANVAS = CropConfig(height=480, width=480, margin=1.7)  # pyright: ignore[reportCallIssue]
"""What a morph shows: the face with hair and ears."""

ROUNDS = 10
"""Of the mean shape's fitting; it stands still after a few."""


class Pair:
    """Two matched faces on one canvas: A as it is, B moved, turned and scaled onto A.

    Args:
        a, b: the pictures, (H, W, 3) uint8 RGB.
        matched: their points.
    """

    def __init__(self, a: Image, b: Image, matched: Match) -> None:
        self.size = CANVAS.size
        to_canvas = Affine.crop(face_box(box_around(matched.a), a.shape[:2], CANVAS), self.size)
        both = to_canvas @ matched.similarity
        self.a, self.b = images.warp(a, to_canvas, self.size), images.warp(b, both, self.size)
        edge = frame(self.size)
        self.a_points = np.concatenate([self._inside(to_canvas(matched.a)), edge])
        self.b_points = np.concatenate([self._inside(both(matched.b)), edge])

    def _inside(self, points: FloatArray) -> FloatArray:
        height, width = self.size
        return np.clip(points, 1, [width - 2, height - 2])

    def at(self, share: float) -> Image:
        """Return the face that is `share` (0 to 1) of the way from A to B: shape and colours."""
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


def mean_shape(shapes: Sequence[FloatArray]) -> FloatArray:
    """Return the mean (K, 2) of faces' points (K, 2) each, after taking out where, how large and how turned they are.

    It is centred on 0, with a mean square distance of 1 from it. Source: Gower, "Generalized Procrustes analysis",
    1975.
    """
    mean = _standard(shapes[0])
    for _ in range(ROUNDS):
        moved = [similarity_between(shape, mean)(shape) for shape in shapes]
        mean = _standard(np.mean(moved, axis=0))
    return mean


def _standard(shape: FloatArray) -> FloatArray:
    centred = shape - shape.mean(0)
    return centred / np.sqrt((centred**2).sum(-1).mean())


def mean_face(faces: Iterator[tuple[Image, FloatArray]], mean: FloatArray) -> Image:
    """Return the mean of faces' colours, each bent onto the mean shape, upright as the mean's first face is.

    Args:
        faces: pictures and their points (K, 2); taken one after the other, so that no more than one is in memory.
        mean: (K, 2), of `mean_shape`.
    """
    size = CANVAS.size
    target = Affine.crop(face_box(box_around(mean), size, CANVAS), size)(mean)
    points = np.concatenate([target, frame(size)])
    total, count = np.zeros((*size, 3)), 0
    for image, keypoints in faces:
        affine = similarity_between(keypoints, target)
        height, width = size
        moved = np.clip(affine(keypoints), 1, [width - 2, height - 2])
        total += bend(images.warp(image, affine, size), np.concatenate([moved, frame(size)]), points, size)
        count += 1
    return np.rint(total / max(1, count)).astype(np.uint8)


def upright(shape: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Return a shape (K, 2) turned so that its left and right stand level; as it is where there is no flip map."""
    if skeleton.flip is None:
        return shape
    mirrored = skeleton.mirrored(shape * [-1.0, 1.0])
    return similarity_between(shape, (shape + mirrored) / 2)(shape)
