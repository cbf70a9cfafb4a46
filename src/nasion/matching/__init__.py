"""Two faces matched by their keypoints' names.

warp.py    a picture bent so that its keypoints come to lie on others
morph.py   the face between two, the way from one to the other, the mean of many
files.py   a match as pictures and JSON on the disk
"""

from dataclasses import dataclass

import numpy as np

from nasion.errors import SkeletonError
from nasion.geometry import Affine, FloatArray, is_present, similarity_between
from nasion.sample import Prediction

__all__ = ["Match", "match"]

FEWEST = 3
"""Points that a match must have: two always fit."""


@dataclass(frozen=True, eq=False)
class Match:
    """M points that two faces have in common.

    Attributes:
        names: of the points (M).
        a, b: where they are in each picture, (M, 2), image px of A and of B.
        similarity: the least-squares map from B's px to A's: rotation, scale and shift.
    """

    names: tuple[str, ...]
    a: FloatArray
    b: FloatArray
    similarity: Affine

    @property
    def residuals(self) -> FloatArray:
        """How far each point of B lies from A's after the similarity, (M,), px of A."""
        return np.linalg.norm(self.similarity(self.b) - self.a, axis=-1)

    @property
    def residual(self) -> float:
        """The root of the residuals' mean square, as a share of the size of A's face (the same root about its mean)."""
        size = np.linalg.norm(self.a - self.a.mean(0), axis=-1)
        return float(np.sqrt((self.residuals**2).mean() / (size**2).mean()))


def match(a: Prediction, b: Prediction) -> Match:
    """Return the points of two faces that have the same name and are there in both.

    >>> from nasion import Prediction, load_skeleton
    >>> points = np.random.default_rng(0).uniform(0, 9, (68, 2))
    >>> face = lambda p: Prediction(p, np.ones(68), np.zeros((68, 2)), np.zeros(4), 1.0, load_skeleton("ibug-68"))
    >>> found = match(face(points), face(points * 2 + 5))
    >>> len(found.names), round(found.similarity.scale, 3), round(found.residual, 6)
    (68, 0.5, 0.0)

    Raises:
        SkeletonError: fewer than three points are in both.
    """
    places = {name: k for k, name in enumerate(b.skeleton.names)}
    pairs = [(k, places[name]) for k, name in enumerate(a.skeleton.names) if name in places]
    first, second = a.keypoints[[k for k, _ in pairs]], b.keypoints[[k for _, k in pairs]]
    both = is_present(first) & is_present(second)
    if both.sum() < FEWEST:
        raise SkeletonError(
            f"{a.skeleton.name} and {b.skeleton.name} have {both.sum()} points of the same name here; "
            f"a match needs {FEWEST}: use one model for both pictures"
        )
    names = [a.skeleton.names[k] for (k, _), there in zip(pairs, both, strict=True) if there]
    first, second = first[both], second[both]
    return Match(tuple(names), first, second, similarity_between(second, first))
