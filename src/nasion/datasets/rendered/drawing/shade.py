"""The color of each pixel: materials, light and shadow, compiled with numba.

Colors are linear RGB, no unit. Diffuse light is irradiance divided by pi, so that a white surface returns its value.
Vectors are in the camera's frame, cm, with the camera at the origin: x right, y down, z away from it.
"""

# pyright: reportMissingParameterType=false
# numba finds the types of compiled functions.

from math import atan2, cos, exp, floor, sin, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import CLOTH, EYE, GUM, HAIR, SKIN, TOOTH

__all__ = ["SHADOW_CM", "Surface", "shade"]

SKIN_WRAP = (0.34, 0.14, 0.08)
"""How far red, green and blue light travel around an edge inside skin, no unit: soft, red borders of shadows."""

SHADOW_BIAS_CM = 0.28
"""Distance within which a surface casts no shadow on itself, cm."""

SHADOW_CM = 52.0
"""What the shadow map covers, cm."""

TEXELS = 512
"""Side of the textures, a power of two."""

SHADOW_TAPS, HAIR_TAPS = 6, 2
"""Numbers of samples of the shadow map per pixel, and per pixel of hair."""

GOLDEN_ANGLE = 2.39996
"""Angle between consecutive samples on a disk (Vogel's spiral), radians."""


class Surface(NamedTuple):
    """What is drawn: N vertices and M triangles.

    Attributes:
        position: (N, 3) camera frame, cm.
        normal: (N, 3) unit normals; for hair, unit tangents.
        uv: (N, 2) texture coordinates of skin; for eyes the position on the ball relative to the iris, in radii.
        color: (N, 3) linear RGB; for skin, the share of hair color in the first component.
        light: (N, 3) diffuse light from the surroundings.
        triangles: (M, 3) int32.
        material: (M,) uint8.
    """

    position: Floats
    normal: Floats
    uv: Floats
    color: Floats
    light: Floats
    triangles: np.ndarray
    material: np.ndarray


def shade(
    numbers: np.ndarray,
    projected: tuple[Floats, Floats],
    surface: Surface,
    occlusion: Floats,
    textures: tuple[np.ndarray, np.ndarray],
    skin: Floats,
    eyes: Floats,
    reflections: Floats,
    key: Floats,
    shadow: tuple[Floats, Floats],
) -> Floats:
    """Return the image (H, W, 4) float32: linear RGB and coverage.

    Args:
        numbers: (H, W) the triangle of each pixel.
        projected: (N, 2) vertices, px, and (N,) 1 / z, 1/cm.
        surface: what is drawn.
        occlusion: (H, W) share of the surroundings' light that reaches the pixel, 0 to 1.
        textures: masks (S, S, 12) and noise (S, S, 4) of skin, uint8.
        skin: the values of `looks.skin.Skin.values`.
        eyes: (8,) iris RGB, radii of iris and pupil, redness, brightness of the white, phase of the iris' pattern.
        reflections: (Q, Q, 3) `Light.reflection_map`.
        key: (7,) direction towards the key light, its color, and the softness of its shadows, cm.
        shadow: depth map (Q, Q), 1 / cm, and its projection (3, 4): rows for x, y in px and distance in cm.
    """
    image = np.zeros((*numbers.shape, 4), np.float32)
    vertices = np.concatenate([*surface[:5], projected[0], projected[1][:, None]], axis=1)
    look = (occlusion, *textures, skin, eyes, reflections, key, *shadow)
    _shade(numbers, vertices, surface.triangles, surface.material, *look, image)
    return image


@njit(cache=True, fastmath=True)
def _step(x, low, high):  # noqa: ANN001, ANN202 # pragma: no cover
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@njit(cache=True, fastmath=True)
def _sample(texture, u, v, first, count, out):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set out[k] to channel first + k of a texture of 512 x 512 texels, which repeats, 0 to 1."""
    x, y = u * TEXELS - 0.5, v * TEXELS - 0.5
    x0, y0 = floor(x), floor(y)
    fx, fy = x - x0, y - y0
    i, j = int(x0) & (TEXELS - 1), int(y0) & (TEXELS - 1)
    i1, j1 = (i + 1) & (TEXELS - 1), (j + 1) & (TEXELS - 1)
    w00, w01 = (1 - fx) * (1 - fy) / 255, fx * (1 - fy) / 255
    w10, w11 = (1 - fx) * fy / 255, fx * fy / 255
    for k in range(count):
        c = first + k
        out[k] = texture[j, i, c] * w00 + texture[j, i1, c] * w01 + texture[j1, i, c] * w10 + texture[j1, i1, c] * w11


@njit(cache=True, fastmath=True)
def _shadow(px, py, pz, shadow_map, projection, softness, turn, taps, disk):  # noqa: ANN001, ANN202 # pragma: no cover
    size = shadow_map.shape[0]
    x = projection[0, 0] * px + projection[0, 1] * py + projection[0, 2] * pz + projection[0, 3]
    y = projection[1, 0] * px + projection[1, 1] * py + projection[1, 2] * pz + projection[1, 3]
    distance = projection[2, 0] * px + projection[2, 1] * py + projection[2, 2] * pz + projection[2, 3]
    reach = 1 / (distance - SHADOW_BIAS_CM - 0.25 * softness)
    radius = softness * size / SHADOW_CM + 0.7
    cosine, sine = cos(turn) * radius, sin(turn) * radius
    lit = 0
    for k in range(taps):
        i = int(x + disk[k, 0] * cosine - disk[k, 1] * sine + 0.5)
        j = int(y + disk[k, 0] * sine + disk[k, 1] * cosine + 0.5)
        if i < 0 or j < 0 or i >= size or j >= size or shadow_map[j, i] <= reach:
            lit += 1
    return lit / taps


@njit(cache=True, fastmath=True)
def _reflected(reflections, rx, ry, rz, out):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set the radiance from a direction, by the octahedral map of `Light.reflection_map`."""
    size = reflections.shape[0]
    scale = 1 / (abs(rx) + abs(ry) + abs(rz))
    u, v = rx * scale, ry * scale
    if rz > 0:
        u, v = (1 - abs(v)) * (1 if u >= 0 else -1), (1 - abs(u)) * (1 if v >= 0 else -1)
    x, y = (u + 1) * 0.5 * (size - 1), (v + 1) * 0.5 * (size - 1)
    i, j = min(int(x), size - 2), min(int(y), size - 2)
    fx, fy = x - i, y - j
    for c in range(3):
        top = reflections[j, i, c] * (1 - fx) + reflections[j, i + 1, c] * fx
        bottom = reflections[j + 1, i, c] * (1 - fx) + reflections[j + 1, i + 1, c] * fx
        out[c] = top * (1 - fy) + bottom * fy


@njit(cache=True, fastmath=True)
def _skin_color(u, v, hair, masks, noise, skin, m, n, out):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set the color of skin, and return the change of gloss and of the bump."""
    ou, ov = skin[30], skin[31]
    _sample(noise, u * 4 + ou, v * 4 + ov, 0, 1, n)
    pores = n[0] - 0.5
    _sample(noise, u * 2.3 + ov, v * 2.3 + ou, 1, 3, n)
    mottle = n[0] - 0.5
    spots = max(n[2] - 0.5, 0.0) * 2 * skin[11]
    _sample(noise, u + ou, v + ov, 2, 1, n)
    blotch = n[0] - 0.5
    tone = 1 + skin[3] * pores + skin[4] * mottle
    red = skin[5] * blotch
    gloss, face = 1.0, u < 1.0
    if face:
        _sample(masks, u, v, 0, 12, m)
        red += skin[6] * m[1] + skin[7] * m[2]
        tone *= 1 - skin[8] * m[4] - skin[9] * m[8]
        gloss += skin[10] * m[9]
    r, g, b = skin[0] * tone, skin[1] * tone, skin[2] * tone
    r, g, b = r * (1 + 0.12 * red), g * (1 - 0.55 * red), b * (1 - 0.5 * red)
    r, g, b = r * (1 - 0.35 * spots), g * (1 - 0.6 * spots), b * (1 - 0.7 * spots)
    if face:
        beard = min(skin[12] * m[5] + skin[13] * m[6], 1.0) * (0.75 + 0.9 * pores) * (1 - m[0])
        beard = min(max(beard, 0.0), 1.0)
        r, g, b = r + (skin[14] - r) * beard, g + (skin[15] - g) * beard, b + (skin[16] - b) * beard
        lip = m[0] * skin[20] * (1 + 0.25 * mottle)
        r, g, b = r + (skin[17] - r) * lip, g + (skin[18] - g) * lip, b + (skin[19] - b) * lip
        gloss += m[0] * skin[21]
        lid = m[3] * skin[25]
        r, g, b = r + (skin[22] - r) * lid, g + (skin[23] - g) * lid, b + (skin[24] - b) * lid
        dark = (1 - m[7] * skin[26]) * (1 - 0.85 * m[11])
        r, g, b = r * dark, g * dark * (1 - 0.1 * m[7]), b * dark * (1 - 0.1 * m[7])
        brow = m[10] * skin[32] * (0.8 + 0.8 * pores)
        r, g, b = r + (skin[27] - r) * brow, g + (skin[28] - g) * brow, b + (skin[29] - b) * brow
    cap = hair * min(max(0.9 + 0.8 * mottle + 0.5 * pores, 0.0), 1.0)
    out[0], out[1], out[2] = r + (skin[27] - r) * cap, g + (skin[28] - g) * cap, b + (skin[29] - b) * cap
    return gloss * (1 - 0.7 * cap), pores


@njit(cache=True, fastmath=True)
def _eye_color(a, b, eyes, noise, n, out):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set the color of an eye at a position relative to the iris, in radii of the ball, and return the iris' share."""
    r = sqrt(a * a + b * b)
    iris_r, pupil_r = eyes[3], eyes[4]
    angle = atan2(b, a) / (2 * np.pi)
    iris = 1 - _step(r, iris_r * 0.93, iris_r * 1.07)
    _sample(noise, angle * 0.25 + eyes[7], r * 0.25, 1, 1, n)
    fibre = 1.3 * (n[0] - 0.5)
    ring = 1 - 0.65 * _step(r, iris_r * 0.72, iris_r * 1.0)
    inner = 1 + 0.5 * (1 - _step(r, pupil_r, iris_r * 0.7))
    pupil = _step(r, pupil_r * 0.85, pupil_r * 1.1)
    _sample(noise, a * 0.7 + 0.3, b * 0.7 + eyes[7], 1, 1, n)
    vein = max(n[0] - 0.5, 0.0) * eyes[5]
    edge = _step(r, 0.35, 0.95)
    for c in range(3):
        white = eyes[6] * (1.0 - (0.02, 0.08, 0.11)[c] - edge * (0.03, 0.2, 0.2)[c] * (0.5 + eyes[5]))
        white *= 1 - vein * (0.1, 0.8, 0.8)[c]
        color = eyes[c] * ring * inner * (1 + 0.9 * fibre) * pupil
        out[c] = white + (max(color, 0.0) + 0.004 - white) * iris
    return iris


@njit(cache=True, fastmath=True)
def _interpolate(vertices, a, b, c, x, y, p):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set p to the values of `Surface` at a pixel of a triangle: position, unit normal, uv, color, light."""
    ax, ay = vertices[a, 14], vertices[a, 15]
    bx, by, cx, cy = vertices[b, 14] - ax, vertices[b, 15] - ay, vertices[c, 14] - ax, vertices[c, 15] - ay
    area = 1 / (bx * cy - cx * by)
    wb, wc = ((x - ax) * cy - cx * (y - ay)) * area, (bx * (y - ay) - (x - ax) * by) * area
    wa = (1 - wb - wc) * vertices[a, 16]
    wb, wc = wb * vertices[b, 16], wc * vertices[c, 16]
    total = 1 / (wa + wb + wc)
    wa, wb, wc = wa * total, wb * total, wc * total
    for k in range(14):
        p[k] = wa * vertices[a, k] + wb * vertices[b, k] + wc * vertices[c, k]
    length = 1 / sqrt(p[3] * p[3] + p[4] * p[4] + p[5] * p[5] + 1e-12)
    p[3], p[4], p[5] = p[3] * length, p[4] * length, p[5] * length


@njit(cache=True, fastmath=True)
def _hair(p, v, key, lit, open_, image, x, y):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set a pixel of hair, lit as by Kajiya and Kay, "Rendering fur with three dimensional textures", 1989."""
    along = p[3] * key[0] + p[4] * key[1] + p[5] * key[2]
    diffuse = sqrt(max(1 - along * along, 0.0)) * lit
    hx, hy, hz = key[0] + v[0], key[1] + v[1], key[2] + v[2]
    half = 1 / sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    th = (p[3] * hx + p[4] * hy + p[5] * hz) * half
    sine = sqrt(max(1 - th * th, 0.0))
    shine, wide = exp(90 * (sine - 1)) * lit, exp(16 * (sine - 1)) * lit
    for k in range(3):
        tint, around = p[8 + k], p[11 + k] * open_
        value = tint * (around + 0.55 * key[3 + k] * diffuse) + 0.02 * around
        image[y, x, k] = value + key[3 + k] * (0.035 * shine + 0.35 * tint * wide)
    image[y, x, 3] = 1


@njit(cache=True, fastmath=True)
def _material(kind, p, skin, eyes, masks, noise, many, few, base):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set the color of a pixel, bend its normal, and return its gloss: amount, exponent, share of reflections."""
    if kind == SKIN:
        gloss, bump = _skin_color(p[6], p[7], p[8], masks, noise, skin, many, few, base)
        bend = skin[35] * bump
        nx, ny, nz = p[3] + bend * 0.7, p[4] - bend * 0.7, p[5] + 0.3 * bend
        length = 1 / sqrt(nx * nx + ny * ny + nz * nz)
        p[3], p[4], p[5] = nx * length, ny * length, nz * length
        return 0.028 * skin[33] * gloss, float(skin[34]), 0.35
    if kind == EYE:
        _eye_color(p[6], p[7], eyes, noise, few, base)
        return 0.03, 700.0, 1.0
    base[0], base[1], base[2] = p[8], p[9], p[10]
    if kind in (TOOTH, GUM):
        return 0.03, 80.0, 0.4
    if kind == CLOTH:
        _sample(noise, p[6], p[7], 0, 2, few)
        weave = max(0.9 + 0.5 * (few[0] - 0.5) + 0.4 * (few[1] - 0.5), 0.2)
        base[0], base[1], base[2] = base[0] * weave, base[1] * weave, base[2] * weave
        return 0.0, 30.0, 0.0
    return 0.045, 160.0, 1.0


@njit(cache=True, fastmath=True)
def _solid(kind, p, v, gloss, base, key, lit, open_, reflections, mirror, image, x, y):  # noqa: ANN001, ANN202 # pragma: no cover
    """Set a pixel of anything but hair from its color, gloss (amount, exponent, share of reflections) and light."""
    specular, power, roughness = gloss
    cosine = p[3] * key[0] + p[4] * key[1] + p[5] * key[2]
    facing = p[3] * v[0] + p[4] * v[1] + p[5] * v[2]
    fresnel = (1 - min(max(facing, 0.0), 1.0)) ** 2
    fresnel *= fresnel * (1 - min(max(facing, 0.0), 1.0))
    shine = 0.0
    if cosine > 0 and specular > 0:
        hx, hy, hz = key[0] + v[0], key[1] + v[1], key[2] + v[2]
        half = 1 / sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
        nh = max((p[3] * hx + p[4] * hy + p[5] * hz) * half, 0.0)
        shine = specular * (1 + 5 * fresnel) * (power + 8) / 8 * exp(power * (nh - 1)) * cosine * lit
        if kind == SKIN:  # a second, wide lobe
            shine += specular * 1.6 * exp(8 * (nh - 1)) * cosine * lit
    if roughness > 0:
        _reflected(reflections, 2 * facing * p[3] - v[0], 2 * facing * p[4] - v[1], 2 * facing * p[5] - v[2], mirror)
    glance = specular * (1 + 10.7 * fresnel) * roughness * open_
    middle = reflections.shape[0] // 2
    for k in range(3):
        wrap = SKIN_WRAP[k] if kind == SKIN else 0.0
        direct = max((cosine + wrap) / (1 + wrap), 0.0) * lit
        around = p[11 + k]
        dim = min(around / (reflections[middle, middle, k] * 0.5 + 0.05), 1.0)
        scattered = open_ + (1 - open_) * 0.45 * wrap  # skin passes light on into crevices
        value = base[k] * (around * scattered + key[3 + k] * direct)
        image[y, x, k] = value + key[3 + k] * shine + mirror[k] * glance * dim
    image[y, x, 3] = 1


@njit(cache=True, fastmath=True)
def _shade(  # noqa: ANN202 # pragma: no cover
    numbers, vertices, triangles, material, occlusion, masks, noise, skin, eyes, reflections, key,  # noqa: ANN001
    shadow_map, projection, image,  # noqa: ANN001
):  # fmt: skip
    height, width = numbers.shape
    base, mirror, v = np.zeros(3, np.float32), np.zeros(3, np.float32), np.zeros(3)
    many, few, p = np.zeros(12, np.float32), np.zeros(3, np.float32), np.zeros(14)
    disk = np.zeros((SHADOW_TAPS, 2))
    for k in range(SHADOW_TAPS):
        disk[k, 0] = sqrt((k + 0.5) / SHADOW_TAPS) * cos(GOLDEN_ANGLE * k)
        disk[k, 1] = sqrt((k + 0.5) / SHADOW_TAPS) * sin(GOLDEN_ANGLE * k)
    for y in range(height):
        for x in range(width):
            t = numbers[y, x]
            if t < 0:
                continue
            _interpolate(vertices, triangles[t, 0], triangles[t, 1], triangles[t, 2], x, y, p)
            far = -1 / sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
            v[0], v[1], v[2] = p[0] * far, p[1] * far, p[2] * far
            kind, lit = material[t], 0.0
            if (
                kind > EYE and kind != HAIR and p[3] * v[0] + p[4] * v[1] + p[5] * v[2] < 0
            ):  # the back of a thin surface
                p[3], p[4], p[5] = -p[3], -p[4], -p[5]
            if kind > SKIN or p[3] * key[0] + p[4] * key[1] + p[5] * key[2] > -0.4:
                taps = SHADOW_TAPS if kind != HAIR else HAIR_TAPS
                turn = float((x * 1973 + y * 9277 + x * y * 37) % 628) * 0.01
                lit = _shadow(p[0], p[1], p[2], shadow_map, projection, key[6], turn, taps, disk)
            if kind == HAIR:
                _hair(p, v, key, lit, occlusion[y, x], image, x, y)
            else:
                gloss = _material(kind, p, skin, eyes, masks, noise, many, few, base)
                _solid(kind, p, v, gloss, base, key, lit, occlusion[y, x], reflections, mirror, image, x, y)
