"""What the K keypoints of a face are: names, regions, lines, the mirror, and what errors are divided by.

A skeleton is one TOML file, in the package (`available()`) or the user's own:

    title = "my points"
    count = 5
    flip = "1 0 2 4 3"             # where each point goes in a mirrored face; may be left out
    closed = []                    # regions drawn as closed lines
    names = ["...", ...]           # may be left out: region_0, region_1, ...
    [regions]                      # every point in one region; "a-b" counts up or down
    eyes = "0-1"
    nose = "2"
    mouth = "3-4"
    [normalizers]                  # two groups of points; the distance of their means
    inter_ocular = ["0", "1"]
    [from]                         # where these points stand in other skeletons
    ibug-68 = "36 45 30 48 54"
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasion.errors import SkeletonError, nearest
from nasion.geometry import FloatArray, is_present, similarity_between

__all__ = ["Skeleton", "available", "infer_flip_map", "load_skeleton", "mean_shape"]

Indices = tuple[int, ...]
KNOWN_KEYS = ("title", "count", "flip", "closed", "names", "regions", "normalizers", "from")


@dataclass(frozen=True)
class Skeleton:
    """K named keypoints.

    Attributes:
        name: the file's name without `.toml`.
        title: what a person calls it.
        names: K unique names.
        regions: name to the indices that belong to it, in drawing order.
        closed: regions whose last point joins the first.
        flip: index k of a mirrored face is index flip[k] of the original; None if not known.
        normalizers: name to two groups of indices, whose means' distance divides an error.
        sources: other skeletons' names to the K indices where these points stand there.

    >>> imm = load_skeleton("imm-58")
    >>> imm.count, imm.names[52], imm.flip[13], imm.normalizers["inter_ocular"]
    (58, 'nose_5', 21, ((21,), (13,)))
    """

    name: str
    title: str
    names: tuple[str, ...]
    regions: Mapping[str, Indices]
    closed: tuple[str, ...] = ()
    flip: Indices | None = None
    normalizers: Mapping[str, tuple[Indices, Indices]] = field(default_factory=dict)
    sources: Mapping[str, Indices] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed = sorted(i for indices in self.regions.values() for i in indices)
        if listed != list(range(self.count)):
            raise self._error(f"regions must hold each of the {self.count} points once")
        if len(set(self.names)) != self.count:
            raise self._error("two points have the same name")
        if self.flip is not None:
            self._check_flip(self.flip)
        for name in set(self.closed) - set(self.regions):
            raise self._error(f'closed region "{name}" is not a region; {nearest(name, self.regions)}')
        for name, groups in self.normalizers.items():
            if not all(groups) or max(map(max, groups)) >= self.count:
                raise self._error(f'normalizer "{name}" needs two groups of points below {self.count}')
        for name, indices in self.sources.items():
            if len(indices) != self.count:
                raise self._error(f'"from" {name} must list {self.count} points, not {len(indices)}')

    def _check_flip(self, flip: Indices) -> None:
        if sorted(flip) != list(range(self.count)):
            raise self._error(f"flip must hold each index from 0 to {self.count - 1} once")
        wrong = [k for k in range(self.count) if flip[flip[k]] != k]
        if wrong:
            raise self._error(f"flipping twice must give the points back, but point {wrong[0]} does not return")

    def _error(self, rule: str) -> SkeletonError:
        return SkeletonError(f'skeleton "{self.name}": {rule}')

    @property
    def count(self) -> int:
        """K, the number of keypoints."""
        return len(self.names)

    @property
    def lines(self) -> list[Indices]:
        """The regions as polylines of indices, closed ones returning to their first point."""
        return [points + points[:1] if name in self.closed else points for name, points in self.regions.items()]

    def mirrored(self, keypoints: FloatArray) -> FloatArray:
        """Return keypoints (..., K, 2) of a mirrored face under their own names: the renaming, not the mirroring.

        Raises:
            SkeletonError: this skeleton has no flip map.
        """
        if self.flip is None:
            raise self._error("has no flip map, so faces cannot be mirrored; add `flip`, or leave the flip out")
        return keypoints[..., self.flip, :]

    def indices_in(self, other: "Skeleton") -> NDArray[np.intp]:
        """Return where this skeleton's points stand in `other` (K,).

        Raises:
            SkeletonError: it is not known.
        """
        if other.names == self.names:
            return np.arange(self.count)
        if other.name == self.name:
            raise self._error("the data and the model have different points under this name; rename one of the two")
        if other.name not in self.sources:
            raise SkeletonError(
                f"the data has the points of {other.name}, the model wants {self.name}, and {self.name} does not say "
                f"where its points stand in {other.name}; use data or a recipe with the same skeleton"
            )
        indices = np.array(self.sources[other.name])
        if indices.max() >= other.count:
            raise self._error(
                f'"from" {other.name} names point {indices.max()}, but there it ends at {other.count - 1}'
            )
        return indices

    def to_table(self) -> dict[str, Any]:
        """Return this skeleton as the table that `parse` reads from TOML, so that a model can carry it."""

        def text(indices: Indices) -> str:
            return " ".join(map(str, indices))

        table: dict[str, Any] = {
            "title": self.title,
            "count": self.count,
            "names": list(self.names),
            "closed": list(self.closed),
            "regions": {name: text(indices) for name, indices in self.regions.items()},
            "normalizers": {name: [text(a), text(b)] for name, (a, b) in self.normalizers.items()},
            "from": {name: text(indices) for name, indices in self.sources.items()},
        }
        return table if self.flip is None else table | {"flip": text(self.flip)}

    def length(self, keypoints: FloatArray, normalizer: str) -> float:
        """Return the px that `normalizer` divides errors by on this face (K, 2); NaN where it cannot be had."""
        first, second = self.normalizers[normalizer]
        return float(np.linalg.norm(keypoints[list(first)].mean(0) - keypoints[list(second)].mean(0)))


def available() -> list[str]:
    """Return the names of the skeletons in the package.

    >>> available()
    ['ibug-68', 'imm-58', 'nose-1', 'wflw-98']
    """
    return sorted(path.name.removesuffix(".toml") for path in _folder().iterdir() if path.name.endswith(".toml"))


def _folder() -> Any:
    return resources.files("nasion") / "skeletons"


@cache
def load_skeleton(name: str) -> Skeleton:
    """Return a skeleton of the package by its name, or the user's own by the path of its TOML file.

    Raises:
        SkeletonError: there is none of that name, or the file contradicts itself.
    """
    if name in available():
        return parse(name, (_folder() / f"{name}.toml").read_text("utf-8"))
    path = Path(name)
    if path.suffix != ".toml":
        raise SkeletonError(f'no skeleton "{name}"; {nearest(name, available())}, or the path of a .toml file')
    try:
        return parse(path.stem, path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SkeletonError(f"cannot read the skeleton {path}: {error}") from None


def parse(name: str, text: str) -> Skeleton:
    """Return the skeleton that a TOML text describes.

    Raises:
        SkeletonError: the text is no TOML, has an unknown key, or contradicts itself.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SkeletonError(f'skeleton "{name}" is not TOML: {error}') from None
    return from_table(name, table)


def from_table(name: str, table: Mapping[str, Any]) -> Skeleton:
    """Return the skeleton of a table as `parse` reads it and `Skeleton.to_table` gives it.

    Raises:
        SkeletonError: it has an unknown key, is incomplete, or contradicts itself.
    """
    for key in table:
        if key not in KNOWN_KEYS:
            raise SkeletonError(f'skeleton "{name}": unknown key "{key}"; {nearest(key, KNOWN_KEYS)}')
    try:
        return _build(name, table)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SkeletonError(f'skeleton "{name}" is incomplete or mistyped: {error!r}') from None


def _build(name: str, table: Mapping[str, Any]) -> Skeleton:
    regions = {region: _indices(spec) for region, spec in table["regions"].items()}
    return Skeleton(
        name=name,
        title=table.get("title", name),
        names=_names(table, regions),
        regions=regions,
        closed=tuple(table.get("closed", ())),
        flip=_indices(table["flip"]) if "flip" in table else None,
        normalizers={
            key: (_indices(first), _indices(second)) for key, (first, second) in table.get("normalizers", {}).items()
        },
        sources={key: _indices(spec) for key, spec in table.get("from", {}).items()},
    )


def _names(table: Mapping[str, Any], regions: Mapping[str, Indices]) -> tuple[str, ...]:
    if "names" in table:
        return tuple(table["names"])
    names = [f"point_{k}" for k in range(table["count"])]
    for region, indices in regions.items():
        for place, k in enumerate(indices):
            names[k] = f"{region}_{place}"
    return tuple(names)


def _indices(spec: str) -> Indices:
    """Return the indices that a text such as "3-5 2-0" lists: (3, 4, 5, 2, 1, 0)."""
    found: list[int] = []
    for part in spec.split():
        first, _, last = part.partition("-")
        a, b = int(first), int(last or first)
        found += range(a, b + 1) if a <= b else range(a, b - 1, -1)
    return tuple(found)


def mean_shape(shapes: ArrayLike, rounds: int = 5) -> FloatArray:
    """Return the mean (K, 2) of faces (N, K, 2) after generalised Procrustes alignment, in the first frame's px.

    Faces with missing points take part with the points that they have; two of them at least.
    """
    array = np.asarray(shapes, np.float64)
    present = is_present(array).sum(1)
    array = array[present > 1]
    mean = array[is_present(array).sum(1).argmax()]
    reference = mean
    for _ in range(rounds):
        aligned = np.stack([similarity_between(shape, mean)(shape) for shape in array])
        there = np.isfinite(aligned)
        total, count = np.where(there, aligned, 0.0).sum(0), there.sum(0)
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        mean = similarity_between(mean, reference)(mean)  # else the size drifts from round to round
    return mean


def infer_flip_map(shapes: Sequence[FloatArray] | FloatArray) -> tuple[Indices, float]:
    """Return a flip map read off faces (N, K, 2), and its residual as a share of the face's size.

    The mean face is mirrored and laid on itself; points that fall on each other are pairs. It supposes that
    the faces, on average, look straight ahead. A residual above some 0.05 says: look before you trust it.

    >>> face = np.array([[[0.0, 0], [10, 0], [5, 4], [2, 8], [8, 8]]])
    >>> infer_flip_map(face)[0]
    (1, 0, 2, 4, 3)
    """
    mean = mean_shape(shapes)
    mirror = mean * [-1.0, 1.0]
    laid = mirror + (mean.mean(0) - mirror.mean(0))
    flip = _pairs(laid, mean)
    for _ in range(10):
        laid = similarity_between(mirror, mean[list(flip)])(mirror)
        flip = _pairs(laid, mean)
    size = float(np.linalg.norm(np.ptp(mean, axis=0)))
    return flip, float(np.linalg.norm(laid - mean[list(flip)], axis=1).mean()) / size


def _pairs(laid: FloatArray, mean: FloatArray) -> Indices:
    """Return the involution that pairs each mirrored point with the nearest free one, the surest pairs first."""
    distance = np.linalg.norm(laid[:, None] - mean[None], axis=-1)
    cost = distance + distance.T
    flip = [-1] * len(mean)
    for flat in np.argsort(cost, axis=None):
        i, j = divmod(int(flat), len(mean))
        if flip[i] < 0 and flip[j] < 0:
            flip[i], flip[j] = j, i
    return tuple(flip)
