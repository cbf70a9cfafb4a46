"""Hair of the face: brows, lashes and beards."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from nasion.datasets.head_model import VERTICES
from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import FACE_END, Assets
from nasion.datasets.rendered.ibug import IBUG_VERTICES
from nasion.datasets.rendered.looks.strands import Roots, Strands, Wave, grow, outer_skin, sample_roots

__all__ = ["grow_beard", "grow_brows", "grow_lashes"]

LASHES = 25351
"""First vertex of the lashes."""

BROWS = {"right": slice(17, 22), "left": slice(26, 21, -1)}
"""The iBUG points of each brow from its outer to its inner end."""


def grow_brows(random: Generator, assets: Assets, vertices: Floats, normals: Floats, color: Floats) -> list[Strands]:
    """Return the brows of a head with vertices (V, 3), cm, and normals (V, 3), no unit, in a color (3,), linear RGB."""
    known = np.array(IBUG_VERTICES)
    thickness = random.uniform(0.22, 0.5)
    count = int(random.uniform(160, 480) * (0.5 + thickness))
    tilt = random.uniform(0.2, 0.9)
    parts = []
    for name, side in BROWS.items():
        line, current = assets.neutral[known[side]], vertices[known[side]]
        distance, along = _from_brow(assets, name)
        half = thickness * np.interp(along, [-0.4, 0, 1, 2.5, 4, 4.4], [0, 0.25, 0.65, 0.95, 1.0, 0.15])
        density = np.clip(1.6 - distance / np.maximum(half, 0.02), 0, 1) * (half > 0.02)
        roots = sample_roots(random, assets, vertices, normals, density, count)
        if not len(roots.position):
            continue
        _, place = _along_line(roots.neutral, line)
        first = np.clip(place.astype(int), 0, 3)
        outer = current[first] - current[first + 1]  # towards the outer end
        outer /= np.linalg.norm(outer, axis=1, keepdims=True)
        up = np.array([0, 1, 0], np.float32) * (tilt * np.clip((place - 1.0) / 3, 0.05, 1.3))[:, None]
        direction = outer + up + random.normal(0, 0.13, outer.shape)
        direction -= (direction * roots.normal).sum(1, keepdims=True) * roots.normal
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = random.uniform(0.45, 0.95, len(place)) * np.interp(place, [0, 1, 4], [0.6, 1, 0.75])
        steps = np.linspace(0, 1, 3)[None, :, None]
        points = roots.position[:, None] + (direction * length[:, None])[:, None] * steps
        points = points + roots.normal[:, None] * (0.03 + 0.09 * np.sin(steps * 2.4))
        parts.append(_ribbons(random, points, roots.normal, color, (0.035, 0.065), 0.9))
    return parts


@lru_cache(maxsize=4)
def _from_brow(assets: Assets, name: str) -> tuple[Floats, Floats]:
    """Return `_along_line` of the triangles (F,) of `outer_skin` for a brow, cm and segments."""
    return _along_line(outer_skin(assets).centers, assets.neutral[np.array(IBUG_VERTICES)[BROWS[name]]])


def _along_line(points: Floats, line: Floats) -> tuple[Floats, Floats]:
    """Return the distance (N,), cm, of points (N, 3) to a line (L, 3), cm, and the position on it in segments (N,)."""
    best = np.full(len(points), np.inf)
    place = np.zeros(len(points))
    for k, (a, b) in enumerate(pairwise(line)):
        low, high = (-0.5 if k == 0 else 0.0), (1.5 if k == len(line) - 2 else 1.0)
        share = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), low, high)
        distance = np.linalg.norm(points - a - share[:, None] * (b - a), axis=1)
        nearer = distance < best
        best, place = np.where(nearer, distance, best), np.where(nearer, k + share, place)
    return best, place


def _ribbons(
    random: Generator,
    points: Floats,
    outward: Floats,
    color: Floats,
    width: tuple[float, float],
    shade: float,
) -> Strands:
    """Return ribbons along points (S, P, 3), cm, in a color (3,), linear RGB, that do not hide keypoints."""
    count, length = points.shape[:2]
    widths = random.uniform(*width, (count, 1)) * (1 - 0.7 * np.linspace(0, 1, length) ** 2)
    tints = color * np.exp(random.normal(0, 0.2, (count, 1)))
    return Strands(
        points.astype(np.float32), widths.astype(np.float32), tints.astype(np.float32),
        np.full((count, length), shade, np.float32), outward.astype(np.float32), covers=False,
    )  # fmt: skip


@lru_cache(maxsize=2)
def _lash_pairs(assets: Assets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices of the lashes' tips (L,), of the roots nearest to them (L,), and whether they are upper ones."""
    lashes = np.arange(LASHES, VERTICES)
    points, face = assets.neutral[lashes], assets.neutral[:FACE_END]
    face = face[(np.abs(face[:, 1] - 3.5) < 2.5) & (face[:, 2] > 6)]
    distance = np.sqrt(((points[:, None] - face[None]) ** 2).sum(-1)).min(1)
    roots, tips = lashes[distance < 0.08], lashes[distance > 0.45]
    gaps = ((assets.neutral[tips][:, None] - assets.neutral[roots][None]) ** 2).sum(-1)
    nearest = roots[gaps.argmin(1)]
    return tips, nearest, assets.neutral[nearest][:, 1] > 3.55


def grow_lashes(random: Generator, assets: Assets, vertices: Floats, made_up: float) -> list[Strands]:
    """Return the lashes of a head with vertices (V, 3), cm; `made_up` from 0 to 1 makes them longer and denser."""
    tips, roots, upper = _lash_pairs(assets)
    shown = random.random(len(tips)) < np.where(upper, 0.5 + 0.3 * made_up, 0.2 + 0.3 * made_up)
    tips, roots, upper = tips[shown], roots[shown], upper[shown]
    if not len(tips):
        return []
    reach = random.uniform(0.45, 0.75) + 0.4 * made_up * random.random()
    change = (vertices[tips] - vertices[roots]) * (reach * random.uniform(0.75, 1.1, len(tips)))[:, None]
    change *= np.where(upper, 1.0, 0.55)[:, None]
    steps = np.linspace(0, 1, 3)[None, :, None]
    points = vertices[roots][:, None] + change[:, None] * steps
    color = np.array([0.012, 0.009, 0.008]) * random.uniform(0.5, 2.5)
    return [_ribbons(random, points, np.tile([0.0, 0.3, 0.95], (len(tips), 1)), color, (0.03, 0.055), 0.8)]


BEARDS = {
    # name: (share, cheeks, moustache, chin, length)
    "full": (0.4, 1.0, 1.0, 1.0, (0.4, 2.5)),
    "long": (0.12, 1.0, 1.0, 1.0, (3.0, 9.0)),
    "goatee": (0.2, 0.0, 1.0, 1.0, (0.4, 1.8)),
    "moustache": (0.18, 0.0, 1.0, 0.0, (0.4, 1.0)),
    "chin": (0.1, 0.0, 0.0, 1.0, (0.5, 3.0)),
}
"""How common each form of beard is, its density at three places, and its length, cm."""


def grow_beard(
    random: Generator, assets: Assets, vertices: Floats, normals: Floats, color: Floats, masks: np.ndarray
) -> list[Strands]:
    """Return a random beard.

    Args:
        random: source of randomness.
        assets: the head model.
        vertices: (V, 3) of this head, cm.
        normals: (V, 3) of this head, no unit.
        color: (3,) linear RGB.
        masks: (F, 2) share of cheeks and chin, and of the moustache, at each triangle of `outer_skin`.
    """
    names = list(BEARDS)
    shares = np.array([BEARDS[name][0] for name in names])
    _, cheeks, moustache, chin, lengths = BEARDS[names[random.choice(len(names), p=shares / shares.sum())]]
    centers = outer_skin(assets).centers
    at_chin = np.clip((3.2 - np.abs(centers[:, 0])) / 0.6, 0, 1) * (centers[:, 1] < -3.6)
    density = np.maximum(masks[:, 0] * np.maximum(cheeks, chin * at_chin), masks[:, 1] * moustache)
    area = float((outer_skin(assets).areas * density).sum())
    roots = sample_roots(random, assets, vertices, normals, density, int(min(area * random.uniform(12, 26), 3000)))
    if not len(roots.position):
        return []
    length = np.minimum(random.uniform(*lengths), 0.35 + np.clip(-3.0 - roots.neutral[:, 1], 0, 9) * 1.6)
    on_lip = (roots.neutral[:, 1] > -3.2) & (np.abs(roots.neutral[:, 0]) < 3)
    length = np.where(on_lip, np.minimum(length, 0.8), length) * np.exp(random.normal(0, 0.25, len(length)))
    points = grow(
        roots.position, _beard_directions(random, roots, on_lip), length, 3 if lengths[1] < 3 else 5,
        gravity=0.25, stiffness=0.5, outline=None,
    )  # fmt: skip
    wave = Wave(random.uniform(0.03, 0.25), random.uniform(0.2, 0.6))
    points = points + wave.offsets(random, np.arange(len(points)) // 8, length, points.shape[1])
    return [_ribbons(random, points, roots.normal, color, (0.06, 0.12), 0.7)]


def _beard_directions(random: Generator, roots: Roots, on_lip: np.ndarray) -> Floats:
    """Return the first directions (S, 3), unit vectors: down and forward, and to the sides above the lip (S,)."""
    down = np.stack([0.25 * np.sign(roots.neutral[:, 0]), np.full(len(on_lip), -1.0), np.full(len(on_lip), 0.25)], 1)
    sideways = np.stack([0.8 * np.sign(roots.neutral[:, 0]), np.full(len(on_lip), -0.9), np.zeros(len(on_lip))], 1)
    comb = np.where(on_lip[:, None], sideways, down)
    comb -= (comb * roots.normal).sum(1, keepdims=True) * roots.normal * 0.9
    start = comb + 0.3 * roots.normal + random.normal(0, 0.25, comb.shape)
    return (start / np.linalg.norm(start, axis=1, keepdims=True)).astype(np.float32)
