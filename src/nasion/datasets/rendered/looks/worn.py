"""What is worn on the head: hats, headscarves, hoods, headphones and glasses."""

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import BALLS, CLOTH, GLOSSY
from nasion.datasets.rendered.looks.clothes import cloth_color
from nasion.datasets.rendered.looks.skin import linear
from nasion.datasets.rendered.looks.solids import AROUND, Piece, ball, grid, merged, tube
from nasion.datasets.rendered.looks.strands import Outline
from nasion.datasets.rendered.person import ball_center

__all__ = ["HATS", "glasses", "hat"]

HATS = ("beanie", "cap", "brim", "headscarf", "hood", "headphones", "headband")
"""Kinds of things on the head."""

NOSE_BRIDGE = 1140
"""Vertex of the nose between the eyes that glasses rest on."""


def hat(random: Generator, kind: str, outline: Outline, hair: float) -> list[Piece]:
    """Return a hat or another thing on the head.

    Args:
        random: source of randomness.
        kind: one of `HATS`.
        outline: the head.
        hair: thickness of the hair below, cm.
    """
    color = cloth_color(random)
    if kind == "headphones":
        return _headphones(random, outline, hair)
    if kind == "headband":
        heights = np.array([0.0, random.uniform(1.5, 4)])
        points = _bands(outline, random.uniform(8.0, 9.2), random.uniform(0.0, 0.25), heights, 0.3 + hair)
        return [grid(points, color, CLOTH, closed=True)]
    if kind in ("headscarf", "hood"):
        return [_headscarf(random, outline, color, 0.5 + hair + (1.5 if kind == "hood" else 0.0), loose=kind == "hood")]
    front, tilt = random.uniform(7.6, 10.2), random.uniform(0.1, 0.4)
    thick = random.uniform(0.4, 0.9) + hair
    crown = _crown(random, outline, front, tilt, thick, tall=kind == "brim")
    pieces = [grid(crown, color, CLOTH, closed=True)]
    if kind == "beanie" and random.random() < 0.6:
        pieces.append(
            grid(_bands(outline, front, tilt, np.array([-0.2, 2.8]), thick + 0.25), color * 0.9, CLOTH, closed=True)
        )
    if kind == "cap":
        pieces.append(_visor(random, crown[-1], color if random.random() < 0.6 else cloth_color(random)))
    if kind == "brim":
        pieces.append(_brim(random, crown[-1], color))
        band = crown[-3:-1] * [1.01, 1, 1.01]
        pieces.append(grid(band, cloth_color(random), CLOTH, closed=True))
    return pieces


def _bands(outline: Outline, front: float, tilt: float, heights: Floats, above: float) -> Floats:
    """Return rings (R, C, 3), cm, around the head, at heights (R,), cm, over a tilted plane."""
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    guess = np.stack([8 * np.sin(angle), np.zeros(AROUND), 9 * np.cos(angle)], -1)
    rings = []
    for height in heights[::-1]:
        place = guess.copy()
        for _ in range(3):  # the height of the plane depends on how far in front the ring is
            place[:, 1] = front - tilt * (9.0 - place[:, 2]) + height
            radius, head = outline.radius(place.astype(np.float32))
            place = outline.CENTER + (place - outline.CENTER) * ((head + above) / radius)[:, None]
        rings.append(place)
    return np.stack(rings)


def _crown(random: Generator, outline: Outline, front: float, tilt: float, thick: float, *, tall: bool) -> Floats:
    """Return the crown of a hat (R, C, 3), cm, from its top to its rim."""
    rim = _bands(outline, front, tilt, np.array([0.0]), thick)[0]
    top = np.array([0.0, 15.0 + thick + (random.uniform(0, 1.5) if not tall else random.uniform(0.5, 3)), -1.5])
    rows = []
    for share in np.linspace(0, 1, 9):
        bow = np.sin(share * np.pi / 2) if not tall else min(share * 2.2, 1.0)
        height = top[1] + (rim[:, 1] - top[1]) * (
            1 - np.cos(share * np.pi / 2) if not tall else max(share * 1.3 - 0.3, 0)
        )
        ring = np.stack([top[0] + (rim[:, 0] - top[0]) * bow, height, top[2] + (rim[:, 2] - top[2]) * bow], -1)
        if not tall and share < 0.98:
            ring = outline.push_out(ring.astype(np.float32), thick)
        rows.append(ring)
    return np.stack(rows)


def _visor(random: Generator, rim: Floats, color: Floats) -> Piece:
    """Return the visor of a cap at its rim (C, 3), cm."""
    half = int(random.integers(7, 10))
    turned = int(random.choice([0, 0, 0, 0, AROUND // 2]))  # sometimes it is worn backwards
    edge = rim[(np.arange(-half, half + 1) + turned) % AROUND]
    along = np.linspace(-1, 1, len(edge))
    reach, drop, bow = random.uniform(5, 7.5), random.uniform(0.1, 0.45), random.uniform(0.3, 1.6)
    sign = -1 if turned else 1
    rows = []
    for share in np.linspace(0, 1, 5):
        out = reach * np.sqrt(np.maximum(1 - along**2, 0)) * share
        rows.append(edge + np.stack([0 * out, -drop * out - bow * along**2 * share, sign * out], -1))
    return grid(np.stack(rows), color, CLOTH)


def _brim(random: Generator, rim: Floats, color: Floats) -> Piece:
    """Return the brim of a hat at its rim (C, 3), cm."""
    reach, drop = random.uniform(3.5, 8), random.uniform(-0.1, 0.35)
    center = rim.mean(0)
    away = (rim - center) * [1, 0, 1]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    wave = random.uniform(0, 0.6) * np.cos(2 * angle + random.uniform(0, 6))
    rows = [
        rim + away * reach * s + np.stack([0 * wave, -drop * reach * s + wave * s, 0 * wave], -1) for s in (0, 0.5, 1)
    ]
    return grid(np.stack(rows), color, CLOTH, closed=True)


def _headscarf(random: Generator, outline: Outline, color: Floats, thick: float, *, loose: bool) -> Piece:
    """Return a scarf or hood that leaves an oval around the face open."""
    psi = np.linspace(0, 2 * np.pi, 2 * AROUND, endpoint=False)  # around the forward axis, 0 up
    up, down = random.uniform(5.2, 7.2) + 1.2 * loose, random.uniform(11.3, 12.6) + 2 * loose
    side = random.uniform(6.4, 7.6) + 0.8 * loose
    height = np.where(np.cos(psi) > 0, up, down) * np.cos(psi)
    edge = np.stack([side * np.sin(psi), 4.0 + height, np.full(len(psi), 6.5)], -1)
    start = np.arctan2(np.hypot(edge[:, 0], edge[:, 1] - 4), edge[:, 2])
    rows = []
    for share in np.linspace(0, 1, 14):
        theta = start + (np.pi - 0.05 - start) * share
        unit = np.stack([np.sin(theta) * np.sin(psi), np.sin(theta) * np.cos(psi), np.cos(theta)], -1)
        place = (outline.CENTER + 5 * unit).astype(np.float32)
        rows.append(outline.push_out(place, thick * (0.35 + 0.65 * min(share * 5, 1))))
    points = np.stack(rows)
    points = (
        points + random.normal(0, 0.12, points.shape) + 0.25 * np.sin(9 * psi + random.uniform(0, 6))[None, :, None]
    )
    return grid(points, color, CLOTH, closed=True)


def _headphones(random: Generator, outline: Outline, hair: float) -> list[Piece]:
    """Return headphones over the ears."""
    color = linear(np.full(3, random.choice([25, 30, 200]))) * np.exp(random.normal(0, 0.2, 3))
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15)
    path = np.stack([9.2 * np.sin(angle), 2.0 + 12.8 * np.cos(angle) + hair, np.full(15, 0.3)], -1)
    path = outline.push_out(path.astype(np.float32), 0.5 + hair)
    cups = [ball(np.array([s * 9.3, 1.8, 0.6]), np.array([1.4, 3.6, 3.1]), color, GLOSSY) for s in (-1, 1)]
    return [merged([tube(path, 0.7, color, GLOSSY), *cups])]


def glasses(random: Generator, vertices: Floats, *, dark: bool) -> list[Piece]:
    """Return the frame and the lenses of glasses, or of sunglasses, for a head with vertices (V, 3), cm."""
    plastic = random.random() < 0.55
    color = cloth_color(random) if random.random() < 0.25 else linear(random.uniform(10, 60, 3))
    radius = random.uniform(0.13, 0.27) if plastic else random.uniform(0.05, 0.09)
    opacity = random.choice([1.0, random.uniform(0.7, 0.97)]) if dark else random.uniform(0.0, 0.12)
    tint = color * 0.15 if dark and random.random() < 0.3 else np.full(3, 0.004 if dark else 0.0)
    frames: list[Piece] = []
    lenses: list[Piece] = []
    with_rims = random.random() > 0.15
    for sign, rim in zip((-1.0, 1.0), _rims(random, vertices, 1.1 if dark else 1.0), strict=True):
        hinge = rim[(rim[:, 0] * sign + 0.3 * rim[:, 1]).argmax()]
        inner = rim[(-rim[:, 0] * sign + 0.2 * rim[:, 1]).argmax()]
        ear = np.array([sign * 7.9, rim[:, 1].mean() + 1.0, 0.5])
        temple = np.stack(
            [hinge, hinge + np.array([sign * 0.5, 0, -0.5]), ear, ear + np.array([sign * 0.1, -3.0, -2.2])]
        )
        between = inner * np.array([0.3, 1, 1]) + np.array([0, 0.25, 0.25])
        bridge = np.stack([inner, between, inner * np.array([0, 1, 1]) + np.array([0, 0.3, 0.3])])
        parts = [(temple, 0.9 * radius, False), (bridge, radius, False), (rim, radius, True)][: 3 if with_rims else 2]
        frames += [tube(path, r, color, GLOSSY, sides=6, loop=loop) for path, r, loop in parts]
        lenses.append(_lens(rim, tint, float(opacity)))
    return [merged(frames), merged(lenses)]


def _rims(random: Generator, vertices: Floats, scale: float) -> list[Floats]:
    """Return the rims (C, 3), cm, before the right and the left eye of a head with vertices (V, 3), cm."""
    left, right = (ball_center(vertices, each.start, each.stop) for each in BALLS.values())
    front = float(vertices[[each.iris for each in BALLS.values()], 2].max()) + random.uniform(0.9, 1.6)
    front = max(front, float(vertices[NOSE_BRIDGE, 2]) + 0.15)
    height = float((left[1] + right[1]) / 2) - random.uniform(0.0, 0.7)
    wide, high = random.uniform(2.3, 3.2), random.uniform(1.5, 2.6) * scale
    power, skew = random.choice([2.0, 2.6, 4.0]), random.uniform(-0.15, 0.25)
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    s, c = np.sin(angle), np.cos(angle)
    around = (np.abs(s) ** power + np.abs(c) ** power) ** (-1 / power)
    gap = max(abs(float(left[0] - right[0])) / 2, wide + 0.6)
    found = []
    for sign in (-1.0, 1.0):
        x = sign * gap + wide * around * s * (1 + skew * c)
        z = front - 0.035 * (np.abs(x) - 1) ** 2
        found.append(np.stack([x + (left[0] + right[0]) / 2, height + high * around * c, z], -1))
    return found


def _lens(rim: Floats, tint: Floats, opacity: float) -> Piece:
    """Return a lens inside a rim (C, 3), cm, with a tint (3,), linear RGB."""
    center = rim.mean(0) + np.array([0, 0, 0.25])
    rows = np.stack([center + (rim - center) * share for share in (0.02, 0.5, 1.0)])
    return grid(rows, tint, GLOSSY, closed=True, opacity=opacity)
