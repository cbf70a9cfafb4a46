"""Paints projected curves as an image: background, shoulders, hair, shaded skin, eyes, brows, nose and mouth."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nasion.datasets.drawn.head import Curves, Shot
from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["Appearance", "paint", "sample_appearance"]

Color = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""

SUBPIXEL = 4
"""Number of fractional bits of coordinates in OpenCV's drawing functions: sixteenths of a px."""

SKINS = ((244, 208, 184), (233, 190, 160), (214, 164, 130), (186, 132, 98), (140, 94, 68), (96, 62, 46))
HAIRS = ((38, 28, 24), (70, 46, 30), (112, 74, 42), (168, 122, 70), (206, 172, 112), (150, 148, 146), (150, 66, 36))
IRISES = ((92, 60, 36), (110, 128, 80), (92, 124, 156), (70, 84, 96))


@dataclass(frozen=True)
class Appearance:
    """The colors and hair style of one person."""

    skin: Color
    hair: Color
    iris: Color
    lips: Color
    shirt: Color
    long_hair: bool
    bald: bool
    beard: float  # 0 to 1
    brow_width: float  # head units


def sample_appearance(random: Generator) -> Appearance:
    """Return a random appearance."""

    def near(color: Color, deviation: float = 8.0) -> Color:
        r, g, b = np.clip(np.array(color) + random.normal(0, deviation, 3), 10, 250).tolist()
        return r, g, b

    skin = near(SKINS[random.integers(len(SKINS))], 5)
    long_hair = bool(random.random() < 0.45)
    return Appearance(
        skin=skin,
        hair=near(HAIRS[random.integers(len(HAIRS))]),
        iris=near(IRISES[random.integers(len(IRISES))], 5),
        lips=near((skin[0] * 0.85, skin[1] * 0.62, skin[2] * 0.62), 6),
        shirt=near((random.uniform(30, 220), random.uniform(30, 220), random.uniform(30, 220))),
        long_hair=long_hair,
        bald=bool(not long_hair and random.random() < 0.15),
        beard=float(random.uniform(0.2, 0.8)) if not long_hair and random.random() < 0.4 else 0.0,
        brow_width=float(random.uniform(0.035, 0.065)),
    )


def paint(curves: Curves, appearance: Appearance, shot: Shot, random: Generator, size: tuple[int, int]) -> Image:
    """Return the image of a head.

    Args:
        curves: projected curves (N, 2), image px.
        appearance: colors and hair style.
        shot: light and size of the head.
        random: source of the background and the camera effects.
        size: (height, width) of the image, px.

    Returns: (H, W, 3) uint8 RGB.
    """
    canvas = _background(random, size)
    unit = shot.unit_px
    _paint_shoulders(canvas, curves, appearance, unit)
    if appearance.long_hair:
        _paint_hair_behind(canvas, curves, appearance, unit)
    for side in ("left", "right"):
        _fill(canvas, curves[f"{side}_ear"], _scaled_color(appearance.skin, 0.88))
    outline = np.concatenate([curves["jaw"], curves["skull"]])
    _fill(canvas, outline, appearance.skin)
    face = _patch(size, [outline])
    skin = np.zeros(size, np.float32)
    skin[face.part] = face.weight
    _shade(canvas, face, outline, shot)
    _tint_skin(canvas, curves, appearance, unit, skin)
    _paint_nose(canvas, curves, appearance, shot, skin)
    for side in ("left", "right"):
        _paint_eye(canvas, curves, side, appearance, unit)
        _paint_brow(canvas, curves[f"{side}_brow"], appearance, unit)
    _paint_mouth(canvas, curves, appearance, unit)
    _paint_hair(canvas, curves, appearance, unit)
    return _camera_effects(canvas, random)


def _fixed_point(curve: FloatArray) -> NDArray[np.int32]:
    return np.rint(curve * 2**SUBPIXEL).astype(np.int32)


def _fill(canvas: np.ndarray, outline: FloatArray, color: Color) -> None:
    cv2.fillPoly(canvas, [_fixed_point(outline)], color, cv2.LINE_AA, SUBPIXEL)


def _stroke(canvas: np.ndarray, curve: FloatArray, color: Color, width_px: float) -> None:
    cv2.polylines(canvas, [_fixed_point(curve)], False, color, max(1, round(width_px)), cv2.LINE_AA, SUBPIXEL)


class Patch(NamedTuple):
    """A shape with soft edges: the part of the canvas that it covers, and its weight there (h, w), 0 to 1."""

    part: tuple[slice, slice]
    weight: NDArray[np.float32]

    def within(self, skin: NDArray[np.float32]) -> "Patch":
        """Return the shape limited to the skin, whose weight is (H, W), 0 to 1."""
        return Patch(self.part, self.weight * skin[self.part])


def _patch(size: tuple[int, int], outlines: list[FloatArray], blur_px: float = 0.0) -> Patch:
    """Return filled outlines (N, 2), image px, with edges softened by `blur_px`, computed in their bounding box."""
    reach = 3 * blur_px + 2
    low = np.floor(np.min([o.min(0) for o in outlines], axis=0) - reach)
    high = np.ceil(np.max([o.max(0) for o in outlines], axis=0) + reach)
    limits = np.array(size[::-1])
    x0, y0 = np.clip(low, 0, limits - 1).astype(int).tolist()
    x1, y1 = np.clip(high, 1, limits).astype(int).tolist()
    mask = np.zeros((max(1, y1 - y0), max(1, x1 - x0)), np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [_fixed_point(outline - [x0, y0])], (255,), cv2.LINE_AA, SUBPIXEL)
    soft = cv2.GaussianBlur(mask, (0, 0), blur_px) if blur_px else mask
    return Patch(
        (slice(y0, y0 + mask.shape[0]), slice(x0, x0 + mask.shape[1])), np.asarray(soft, np.float32) / np.float32(255)
    )


def _blend(canvas: Image, patch: Patch, color: Color, strength: float) -> None:
    """Blend a color into the canvas (H, W, 3), uint8 RGB, with the weight of the patch times `strength`."""
    weight = patch.weight[..., None] * np.float32(strength)
    under = canvas[patch.part]
    canvas[patch.part] = np.rint(under + (np.array(color, np.float32) - under) * weight).astype(np.uint8)


def _scaled_color(color: Color, factor: float) -> Color:
    return color[0] * factor, color[1] * factor, color[2] * factor


def _background(random: Generator, size: tuple[int, int]) -> Image:
    """Return blurred rectangles over a color gradient, (H, W, 3) uint8 RGB."""
    small = (max(2, size[0] // 8), max(2, size[1] // 8))
    ends = _muted_colors(random, (2, 3))
    slope = np.linspace(0, 1, small[1])[None, :, None]
    canvas = np.broadcast_to(ends[0] * (1 - slope) + ends[1] * slope, (*small, 3)).astype(np.uint8).copy()
    for _ in range(random.integers(0, 9)):
        low = random.integers(-10, [small[1], small[0]])
        side = random.integers(4, 40, 2)
        cv2.rectangle(canvas, low.tolist(), (low + side).tolist(), _muted_colors(random, (3,)).tolist(), -1)
    canvas = cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), random.uniform(1, 12)), np.uint8)


def _muted_colors(random: Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return colors (..., 3), RGB, 0 to 255, as in rooms: a gray with a slight tint."""
    gray = random.uniform(40, 225, (*shape[:-1], 1))
    return np.clip(gray + random.normal(0, 22, shape), 0, 255)


def _paint_shoulders(canvas: Image, curves: Curves, appearance: Appearance, unit: float) -> None:
    chin = curves["jaw"][len(curves["jaw"]) // 2]
    left, right = chin + np.array([-0.5, -0.5]) * unit, chin + np.array([0.5, -0.5]) * unit
    base = chin[1] + 0.35 * unit
    neck = np.array([left, right, [right[0], base + unit], [left[0], base + unit]])
    _fill(canvas, neck, _scaled_color(appearance.skin, 0.72))
    slope = np.linspace(-1, 1, 33)
    x = chin[0] + 2.1 * unit * slope
    y = base + unit * (0.1 + 0.55 * np.abs(slope) ** 1.7 + 0.25 * np.exp(-((slope / 0.2) ** 2)))
    bottom = np.array([[x[-1], canvas.shape[0] + unit], [x[0], canvas.shape[0] + unit]])
    _fill(canvas, np.concatenate([np.stack([x, y], -1), bottom]), appearance.shirt)


def _paint_hair_behind(canvas: Image, curves: Curves, appearance: Appearance, unit: float) -> None:
    top = _pushed_outward(curves["skull"], curves, 0.16 * unit)
    low = curves["jaw"].mean(0)[1] + 0.75 * unit
    ends = np.array([[top[-1, 0] - 0.18 * unit, low], [top[0, 0] + 0.18 * unit, low]])
    _fill(canvas, np.concatenate([top, ends]), _scaled_color(appearance.hair, 0.8))


def _paint_hair(canvas: Image, curves: Curves, appearance: Appearance, unit: float) -> None:
    if appearance.bald:
        return
    cap = np.concatenate([_pushed_outward(curves["skull"], curves, 0.1 * unit), curves["hairline"]])
    mask = _patch(canvas.shape[:2], [cap], 0.02 * unit)
    _blend(canvas, mask, appearance.hair, 1.0)
    crown = np.stack([curves["skull"][24:41:4], 0.6 * curves["skull"][24:41:4] + 0.4 * curves["hairline"][40:23:-4]], 1)
    for lock in crown:
        _stroke(canvas, lock, _scaled_color(appearance.hair, 1.25), 0.02 * unit)


def _pushed_outward(curve: FloatArray, curves: Curves, px: float) -> FloatArray:
    center = np.concatenate([curves["jaw"], curves["skull"]]).mean(0)
    away = curve - center
    return curve + away / np.linalg.norm(away, axis=1, keepdims=True) * px


def _shade(canvas: Image, face: Patch, outline: FloatArray, shot: Shot) -> None:
    """Shade the skin as an ellipsoid under the light of the shot."""
    low, high = outline.min(0), outline.max(0)
    v = _across(face.part[0], low[1], high[1])[:, None]
    u = _across(face.part[1], low[0], high[0])
    z = np.sqrt(np.maximum(0.05, 1 - u * u - v * v))
    light = np.array(shot.light) / np.linalg.norm(shot.light)
    lit = np.maximum(0, u * light[0] + v * light[1] + z * light[2]) / np.sqrt(u * u + v * v + z * z)
    shade = shot.ambient + (1.15 - shot.ambient) * lit
    canvas[face.part] = np.clip(canvas[face.part] * (1 + face.weight * (shade - 1))[..., None], 0, 255).astype(np.uint8)


def _across(pixels: slice, low: float, high: float) -> NDArray[np.floating]:
    """Return the coordinates (N,) of pixels on the ellipsoid, no unit: -0.9 at `low` px, 0.9 at `high` px."""
    return 1.8 * (np.arange(pixels.start, pixels.stop, dtype=np.float32) - (low + high) / 2) / (high - low)


def _tint_skin(canvas: Image, curves: Curves, appearance: Appearance, unit: float, skin: NDArray[np.float32]) -> None:
    """Redden the cheeks, and darken the eye sockets and the beard."""
    for side in ("left", "right"):
        eye, lip = curves[f"{side}_lower_lid"].mean(0), curves["upper_lip"][0 if side == "left" else -1]
        cheek = _disc(0.45 * eye + 0.55 * lip + (eye - lip) * [0.4, 0], 0.2 * unit)
        _blend(canvas, _patch(canvas.shape[:2], [cheek], 0.12 * unit).within(skin), (205, 90, 80), 0.16)
        hollow = np.concatenate([curves[f"{side}_brow"], curves[f"{side}_lower_lid"][::-1]])
        _blend(canvas, _patch(canvas.shape[:2], [hollow], 0.05 * unit).within(skin), (60, 35, 30), 0.22)
    if appearance.beard:
        jaw = curves["jaw"][12:-12]
        beard = np.concatenate([jaw, (0.55 * jaw + 0.45 * curves["lower_lip"].mean(0))[::-1]])
        lip = np.concatenate([curves["left_nose"][-12:], curves["right_nose"][-12:][::-1], curves["upper_lip"][::-1]])
        patch = _patch(canvas.shape[:2], [beard, lip], 0.04 * unit).within(skin)
        _blend(canvas, patch, appearance.hair, appearance.beard)


def _disc(center: FloatArray, radius: float) -> FloatArray:
    angle = np.linspace(0, 2 * np.pi, 33)
    return center + radius * np.stack([np.cos(angle), np.sin(angle)], -1)


def _paint_nose(canvas: Image, curves: Curves, appearance: Appearance, shot: Shot, skin: NDArray[np.float32]) -> None:
    unit, bridge = shot.unit_px, curves["bridge"]
    left, right = curves["left_nose"], curves["right_nose"]
    shadow = left if shot.light[0] > 0 else right
    side = np.concatenate([bridge, shadow[-1:], shadow[::-1]])
    _blend(canvas, _patch(canvas.shape[:2], [side], 0.03 * unit).within(skin), (50, 28, 22), 0.3)
    base = np.concatenate([left[40:], right[40:][::-1]])
    under = np.concatenate([base, base[::-1] + np.array([0, 0.06 * unit])])
    _blend(canvas, _patch(canvas.shape[:2], [under], 0.025 * unit).within(skin), (50, 28, 22), 0.45)
    _blend(canvas, _patch(canvas.shape[:2], [_disc(bridge[-6], 0.05 * unit)], 0.03 * unit), (255, 245, 235), 0.35)
    for half in (left, right):
        _stroke(canvas, half[36:], _scaled_color(appearance.skin, 0.55), 0.018 * unit)
        nostril = 0.55 * half[54] + 0.45 * half[-1] - [0, 0.012 * unit]
        _fill(canvas, _disc(nostril, 0.03 * unit) * [1, 0.6] + nostril * [0, 0.4], _scaled_color(appearance.skin, 0.25))


def _paint_eye(canvas: Image, curves: Curves, side: str, appearance: Appearance, unit: float) -> None:
    upper, lower = curves[f"{side}_upper_lid"], curves[f"{side}_lower_lid"]
    opening = np.concatenate([upper, lower[::-1]])
    lids = _patch(canvas.shape[:2], [opening])
    corner = np.array([lids.part[1].start, lids.part[0].start])
    eye = canvas[lids.part].copy()  # the weight below leaves out what the lids hide
    _fill(eye, opening - corner, (238, 232, 228))
    iris = curves[f"{side}_iris"] - corner
    center = iris.mean(0)
    _fill(eye, iris, appearance.iris)
    _fill(eye, center + 0.45 * (iris - center), (12, 10, 10))
    _fill(eye, _disc(center + np.array([-0.018, -0.02]) * unit, 0.014 * unit), (255, 255, 255))
    weight = lids.weight[..., None]
    canvas[lids.part] = np.rint(canvas[lids.part] * (1 - weight) + eye * weight).astype(np.uint8)
    _stroke(canvas, upper, (30, 20, 18), 0.026 * unit)
    _stroke(canvas, lower, _scaled_color(appearance.skin, 0.6), 0.012 * unit)


def _paint_brow(canvas: Image, curve: FloatArray, appearance: Appearance, unit: float) -> None:
    t = np.linspace(0, 1, len(curve))[:, None]
    half = appearance.brow_width / 2 * unit * (1 - 0.65 * t) * np.minimum(1, 0.4 + 6 * t)
    brow = np.concatenate([curve - half * [0, 1], (curve + half * [0, 1])[::-1]])
    color = _scaled_color(appearance.hair, 0.75)
    _blend(canvas, _patch(canvas.shape[:2], [brow], 0.008 * unit), color, 0.92)


def _paint_mouth(canvas: Image, curves: Curves, appearance: Appearance, unit: float) -> None:
    outer = np.concatenate([curves["upper_lip"], curves["lower_lip"][::-1]])
    inner = np.concatenate([curves["upper_inner"], curves["lower_inner"][::-1]])
    _blend(canvas, _patch(canvas.shape[:2], [outer], 0.008 * unit), appearance.lips, 0.9)
    upper = np.concatenate([curves["upper_lip"], curves["upper_inner"][::-1]])
    _blend(canvas, _patch(canvas.shape[:2], [upper], 0.01 * unit), (40, 15, 15), 0.18)
    _fill(canvas, inner, (52, 20, 20))
    gap = float((curves["lower_inner"] - curves["upper_inner"])[:, 1].max())
    if gap > 0.04 * unit:
        reach = np.minimum(0.55 * (curves["lower_inner"] - curves["upper_inner"]), 0.07 * unit)
        teeth = np.concatenate([curves["upper_inner"], (curves["upper_inner"] + reach)[::-1]])
        _fill(canvas, teeth, (236, 230, 220))
    _stroke(canvas, curves["upper_inner"], (60, 22, 22), 0.014 * unit)
    below = curves["lower_lip"].mean(0) + np.array([0, 0.12 * unit])
    shadow = _disc(below, 0.07 * unit) * [1, 0.5] + below * [0, 0.5]
    _blend(canvas, _patch(canvas.shape[:2], [shadow], 0.04 * unit), (60, 35, 30), 0.2)


def _camera_effects(canvas: Image, random: Generator) -> Image:
    """Return the image (H, W, 3), uint8 RGB, with exposure, color cast, blur and grain; one in eight becomes gray."""
    seen = canvas.astype(np.float32) * random.uniform(0.75, 1.03) * random.normal(1, 0.025, 3).astype(np.float32)
    seen = cv2.GaussianBlur(seen, (0, 0), random.uniform(0.4, 1.4))
    if random.random() < 1 / 8:
        seen[:] = seen.mean(-1, keepdims=True)
    grain = random.standard_normal(seen.shape[:2], dtype=np.float32)[..., None] * random.uniform(1, 6)
    return np.clip(np.rint(seen + grain), 0, 255).astype(np.uint8)
