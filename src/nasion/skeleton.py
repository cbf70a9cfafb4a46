"""Skeletons: the names, regions, lines, flip map and normalizers of K keypoints.

A skeleton is a TOML file, either in the package (`available()`) or the user's own:

    title = "my points"
    count = 5
    flip = "1 0 2 4 3"             # optional: the index of each point in a mirrored face
    closed = []                    # optional: regions drawn as closed lines
    names = ["...", ...]           # optional: default region_0, region_1, ...
    [regions]                      # each point belongs to one region; "a-b" counts up or down
    eyes = "0-1"
    nose = "2"
    mouth = "3-4"
    [normalizers]                  # optional: two groups of points; the distance between their means
    inter_ocular = ["0", "1"]
    [from]                         # optional: indices of these points in other skeletons
    ibug-68 = "36 45 30 48 54"
    [shared]                       # optional: points with the same definition in another skeleton
    imm-58 = "2=52"
    [means]                        # optional: each of these points as a mean of points of another skeleton
    ibug-68 = ["36-41", "42-47", "30", "48", "54"]
    [head]                         # optional: the points on a mean head, cm; see `nasion.measure.camera` for the axes
    points = [[-4.5, 3.4, 8.6], ...]

The section `[normalizers]` may also be spelled `[normalisers]`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from nasion.documents import parse_toml, read_text
from nasion.errors import SkeletonError, suggest
from nasion.geometry import FloatArray
from nasion.settings import Settings, explain

__all__ = [
    "INTER_OCULAR",
    "MAX_POINTS",
    "Point3D",
    "Skeleton",
    "available",
    "from_table",
    "index_list",
    "load_skeleton",
    "parse",
]

Indices = tuple[int, ...]

Point3D = tuple[float, float, float]
"""A point of a head (x, y, z), cm: x towards the person's left, y up, z forward."""

MAX_POINTS = 10_000
"""Largest number of points; it is checked before anything is expanded, since "0-999999999999" is a short text."""

MAX_INDEX = 100_000
"""Largest index of a point; those in other skeletons may be vertices of a head."""

INTER_OCULAR = "inter_ocular"
"""Name of the normalizer from one outer corner of the eyes to the other."""

KNOWN_KEYS = ("title", "count", "flip", "closed", "names", "regions", "normalizers", "from", "shared", "means", "head")
"""Keys of a skeleton's table."""

OTHER_SPELLINGS = {"normalisers": "normalizers"}
"""Spellings of earlier versions, which stored models contain, and the current ones."""


@dataclass(frozen=True, repr=False)
class Skeleton:
    """K named keypoints.

    Attributes:
        name: the file name without `.toml`.
        title: the name shown to users.
        names: the K unique names of the points.
        regions: the indices of each region, in drawing order.
        closed: the regions whose last point is joined with the first.
        flip: point k of a mirrored face is point flip[k] of the original face; None if unknown.
        normalizers: two groups of indices for each normalizer; errors are divided by the distance of their means.
        sources: the K indices of these points in other skeletons, by the skeleton's name.
        shared: pairs of indices, in this and in another skeleton, of points with the same definition, by its name.
        means: for each point, the indices in another skeleton whose mean it is, by its name; empty for other points.
            A constant distance, such as that of two definitions of the tip of the nose, may remain.
        head: the K points (x, y, z) on a mean head, cm: x towards the person's left, y up, z forward; None if unknown.

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
    shared: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    means: Mapping[str, tuple[Indices, ...]] = field(default_factory=dict)
    head: tuple[Point3D, ...] | None = None

    def __post_init__(self) -> None:
        if sorted(i for indices in self.regions.values() for i in indices) != list(range(self.count)):
            raise self._error(f"regions must hold each of the {self.count} points once")
        if len(set(self.names)) != self.count:
            raise self._error("two points have the same name")
        if self.flip is not None:
            self._check_flip(self.flip)
        for name in set(self.closed) - set(self.regions):
            raise self._error(f'closed region "{name}" is not a region; {suggest(name, self.regions)}')
        for name, groups in self.normalizers.items():
            if not all(groups) or max(map(max, groups)) >= self.count:
                raise self._error(f'normalizer "{name}" needs two groups of points below {self.count}')
        for key, lists in (("from", self.sources), ("means", self.means)):
            for name, listed in lists.items():
                if len(listed) != self.count:
                    raise self._error(f'"{key}" {name} must list {self.count} points, not {len(listed)}')
        for name, pairs in self.shared.items():
            if any(here >= self.count for here, _ in pairs):
                raise self._error(f'"shared" {name} names a point that is not below {self.count}')
        if self.head is not None and len(self.head) != self.count:
            raise self._error(f"head must hold {self.count} points, not {len(self.head)}")

    def __repr__(self) -> str:
        points, regions = f"point{'s' * (self.count != 1)}", f"region{'s' * (len(self.regions) != 1)}"
        return f"<Skeleton: {self.name}, {self.count} {points} in {len(self.regions)} {regions}>"

    def _check_flip(self, flip: Indices) -> None:
        if sorted(flip) != list(range(self.count)):
            raise self._error(f"flip must hold each index from 0 to {self.count - 1} once")
        wrong = [k for k in range(self.count) if flip[flip[k]] != k]
        if wrong:
            raise self._error(
                f"flipping twice must return every point to its place, but point {wrong[0]} does not return"
            )

    def _error(self, rule: str) -> SkeletonError:
        return SkeletonError(f'skeleton "{self.name}": {rule}')

    @property
    def count(self) -> int:
        """K, the number of keypoints."""
        return len(self.names)

    @property
    def lines(self) -> list[Indices]:
        """The regions as polylines of indices; closed regions end at their first point."""
        return [points + points[:1] if name in self.closed else points for name, points in self.regions.items()]

    def mirrored(self, keypoints: FloatArray) -> FloatArray:
        """Return the keypoints (..., K, 2) of a mirrored face in the order of this skeleton, in the same frame.

        Only the order changes; the caller mirrors the coordinates.

        Args:
            keypoints: (..., K, 2) mirrored coordinates in the order of the original face, any frame.

        Raises:
            SkeletonError: this skeleton has no flip map.
        """
        if self.flip is None:
            raise self._error("has no flip map, so faces cannot be mirrored; add `flip`, or disable flip augmentation")
        return keypoints[..., self.flip, :]

    def indices_in(self, other: "Skeleton") -> NDArray[np.intp]:
        """Return the indices (K,) of this skeleton's points in `other`.

        Raises:
            SkeletonError: the indices are unknown.
        """
        if other.names == self.names:
            return np.arange(self.count)
        if other.name == self.name:
            raise self._error("two skeletons of this name have different points; rename one of them")
        if other.name not in self.sources:
            raise SkeletonError(
                f"the points of {self.name} cannot be taken from those of {other.name}: {self.name} does not say where "
                f"they are; add them to the section [from] of its file, or use data with the points of {self.name}"
            )
        indices = np.array(self.sources[other.name])
        if indices.max() >= other.count:
            raise self._error(
                f'"from" {other.name} lists point {indices.max()}, but {other.name} ends at {other.count - 1}'
            )
        return indices

    def means_in(self, other: "Skeleton") -> FloatArray:
        """Return the weights (K, L), no unit, that give this skeleton's points as means of the L points of `other`.

        They come from `means`, or from `sources` or `shared`. The row of a point that is not known in `other` is zero.

        Raises:
            SkeletonError: a group names a point that `other` lacks.
        """
        groups = list(self.means.get(other.name, [()] * self.count))
        for here, there in (*enumerate(self.sources.get(other.name, ())), *self.shared.get(other.name, ())):
            groups[here] = groups[here] or (there,)
        if max(map(max, filter(None, groups)), default=0) >= other.count:
            raise self._error(f"names points of {other.name} beyond its last, {other.count - 1}")
        weights = np.zeros((self.count, other.count))
        for row, group in zip(weights, groups, strict=True):
            np.add.at(row, list(group), 1 / max(1, len(group)))
        return weights

    def to_table(self) -> dict[str, Any]:
        """Return this skeleton as a table for `from_table`, which models store."""

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
        if self.flip is not None:
            table["flip"] = text(self.flip)
        if self.shared:
            table["shared"] = {name: " ".join(f"{a}={b}" for a, b in pairs) for name, pairs in self.shared.items()}
        if self.means:
            table["means"] = {name: [text(group) for group in groups] for name, groups in self.means.items()}
        if self.head is not None:
            table["head"] = {"points": [list(point) for point in self.head]}
        return table

    def normalizer_length(self, keypoints: FloatArray, normalizer: str) -> float:
        """Return the length by which `normalizer` divides errors, image px; NaN if one of its points is missing.

        Args:
            keypoints: (K, 2) the points of a face, image px; NaN where missing.
            normalizer: a key of `normalizers`.
        """
        first, second = self.normalizers[normalizer]
        return float(np.linalg.norm(keypoints[list(first)].mean(0) - keypoints[list(second)].mean(0)))


def available() -> list[str]:
    """Return the names of the skeletons in the package, sorted.

    >>> available()
    ['ibug-68', 'imm-58', 'nose-1', 'wflw-98']
    """
    return sorted(path.name.removesuffix(".toml") for path in _folder().iterdir() if path.name.endswith(".toml"))


def _folder() -> Traversable:
    return resources.files("nasion") / "skeletons"


@cache
def load_skeleton(name: str) -> Skeleton:
    """Return a skeleton of the package, or one that is read from a TOML file.

    Args:
        name: a name from `available()` or the path of a TOML file.

    Raises:
        SkeletonError: the name is unknown, or the file cannot be read or contradicts itself.
    """
    if name in available():
        return parse(name, (_folder() / f"{name}.toml").read_text("utf-8"))
    path = Path(name)
    if path.suffix != ".toml":
        raise SkeletonError(f'no skeleton "{name}"; {suggest(name, available())}, or the path of a .toml file')
    return parse(path.stem, read_text(path, f"the skeleton {path}", SkeletonError))


def parse(name: str, text: str) -> Skeleton:
    """Return the skeleton that a TOML text describes.

    Raises:
        SkeletonError: the text is not TOML, has an unknown key, is incomplete or contradicts itself.
    """
    return from_table(name, parse_toml(text, f'skeleton "{name}"', SkeletonError))


def from_table(name: str, table: Mapping[str, Any]) -> Skeleton:
    """Return the skeleton that a table describes, as `Skeleton.to_table` returns it.

    Raises:
        SkeletonError: the table has an unknown key, is incomplete or contradicts itself.
    """
    if not isinstance(name, str):  # stored tables hold it
        raise SkeletonError(f"the name of a skeleton is a text, not {str(name)[:80]}")
    table = _current_spelling(name, table)
    for key in table:
        if key not in KNOWN_KEYS:
            raise SkeletonError(f'skeleton "{name}": unknown key "{key}"; {suggest(key, KNOWN_KEYS)}')
    try:
        return _build(name, _Table.model_validate(table))
    except ValidationError as error:
        raise SkeletonError(f'skeleton "{name}" is incomplete or mistyped: {explain(error, _Table)}') from None
    except (ValueError, IndexError) as error:
        raise SkeletonError(f'skeleton "{name}" is incomplete or mistyped: {error}') from None


class _Head(Settings):
    """The section `[head]`."""

    points: tuple[Point3D, ...] = Field(max_length=MAX_POINTS)


class _Table(Settings):
    """The keys of a skeleton's table with their types."""

    regions: dict[str, str]
    title: str | None = None
    count: int | None = Field(default=None, ge=1, le=MAX_POINTS)
    names: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=MAX_POINTS)
    flip: str | None = None
    closed: tuple[str, ...] = ()
    normalizers: dict[str, tuple[str, str]] = Field(default={})
    sources: dict[str, str] = Field(default={}, alias="from")
    shared: dict[str, str] = Field(default={})
    means: dict[str, tuple[str, ...]] = Field(default={})
    head: _Head | None = None


def _current_spelling(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table with the spellings of earlier versions replaced."""
    for old, new in OTHER_SPELLINGS.items():
        if old in table and new in table:
            raise SkeletonError(f'skeleton "{name}": "{new}" and "{old}" are the same key; keep "{new}"')
    return {OTHER_SPELLINGS.get(key, key): value for key, value in table.items()}


def _build(name: str, table: _Table) -> Skeleton:
    regions = {region: index_list(spec) for region, spec in table.regions.items()}
    return Skeleton(
        name=name,
        title=name if table.title is None else table.title,
        names=table.names or _names(table.count, regions),
        regions=regions,
        closed=table.closed,
        flip=None if table.flip is None else index_list(table.flip),
        normalizers={
            key: (index_list(first), index_list(second)) for key, (first, second) in table.normalizers.items()
        },
        sources={key: index_list(spec) for key, spec in table.sources.items()},
        shared={key: _pairs(spec) for key, spec in table.shared.items()},
        means={key: tuple(map(index_list, specs)) for key, specs in table.means.items()},
        head=None if table.head is None else table.head.points,
    )


def _names(count: int | None, regions: Mapping[str, Indices]) -> tuple[str, ...]:
    if count is None:
        raise ValueError('the key "count" is missing')
    names = [f"point_{k}" for k in range(count)]
    for region, indices in regions.items():
        for place, k in enumerate(indices):
            names[k] = f"{region}_{place}"
    return tuple(names)


def index_list(spec: str) -> Indices:
    """Return the indices that a text lists.

    >>> index_list("3-5 2-0")
    (3, 4, 5, 2, 1, 0)

    Raises:
        ValueError: a part is not a number or a range, or there are too many points.
    """
    indices: list[int] = []
    for part in spec.split():
        first, _, last = part.partition("-")
        a, b = int(first), int(last or first)
        if not (max(a, b) < MAX_INDEX and len(indices) + abs(b - a) < MAX_POINTS):
            raise ValueError(f'"{part[:80]}" is beyond the {MAX_POINTS:,} points that a skeleton can have')
        indices += range(a, b + 1) if a <= b else range(a, b - 1, -1)
    return tuple(indices)


def _pairs(spec: str) -> tuple[tuple[int, int], ...]:
    """Return the pairs of indices that a text lists, such as "6=8 13=45".

    Raises:
        ValueError: the text is not a list of pairs.
    """
    pairs = [part.split("=") for part in spec.split()[:MAX_POINTS]]
    if not pairs or any(len(pair) != 2 or not all(map(str.isdecimal, pair)) for pair in pairs):
        raise ValueError(f'"shared" lists pairs of points, such as "6=8 13=45", not "{spec[:80]}"')
    return tuple((int(here), int(there)) for here, there in pairs)
