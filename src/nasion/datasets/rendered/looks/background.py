"""Backgrounds: photographs from a folder, or invented ones of soft shapes, lights, walls and foliage."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from nasion import images
from nasion.errors import ImageError
from nasion.geometry import FloatArray

__all__ = ["sample_background"]

MIN_CROP_SHARE = 0.35
"""Smallest part of a photograph's shorter side that is shown."""


def sample_background(random: Generator, size: int, light: FloatArray, photographs: Sequence[Path] = ()) -> FloatArray:
    """Return a random background (H, W, 3) float32, linear RGB.

    Args:
        random: source of randomness.
        size: height and width, px.
        light: (3,) mean radiance of the surroundings, which sets brightness and color of invented backgrounds.
        photographs: image files to choose from; without them the background is invented.
    """
    chosen = photographs[random.integers(len(photographs))] if len(photographs) else None
    background = _invented(random, size) * (0.35 + 0.65 * light) if chosen is None else _photograph(random, size, chosen)
    blur = size / 256 * float(np.exp(random.uniform(np.log(0.4), np.log(9))))
    return cv2.GaussianBlur(background.astype(np.float32), (0, 0), max(blur, 0.3))


def _photograph(random: Generator, size: int, path: Path) -> FloatArray:
    """Return a random part (H, W, 3) of an image file, linear RGB, no unit.

    Raises:
        ImageError: the file cannot be read; the caller checks the files beforehand.
    """
    image = images.read(path)
    height, width = image.shape[:2]
    side = max(int(min(height, width) * random.uniform(MIN_CROP_SHARE, 1)), 1)
    x, y = (int(random.integers(0, extent - side + 1)) for extent in (width, height))
    part = cv2.resize(image[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
    return (part[:, :: random.choice([-1, 1])].astype(np.float32) / 255) ** 2.2 * random.uniform(0.5, 1.3)


def _invented(random: Generator, size: int) -> FloatArray:
    """Return an invented background (H, W, 3), linear RGB, no unit."""
    top, bottom = _color(random), _color(random)
    along = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    canvas = np.repeat(top + (bottom - top) * along, size, axis=1).astype(np.float32)
    kind = random.random()
    if kind < 0.25:  # a wall or a studio
        canvas *= 1 + 0.25 * _clouds(random, size, 5)[..., None]
    elif kind < 0.65:  # rooms and streets: boxes, poles, signs
        for _ in range(int(random.integers(5, 40))):
            x, y = (random.uniform(-0.2, 1.1, 2) * size).astype(int).tolist()
            w, h = (np.exp(random.uniform(-3.5, -0.3, 2)) * size).astype(int).tolist()
            cv2.rectangle(canvas, (x, y), (x + w + 1, y + h + 1), _color(random).tolist(), -1)
    elif kind < 0.85:  # foliage
        leaves = np.clip(0.5 + _clouds(random, size, 60) + 0.6 * _clouds(random, size, 18), 0, 2)[..., None]
        canvas = canvas * 0.3 + leaves * np.array([0.16, 0.24, 0.07]) * random.uniform(0.3, 1.4, 3)
    for _ in range(int(random.integers(0, 30)) if random.random() < 0.3 else 0):  # lights out of focus
        center = (random.random(2) * size).astype(int).tolist()
        cv2.circle(canvas, center, int(size * random.uniform(0.01, 0.05)), (2 * _color(random)).tolist(), -1)
    for _ in range(int(random.integers(0, 5))):  # other people and things, out of focus
        center, axes = (random.random(2) * size).astype(int).tolist(), (random.uniform(0.05, 0.25, 2) * size).astype(int)
        color = _color(random).tolist()
        cv2.ellipse(canvas, center, axes.tolist(), random.uniform(0, 180), 0, 360, color, -1)
    return np.ascontiguousarray(canvas * (1 + 0.3 * _clouds(random, size, 9)[..., None]), dtype=np.float32)


def _color(random: Generator) -> FloatArray:
    """Return a color (3,), linear RGB, no unit: mostly gray, sometimes vivid."""
    gray = random.uniform(0.01, 1.0) ** 1.6
    return np.clip(gray * np.exp(random.normal(0, random.choice([0.12, 0.5]), 3)), 0, 1.5)


def _clouds(random: Generator, size: int, cells: int) -> FloatArray:
    """Return smooth noise (H, W), no unit, with about `cells` spots across."""
    coarse = random.standard_normal((cells + 2, cells + 2)).astype(np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) * 0.5
