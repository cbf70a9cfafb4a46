"""Hairs as thin ribbons: roots on the head, growth along a direction, and the head's outline that hair lies on.

All lengths are cm in the head frame: x towards the person's left, y up, z forward.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import MOUTH_SOCKET, Assets

__all__ = ["Outline", "Roots", "Strands", "grow", "joined", "outer_skin", "sample_roots"]


class Strands(NamedTuple):
    """Ribbons of P points each.

    Attributes:
        points: (S, P, 3) head frame, cm.
        width: (S, P) cm.
        color: (S, 3) linear RGB.
        shade: (S, P) share of the surroundings' light that reaches the hair, 0 to 1.
        outward: (S, 3) unit vectors away from the head, which the light on the hair is computed for.
        covers: whether the hair hides keypoints behind it, unlike brows, lashes and beards.
    """

    points: Floats
    width: Floats
    color: Floats
    shade: Floats
    outward: Floats
    covers: bool


class Roots(NamedTuple):
    """Where hairs grow: (S, 3) each.

    Attributes:
        position: head frame, cm.
        normal: unit normals of the skin.
        neutral: the same place on the mean head, cm, which styles refer to.
    """

    position: Floats
    normal: Floats
    neutral: Floats


class Skin(NamedTuple):
    """The outer skin of the mean head: (F, 3) vertex indices, (F, 3) centers, cm, and (F,) areas, square cm."""

    triangles: np.ndarray
    centers: Floats
    areas: Floats


@lru_cache(maxsize=2)
def outer_skin(assets: Assets) -> Skin:
    """Return the triangles of face, head and neck on the mean head."""
    triangles = assets.vertex_triangles
    triangles = triangles[(triangles < MOUTH_SOCKET).all(1)]
    a, b, c = (assets.neutral[triangles[:, k]] for k in range(3))
    return Skin(triangles, (a + b + c) / 3, np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)


def sample_roots(
    random: Generator, assets: Assets, vertices: Floats, normals: Floats, density: Floats, count: int
) -> Roots:
    """Return random roots on the outer skin.

    Args:
        random: source of randomness.
        assets: the head model.
        vertices: (V, 3) of this head, cm.
        normals: (V, 3) of this head, no unit.
        density: (F,) relative number of roots per area for each triangle of `outer_skin`.
        count: number of roots; none if the density is zero everywhere.
    """
    skin = outer_skin(assets)
    weights = np.cumsum(skin.areas * density, dtype=np.float64)
    if weights[-1] <= 0:
        count = 0
    chosen = np.searchsorted(weights, random.random(count) * weights[-1])
    triangles = skin.triangles[np.minimum(chosen, len(skin.triangles) - 1)]
    a, b = np.sort(random.random((2, count)).astype(np.float32), axis=0)
    shares = np.stack([a, b - a, 1 - b], axis=1)[..., None]
    place, normal, neutral = ((each[triangles] * shares).sum(1) for each in (vertices, normals, assets.neutral))
    return Roots(place, normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6), neutral)


class Outline:
    """The distance of the head's surface from its center in each direction, which hair and hats lie on."""

    ROWS, COLUMNS = 40, 80
    CENTER = np.array([0.0, 4.0, 0.0], np.float32)

    def __init__(self, vertices: Floats) -> None:
        """Find the outline of vertices (V, 3), cm."""
        radius, row, column = self._cells(vertices[:MOUTH_SOCKET])
        farthest = np.zeros((self.ROWS, self.COLUMNS), np.float32)
        np.maximum.at(farthest, (np.round(row).astype(int), np.round(column).astype(int) % self.COLUMNS), radius)
        padded = np.concatenate([farthest[:, -4:], farthest, farthest[:, :4]], axis=1)
        padded = cv2.dilate(padded, np.ones((3, 3), np.uint8))
        self._radius = cv2.GaussianBlur(padded, (0, 0), 0.9)

    def _cells(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the radius, cm, and the fractional row and column of points (..., 3), each (...,)."""
        away = points - self.CENTER
        radius = np.sqrt((away**2).sum(-1)) + 1e-6
        row = np.arccos(np.clip(away[..., 1] / radius, -1, 1)) / np.pi * (self.ROWS - 1)
        column = (np.arctan2(away[..., 0], away[..., 2]) / (2 * np.pi) % 1.0) * self.COLUMNS
        return radius, row, column

    def radius(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the radius of points (..., 3), cm, and that of the head in their direction, each (...,), cm."""
        radius, row, column = self._cells(points)
        shape = row.shape
        flat = (len(points), points[0, ..., 0].size if len(points) else 0)
        across, down = (column + 4).reshape(flat), row.reshape(flat)
        if not row.size:
            return radius, np.zeros_like(radius)
        head = cv2.remap(self._radius, across.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)
        return radius, head.reshape(shape).astype(np.float32)

    def push_out(self, points: Floats, above: Floats | float) -> Floats:
        """Return points (..., 3), cm, moved to at least `above` cm over the head."""
        radius, head = self.radius(points)
        factor = np.maximum((head + above) / radius, 1.0)[..., None]
        return self.CENTER + (points - self.CENTER) * factor.astype(np.float32)


def grow(
    roots: Floats,
    start: Floats,
    length: Floats,
    segments: int,
    *,
    gravity: float,
    stiffness: float,
    outline: Outline | None,
    above: Floats | float = 0.2,
    part_face: float = 0.0,
) -> Floats:
    """Return hairs (S, P, 3), cm, with P = segments + 1, that grow, bend down and lie on the head.

    Args:
        roots: (S, 3) cm.
        start: (S, 3) first directions, unit vectors.
        length: (S,) cm.
        segments: number of segments.
        gravity: how much a direction changes towards the ground per cm.
        stiffness: share of the first direction that is kept, 0 to 1.
        outline: the head; None for hair that touches nothing.
        above: distance from the head that the hair keeps, cm, scalar or (S,).
        part_face: how strongly hair in front of the face moves to the sides, cm per step.
    """
    step = (length / segments)[:, None].astype(np.float32)
    point, direction = roots.astype(np.float32), start.astype(np.float32)
    points = [point]
    down = np.array([0, -1, 0], np.float32)
    for _ in range(segments):
        direction = direction + gravity * step * down + stiffness * 0.2 * start
        direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-6
        moved = point + step * direction
        if part_face:
            before = (moved[:, 2] > 3) & (np.abs(moved[:, 0]) < 6.8) & (moved[:, 1] < 9.5)
            moved[:, 0] += before * np.where(moved[:, 0] < 0, -part_face, part_face) * step[:, 0]
        if outline is not None:
            moved = outline.push_out(moved, above)
        change = moved - point
        direction = change / (np.linalg.norm(change, axis=1, keepdims=True) + 1e-6)
        point = point + direction * step
        points.append(point)
    return np.stack(points, axis=1)


def joined(parts: list[Strands]) -> list[Strands]:
    """Return the strands that have at least one ribbon."""
    return [each for each in parts if len(each.points)]


@dataclass(frozen=True)
class Wave:
    """Curls: radius, cm, and turns per cm."""

    radius: float
    per_cm: float

    def offsets(self, random: Generator, groups: np.ndarray, length: Floats, points: int) -> Floats:
        """Return offsets (S, P, 3), cm, of hairs in groups (S,) with lengths (S,), cm."""
        phase = random.uniform(0, 2 * np.pi, groups.max(initial=0) + 1)[groups] + random.normal(0, 0.5, len(groups))
        along = np.linspace(0, 1, points)[None] * length[:, None]
        angle = phase[:, None] + 2 * np.pi * self.per_cm * along
        grown = self.radius * np.minimum(along / 2.0, 1.0)
        turned = np.stack([np.cos(angle), 0.5 * np.sin(angle * 1.3), np.sin(angle)], axis=-1)
        return (turned * grown[..., None]).astype(np.float32)
