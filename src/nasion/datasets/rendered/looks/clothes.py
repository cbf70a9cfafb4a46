"""Clothes on shoulders and chest: a body of rings below the neck, scarves and collars."""

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import CLOTH, MOUTH_SOCKET
from nasion.datasets.rendered.looks.skin import linear
from nasion.datasets.rendered.looks.solids import AROUND, Piece, grid, merged, tube

__all__ = ["cloth_color", "clothes", "tucked"]

REFINED = 3
"""Number of rows of the surface per ring."""


def cloth_color(random: Generator) -> Floats:
    """Return the color (3,), linear RGB, of a piece of clothing: mostly muted, sometimes vivid."""
    gray = random.uniform(15, 235)
    return linear(np.clip(gray * np.exp(random.normal(0, random.choice([0.08, 0.3, 0.6]), 3)), 8, 245))


def tucked(vertices: Floats, collar: float) -> Floats:
    """Return vertices (V, 3), cm, with shoulders narrow enough for clothes from the height of a collar, cm."""
    moved = vertices.copy()
    skin = moved[:MOUTH_SOCKET]
    below = np.clip((collar - 0.1 - skin[:, 1]) / 1.6, 0, 1)
    beside = np.clip((np.abs(skin[:, 0]) - 4.2) / 2.4, 0, 1)
    skin[:, 0] *= 1 - 0.4 * below * beside
    skin[:, 2] += 2.0 * below * np.clip((-1 - skin[:, 2]) / 4, 0, 1)
    skin[:, 1] -= 6.0 * below * beside
    skin[:, 2] -= 3.0 * below * beside
    return moved


def clothes(random: Generator, vertices: Floats, collar: float) -> list[Piece]:
    """Return clothes on shoulders and chest, and sometimes a scarf or collar.

    Args:
        random: source of randomness.
        vertices: (V, 3) of the head, cm.
        collar: height of the collar, cm.
    """
    color = cloth_color(random)
    points = _rings(random, vertices, collar)
    fine = _refined(points, REFINED)
    pieces = [grid(fine, _pattern(random, fine, color), CLOTH, closed=True)]
    rim = color if random.random() < 0.6 else cloth_color(random)
    pieces.append(tube(points[0], random.uniform(0.2, 0.8), rim, CLOTH, loop=True))
    if random.random() < 0.12:
        pieces.append(_scarf(random, points[0]))
    elif random.random() < 0.25:
        pieces.append(_stand_up_collar(random, points[0], color if random.random() < 0.5 else cloth_color(random)))
    return pieces


def _rings(random: Generator, vertices: Floats, collar: float) -> Floats:
    """Return rings (R, C, 3), cm, around the body of a head with vertices (V, 3), cm, from a collar down."""
    turn = np.radians(random.normal(0, 18))
    dip = random.choice([random.uniform(0, 1.5), random.uniform(1.5, 5)])  # how much lower the collar is in front
    skin = vertices[:MOUTH_SOCKET]
    neck = skin[(np.abs(skin[:, 1] + 12) < 0.8) & (np.abs(skin[:, 0]) < 9)]
    (x0, _, z0), (x1, _, z1) = neck.min(0), neck.max(0)
    wide, deep, middle = (x1 - x0) / 2 + 0.7, (z1 - z0) / 2 + 0.7, (z0 + z1) / 2
    shoulder, slope = random.uniform(18.5, 24), random.uniform(0.0, 1.5)
    profile = (  # height below the collar, half width, half depth, and how square the section is
        (0, wide, deep, 2.2),
        (-1.0, wide + 1.2, deep + 0.7, 2.2),
        (-2.6, wide + 4.0, deep + 1.6, 2.3),
        (-4.4, shoulder * 0.66, deep + 2.2, 2.4),
        (-6.2 - slope, shoulder * 0.88, deep + 3, 2.5),
        (-9 - slope, shoulder, deep + 3.6, 2.6),
        (-16, shoulder * 1.06, deep + 4.2, 2.8),
        (-40, shoulder * 1.05, deep + 5, 3),
    )
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    s, c = np.sin(angle), np.cos(angle)
    front = np.clip(c, 0, 1) ** 2
    rings = []
    for fall, a, b, power in profile:
        around = (np.abs(s) ** power + np.abs(c) ** power) ** (-1 / power)
        x, z = a * around * s, b * around * c + 0.12 * dip * front * (fall > -3)
        y = collar + fall - dip * front * np.clip(1 + fall / 6, 0, 1)
        turned = (x * np.cos(turn) + z * np.sin(turn), y, z * np.cos(turn) - x * np.sin(turn) + middle)
        rings.append(np.stack(turned, -1))
    points = np.stack(rings)
    points[1:] += random.normal(0, 0.12, points[1:].shape)
    return points


def _refined(points: Floats, factor: int) -> Floats:
    """Return a grid (R, C, 3), cm, with more rows, linear between those given."""
    rows = np.linspace(0, len(points) - 1, factor * (len(points) - 1) + 1)
    low = np.minimum(rows.astype(int), len(points) - 2)
    share = (rows - low)[:, None, None]
    return points[low] * (1 - share) + points[low + 1] * share


def _pattern(random: Generator, points: Floats, color: Floats) -> Floats:
    """Return the color (R, C, 3), linear RGB, of cloth through points (R, C, 3), cm: plain, striped or checked."""
    tint = np.broadcast_to(color, points.shape).copy()
    kind = random.random()
    if kind < 0.25:
        other = cloth_color(random)
        rows = np.arange(points.shape[0]) // random.integers(1, 4) % 2 == 0
        columns = np.arange(points.shape[1]) // random.integers(1, 5) % 2 == 0
        where = rows[:, None] if kind < 0.12 else columns[None] if kind < 0.18 else rows[:, None] ^ columns[None]
        tint[np.broadcast_to(where, tint.shape[:2])] = other
    elif kind < 0.4:  # an open jacket
        front = np.abs(np.arange(points.shape[1]) - 0) % points.shape[1]
        tint[:, np.minimum(front, points.shape[1] - front) < random.integers(2, 5)] = cloth_color(random)
    return tint


def _scarf(random: Generator, ring: Floats) -> Piece:
    """Return a scarf around a ring of points (C, 3), cm."""
    center = ring.mean(0)
    color, other = cloth_color(random), cloth_color(random)
    loops = []
    for k in range(3):
        swing = 0.8 * np.sin(
            np.arange(len(ring)) * 2 * np.pi / len(ring) * random.integers(1, 4) + random.uniform(0, 6)
        )
        path = center + (ring - center) * random.uniform(1.0, 1.25)
        path[:, 1] += 0.6 + 1.0 * k + swing
        loops.append(tube(path, random.uniform(1.1, 1.7), color if k % 2 else other, CLOTH, loop=True))
    return merged(loops)


def _stand_up_collar(random: Generator, ring: Floats, color: Floats) -> Piece:
    """Return a collar of a shirt or coat that stands on a ring of points (C, 3), cm, open in front."""
    height, gap = random.uniform(2, 4.5), int(random.integers(1, 5))
    part = ring[gap : len(ring) - gap + 1] if gap else ring
    top = part + np.array([0, height, 0])
    middle = (part + top) / 2
    center = ring.mean(0)
    top[:, [0, 2]] = center[[0, 2]] + (top[:, [0, 2]] - center[[0, 2]]) * random.uniform(1.0, 1.2)
    return grid(np.stack([top, middle, part]), color, CLOTH)
