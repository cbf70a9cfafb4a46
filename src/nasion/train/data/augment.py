"""Augmentation: a variation is sampled once as numbers, then applied, so that it can be replayed, tested and shown.

Everything that moves points is one affine map of the crop; image and points go through the same matrix. Everything else
changes the pixels of the finished crop.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log, log1p
from typing import cast

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nasion.geometry import Affine, FloatArray
from nasion.train.config import AugmentConfig, PhotoConfig

__all__ = ["Augmentation", "sample_augmentation"]

GRAY_WEIGHTS = np.array([[0.299, 0.587, 0.114]], np.float32)
"""Luma weights of ITU-R BT.601, as in JPEG and OpenCV."""


JPEG_BEST = 95
"""Quality from which a JPEG compression is invisible."""


@dataclass(frozen=True)
class Augmentation:
    """One sampled variation; the default changes nothing.

    Attributes:
        mirror: whether left and right are swapped, before everything else.
        rotation_deg, scale, stretch, shear: of the crop about its center; scale and stretch are factors.
        shift: (x, y), shares of the crop's width and height.
        gain, offset, gamma: of the values 0 to 1, per channel (3,).
        gray: whether the crop becomes gray.
        blur_px: standard deviation, 0 for none.
        shrink: factor, up to 1, by which the crop is reduced before it is enlarged again, as from a small face.
        noise: standard deviation, of 255, and the seed of its pattern.
        jpeg: quality, 1 to 100, of a JPEG compression; 0 for none.
        patch: (x0, y0, x1, y1) shares of the crop, and a gray value; empty for none.
    """

    mirror: bool = False
    rotation_deg: float = 0.0
    scale: float = 1.0
    stretch: float = 1.0
    shear: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: float = 0.0
    gamma: float = 1.0
    gray: bool = False
    blur_px: float = 0.0
    shrink: float = 1.0
    noise: tuple[float, int] = (0.0, 0)
    jpeg: int = 0
    patch: tuple[float, float, float, float, float] | None = None

    def affine(self, size: tuple[int, int]) -> Affine:
        """Return the map of a crop of `size` (height, width), px, onto its variation."""
        height, width = size
        center = np.array([width - 1, height - 1]) / 2
        shape = np.array([[self.scale * self.stretch, self.shear], [0.0, self.scale / self.stretch]])
        moved = Affine.translation(self.shift[0] * width, self.shift[1] * height)
        turned = Affine.rotation(self.rotation_deg, center) @ Affine.linear(shape, center)
        return moved @ turned @ (Affine.mirror(width) if self.mirror else Affine.identity())

    def covers(self, keypoints: FloatArray, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Return which points (K, 2), crop px, the patch covers in a crop of `size` (height, width), px."""
        if self.patch is None:
            return np.zeros(len(keypoints), bool)
        x0, y0, x1, y1, _ = self.patch
        shares = (keypoints + 0.5) / size[::-1]
        return np.asarray(((shares >= [x0, y0]) & (shares < [x1, y1])).all(-1))

    def change_pixels(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the crop (H, W, C) uint8 with another light and quality and a hidden part; points do not move.

        The order is that of a camera: light, optics, resolution, noise, compression.
        """
        height, width, channels = crop.shape
        if self.gray and channels > 1:
            crop = _shaped(cv2.transform(crop, np.repeat(GRAY_WEIGHTS, channels, axis=0)), channels)
        if self.offset or self.gamma != 1 or self.gain != (1, 1, 1):
            crop = _shaped(cv2.LUT(crop, self._table(channels)), channels)
        if self.patch:
            crop = self._hide(crop, self.patch)
        if self.blur_px:
            crop = _shaped(cv2.GaussianBlur(crop, (0, 0), self.blur_px), channels)
        if self.shrink < 1:
            small = max(1, round(width * self.shrink)), max(1, round(height * self.shrink))
            crop = _shaped(cv2.resize(crop, small, interpolation=cv2.INTER_AREA), channels)
        if self.noise[0]:
            crop = self._add_noise(crop, (height, width))
        if self.jpeg:
            crop = _compressed(crop, self.jpeg)
        if self.shrink < 1:
            crop = _shaped(cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR), channels)
        return crop

    def _table(self, channels: int) -> NDArray[np.uint8]:
        values = np.linspace(0, 1, 256)[:, None] ** self.gamma * np.array(self.gain[:channels]) + self.offset
        return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)[None]

    def _hide(self, crop: NDArray[np.uint8], patch: tuple[float, ...]) -> NDArray[np.uint8]:
        height, width, _ = crop.shape
        x0, x1 = round(patch[0] * width), round(patch[2] * width)
        y0, y1 = round(patch[1] * height), round(patch[3] * height)
        crop = crop.copy()
        crop[y0:y1, x0:x1] = round(patch[4] * 255)
        return crop

    def _add_noise(self, crop: NDArray[np.uint8], full: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the crop (h, w, C) with noise; `full` is the (height, width) of the crop before it shrank, px."""
        deviation, seed = self.noise
        height, width, channels = crop.shape
        down, right = divmod(seed % NOISE_ROOM**2, NOISE_ROOM)
        part = _noise(*full)[down : down + height, right : right + width, :channels]
        grain = np.rint(part * np.float32(deviation)).astype(np.int16)
        return _shaped(cv2.add(crop, grain, dtype=cv2.CV_8U), channels)


NOISE_ROOM = 64
"""Number of offsets per direction at which a crop reads the noise; new noise would cost more than the crop."""


@lru_cache(maxsize=4)
def _noise(height: int, width: int) -> NDArray[np.float32]:
    """Return white noise of unit deviation (height + room, width + room, 3), larger than a crop."""
    return np.random.default_rng(0).standard_normal((height + NOISE_ROOM, width + NOISE_ROOM, 3), dtype=np.float32)


def _compressed(crop: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return the crop (H, W, C) uint8, gray or RGB, after a JPEG compression."""
    _, content = cv2.imencode(".jpg", np.ascontiguousarray(crop[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    channels = crop.shape[2]
    flag = cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE
    return np.ascontiguousarray(_shaped(cast(np.ndarray, cv2.imdecode(content, flag)), channels)[..., ::-1])


def _shaped(crop: np.ndarray, channels: int) -> NDArray[np.uint8]:
    """Return OpenCV's result (H, W, C) with its channel axis, which OpenCV drops from gray crops."""
    return np.asarray(crop, np.uint8).reshape(*crop.shape[:2], channels)


def sample_augmentation(config: AugmentConfig, random: Generator) -> Augmentation:
    """Return a random variation within the limits of `config`; it is determined by the generator's state."""
    photo = config.photo
    u = random.uniform(-1, 1, 12)
    chance = random.random(5)
    bad = random.random((2, 3))
    contrast = exp(u[7] * log1p(photo.contrast))
    tint = np.exp(random.uniform(-1, 1, 3) * log1p(photo.color))
    red, green, blue = (contrast * tint).tolist()
    varied = Augmentation(
        mirror=bool(chance[0] < config.flip),
        rotation_deg=u[0] * config.rotation_deg,
        scale=exp(u[1] * log1p(config.scale)),
        stretch=exp(u[2] * log1p(config.stretch) / 2),
        shear=u[3] * config.shear,
        shift=(u[4] * config.shift, u[5] * config.shift),
        gain=(red, green, blue),
        offset=u[8] * photo.brightness + (1 - contrast) / 2,  # contrast about mid-gray
        gamma=exp(u[9] * log1p(photo.gamma)),
        gray=bool(chance[1] < photo.gray),
        blur_px=abs(u[10]) * photo.blur_px if chance[2] < photo.blur else 0.0,
        noise=(abs(u[11]) * photo.noise_level if chance[3] < photo.noise else 0.0, int(random.integers(2**31))),
        patch=_patch(photo, random) if chance[4] < photo.occlude else None,
    )
    return _worse(varied, photo, *bad)


def _worse(varied: Augmentation, photo: PhotoConfig, chance: FloatArray, amount: FloatArray) -> Augmentation:
    """Return the variation with the low quality of a bad photograph: dark, small, compressed.

    `chance` (3,) decides whether, and `amount` (3,) how much, from 0 to 1.
    """
    dark = exp(amount[0] * log(photo.dark_gain)) if chance[0] < photo.dark else 1.0
    red, green, blue = varied.gain
    return replace(
        varied,
        gain=(red * dark, green * dark, blue * dark),
        offset=varied.offset * dark,
        shrink=exp(amount[1] * log(photo.small_scale)) if chance[1] < photo.small else 1.0,
        jpeg=round(JPEG_BEST + amount[2] * (photo.jpeg_quality - JPEG_BEST)) if chance[2] < photo.jpeg else 0,
    )


def _patch(photo: PhotoConfig, random: Generator) -> tuple[float, float, float, float, float]:
    width, height = random.uniform(0.1 * photo.occlude_side, photo.occlude_side, 2)
    x, y = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    return x, y, x + width, y + height, random.random()
