"""Fifteen kinds of corruption of an image at five severities each. No kind moves a point.

The strengths of all 75 are constants of this module. Lengths are shares of the face's size, which is the geometric mean
of the width and height of the box around its points, so that a severity means the same for a small and a large face.
Random parameters, such as the position of a patch, depend only on the face and the kind, so that a higher severity
changes more of the same image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion.geometry import FloatArray, box_center, box_size
from nasion.sample import Image

__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption", "corrupt"]

SEVERITIES = (1, 2, 3, 4, 5)

WHITE = 255.0

Apply = Callable[[Image, float, FloatArray, np.random.Generator], Image]
"""Returns a corrupted copy of an image (H, W, 3) uint8 RGB, of a strength, around the box (4,) of a face, image px."""


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption.

    Attributes:
        name: its name in tables.
        unit: of `values`.
        values: the strength at each severity.
        apply: corrupts an image.
    """

    name: str
    unit: str
    values: tuple[float, float, float, float, float]
    apply: Apply


def corrupt(image: Image, kind: int, severity: int, box: FloatArray, key: str) -> Image:
    """Return a corrupted copy of an image (H, W, 3) uint8 RGB.

    Args:
        image: (H, W, 3) uint8 RGB.
        kind: index in `CORRUPTIONS`.
        severity: 1 to 5.
        box: (4,) around the face's points, image px.
        key: the face's name, which seeds the random generator.
    """
    corruption = CORRUPTIONS[kind]
    random = np.random.default_rng([crc32(key.encode("utf-8", "surrogateescape")), kind])
    return corruption.apply(image, corruption.values[severity - 1], box, random)


def _to_bytes(values: NDArray[np.floating[Any]]) -> Image:
    """Return gray values (H, W, 3), 0 to 255 or beyond, as an image."""
    return np.clip(np.rint(values), 0, WHITE).astype(np.uint8)


# ---------------------------------------------------------------------------------------------------------------- noise


def _gaussian_noise(image: Image, deviation: float, _box: FloatArray, random: np.random.Generator) -> Image:
    noise = random.standard_normal(image.shape, dtype=np.float32)
    return _to_bytes(image + deviation * noise)


def _shot_noise(image: Image, photons: float, _box: FloatArray, random: np.random.Generator) -> Image:
    return _to_bytes(random.poisson(image * (photons / WHITE)) * (WHITE / photons))


def _impulse_noise(image: Image, share: float, _box: FloatArray, random: np.random.Generator) -> Image:
    chance = random.random(image.shape[:2], dtype=np.float32)
    noisy = image.copy()
    noisy[chance < share / 2] = 0
    noisy[chance > 1 - share / 2] = 255
    return noisy


# ----------------------------------------------------------------------------------------------------------------- blur


def _gaussian_blur(image: Image, share: float, box: FloatArray, _random: np.random.Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), share * box_size(box)), np.uint8)


def _defocus(image: Image, share: float, box: FloatArray, _random: np.random.Generator) -> Image:
    radius = share * box_size(box)
    x, y = _grid(radius)
    return _filtered(image, np.clip(radius + 0.5 - np.hypot(x, y), 0, 1))


def _motion_blur(image: Image, share: float, box: FloatArray, random: np.random.Generator) -> Image:
    half, angle = share * box_size(box) / 2, random.uniform(0, np.pi)
    x, y = _grid(half)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    distance = np.hypot(np.maximum(np.abs(along) - half, 0), across)
    return _filtered(image, np.clip(1 - distance, 0, 1))


def _grid(radius: float) -> tuple[FloatArray, FloatArray]:
    """Return x and y, px, of the pixels of a kernel of this radius, px, relative to its center."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    return x, y


def _filtered(image: Image, kernel: FloatArray) -> Image:
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


# ----------------------------------------------------------------------------------------------- resolution and storage


def _low_resolution(image: Image, face_px: float, box: FloatArray, _random: np.random.Generator) -> Image:
    scale = face_px / box_size(box)
    if scale >= 1:
        return image.copy()
    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _jpeg(image: Image, quality: float, _box: FloatArray, _random: np.random.Generator) -> Image:
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    decoded = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


# ------------------------------------------------------------------------------------------------------ light and color


def _gain(image: Image, factor: float, _box: FloatArray, _random: np.random.Generator) -> Image:
    return _to_bytes(image * factor)


def _contrast(image: Image, factor: float, _box: FloatArray, _random: np.random.Generator) -> Image:
    middle = image.mean()
    return _to_bytes(middle + factor * (image - middle))


FOG_GRAY = 230.0
"""Gray value of fog."""

FOG_CELLS = 4
"""Number of cells across the image in which the density of fog varies, by up to a quarter."""


def _fog(image: Image, density: float, _box: FloatArray, random: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    cells = random.uniform(0.75, 1.25, (FOG_CELLS, FOG_CELLS))
    share = np.clip(density * cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)[..., None]
    return _to_bytes(image * (1 - share) + FOG_GRAY * share)


def _color_cast(image: Image, strength: float, _box: FloatArray, random: np.random.Generator) -> Image:
    direction = random.standard_normal(3)
    direction -= direction.mean()
    return _to_bytes(image * np.exp(strength * direction / np.linalg.norm(direction)))


# ------------------------------------------------------------------------------------------------------------ occlusion

PATCH_SHARE = 0.15
"""Side of a patch, as a share of the face's size."""

BAR_PERIOD = 0.5
"""Distance between bars, as a share of the face's size."""

MAX_PATCHES = 400


def _patches(image: Image, share: float, box: FloatArray, random: np.random.Generator) -> Image:
    """Cover a share of the box with squares of random colors."""
    hidden = image.copy()
    covered = np.zeros(image.shape[:2], bool)
    half = PATCH_SHARE * box_size(box) / 2
    inside = _slices(box, image.shape)
    for _ in range(MAX_PATCHES):
        center, color = random.uniform(box[:2], box[2:]), random.integers(0, 256, 3, dtype=np.uint8)
        place = _slices(np.concatenate([center - half, center + half]), image.shape)
        hidden[place], covered[place] = color, True
        if covered[inside].mean() >= share:
            break
    return hidden


def _slices(box: FloatArray, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of the pixels in a box (4,), px, of an image of this shape."""
    x0, y0, x1, y1 = np.rint(box).astype(int)
    height, width = shape[:2]
    return slice(max(0, min(y0, height - 1)), max(1, y1 + 1)), slice(max(0, min(x0, width - 1)), max(1, x1 + 1))


def _bars(image: Image, share: float, box: FloatArray, random: np.random.Generator) -> Image:
    """Cover a share of the image with parallel bars of one color and a random direction."""
    angle, phase = random.uniform(0, np.pi), random.uniform()
    color = random.integers(0, 256, 3, dtype=np.uint8)
    (cx, cy), period = box_center(box), BAR_PERIOD * box_size(box)
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    place = ((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) / period + phase
    hidden = image.copy()
    hidden[np.abs(place - np.rint(place)) < share / 2] = color
    return hidden


CORRUPTIONS = (
    Corruption("Gaussian noise", "standard deviation of 255", (8, 16, 28, 42, 60), _gaussian_noise),
    Corruption("shot noise", "photons of a white pixel", (250, 100, 45, 20, 10), _shot_noise),
    Corruption("impulse noise", "share of the pixels", (0.01, 0.03, 0.06, 0.11, 0.18), _impulse_noise),
    Corruption("Gaussian blur", "sigma / face size", (0.005, 0.01, 0.015, 0.022, 0.03), _gaussian_blur),
    Corruption("defocus", "radius / face size", (0.01, 0.018, 0.026, 0.036, 0.05), _defocus),
    Corruption("motion blur", "length / face size", (0.02, 0.04, 0.07, 0.10, 0.14), _motion_blur),
    Corruption("low resolution", "face size, px", (64, 48, 32, 24, 16), _low_resolution),
    Corruption("JPEG", "quality", (40, 25, 15, 9, 5), _jpeg),
    Corruption("dark", "factor", (0.5, 0.3, 0.18, 0.1, 0.05), _gain),
    Corruption("bright", "factor", (1.2, 1.4, 1.7, 2.1, 2.7), _gain),
    Corruption("contrast", "factor", (0.6, 0.4, 0.25, 0.15, 0.08), _contrast),
    Corruption("patches", "share of the face", (0.08, 0.15, 0.22, 0.3, 0.4), _patches),
    Corruption("bars", "share of the face", (0.08, 0.15, 0.22, 0.3, 0.4), _bars),
    Corruption("fog", "density", (0.25, 0.4, 0.55, 0.67, 0.78), _fog),
    Corruption("color cast", "log gain", (0.2, 0.4, 0.6, 0.9, 1.2), _color_cast),
)
"""All kinds, with the strengths of their five severities."""
