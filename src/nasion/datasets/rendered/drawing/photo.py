"""What a camera makes of light: exposure, tone, blur, noise, compression."""

import cv2
import numpy as np
from numpy.random import Generator

from nasion import images
from nasion.datasets.rendered.arrays import Floats
from nasion.sample import Image

__all__ = ["develop"]

REFERENCE_PX = 256
"""Image size that lengths below refer to, px."""


def develop(random: Generator, scene: Floats, exposure_area: Floats, illuminant: Floats) -> Image:
    """Return the photograph (H, W, 3) uint8 RGB of a scene.

    Args:
        random: source of randomness.
        scene: (H, W, 3) linear RGB.
        exposure_area: (H, W) weights of the pixels that set the exposure.
        illuminant: (3,) mean color of the light, which the white balance removes, mostly.
    """
    weights = exposure_area + 0.02
    level = float((scene.mean(-1) * weights).sum() / weights.sum())
    target = np.exp(random.normal(np.log(0.2), 0.4))
    white = np.clip(illuminant / illuminant.mean(), 0.4, 2.5)
    scene = scene / white.astype(np.float32) ** random.uniform(0.55, 1.0)
    image = scene * (target / (level + 1e-4)) ** 0.8 * random.normal(1, 0.035, 3).astype(np.float32)
    image = _optics(random, image.astype(np.float32))
    image = _tone(random, image)
    image = _noise(random, image)
    return _store(random, (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))


def _optics(random: Generator, image: Floats) -> Floats:
    """Return linear light (H, W, 3), no unit, after blur, motion, glare and darker corners."""
    size = image.shape[0] / REFERENCE_PX
    kind = random.random()
    if kind < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), size * random.uniform(0.35, 1.5)).astype(np.float32)
    elif kind < 0.43:
        image = cv2.filter2D(image, -1, _motion(random, size)).astype(np.float32)
    if random.random() < 0.3:
        glow = cv2.GaussianBlur(image, (0, 0), size * random.uniform(4, 14))
        image = image + random.uniform(0.03, 0.2) * glow
    if random.random() < 0.3:
        y, x = np.meshgrid(*(np.linspace(-1, 1, extent, dtype=np.float32) for extent in image.shape[:2]), indexing="ij")
        image = image * (1 - random.uniform(0.05, 0.35) * (x * x + y * y) / 2)[..., None]
    return image


def _motion(random: Generator, size: float) -> Floats:
    """Return the kernel (L, L), no unit, of a straight movement of a few px."""
    length = int(size * random.uniform(2, 6)) * 2 + 1
    angle = random.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    half = length // 2
    dx, dy = half * np.cos(angle), half * np.sin(angle)
    first = (round((half - dx) * 16), round((half - dy) * 16))
    last = (round((half + dx) * 16), round((half + dy) * 16))
    cv2.line(kernel, first, last, (1.0,), 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def _tone(random: Generator, image: Floats) -> Floats:
    """Return sRGB (H, W, 3), 0 to 1, of linear light: highlights roll off, contrast and saturation vary."""
    shoulder = random.uniform(0.0, 0.5)
    image = np.maximum(image, 0)
    rolled = image * (1 + image * 0.25) / (1 + image)
    image = (1 - shoulder) * image + shoulder * rolled * 1.5
    image = np.minimum(image, 4) ** np.float32(1 / 2.2)
    gray = image.mean(-1, keepdims=True)
    saturation = 0.0 if random.random() < 0.06 else random.normal(0.9, 0.16)
    image = gray + (image - gray) * np.float32(saturation)
    pivot, contrast = random.uniform(0.35, 0.6), random.normal(1.12, 0.14)
    return ((image - pivot) * contrast + pivot + random.normal(0, 0.02)).astype(np.float32)


def _noise(random: Generator, image: Floats) -> Floats:
    """Return sRGB (H, W, 3), 0 to 1, with the noise of a sensor, more in bright parts of the linear light."""
    strength = 0.003 + 0.05 * random.random() ** 4
    grain = random.standard_normal(image.shape, dtype=np.float32)
    if random.random() < 0.5:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.6) * 1.8
    return image + grain * np.float32(strength) * (0.6 + 0.4 * np.sqrt(np.clip(image, 0, 1)))


def _store(random: Generator, image: Image) -> Image:
    """Return the image (H, W, 3) uint8 RGB after a loss of resolution, sharpening and JPEG."""
    height, width = image.shape[:2]
    if random.random() < 0.2:
        share = random.uniform(0.3, 0.85)
        small = cv2.resize(image, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA)
        kind = int(random.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
        image = cv2.resize(small, (width, height), interpolation=kind).astype(np.uint8)
    if random.random() < 0.2:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        amount = random.uniform(0.3, 1.0)
        image = cv2.addWeighted(image, 1 + amount, soft, -amount, 0).astype(np.uint8)
    if random.random() < 0.75:
        quality = int(random.integers(35, 96))
        packed = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = images.decode(packed.tobytes(), "a photograph")
    return np.ascontiguousarray(image)
