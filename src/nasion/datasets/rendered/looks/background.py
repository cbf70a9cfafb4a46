"""Backgrounds: photographs from a folder, or invented ones of soft shapes, lights, walls and foliage."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from nasion import images
from nasion.datasets.folders import files_below
from nasion.datasets.rendered.arrays import Floats
from nasion.errors import ImageError

__all__ = ["background_files", "sample_background"]

MIN_CROP_SHARE = 0.35
"""Smallest part of a photograph's shorter side that is shown."""


def background_files(folder: str | Path | None) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the image files in a folder that can be opened, and those that cannot; none without a folder.

    Raises:
        ImageError: the folder does not exist, or no image in it can be opened.
    """
    if folder is None:
        return (), ()
    if not Path(folder).is_dir():
        raise ImageError(f"{folder}: no such folder with backgrounds; check the path")
    good: list[Path] = []
    broken: list[Path] = []
    for path in files_below(Path(folder)):
        if path.suffix.lower() not in images.SUFFIXES:
            continue
        try:
            images.size(path)
        except ImageError:
            broken.append(path)
        else:
            good.append(path)
    if not good:
        raise ImageError(f"{folder}: no image in it can be read as a background; choose another folder")
    return tuple(good), tuple(broken)


def sample_background(random: Generator, size: int, light: Floats, photographs: Sequence[Path] = ()) -> Floats:
    """Return a random background (H, W, 3) float32, linear RGB.

    Args:
        random: source of randomness.
        size: height and width, px.
        light: (3,) mean radiance of the surroundings, which sets brightness and color of invented backgrounds.
        photographs: image files to choose from; without them, and for a damaged one, the background is invented.
    """
    background = None
    if len(photographs):
        with suppress(ImageError):  # its header can be read, but not its content
            background = _photograph(random, size, photographs[int(random.integers(len(photographs)))])
    if background is None:
        background = _invented(random, size) * (0.35 + 0.65 * light)
    blur = size / 256 * float(np.exp(random.uniform(np.log(0.4), np.log(9))))
    return cv2.GaussianBlur(background.astype(np.float32), (0, 0), max(blur, 0.3)).astype(np.float32)


def _photograph(random: Generator, size: int, path: Path) -> Floats:
    """Return a random part (H, W, 3) of an image file, linear RGB, no unit.

    Raises:
        ImageError: the file cannot be read.
    """
    image = images.read(path)
    height, width = image.shape[:2]
    side = max(int(min(height, width) * random.uniform(MIN_CROP_SHARE, 1)), 1)
    x, y = (int(random.integers(0, extent - side + 1)) for extent in (width, height))
    part = cv2.resize(image[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
    return (part[:, :: random.choice([-1, 1])].astype(np.float32) / 255) ** 2.2 * random.uniform(0.5, 1.3)


def _invented(random: Generator, size: int) -> Floats:
    """Return an invented background (H, W, 3), linear RGB, no unit."""
    top, bottom = _color(random), _color(random)
    along = np.linspace(0, 1, size, dtype=np.float32)[:, None, None] ** np.float32(np.exp(random.normal(0, 0.7)))
    canvas = np.ascontiguousarray(np.repeat(top + (bottom - top) * along, size, axis=1), dtype=np.float32)
    kind = random.random()
    if kind < 0.45:  # rooms and streets: boxes, poles, signs, in a few colors
        palette = [_color(random) for _ in range(int(random.integers(2, 6)))]
        for _ in range(int(random.integers(6, 60))):
            x, y = (random.uniform(-0.2, 1.1, 2) * size).astype(int).tolist()
            w, h = (np.exp(random.uniform(-4, -0.3, 2)) * size).astype(int).tolist()
            color = palette[random.integers(len(palette))] * random.uniform(0.6, 1.3)
            if random.random() < 0.3:
                turned = cv2.boxPoints(((x, y), (w + 1.0, h + 1.0), random.uniform(0, 90))).astype(np.int32)
                cv2.fillConvexPoly(canvas, turned, color.tolist(), cv2.LINE_AA)
            else:
                cv2.rectangle(canvas, (x, y), (x + w + 1, y + h + 1), color.tolist(), -1)
    elif kind < 0.7:  # foliage
        cells = int(random.integers(20, 70))
        leaves = np.clip(0.4 + _clouds(random, size, cells) + 0.7 * _clouds(random, size, cells // 4), 0, 2)[..., None]
        green = np.array([0.1, 0.15, 0.05]) * random.uniform(0.3, 1.5) * random.normal(1, 0.15, 3)
        canvas = canvas * 0.25 + leaves * green
    for _ in range(int(random.integers(0, 30)) if random.random() < 0.2 else 0):  # lights out of focus
        center = (random.random(2) * size).astype(int).tolist()
        cv2.circle(
            canvas, center, int(size * random.uniform(0.01, 0.04)), (2 * _color(random)).tolist(), -1, cv2.LINE_AA
        )
    for _ in range(int(random.integers(0, 3))):  # other people, out of focus
        _person(random, canvas)
    shade = 1 + 0.3 * _clouds(random, size, 3)[..., None] + 0.15 * _clouds(random, size, 12)[..., None]
    return np.ascontiguousarray(np.maximum(canvas * shade, 0), dtype=np.float32)


def _person(random: Generator, canvas: Floats) -> None:
    """Paint a person's shape on a canvas (H, W, 3), linear RGB, no unit."""
    size = canvas.shape[0]
    x, y = random.uniform(0, size), random.uniform(0.1, 0.6) * size
    head = size * random.uniform(0.03, 0.14)
    skin = np.array([0.5, 0.3, 0.2]) * random.uniform(0.1, 1.2)
    cloth = _color(random)
    body, hair, face = (1.9 * head, 2.2 * head), (0.85 * head, 1.05 * head), (0.72 * head, head)
    for lower, axes, color in ((3.2, body, cloth), (0.0, hair, cloth * 0.1), (0.2, face, skin)):
        outline = ((x, y + lower * head), (2 * axes[0], 2 * axes[1]), random.uniform(-8, 8))
        cv2.ellipse(canvas, outline, color.tolist(), -1, cv2.LINE_AA)


def _color(random: Generator) -> Floats:
    """Return a color (3,), linear RGB, no unit: mostly gray, sometimes vivid."""
    gray = random.uniform(0.05, 1.0) ** 2
    hue = np.array([1.08, 1.0, 0.9]) ** random.normal(0, 1.5)
    return np.clip(
        gray * hue * np.exp(random.normal(0, random.choice([0.05, 0.15, 0.45], p=[0.5, 0.35, 0.15]), 3)), 0, 1.2
    )


def _clouds(random: Generator, size: int, cells: int) -> Floats:
    """Return smooth noise (H, W), no unit, with about `cells` spots across."""
    coarse = random.standard_normal((cells + 2, cells + 2)).astype(np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) * 0.5
