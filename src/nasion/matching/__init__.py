"""Two faces matched by the names of their keypoints.

warp.py    an image warped so that its keypoints land on other positions
morph.py   the blend of two faces, the morph from one to the other, the mean of many
write.py   a match written as images, a morph and JSON
"""

from dataclasses import dataclass

import numpy as np

from nasion.errors import SkeletonError
from nasion.geometry import Affine, FloatArray, is_present, similarity_between
from nasion.sample import Prediction

__all__ = ["MIN_POINTS", "MORPHS", "Match", "match"]

MIN_POINTS = 3
"""Smallest number of common keypoints: a similarity fits any two without error."""

MORPHS = ("gif", "mp4")
"""The file formats of a morph."""


@dataclass(frozen=True, eq=False, repr=False)
class Match:
    """The M keypoints that two faces have in common.

    Attributes:
        names: the names of the keypoints (M).
        a, b: their positions in each image, (M, 2), image px of A and of B.
        similarity: the least-squares map from B's px to A's px: rotation, scale and translation.
    """

    names: tuple[str, ...]
    a: FloatArray
    b: FloatArray
    similarity: Affine

    def __repr__(self) -> str:
        return (
            f"<Match: {len(self.names)} points, scale {self.similarity.scale:.3f}, rotation "
            f"{self.similarity.rotation_deg:+.1f}°, residual {100 * self.residual:.1f} % of the face's size>"
        )

    @property
    def residuals(self) -> FloatArray:
        """The distance of each keypoint of B from A's after the similarity, (M,), image px of A."""
        return np.linalg.norm(self.similarity(self.b) - self.a, axis=-1)

    @property
    def residual_px(self) -> float:
        """The root mean square of the residuals, image px of A."""
        return float(np.sqrt((self.residuals**2).mean()))

    @property
    def residual(self) -> float:
        """The root mean square of the residuals, as a share of the size of A's face.

        The size is the root mean square distance of A's keypoints from their center.
        """
        squared_size = ((self.a - self.a.mean(0)) ** 2).sum(-1).mean()
        return float(self.residual_px / np.sqrt(squared_size))


def match(a: Prediction, b: Prediction) -> Match:
    """Return the keypoints of two faces that have the same name and are present in both.

    >>> from nasion import Prediction, load_skeleton
    >>> points = np.random.default_rng(0).uniform(0, 9, (68, 2))
    >>> face = lambda p: Prediction(p, np.ones(68), np.zeros((68, 2)), np.zeros(4), 1.0, load_skeleton("ibug-68"))
    >>> matched = match(face(points), face(points * 2 + 5))
    >>> len(matched.names), round(matched.similarity.scale, 3), round(matched.residual, 6)
    (68, 0.5, 0.0)
    >>> matched
    <Match: 68 points, scale 0.500, rotation ...0.0°, residual 0.0 % of the face's size>

    Raises:
        SkeletonError: the faces have fewer than three keypoints in common.
    """
    indices_in_b = {name: k for k, name in enumerate(b.skeleton.names)}
    common = [(name, k, indices_in_b[name]) for k, name in enumerate(a.skeleton.names) if name in indices_in_b]
    present = [each for each in common if is_present(a.keypoints[each[1]]) and is_present(b.keypoints[each[2]])]
    if len(present) < MIN_POINTS:
        raise SkeletonError(
            f"{a.skeleton.name} and {b.skeleton.name} have {len(present)} points of the same name here; "
            f"a match needs {MIN_POINTS}: use one model for both images"
        )
    names, first, second = zip(*present, strict=True)
    points_a, points_b = a.keypoints[list(first)], b.keypoints[list(second)]
    return Match(names, points_a, points_b, similarity_between(points_b, points_a))
