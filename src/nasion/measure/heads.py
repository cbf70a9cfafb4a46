"""The head of a skeleton: its points in three dimensions, and how they vary between people and expressions."""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nasion.documents import parse_toml
from nasion.errors import SkeletonError
from nasion.geometry import FloatArray
from nasion.settings import Settings
from nasion.skeleton import Point3D, Skeleton, available, load_skeleton

__all__ = ["Head", "head_of"]

UNKNOWN_VARIATION_CM = 0.4
"""Standard deviation of each coordinate of a point for skeletons without a file in `variation/`, cm."""

MIN_VARIANCE_SHARE = 1e-12
"""Variance of a head's points in a direction, relative to the largest, below which the points lie in a plane."""


@dataclass(frozen=True, eq=False)
class Head:
    """The points of a mean head and their variation, cm.

    A person's points are `points` + the sum of `modes` with independent standard normal weights + noise of `rest`.

    Attributes:
        points: (K, 3) of the mean head: x towards the person's left, y up, z forward.
        modes: (M, K, 3) principal modes, each of one standard deviation.
        rest: (K,) standard deviation per coordinate of what the modes leave out.
    """

    points: FloatArray
    modes: FloatArray
    rest: FloatArray

    @cached_property
    def shapes(self) -> FloatArray:
        """The points and the modes with the axes first, (3, 1 + M, K), cm."""
        return np.ascontiguousarray(np.concatenate([self.points[None], self.modes]).transpose(2, 0, 1))

    @cached_property
    def inverse(self) -> FloatArray | None:
        """The matrix (K, 3), per cm, from image points (K, 2) to the affine camera; None if they lie in a plane."""
        centered = self.points - self.points.mean(0)
        values, vectors = np.linalg.eigh(centered.T @ centered)
        flat = values[0] < MIN_VARIANCE_SHARE * values[-1]
        return None if flat else centered @ (vectors / values) @ vectors.T

    def part(self, chosen: NDArray[np.bool_]) -> "Head":
        """Return the head with the chosen points, (K,) bool, only."""
        return Head(self.points[chosen], self.modes[:, chosen], self.rest[chosen])


class _Variation(Settings):
    """A file in `variation/`."""

    source: str
    rest: tuple[float, ...]
    modes: tuple[tuple[tuple[float, float, float], ...], ...] = Field(min_length=1)


def head_of(skeleton: Skeleton) -> Head:
    """Return the head of a skeleton.

    A stored model may contain a packaged skeleton without the head that it has now; then the packaged head is used.

    Raises:
        SkeletonError: the skeleton has no points in three dimensions.
    """
    packaged = _packaged_head(skeleton.name, skeleton.names)
    if packaged is not None and skeleton.head in (None, packaged[0]):
        return packaged[1]
    if skeleton.head is None:
        raise SkeletonError(
            f'skeleton "{skeleton.name}" has no points in three dimensions, so it has no pose; add the section [head], '
            "or use a model with the points of ibug-68"
        )
    points = np.array(skeleton.head)
    return Head(points, np.zeros((0, *points.shape)), np.full(len(points), UNKNOWN_VARIATION_CM))


@cache
def _packaged_head(name: str, names: tuple[str, ...]) -> tuple[tuple[Point3D, ...], Head] | None:
    """Return the points and the head of the package's skeleton of this name; None if it has none, or other points."""
    known = load_skeleton(name) if name in available() else None
    file = resources.files("nasion") / "measure" / "variation" / f"{name}.toml"
    if known is None or known.names != names or known.head is None or not file.is_file():
        return None
    table = parse_toml(file.read_text("utf-8"), f"the variation of {name}", SkeletonError)
    variation = _Variation.model_validate(table)
    return known.head, Head(np.array(known.head), np.array(variation.modes), np.array(variation.rest))
