"""What gets between the camera and a face: hands, masks, cups, phones, microphones, other things."""

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import CLOTH, GLOSSY, SKIN
from nasion.datasets.rendered.ibug import IBUG_VERTICES
from nasion.datasets.rendered.looks.clothes import cloth_color
from nasion.datasets.rendered.looks.skin import linear
from nasion.datasets.rendered.looks.solids import Piece, ball, grid, merged, tube
from nasion.datasets.rendered.looks.strands import Outline

__all__ = ["COVERS", "cover"]

COVERS = ("hand", "mask", "cup", "microphone", "phone", "thing")
"""Kinds of things before a face."""

FINGERS = ((-3.1, 6.6, 0.78), (-1.05, 7.6, 0.82), (1.0, 7.0, 0.8), (2.9, 5.6, 0.68))
"""Each finger's place on the palm, length and radius, cm."""


def cover(random: Generator, kind: str, vertices: Floats, outline: Outline) -> list[Piece]:
    """Return a thing of a kind in `COVERS` before or at a face with vertices (V, 3), cm, and an outline."""
    if kind == "hand":
        return _hand(random, vertices)
    if kind == "mask":
        return _mask(random, outline)
    mouth = vertices[[5695, 5841]].mean(0)
    if kind == "cup":
        height, radius = random.uniform(6, 10), random.uniform(2.8, 4.2)
        center = mouth + np.array([random.normal(0, 1), random.uniform(-4, 0), radius + 0.4])
        path = center + np.array([[0, -height / 2, 0.6], [0, height / 2, -0.3]])
        return [tube(path, radius, cloth_color(random), GLOSSY, sides=20)]
    if kind == "microphone":
        center = mouth + np.array([random.normal(0, 1.5), random.uniform(-3.5, 0.5), random.uniform(2.5, 6)])
        stem = np.stack([center, center + np.array([random.normal(0, 4), -14, random.uniform(2, 8)])])
        dark = linear(np.full(3, random.uniform(15, 90)))
        return [
            merged([ball(center, np.full(3, random.uniform(1.6, 2.6)), dark, GLOSSY), tube(stem, 1.2, dark, GLOSSY)])
        ]
    if kind == "phone":
        return _phone(random, vertices)
    center = _somewhere(random, vertices, 4.0)
    radii = np.exp(random.normal(np.log(2.6), 0.45, 3))
    return [ball(center, radii, cloth_color(random), int(random.choice([CLOTH, GLOSSY])))]


def _somewhere(random: Generator, vertices: Floats, before: float) -> Floats:
    """Return a place (3,), cm, `before` cm in front of a random part of a face with vertices (V, 3), cm."""
    place = vertices[IBUG_VERTICES[random.integers(len(IBUG_VERTICES))]]
    return place + np.array([random.normal(0, 2), random.normal(0, 2), before * random.uniform(0.4, 1.0)])


def _phone(random: Generator, vertices: Floats) -> list[Piece]:
    """Return a phone at the ear or before the face of a head with vertices (V, 3), cm, held by a hand."""
    side = random.choice([-1.0, 1.0])
    if random.random() < 0.6:
        center, across, up = (
            np.array([side * 9.6, -1.0, 4.0]),
            np.array([0.1 * side, 0.2, 1.0]),
            np.array([0, 1.0, -0.25]),
        )
    else:
        center = _somewhere(random, vertices, 9.0)
        across, up = np.array([1.0, 0, 0.1]), np.array([0.0, 1.0, -0.2])
    across, up = across / np.linalg.norm(across), up / np.linalg.norm(up)
    normal = np.cross(across, up)
    u, v = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 9))
    face = center + u[..., None] * across * 3.7 + v[..., None] * up * 7.5
    box = [grid(face + d * normal, linear(np.full(3, 18.0)), GLOSSY) for d in (-0.4, 0.4)]
    return [
        merged(box),
        *_hand(random, vertices, center + normal * 0.9 * np.sign(normal[0] * side + 1e-3) + up * -6, roll=0.2),
    ]


def _hand(random: Generator, vertices: Floats, wrist: Floats | None = None, roll: float = 0.8) -> list[Piece]:
    """Return a hand with a forearm, of the person's skin, before the lower or upper face, or above a wrist (3,), cm."""
    side = random.choice([-1.0, 1.0])
    tilt = random.normal(0, roll * 0.6) - side * random.uniform(0, roll)
    bend = random.uniform(0.05, 1.1)  # how far the fingers are bent, radians per joint
    if wrist is None:
        target = _somewhere(random, vertices, 2.0)
        wrist = (
            target
            - np.array([side * 2.0 + 9 * np.sin(tilt), 9 * np.cos(tilt), 0])
            + np.array([0, 0, random.uniform(0.5, 2.5)])
        )
    c, s = np.cos(tilt), np.sin(tilt)
    lean = random.normal(0, 0.35)
    frame = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.array(
        [[1, 0, 0], [0, np.cos(lean), np.sin(lean)], [0, -np.sin(lean), np.cos(lean)]]
    )  # columns: across, along the fingers, towards the viewer
    spread = random.uniform(0.0, 0.16)
    parts = [ball(np.array([0, 4.8, 0]), np.array([4.2, 5.0, 1.45]), np.zeros(3), SKIN)]
    for x, length, radius in FINGERS:
        parts.append(
            _finger(np.array([x, 8.6 - 0.12 * x * x, 0.1]), x * spread, bend * random.uniform(0.7, 1.2), length, radius)
        )
    thumb = np.array(
        [[-3.4 * side, 2.6, 0.2], [-5.2 * side, 4.6, -0.2], [-6.0 * side, 6.8, -0.8], [-5.9 * side, 8.0, -1.2]]
    )
    parts.append(tube(thumb, np.array([1.25, 1.05, 0.95, 0.7]), np.zeros(3), SKIN, sides=10))
    parts.append(tube(np.array([[0, 3.0, 0], [0, 0.5, 0], [0, -6, 0.3], [0, -26, 2]]), np.array([2.6, 2.9, 3.2, 4.2]),
                      np.zeros(3), SKIN, sides=14))  # fmt: skip
    hand = merged(parts)
    turned = Piece(
        (hand.points @ frame.T + wrist).astype(np.float32), (hand.normals @ frame.T).astype(np.float32), *hand[2:]
    )
    pieces = [turned]
    if random.random() < 0.5:  # a sleeve
        path = np.array([[0, random.uniform(-6, -1), 0.3], [0, -26, 2]]) @ frame.T + wrist
        pieces.append(tube(path, np.array([3.9, 5.5]), cloth_color(random), CLOTH, sides=14))
    return pieces


def _finger(base: Floats, spread: float, bend: float, length: float, radius: float) -> Piece:
    """Return a finger from its base (3,), cm, that bends away from the viewer by an angle per joint, radians."""
    path, angle, point = [base - np.array([0, 2.0, 0]), base], 0.0, base
    for share in (0.45, 0.3, 0.25):
        angle += bend * 0.7
        point = point + length * share * np.array([np.sin(spread), np.cos(angle) * np.cos(spread), -np.sin(angle)])
        path.append(point)
    return tube(np.stack(path), radius * np.array([1.05, 1.0, 0.95, 0.88, 0.6]), np.zeros(3), SKIN, sides=10)


def _mask(random: Generator, outline: Outline) -> list[Piece]:
    """Return a mask over mouth and nose, sometimes worn below the nose, with loops to the ears."""
    color = linear(np.array([random.choice([[150, 195, 215], [235, 238, 240], [30, 30, 32], [60, 70, 110]])])[0])
    top = random.choice([2.2, 2.2, 1.8, -1.9])
    across = np.linspace(-1, 1, 25)
    rows = []
    for share in np.linspace(0, 1, 11):
        upper = top - 1.9 * across**2
        lower = -8.2 + 3.6 * across**2
        y = upper + (lower - upper) * share
        azimuth = across * np.radians(58)
        puff = 0.25 + 0.5 * np.sin(share * np.pi) * (1 - across**2)
        place = np.stack([8 * np.sin(azimuth), y, 10 * np.cos(azimuth)], -1)
        for _ in range(4):  # onto the face, at the same height
            radius, head = outline.radius(place.astype(np.float32))
            place = outline.CENTER + (place - outline.CENTER) * ((head + puff) / radius)[:, None]
            place[:, 1] = y
        rows.append(place)
    points = np.stack(rows)
    folds = 1 - 0.12 * (np.arange(11) % 3 == 0)[:, None, None]
    pieces = [grid(points, np.broadcast_to(color, points.shape) * folds, CLOTH)]
    for k, sign in ((0, -1.0), (-1, 1.0)):
        ears = np.array([[sign * 8.3, 2.2, 0.5], [sign * 8.3, -0.5, 0.5]])
        loops = [
            tube(np.stack([points[row, k], ear]), 0.1, np.full(3, 0.8), CLOTH, sides=5)
            for row, ear in zip((1, -2), ears, strict=True)
        ]
        pieces.append(merged(loops))
    return pieces
