"""Simple surfaces that things are made of: tubes, sheets, balls. Lengths are cm in the head frame."""

from typing import NamedTuple

import numpy as np

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import SKIN

__all__ = ["AROUND", "Piece", "ball", "grid", "merged", "tube"]

AROUND = 48
"""Number of points around bodies and hats."""

PLAIN_SKIN_U = 1.5
"""Texture coordinate of skin without features: on the back of the head."""


class Piece(NamedTuple):
    """A surface that is added to the head: N vertices, M triangles.

    Attributes:
        points: (N, 3) head frame, cm.
        normals: (N, 3) unit vectors.
        triangles: (M, 3) int32.
        color: (N, 3) linear RGB; zero for skin.
        material: such as `CLOTH`.
        uv: (N, 2) texture coordinates.
        opacity: 1, or less for lenses that the face is seen through.
    """

    points: Floats
    normals: Floats
    triangles: np.ndarray
    color: Floats
    material: int
    uv: Floats
    opacity: float = 1.0


def grid(points: Floats, color: Floats, material: int, *, closed: bool = False, opacity: float = 1.0) -> Piece:
    """Return a surface through a grid of points (R, C, 3), cm.

    Args:
        points: (R, C, 3) cm.
        color: (3,) or (R, C, 3) linear RGB.
        material: such as `CLOTH`.
        closed: whether the last column is connected to the first.
        opacity: see `Piece`.
    """
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    flat = points.reshape(-1, 3).astype(np.float32)
    p, q, r = (flat[triangles[:, k]] for k in range(3))
    area = np.cross(q - p, r - p)
    normals = np.stack([np.bincount(triangles.reshape(-1), np.repeat(area[:, k], 3), len(flat)) for k in range(3)], 1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    color = np.broadcast_to(color, points.shape).reshape(-1, 3)
    if material == SKIN:
        uv, color = np.full((len(flat), 2), PLAIN_SKIN_U), np.zeros_like(color)
        uv = uv + flat[:, :2] * 0.004
    else:
        uv = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2) * 0.05
    return Piece(flat, normals.astype(np.float32), triangles.astype(np.int32), color.astype(np.float32), material,
                 uv.astype(np.float32), opacity)  # fmt: skip


def tube(
    path: Floats,
    radius: Floats | float,
    color: Floats,
    material: int,
    *,
    sides: int = 8,
    loop: bool = False,
) -> Piece:
    """Return a tube along a path (N, 3), cm, of a radius or radii (N,), cm; its ends are closed unless it is a loop."""
    path = np.asarray(path, float)
    radii = np.broadcast_to(radius, len(path)).astype(float)
    tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0) if loop else np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    helper = np.eye(3)[np.abs(tangent).max(0).argmin()]
    side = np.cross(tangent, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    other = np.cross(tangent, side)
    angle = 2 * np.pi * np.arange(sides) / sides
    around = np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * other[:, None]
    points = path[:, None] + around * radii[:, None, None]
    if loop:
        points = np.concatenate([points, points[:1]])
    else:
        points = np.concatenate([path[:1, None].repeat(sides, 1), points, path[-1:, None].repeat(sides, 1)])
    return grid(points, color, material, closed=True)


def ball(center: Floats, radii: Floats, color: Floats, material: int, *, detail: int = 14) -> Piece:
    """Return an ellipsoid around a center (3,), cm, with radii (3,), cm."""
    azimuth = np.linspace(0, 2 * np.pi, 2 * detail, endpoint=False)
    e, a = np.meshgrid(np.linspace(0, np.pi, detail), azimuth, indexing="ij")
    unit = np.stack([np.sin(e) * np.sin(a), np.cos(e), np.sin(e) * np.cos(a)], -1)
    return grid(center + unit * np.asarray(radii), color, material, closed=True)


def merged(pieces: list[Piece]) -> Piece:
    """Return pieces of one material as one piece."""
    starts = np.cumsum([0, *(len(each.points) for each in pieces[:-1])])
    return Piece(
        np.concatenate([each.points for each in pieces]),
        np.concatenate([each.normals for each in pieces]),
        np.concatenate([each.triangles + start for each, start in zip(pieces, starts, strict=True)]).astype(np.int32),
        np.concatenate([each.color for each in pieces]),
        pieces[0].material,
        np.concatenate([each.uv for each in pieces]),
        pieces[0].opacity,
    )
