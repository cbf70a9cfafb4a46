"""What people wear: clothes, scarves, hats, headscarves, headphones and glasses."""

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.assets import BALLS, CLOTH, GLOSSY, MOUTH_SOCKET
from nasion.datasets.rendered.looks.skin import linear
from nasion.datasets.rendered.looks.solids import Piece, ball, grid, merged, tube
from nasion.datasets.rendered.looks.strands import Outline
from nasion.datasets.rendered.person import ball_center
from nasion.geometry import FloatArray

__all__ = ["HATS", "clothes", "cloth_color", "glasses", "hat", "tucked"]

HATS = ("beanie", "cap", "brim", "headscarf", "hood", "headphones", "headband")
"""Kinds of things on the head."""

AROUND = 48
"""Number of points around the body and around hats."""


def cloth_color(random: Generator) -> FloatArray:
    """Return the color (3,), linear RGB, of a piece of clothing: mostly muted, sometimes vivid."""
    gray = random.uniform(15, 235)
    return linear(np.clip(gray * np.exp(random.normal(0, random.choice([0.08, 0.3, 0.6]), 3)), 8, 245))


def tucked(vertices: FloatArray, collar: float) -> FloatArray:
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


def clothes(random: Generator, vertices: FloatArray, collar: float) -> list[Piece]:
    """Return clothes on shoulders and chest, and sometimes a scarf or collar.

    Args:
        random: source of randomness.
        vertices: (V, 3) of the head, cm.
        collar: height of the collar, cm.
    """
    color = cloth_color(random)
    turn = np.radians(random.normal(0, 18))
    dip = random.choice([random.uniform(0, 1.5), random.uniform(1.5, 5)])
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    skin = vertices[:MOUTH_SOCKET]
    neck = skin[(np.abs(skin[:, 1] + 12) < 0.8) & (np.abs(skin[:, 0]) < 9)]
    (x0, _, z0), (x1, _, z1) = neck.min(0), neck.max(0)
    wide, deep, middle = (x1 - x0) / 2 + 0.7, (z1 - z0) / 2 + 0.7, (z0 + z1) / 2
    shoulder = random.uniform(18.5, 24)
    slope = random.uniform(0.0, 1.5)
    profile = np.array(
        [(0, wide, deep, 2.2), (-1.0, wide + 1.2, deep + 0.7, 2.2), (-2.6, wide + 4.0, deep + 1.6, 2.3),
         (-4.4, shoulder * 0.66, deep + 2.2, 2.4), (-6.2 - slope, shoulder * 0.88, deep + 3, 2.5),
         (-9 - slope, shoulder, deep + 3.6, 2.6), (-16, shoulder * 1.06, deep + 4.2, 2.8), (-40, shoulder * 1.05, deep + 5, 3)],
    )  # fmt: skip
    rings = []
    for fall, a, b, power in profile:
        s, c = np.sin(angle), np.cos(angle)
        around = (np.abs(s) ** power + np.abs(c) ** power) ** (-1 / power)
        front = np.clip(c, 0, 1) ** 2
        lower = dip * front * np.clip(1 + fall / 6, 0, 1)
        x, z = a * around * s, b * around * c + 0.2 * fall * (fall > -9) * 0 + 0.12 * dip * front * (fall > -3)
        y = collar + fall - lower
        rings.append(np.stack([x * np.cos(turn) + z * np.sin(turn), y, z * np.cos(turn) - x * np.sin(turn) + middle], -1))
    points = np.stack(rings)
    points += random.normal(0, 0.12, points.shape) * (np.arange(len(rings)) > 0)[:, None, None]
    fine = _refined(points, 3)
    tint = _pattern(random, fine, color)
    pieces = [grid(fine, tint, CLOTH, closed=True)]
    rim = color if random.random() < 0.6 else cloth_color(random)
    pieces.append(tube(points[0], random.uniform(0.2, 0.8), rim, CLOTH, loop=True))
    if random.random() < 0.12:
        pieces.append(_scarf(random, points[0], np.array([0, collar, middle])))
    elif random.random() < 0.25:
        pieces.append(_stand_up_collar(random, points[0], color if random.random() < 0.5 else cloth_color(random)))
    return pieces


def _refined(points: FloatArray, factor: int) -> FloatArray:
    """Return a grid (R, C, 3), cm, with more rows, linear between those given."""
    rows = np.linspace(0, len(points) - 1, factor * (len(points) - 1) + 1)
    low = np.minimum(rows.astype(int), len(points) - 2)
    share = (rows - low)[:, None, None]
    return points[low] * (1 - share) + points[low + 1] * share


def _pattern(random: Generator, points: FloatArray, color: FloatArray) -> FloatArray:
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


def _scarf(random: Generator, ring: FloatArray, center: FloatArray) -> Piece:
    """Return a scarf around a ring of points (C, 3), cm, with its center (3,), cm."""
    color, other = cloth_color(random), cloth_color(random)
    loops = []
    for k in range(3):
        swing = 0.8 * np.sin(np.arange(len(ring)) * 2 * np.pi / len(ring) * random.integers(1, 4) + random.uniform(0, 6))
        path = center + (ring - center) * random.uniform(1.0, 1.25)
        path[:, 1] += 0.6 + 1.0 * k + swing
        loops.append(tube(path, random.uniform(1.1, 1.7), color if k % 2 else other, CLOTH, loop=True))
    return merged(loops)


def _stand_up_collar(random: Generator, ring: FloatArray, color: FloatArray) -> Piece:
    """Return a collar of a shirt or coat that stands on a ring of points (C, 3), cm, open in front."""
    height, gap = random.uniform(2, 4.5), int(random.integers(1, 5))
    part = ring[gap : len(ring) - gap + 1] if gap else ring
    top = part + [0, height, 0]
    middle = (part + top) / 2
    center = ring.mean(0)
    top[:, [0, 2]] = center[[0, 2]] + (top[:, [0, 2]] - center[[0, 2]]) * random.uniform(1.0, 1.2)
    return grid(np.stack([top, middle, part]), color, CLOTH)


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
        pieces.append(grid(_bands(outline, front, tilt, np.array([-0.2, 2.8]), thick + 0.25), color * 0.9, CLOTH, closed=True))
    if kind == "cap":
        pieces.append(_visor(random, crown[-1], color if random.random() < 0.6 else cloth_color(random)))
    if kind == "brim":
        pieces.append(_brim(random, crown[-1], color))
        band = crown[-3:-1] * [1.01, 1, 1.01]
        pieces.append(grid(band, cloth_color(random), CLOTH, closed=True))
    return pieces


def _bands(outline: Outline, front: float, tilt: float, heights: FloatArray, above: float) -> FloatArray:
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


def _crown(
    random: Generator, outline: Outline, front: float, tilt: float, thick: float, *, tall: bool
) -> FloatArray:
    """Return the crown of a hat (R, C, 3), cm, from its top to its rim."""
    rim = _bands(outline, front, tilt, np.array([0.0]), thick)[0]
    top = np.array([0.0, 15.0 + thick + (random.uniform(0, 1.5) if not tall else random.uniform(0.5, 3)), -1.5])
    rows = []
    for share in np.linspace(0, 1, 9):
        bow = np.sin(share * np.pi / 2) if not tall else min(share * 2.2, 1.0)
        height = top[1] + (rim[:, 1] - top[1]) * (1 - np.cos(share * np.pi / 2) if not tall else max(share * 1.3 - 0.3, 0) )
        ring = np.stack([top[0] + (rim[:, 0] - top[0]) * bow, height, top[2] + (rim[:, 2] - top[2]) * bow], -1)
        if not tall and share < 0.98:
            ring = outline.push_out(ring.astype(np.float32), thick)
        rows.append(ring)
    return np.stack(rows)


def _visor(random: Generator, rim: FloatArray, color: FloatArray) -> Piece:
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


def _brim(random: Generator, rim: FloatArray, color: FloatArray) -> Piece:
    """Return the brim of a hat at its rim (C, 3), cm."""
    reach, drop = random.uniform(3.5, 8), random.uniform(-0.1, 0.35)
    center = rim.mean(0)
    away = (rim - center) * [1, 0, 1]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    wave = random.uniform(0, 0.6) * np.cos(2 * angle + random.uniform(0, 6))
    rows = [rim + away * reach * s + np.stack([0 * wave, -drop * reach * s + wave * s, 0 * wave], -1) for s in (0, 0.5, 1)]
    return grid(np.stack(rows), color, CLOTH, closed=True)


def _headscarf(random: Generator, outline: Outline, color: FloatArray, thick: float, *, loose: bool) -> Piece:
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
    points = points + random.normal(0, 0.12, points.shape) + 0.25 * np.sin(9 * psi + random.uniform(0, 6))[None, :, None]
    return grid(points, color, CLOTH, closed=True)


def _headphones(random: Generator, outline: Outline, hair: float) -> list[Piece]:
    """Return headphones over the ears."""
    color = linear(np.full(3, random.choice([25, 30, 200]))) * np.exp(random.normal(0, 0.2, 3))
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15)
    path = np.stack([9.2 * np.sin(angle), 2.0 + 12.8 * np.cos(angle) + hair, np.full(15, 0.3)], -1)
    path = outline.push_out(path.astype(np.float32), 0.5 + hair)
    cups = [ball(np.array([s * 9.3, 1.8, 0.6]), np.array([1.4, 3.6, 3.1]), color, GLOSSY) for s in (-1, 1)]
    return [merged([tube(path, 0.7, color, GLOSSY), *cups])]


def glasses(random: Generator, vertices: FloatArray, *, dark: bool) -> list[Piece]:
    """Return glasses, or sunglasses with dark lenses, for a head with vertices (V, 3), cm."""
    left, right = (ball_center(vertices, each.start, each.stop) for each in BALLS.values())
    front = float(vertices[[ball.iris for ball in BALLS.values()], 2].max()) + random.uniform(0.9, 1.6)
    nose = vertices[[1140]][0]  # between the eyes
    middle_y = float((left[1] + right[1]) / 2) - random.uniform(0.0, 0.7)
    wide, high = random.uniform(2.3, 3.2), random.uniform(1.5, 2.6) * (1.1 if dark else 1.0)
    power, skew = random.choice([2.0, 2.6, 4.0]), random.uniform(-0.15, 0.25)
    plastic = random.random() < 0.55
    color = linear(random.uniform(10, 60) * np.exp(random.normal(0, 0.25, 3)))
    if random.random() < 0.25:
        color = cloth_color(random)
    radius = random.uniform(0.13, 0.27) if plastic else random.uniform(0.05, 0.09)
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    s, c = np.sin(angle), np.cos(angle)
    around = (np.abs(s) ** power + np.abs(c) ** power) ** (-1 / power)
    gap = max(abs(float(left[0] - right[0])) / 2, wide + 0.6)
    opacity = random.choice([1.0, random.uniform(0.7, 0.97)]) if dark else random.uniform(0.0, 0.12)
    tint = color * 0.15 if dark and random.random() < 0.3 else np.full(3, 0.004 if dark else 0.0)
    frames: list[Piece] = []
    lenses: list[Piece] = []
    rimless = random.random() < 0.15
    for sign in (-1.0, 1.0):
        x = sign * gap + wide * around * s * (1 + skew * c)
        y = middle_y + high * around * c
        z = front + max(float(nose[2]) - front + 0.15, 0) - 0.035 * (np.abs(x) - 1) ** 2
        rim = np.stack([x + (left[0] + right[0]) / 2, y, z], -1)
        hinge = rim[(rim[:, 0] * sign + 0.3 * rim[:, 1]).argmax()]
        inner = rim[(-rim[:, 0] * sign + 0.2 * rim[:, 1]).argmax()]
        if not rimless:
            frames.append(tube(rim, radius, color, GLOSSY, sides=6, loop=True))
        ear = np.array([sign * 7.9, float(left[1]) + 0.6, 0.5])
        behind = ear + [sign * 0.1, -3.0, -2.2]
        frames.append(tube(np.stack([hinge, hinge + [sign * 0.5, 0, -0.5], ear, behind]), radius * 0.9, color, GLOSSY, sides=6))
        lenses.append(_lens(rim, tint, float(opacity)))
        frames.append(tube(np.stack([inner, inner * [0.3, 1, 1] + [0, 0.25, 0.25], [0, inner[1] + 0.3, inner[2] + 0.3]]),
                           radius, color, GLOSSY, sides=6))  # fmt: skip
    return [merged(frames), merged(lenses)]


def _lens(rim: FloatArray, tint: FloatArray, opacity: float) -> Piece:
    """Return a lens inside a rim (C, 3), cm, with a tint (3,), linear RGB."""
    center = rim.mean(0) + [0, 0, 0.25]
    rows = np.stack([center + (rim - center) * share for share in (0.02, 0.5, 1.0)])
    return grid(rows, tint, GLOSSY, closed=True, opacity=opacity)
