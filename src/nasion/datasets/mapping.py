"""Points of one skeleton from those of another: a list of the skeleton itself, or a mapping.

A mapping is a TOML file, in the package (`available_mappings()`) or the user's own:

    from = "wflw-98"        # optional: the skeleton of the data, to be checked
    to = "ibug-68"          # a packaged skeleton, or a .toml file beside this one
    points = "0 2 4-16 - 61+62"

`points` has an entry for each point of the new skeleton: an index in the old one, the mean of several ("61+62"), or "-"
for a point that the old one lacks. "4-16" counts up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from nasion.documents import read_toml
from nasion.errors import SkeletonError, suggest
from nasion.geometry import FloatArray
from nasion.sample import Annotation, DataSet
from nasion.skeleton import MAX_POINTS, Skeleton, available, load_skeleton

__all__ = ["PointMapping", "available_mappings", "load_mapping"]

KEYS = ("from", "to", "points")

MISSING, MEAN = "-", "+"

INDEX = re.compile("[0-9]{1,9}")


@dataclass(frozen=True)
class PointMapping:
    """Where the points of a skeleton are in another one.

    Attributes:
        skeleton: the new skeleton.
        sources: for each of its points, the indices in the old one whose mean it is; empty for a missing point.
        origin: name of the old skeleton; empty accepts any.
    """

    skeleton: Skeleton
    sources: tuple[tuple[int, ...], ...]
    origin: str = ""

    def apply(self, faces: DataSet) -> DataSet:
        """Return the faces with the points of the new skeleton; a mean of missing points is missing.

        Raises:
            SkeletonError: the faces have another skeleton than the mapping expects.
        """
        self.check(faces.skeleton)
        return replace(faces, skeleton=self.skeleton, annotations=tuple(map(self._map, faces.annotations)))

    def check(self, skeleton: Skeleton) -> None:
        """Check that points of a skeleton can be mapped.

        Raises:
            SkeletonError: the mapping expects another skeleton, or points that this one lacks.
        """
        if self.origin and skeleton.name != self.origin:
            raise SkeletonError(f"the mapping is from {self.origin}, not from {skeleton.name}")
        largest = max((index for indices in self.sources for index in indices), default=-1)
        if largest >= skeleton.count:
            raise SkeletonError(f"the mapping names point {largest}, but {skeleton.name} ends at {skeleton.count - 1}")

    def _map(self, face: Annotation) -> Annotation:
        return replace(
            face,
            skeleton=self.skeleton,
            keypoints=self.mean(face.keypoints),
            visible=np.array([all(face.visible[list(indices)]) for indices in self.sources]),
            spread=None if face.spread is None else self.mean(face.spread),
            ellipses=None if face.ellipses is None else self._single(face.ellipses),
            hidden_probability=None if face.hidden_probability is None else self.mean(face.hidden_probability),
        )

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the values (L, ...) of the new points for those of the old ones (K, ...), any frame."""
        missing = np.full(values.shape[1:], np.nan)
        return np.stack([values[list(each)].mean(0) if each else missing for each in self.sources])

    def _single(self, values: FloatArray) -> FloatArray:
        """Return values like `_mean`, but NaN for a mean of several points."""
        missing = np.full(values.shape[1:], np.nan)
        return np.stack([values[each[0]] if len(each) == 1 else missing for each in self.sources])


def available_mappings() -> list[str]:
    """Return the names of the mappings in the package, sorted.

    >>> available_mappings()
    ['mesh-to-ibug-68']
    """
    return sorted(path.stem for path in _folder().glob("*.toml"))


def _folder() -> Path:
    return Path(str(resources.files("nasion") / "datasets" / "mappings"))


def load_mapping(name: str | Path) -> PointMapping:
    """Return a mapping of the package, or one that is read from a TOML file.

    Args:
        name: a name from `available_mappings()` or the path of a TOML file.

    Raises:
        SkeletonError: the name is unknown, the file cannot be read or is not TOML, an entry is unknown or missing, or
            the points do not fit the skeleton.
    """
    path = _folder() / f"{name}.toml" if str(name) in available_mappings() else Path(name)
    if path.suffix != ".toml":
        known = suggest(str(name), available_mappings())
        raise SkeletonError(f'no mapping "{name}"; {known}, or the path of a .toml file')
    table = read_toml(path, f"the mapping {path}", SkeletonError)
    if unknown := [key for key in table if key not in KEYS]:
        raise SkeletonError(f'{path}: unknown key "{unknown[0]}"; a mapping has {", ".join(KEYS)}')
    target, text, origin = table.get("to"), table.get("points"), table.get("from", "")
    if not isinstance(target, str) or not isinstance(text, str) or not isinstance(origin, str):
        raise SkeletonError(f'{path}: a mapping has to = "SKELETON" and points = "0 1 2 …", both text')
    skeleton = load_skeleton(target if target in available() else str(path.parent / target))
    try:
        sources = parse_points(text)
    except ValueError as error:
        raise SkeletonError(f'{path}: points are indices, "a-b", "a+b" or "-", not {error}') from None
    if len(sources) != skeleton.count:
        raise SkeletonError(f"{path}: {len(sources)} points for the {skeleton.count} of {skeleton.name}")
    return PointMapping(skeleton, sources, origin)


def parse_points(text: str) -> tuple[tuple[int, ...], ...]:
    """Return the indices for each entry of a text.

    >>> parse_points("3-5 - 61+62")
    ((3,), (4,), (5,), (), (61, 62))

    Raises:
        ValueError: an entry is not of the form.
    """
    found: list[Sequence[int]] = []
    for word in text.split():
        if len(found) > MAX_POINTS:
            raise ValueError(f"more than {MAX_POINTS:,} of them")
        first, dash, last = word.partition("-")
        if word == MISSING:
            found.append(())
        elif dash:
            a, b = _index(first), _index(last)
            found += [(index,) for index in (range(a, b + 1) if a <= b else range(a, b - 1, -1))]
        else:
            found.append([_index(part) for part in word.split(MEAN)])
    return tuple(map(tuple, found))


def _index(word: str) -> int:
    if not INDEX.fullmatch(word) or int(word) >= MAX_POINTS:
        raise ValueError(f'"{word[:80]}"')
    return int(word)
