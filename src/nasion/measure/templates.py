"""Templates of aligned crops: where the points of a face belong in the crop, and the similarity that maps them there.

A template is a TOML file, in the package or the user's own:

    title = "eyes in line"
    skeleton = "ibug-68"
    size = 200                     # side of the crop, px
    [points]                       # position of the mean of some points in the crop, px
    "36-41" = [60, 80]
    "42-47" = [140, 80]
    "54 48" = [100, 150]

Optional keys: `padding` (the positions are shares of a box, with this share of the box as a border on each side),
`scaling` ("edges": another size scales the crop from edge to edge; "centers": positions are multiplied, as ArcFace
does), `fit` ("crop": least squares in crop px; "image": in image px), `source` and `rule` ("ffhq", without points).
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from nasion.documents import parse_toml, read_toml
from nasion.errors import ConfigError, suggest
from nasion.geometry import Affine, FloatArray
from nasion.measure.definitions import parse_indices
from nasion.settings import Settings, explain
from nasion.skeleton import Skeleton, load_skeleton

__all__ = ["MAX_SIDE", "Template", "available", "load_template"]

MAX_SIDE = 8192
"""Longest side of a crop, px."""

MAX_COORDINATE = 100_000.0
"""Largest distance of a position from the origin along an axis, crop px."""

MIN_EXTENT_PX = 1.0
"""Extent of the positions below which a template is rejected, crop px."""

FFHQ_POINTS = "36-41", "42-47", "48", "54"
"""Points of FFHQ's rule: both eyes, and the corners of the outer lip."""

FFHQ_EYES, FFHQ_MOUTH, FFHQ_SHIFT = 2.0, 1.8, 0.1
"""Half side of FFHQ's crop per distance of the eyes and per distance from eyes to mouth; shift of its center."""


_Coordinate = Annotated[float, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]


class _Table(Settings):
    """The keys of a template."""

    title: str
    source: str = ""
    skeleton: str = "ibug-68"
    size: int = Field(ge=1, le=MAX_SIDE)
    points: dict[str, tuple[_Coordinate, _Coordinate]] = Field(default={}, max_length=1000)
    padding: float | None = Field(default=None, ge=0, le=10)
    scaling: Literal["edges", "centers"] = "edges"
    fit: Literal["crop", "image"] = "crop"
    rule: Literal["ffhq"] | None = None


@dataclass(frozen=True, eq=False)
class Template:
    """Where the points of a face belong in a crop.

    Attributes:
        name: a name of `available()` or the file name without `.toml`.
        title: the name shown to users.
        size: side of the crop, px.
        skeleton: the points that the template knows.
        groups: the indices of points whose means have a position.
        table: the positions and how they are used.
    """

    name: str
    title: str
    size: int
    skeleton: Skeleton
    groups: tuple[tuple[int, ...], ...]
    table: _Table

    def indices_in(self, skeleton: Skeleton) -> list[tuple[int, ...]]:
        """Return the groups of indices in another skeleton.

        Raises:
            SkeletonError: that skeleton's points are unknown.
        """
        indices = self.skeleton.indices_in(skeleton)
        return [tuple(indices[list(group)].tolist()) for group in self.groups]

    def positions(self, size: int) -> FloatArray:
        """Return the positions (N, 2) of the groups in a crop of `size` px, crop px."""
        given = np.array(list(self.table.points.values()), np.float64)
        if self.table.padding is not None:
            given = (given + self.table.padding) / (1 + 2 * self.table.padding)
            return Affine.crop([0, 0, 1, 1], (size, size))(given)
        if self.table.scaling == "centers":
            return given * size / self.table.size
        return Affine.resize((self.table.size, self.table.size), (size, size))(given)

    def solve(self, means: FloatArray, size: int) -> FloatArray:
        """Return the matrices (..., 2, 3) from image px to crop px.

        Args:
            means: (..., N, 2) means of the groups, image px.
            size: side of the crop, px.
        """
        points = _complex(means)
        if self.table.rule == "ffhq":
            return _matrix(*_inverse(*_ffhq(points, size)))
        goal = _complex(self.positions(size))
        if self.table.fit == "image":
            return _matrix(*_inverse(*_similarity(np.broadcast_to(goal, points.shape), points)))
        return _matrix(*_similarity(points, np.broadcast_to(goal, points.shape)))


Complex = NDArray[np.complex128]
"""Points and similarities of the plane as complex numbers x + iy."""


def _complex(points: FloatArray) -> Complex:
    """Return points (..., 2), px, as complex numbers (...)."""
    return np.asarray(points[..., 0] + 1j * points[..., 1], np.complex128)


def _similarity(source: Complex, target: Complex) -> tuple[Complex, Complex]:
    """Return a and b (...) of the least-squares similarity z → a z + b of complex points (..., N), px."""
    from_mean, to_mean = source.mean(-1, keepdims=True), target.mean(-1, keepdims=True)
    around = source - from_mean
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (around.conj() * (target - to_mean)).sum(-1) / (abs(around) ** 2).sum(-1)
    return a, to_mean[..., 0] - a * from_mean[..., 0]


def _inverse(a: Complex, b: Complex) -> tuple[Complex, Complex]:
    """Return the inverse (...) of the similarity z → a z + b, px."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / a, -b / a


def _ffhq(points: Complex, size: int) -> tuple[Complex, Complex]:
    """Return a and b (...) of the map from crop px to image px by FFHQ's rule.

    Source: T. Karras, S. Laine, T. Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks",
    CVPR 2019, and `recreate_aligned_images` of github.com/NVlabs/ffhq-dataset.

    Args:
        points: (..., 4) eye at image left, eye at image right, both corners of the mouth, as complex numbers, image px.
        size: side of the crop, px.
    """
    eyes, mouth = points[..., :2].mean(-1), points[..., 2:].mean(-1)
    across, down = points[..., 1] - points[..., 0], mouth - eyes
    half = across - 1j * down
    with np.errstate(divide="ignore", invalid="ignore"):
        half = half / abs(half) * np.maximum(FFHQ_EYES * abs(across), FFHQ_MOUTH * abs(down))
    # The crop extends from its top left corner, center - half (1 + i), over 2 half; corners are edges of pixels.
    a = 2 * half / size
    edge = complex(*Affine.crop([0, 0, 1, 1], (1, 1)).inverse()([0.0, 0.0]))
    return a, eyes + FFHQ_SHIFT * down - half * (1 + 1j) + a * edge


def _matrix(a: Complex, b: Complex) -> FloatArray:
    """Return the similarity z → a z + b, px, as matrices (..., 2, 3)."""
    return np.stack([np.stack([a.real, -a.imag, b.real], -1), np.stack([a.imag, a.real, b.imag], -1)], -2)


def available() -> list[str]:
    """Return the names of the templates in the package, sorted.

    >>> available()
    ['arcface', 'dlib', 'ffhq']
    """
    folder = resources.files("nasion") / "measure" / "templates"
    return sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.name.endswith(".toml"))


@cache
def load_template(name: str) -> Template:
    """Return a template of the package, or one that is read from a TOML file.

    Raises:
        ConfigError: the name is unknown, or the file cannot be read, is incomplete or mistyped.
        SkeletonError: its skeleton is unknown.
    """
    if name in available():
        text = (resources.files("nasion") / "measure" / "templates" / f"{name}.toml").read_text("utf-8")
        return _build(name, parse_toml(text, f'template "{name}"', ConfigError))
    path = Path(name)
    if path.suffix != ".toml":
        raise ConfigError(f'no template "{name}"; {suggest(name, available())}, or the path of a .toml file')
    return _build(path.stem, read_toml(path, f"the template {path}", ConfigError))


def _build(name: str, content: dict[str, object]) -> Template:
    try:
        table = _Table.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f'template "{name}": {explain(error, _Table)}') from None
    skeleton = load_skeleton(table.skeleton)
    if (table.rule is None) == (len(table.points) < 2):
        raise ConfigError(f'template "{name}": it needs two or more points, or a rule and no points')
    groups = tuple(_group(name, words, skeleton) for words in table.points or FFHQ_POINTS)
    template = Template(name, table.title, table.size, skeleton, groups, table)
    if table.points and np.ptp(template.positions(table.size), axis=0).max() < MIN_EXTENT_PX:
        raise ConfigError(
            f'template "{name}": all positions in [points] are the same; give each group of points its own position'
        )
    return template


def _group(name: str, words: str, skeleton: Skeleton) -> tuple[int, ...]:
    try:
        return parse_indices(words, skeleton)
    except ValueError as error:
        raise ConfigError(f'template "{name}": {error}') from None


def corners(size: int) -> FloatArray:
    """Return the corners (4, 2) of a crop of `size` px, crop px."""
    low, high = Affine.crop([0, 0, 1, 1], (size, size))([[0.0, 0.0], [1.0, 1.0]])
    return np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
