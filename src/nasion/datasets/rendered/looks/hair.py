"""The hair of the head: hairline, parting, length, volume and curls of many styles, as ribbons on the scalp."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import MOUTH_SOCKET, Assets
from nasion.datasets.rendered.looks.skin import linear
from nasion.datasets.rendered.looks.strands import Outline, Roots, Strands, Wave, grow, outer_skin, sample_roots

__all__ = ["Style", "grow_hair", "hair_color", "sample_style", "scalp_share", "without_top"]

COLORS = (
    (22, 18, 17), (34, 26, 22), (50, 36, 27), (72, 50, 34), (98, 70, 46), (134, 100, 66), (172, 138, 94),
    (206, 176, 130), (120, 56, 30), (88, 34, 22), (150, 148, 146), (205, 203, 200),
)  # fmt: skip
"""Colors of hair, sRGB 0 to 255."""

FIRST_LIGHT, FIRST_GRAY = 3, 10
"""Indices of the first color lighter than dark brown, and of the first gray."""

COLOR_WEIGHTS = np.array([0.2, 0.16, 0.14, 0.12, 0.09, 0.07, 0.05, 0.04, 0.03, 0.02, 0.05, 0.03])

CROWN = np.array([0.0, 13.6, -4.5], np.float32)
"""The whorl on the mean head, cm."""

HAIRLINE = np.array(
    [(0, 10.6), (20, 10.7), (38, 10.1), (50, 9.2), (60, 7.4), (68, 4.4), (80, 2.2), (90, 3.2), (96, 4.8), (110, 4.6),
     (122, 0.5), (140, -2.5), (180, -3.8)],
    float,
)  # fmt: skip
"""Height of the hairline on the mean head, cm, by azimuth from the front, degrees; hair grows above it."""

SIDES_ONLY = 5.0
"""Recession from which hair grows on the sides only, cm."""

EAR_X = 7.7
"""Distance from the middle beyond which ears begin, cm."""


@dataclass(frozen=True)
class Style:
    """A hair style.

    Attributes:
        name: kind of style.
        length: cm.
        lift: how much hair stands up at the root, 0 to 1.
        comb: "forward", "back", "side", "down" or "up".
        parting: x of the parting, cm.
        fringe: length of hair over the forehead, cm; 0 for none.
        wave: curls.
        volume: distance that hair keeps from the head, cm.
        recession: how far the hairline has moved up, cm; 9 leaves the sides only.
        sides: length of the sides relative to the top.
        count: number of ribbons.
        gray: share of gray hairs.
    """

    name: str
    length: float
    lift: float
    comb: str
    parting: float
    fringe: float
    wave: Wave
    volume: float
    recession: float
    sides: float
    count: int
    gray: float


def hair_color(random: Generator, age: float, tone: float) -> Floats:
    """Return the hair color (3,), linear RGB, of a person.

    Args:
        random: source of randomness.
        age: 0 young to 1 old.
        tone: of the skin, 0 light to 1 dark; light hair is rarer on dark skin.
    """
    if random.random() < 0.02:
        return linear(random.uniform(30, 200, 3))  # dyed
    number = np.arange(len(COLORS))
    weights = COLOR_WEIGHTS * np.where(number >= FIRST_GRAY, 2.0 * age, 1.0)
    weights = weights * np.where((number >= FIRST_LIGHT) & (number < FIRST_GRAY), 0.1 + 0.9 * (1 - tone) ** 1.5, 1.0)
    color = np.array(COLORS[random.choice(len(COLORS), p=weights / weights.sum())], float)
    return linear(np.clip(color * random.normal(1, 0.1) + random.normal(0, 3, 3), 8, 240))


class Kind(NamedTuple):
    """Ranges of the values of `Style`, how common the kind is, and how often it has a fringe."""

    share: float
    length: tuple[float, float]
    lift: tuple[float, float]
    combs: tuple[str, ...]
    fringe: float
    radius: tuple[float, float]
    per_cm: tuple[float, float]
    volume: tuple[float, float]
    sides: tuple[float, float]


SHORT_COMBS = ("forward", "forward", "side", "side", "back")

KINDS = {
    "bald": Kind(0.05, (0, 0), (0, 0), ("down",), 0.0, (0, 0), (0, 0), (0, 0), (1, 1)),
    "buzz": Kind(0.08, (0.2, 0.8), (0.9, 1), ("forward",), 0.0, (0, 0), (0, 0), (0, 0.1), (0.5, 1)),
    "short": Kind(0.2, (1.0, 3.8), (0.05, 0.3), SHORT_COMBS, 0.3, (0, 0.2), (0.1, 0.3), (0.1, 0.5), (0.2, 0.7)),
    "swept": Kind(0.1, (4, 8), (0.3, 0.7), ("back", "side"), 0, (0, 0.2), (0.05, 0.2), (0.2, 0.9), (0.15, 0.7)),
    "curls": Kind(
        0.09, (3, 8), (0.3, 0.6), ("forward", "side", "down"), 0.2, (0.35, 0.7), (0.25, 0.5), (0.5, 1.6), (0.5, 1)
    ),
    "afro": Kind(0.06, (1.0, 7), (1, 1), ("up",), 0.0, (0.4, 0.8), (0.35, 0.7), (0.3, 0.8), (0.7, 1)),
    "bob": Kind(0.13, (12, 19), (0.2, 0.5), ("side", "down"), 0.35, (0, 0.4), (0.03, 0.12), (0.3, 1.1), (0.85, 1)),
    "long": Kind(
        0.22, (20, 34), (0.15, 0.5), ("side", "down", "back"), 0.25, (0, 0.9), (0.02, 0.12), (0.2, 1.0), (0.9, 1)
    ),
    "tied": Kind(0.08, (7, 12), (0.05, 0.2), ("back",), 0.15, (0, 0.1), (0.02, 0.05), (0.05, 0.3), (1, 1)),
}
"""The kinds of styles by name."""

MAX_SEGMENTS = 11


def sample_style(random: Generator, age: float, feminine: float) -> Style:
    """Return a random hair style; `age` from 0 to 1, and `feminine` from 0 to 1 for how common long hair is."""
    names = list(KINDS)
    long = np.array([name in ("bob", "long", "tied") for name in names])
    shares = np.array([KINDS[name].share for name in names])
    shares *= np.where(long, 0.1 + 1.8 * feminine, 1.5 - 1.3 * feminine)
    name = names[random.choice(len(names), p=shares / shares.sum())]
    kind = KINDS[name]
    recession = max(random.normal(0.2, 0.7), -0.7)
    if feminine < 0.5 and random.random() < 0.1 + 0.3 * age and name in ("bald", "buzz", "short", "swept"):
        recession = random.choice([random.uniform(1.5, 3.5), 9.0])
    return Style(
        name=name,
        length=random.uniform(*kind.length),
        lift=random.uniform(*kind.lift),
        comb=str(random.choice(kind.combs)),
        parting=random.choice([0.0, random.uniform(1, 4.5), -random.uniform(1, 4.5)]),
        fringe=random.uniform(2.5, 6.5) if random.random() < kind.fringe and recession < 1.5 else 0.0,
        wave=Wave(random.uniform(*kind.radius), random.uniform(*kind.per_cm)),
        volume=random.uniform(*kind.volume),
        recession=recession,
        sides=random.uniform(*kind.sides),
        count=3200 if kind.length[1] < 10 else 5000,
        gray=random.uniform(0, 0.6) * age if random.random() < 0.4 else 0.0,
    )


def hairline(style: Style, azimuth: Floats, jitter: Floats | float = 0.0) -> Floats:
    """Return the height of the hairline (N,), cm, at azimuths (N,), degrees, from 0 (front) to 180 (back)."""
    height = np.interp(azimuth, HAIRLINE[:, 0], HAIRLINE[:, 1]) + jitter
    front = np.clip((75 - azimuth) / 25, 0, 1)
    temple = np.exp(-(((azimuth - 40) / 16) ** 2))
    if style.recession > SIDES_ONLY:
        return np.where(azimuth > 70, height, 40.0)
    return height + style.recession * (0.45 * front + 0.9 * temple)


def _above_hairline(style: Style, points: Floats, softness: float) -> Floats:
    """Return how far inside the hair points (N, 3) of the mean head, cm, are: 0 outside to 1 inside."""
    azimuth = np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - 0.5))
    height = hairline(style, azimuth)
    inside = np.clip((points[:, 1] - height) / softness + 0.5, 0, 1)
    if style.recession > SIDES_ONLY:
        inside = inside * np.clip((9.6 - points[:, 1]) / 1.5, 0, 1)
    ear = (np.abs(points[:, 0]) > EAR_X) & (points[:, 1] < 5.7) & (points[:, 2] > -2.3)
    return inside * ~ear


def scalp_share(assets: Assets, style: Style) -> Floats:
    """Return how much the skin is colored by hair, (V,), 0 to 1."""
    share = np.zeros(len(assets.neutral), np.float32)
    if style.name != "bald":
        outer = assets.neutral[:MOUTH_SOCKET]
        share[:MOUTH_SOCKET] = _above_hairline(style, outer, 1.0) * (0.72 if style.name == "buzz" else 0.94)
    return share


def grow_hair(
    random: Generator, assets: Assets, vertices: Floats, normals: Floats, style: Style, color: Floats,
    outline: Outline,
) -> list[Strands]:  # fmt: skip
    """Return the hair of the head.

    Args:
        random: source of randomness.
        assets: the head model.
        vertices: (V, 3) of this head, cm.
        normals: (V, 3) of this head, no unit.
        style: the hair style.
        color: (3,) linear RGB.
        outline: of this head.
    """
    if style.name == "bald":
        return []
    density = _above_hairline(style, outer_skin(assets).centers, 0.35)
    roots = sample_roots(random, assets, vertices, normals, density, style.count)
    if not len(roots.position):
        return []
    guides = max(int(len(roots.position) / random.uniform(9, 26)), 1)
    group = _nearest(roots.position, roots.position[:guides])
    length = _lengths(random, style, roots.neutral)
    curly = style.name in ("curls", "afro")
    segments = int(np.clip(style.length * (2.0 if curly else 0.7), 2, MAX_SEGMENTS))
    start = _directions(random, style, roots)
    layer = random.random(len(roots.position)).astype(np.float32)
    above = 0.1 + style.volume * layer * np.clip(length / 3, 0, 1)
    part = random.uniform(0.3, 1.3) if style.length > 6 and not style.fringe else 0.0
    gravity = 0.0 if style.comb == "up" and style.length < 9 else random.uniform(0.12, 0.35)
    stiffness = style.lift
    if style.name in ("bob", "long"):
        gravity, stiffness = random.uniform(0.3, 0.8), 0.1 * style.lift
    points = grow(
        roots.position[:guides], start[:guides], length[:guides], segments, gravity=gravity, stiffness=stiffness,
        outline=outline, above=above[:guides] * 0.5, part_face=part,
    )  # fmt: skip
    shape = points[group] - points[group][:, :1]
    scale = (length / length[group]).clip(0.5, 1.5)[:, None, None]
    along = np.linspace(0, 1, segments + 1, dtype=np.float32)[None, :, None]
    clump = random.uniform(0.3, 0.7) if curly else random.uniform(0.05, 0.5)
    offset = roots.position - roots.position[group]
    points = roots.position[group][:, None] + offset[:, None] * (1 - clump * along) + shape * scale
    points = points + style.wave.offsets(random, group, length, segments + 1)
    stray = random.normal(0, 0.08 + 0.025 * style.length, (len(points), 1, 3)).astype(np.float32)
    points += stray * along**1.5
    points = outline.push_out(points, (above[:, None] * np.minimum(along[..., 0] * 3, 1)))
    points[:, 0] = roots.position
    return [_colored(random, points, roots, style, color, group, layer)]


def _nearest(points: Floats, guides: Floats) -> np.ndarray:
    """Return the index of the nearest guide (G, 3), cm, of each point (S, 3), cm, as (S,)."""
    return ((guides**2).sum(1) - 2 * points @ guides.T).argmin(1)


def _lengths(random: Generator, style: Style, place: Floats) -> Floats:
    """Return the lengths (S,), cm, of hairs at places (S, 3) on the mean head, cm."""
    side = np.clip((9.5 - place[:, 1]) / 5.0, 0, 1)
    length = style.length * (1 + (style.sides - 1) * side) * np.exp(random.normal(0, 0.12, len(place)))
    if style.fringe:
        front = _in_fringe(place)
        length = np.where(front, style.fringe * random.uniform(0.85, 1.1, len(place)), length)
    if style.name in ("bob", "long"):  # the ends are level
        length = length - np.clip(10 - place[:, 1], 0, 14) * 0.75
    return np.maximum(length, 0.15).astype(np.float32)


def _in_fringe(place: Floats) -> np.ndarray:
    """Return which places (S, 3) on the mean head, cm, grow the fringe, as (S,)."""
    return (place[:, 2] > 4.6) & (np.abs(place[:, 0]) < 6.3) & (place[:, 1] > 9.0)


def _directions(random: Generator, style: Style, roots: Roots) -> Floats:
    """Return the first directions (S, 3), unit vectors, of hairs at the roots."""
    place, normal = roots.neutral, roots.normal
    side = np.sign(place[:, :1] - style.parting + 1e-6)
    across = np.concatenate([side, np.full_like(side, -0.25), np.full_like(side, -0.25)], axis=1)
    combs = {
        "forward": place - CROWN,
        "back": np.concatenate([0.25 * np.sign(place[:, :1]), np.full_like(side, 0.0), np.full_like(side, -1.0)], 1),
        "side": across,
        "down": np.concatenate([0.9 * side, np.full_like(side, -0.6), np.full_like(side, -0.15)], 1),
        "up": normal,
    }
    comb = combs[style.comb].astype(np.float32)
    if style.fringe:
        ahead = np.concatenate(
            [0.15 * place[:, :1] + 0.1 * style.parting, np.full_like(side, -0.3), np.ones_like(side)], 1
        )
        comb = np.where(_in_fringe(place)[:, None], ahead, comb)
    if style.comb != "up":
        comb = comb - (comb * normal).sum(1, keepdims=True) * normal
    comb /= np.linalg.norm(comb, axis=1, keepdims=True) + 1e-6
    start = style.lift * normal + (1.05 - style.lift) * comb + random.normal(0, 0.12, comb.shape)
    return (start / (np.linalg.norm(start, axis=1, keepdims=True) + 1e-6)).astype(np.float32)


def _colored(
    random: Generator, points: Floats, roots: Roots, style: Style, color: Floats, group: np.ndarray,
    layer: Floats,
) -> Strands:  # fmt: skip
    """Return ribbons for hairs (S, P, 3), cm; their color varies by group (S,), and layers (S,) below are darker."""
    count, length = points.shape[:2]
    tint = np.exp(random.normal(0, 0.16, group.max() + 1)[group] + random.normal(0, 0.2, count))[:, None]
    mixed = np.where(random.random((count, 1)) < style.gray, 0.5 * color[None] + 0.1, color[None])
    along = np.linspace(0, 1, length, dtype=np.float32)[None]
    thick = 1.6 if style.length > 9 else 1.2 if style.length > 6 else 0.8 if style.length > 1 else 0.5
    width = random.uniform(0.1, 0.2, (count, 1)) * thick
    shade = (0.35 + 0.65 * np.clip(along * 2.5, 0, 1)) * (0.55 + 0.45 * layer[:, None])
    outward = points[:, length // 2] - Outline.CENTER
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    return Strands(
        points, (width * (1 - 0.7 * along**3)).astype(np.float32), (mixed * tint).astype(np.float32),
        shade.astype(np.float32), outward.astype(np.float32), covers=True,
    )  # fmt: skip


def without_top(style: Style, *, hidden: bool) -> Style:
    """Return the style as it looks under a hat: flat, without a fringe; none if it is hidden."""
    if hidden:
        return replace(style, name="bald")
    if style.name in ("curls", "afro", "swept"):
        style = replace(style, name="short", length=2.5, comb="forward", wave=Wave(0.0, 0.0))
    return replace(style, lift=min(style.lift, 0.05), volume=min(style.volume, 0.15), fringe=0.0)
