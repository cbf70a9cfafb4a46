"""A random head: every choice about its shape, look, surroundings and camera, from one seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import Assets
from nasion.datasets.rendered.camera import Camera, sample_camera
from nasion.datasets.rendered.drawing.photo import develop
from nasion.datasets.rendered.drawing.scene import Drawing, Scene, draw
from nasion.datasets.rendered.looks import clothes, cover, fur, worn
from nasion.datasets.rendered.looks.background import sample_background
from nasion.datasets.rendered.looks.hair import Style, grow_hair, hair_color, sample_style, scalp_share, without_top
from nasion.datasets.rendered.looks.light import sample_light
from nasion.datasets.rendered.looks.masks import CHANNELS, skin_masks, uv_of_vertices
from nasion.datasets.rendered.looks.skin import sample_eyes, sample_skin
from nasion.datasets.rendered.looks.solids import Piece
from nasion.datasets.rendered.looks.strands import Outline, outer_skin
from nasion.datasets.rendered.person import Shape, deform, sample_shape
from nasion.sample import Image

__all__ = ["Head", "Rendered", "render", "sample_head", "sample_scene"]

GLASSES, SUNGLASSES = 0.26, 0.25
"""Share of people with glasses, and share of the glasses that are dark."""

HAT, COVER, BEARD = 0.13, 0.16, 0.4
"""Share of people with something on the head, of those with something before the face, and of men with a beard."""

MIN_COVERAGE = 0.02
"""Coverage of a pixel below which its color is unknown."""

COVER_SHARES = np.array([0.4, 0.16, 0.13, 0.12, 0.09, 0.1])
"""How common the kinds of `cover.COVERS` are."""


@dataclass(frozen=True, eq=False)
class Head:
    """What the keypoints of a head depend on.

    Attributes:
        shape: identity, expression and gaze.
        vertices: (V, 3) float32 of the head, cm, head frame.
        camera: pose and camera.
        size: height and width of the image, px.
    """

    shape: Shape
    vertices: Floats
    camera: Camera
    size: int


class Rendered(NamedTuple):
    """An image of a head, (H, W, 3) uint8 RGB, or (H, W, 4) if it is transparent, and its foreground."""

    image: Image
    drawing: Drawing


def sample_head(assets: Assets, seed: int, index: int, size: int) -> Head:
    """Return head number `index` of a seed for an image of `size` × `size` px."""
    random = np.random.default_rng([seed, index, 0])
    shape = sample_shape(random, assets.expressions)
    return Head(shape, deform(assets, shape), sample_camera(random, size), size)


def render(
    assets: Assets,
    head: Head,
    seed: int,
    index: int,
    photographs: Sequence[Path] = (),
    *,
    with_color: bool = True,
    transparent: bool = False,
) -> Rendered:
    """Return the image of a head; the same arguments give the same image.

    Args:
        assets: the head model.
        head: what `sample_head` returns.
        seed: selects a population.
        index: number of the head.
        photographs: image files for the background.
        with_color: whether more than the distances of `Drawing` is needed; without it the image is black.
        transparent: whether the image has no background.
    """
    random = np.random.default_rng([seed, index, 1])
    scene = sample_scene(assets, head, random)
    drawing = draw(scene, head.size, with_color=with_color)
    if not with_color:
        return Rendered(np.zeros((head.size, head.size, 3), np.uint8), drawing)
    light = scene.light.mean_color()
    if transparent:
        return Rendered(_without_background(random, drawing, light), drawing)
    background = sample_background(random, head.size, light, photographs)
    lit = drawing.image[..., :3] + background * (1 - drawing.image[..., 3:])
    return Rendered(develop(random, lit, drawing.skin, light), drawing)


def _without_background(random: Generator, drawing: Drawing, light: Floats) -> Image:
    """Return the image (H, W, 4) uint8 of a foreground, RGB and coverage, in light of mean color (3,)."""
    color, coverage = drawing.image[..., :3], drawing.image[..., 3:]
    solid = color / np.maximum(coverage, MIN_COVERAGE)
    shown = np.where(coverage > MIN_COVERAGE, solid, 0.3 * light.astype(np.float32))
    opacity = np.clip(coverage * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.concatenate([develop(random, shown, drawing.skin, light), opacity], axis=-1)


def sample_scene(assets: Assets, head: Head, random: Generator) -> Scene:
    """Return a head with a random look, clothes and light."""
    age, feminine, tone = random.random(3)
    color, style = hair_color(random, age, tone), sample_style(random, age, feminine)
    collar = random.choice([random.uniform(-13.5, -11.5), random.uniform(-11.5, -10)])
    vertices = clothes.tucked(head.vertices, collar)
    normals = assets.normals(vertices)
    outline = Outline(head.vertices)
    pieces, style = _things(random, head.vertices, outline, style)
    pieces += clothes.clothes(random, head.vertices, collar)
    makeup = random.uniform(0, 1) if feminine > 0.5 and random.random() < 0.6 else 0.0
    bearded = feminine < 0.5 and random.random() < BEARD
    stubble = random.random() * 0.8 if feminine < 0.5 else 0.0
    brows = color * random.uniform(0.5, 0.9)
    hair = grow_hair(random, assets, vertices, normals, style, color, outline)
    hair += fur.grow_brows(random, assets, vertices, normals, brows)
    hair += fur.grow_lashes(random, assets, vertices, makeup)
    if bearded:
        hair += fur.grow_beard(
            random, assets, vertices, normals, color * random.uniform(0.6, 1.0), _beard_masks(assets)
        )
    skin = sample_skin(random, tone, color, age, max(stubble, 0.6 * bearded), makeup)
    teeth = np.array([0.5, 0.45, 0.37]) * random.uniform(0.65, 1.15) * [1, 1, random.uniform(0.85, 1.05)]
    return Scene(
        assets, vertices, normals, head.shape.gaze, scalp_share(assets, style), hair, pieces, skin.values(),
        sample_eyes(random), sample_light(random), head.camera, teeth,
    )  # fmt: skip


def _things(random: Generator, vertices: Floats, outline: Outline, style: Style) -> tuple[list[Piece], Style]:
    """Return what is on the head and before the face of a head with vertices (V, 3), cm, and the hair that fits it."""
    pieces: list[Piece] = []
    if random.random() < GLASSES:
        pieces += worn.glasses(random, vertices, dark=random.random() < SUNGLASSES)
    if random.random() < HAT:
        kind = str(random.choice(worn.HATS))
        if kind not in ("headphones", "headband"):
            style = without_top(style, hidden=kind in ("headscarf", "hood"))
        pieces += worn.hat(random, kind, outline, min(0.2 + 0.6 * style.volume, 0.8))
    if random.random() < COVER:
        pieces += cover.cover(random, str(random.choice(cover.COVERS, p=COVER_SHARES)), vertices, outline)
    return pieces, style


@lru_cache(maxsize=2)
def _beard_masks(assets: Assets) -> Floats:
    """Return the masks of beard and moustache (F, 2), no unit, at each triangle of the outer skin."""
    masks = skin_masks(assets)
    size = masks.shape[0]
    column, row = np.clip(uv_of_vertices(assets) * size, 0, size - 1).astype(int).T
    chosen = [CHANNELS.index(name) for name in ("beard", "moustache")]
    by_vertex = masks[row, column][:, chosen].astype(np.float32) / 255
    return by_vertex[outer_skin(assets).triangles].mean(1)
