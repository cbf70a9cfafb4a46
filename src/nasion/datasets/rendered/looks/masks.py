"""Where on the face skin differs: masks and noise over the texture coordinates of the mean head, made once.

The masks are found by position: the texture is drawn as a map of positions on the mean head, and each mask is a
function of the position or of the distance to a curve through known vertices.
"""

from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import SKIN, Assets
from nasion.datasets.rendered.drawing.raster import EMPTY, rasterize
from nasion.datasets.rendered.ibug import IBUG_VERTICES

__all__ = ["CHANNELS", "noise_texture", "skin_masks", "uv_of_vertices"]

SIZE = 512
"""Side of the textures, texels."""

CHANNELS = ("lips", "cheeks", "nose", "lid", "under_eye", "beard", "moustache", "rim", "lines", "oily", "brow", "hole")
"""Names of the masks, in the order of the texture's channels."""


@lru_cache(maxsize=2)
def skin_masks(assets: Assets) -> np.ndarray:
    """Return the masks (S, S, 12) uint8, no unit, of the face by texture coordinates; row 0 is v = 0."""
    place = position_map(assets)
    points = assets.neutral[list(IBUG_VERTICES)]
    uv = uv_of_vertices(assets)[list(IBUG_VERTICES)] * SIZE
    known = _masks(place, points, uv)
    stacked = np.stack([known[name] for name in CHANNELS], axis=-1)
    return np.ascontiguousarray((np.clip(stacked, 0, 1) * 255).astype(np.uint8))


def uv_of_vertices(assets: Assets) -> Floats:
    """Return texture coordinates (V, 2), no unit, by vertex."""
    uv = np.zeros((len(assets.neutral), 2), np.float32)
    uv[assets.corner_vertex[::-1]] = assets.corner_uv[::-1]
    return uv


def position_map(assets: Assets) -> Floats:
    """Return the position (S, S, 3) on the mean head of each texel, cm; far away where the texture is unused."""
    face = assets.triangles[assets.material == SKIN]
    face = np.ascontiguousarray(face[(assets.corner_uv[face][:, :, 0] <= 1).all(1)])
    xy = assets.corner_uv * SIZE - 0.5
    numbers, _ = rasterize(xy, np.ones(len(xy), np.float32), face, 0, (SIZE, SIZE))
    corners = face[np.maximum(numbers, 0)]
    a, b, c = (xy[corners[..., k]] for k in range(3))
    grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(np.float32)
    cross = lambda u, v: u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]  # noqa: E731
    area = cross(b - a, c - a)
    wb, wc = cross(grid - a, c - a) / area, cross(b - a, grid - a) / area
    weights = np.stack([1 - wb - wc, wb, wc], axis=-1)[..., None]
    place = (assets.neutral[assets.corner_vertex[corners]] * weights).sum(2)
    place[numbers == EMPTY] = 1000.0
    return place.astype(np.float32)


def _blob(place: Floats, center: Floats, radii: tuple[float, float, float]) -> Floats:
    """Return a Gaussian (S, S), no unit, around a center (3,) with radii, cm."""
    return np.exp(-(((place - center) / np.array(radii, np.float32)) ** 2).sum(-1))


def _near_line(place: Floats, line: Floats) -> Floats:
    """Return the distance (S, S), cm, of positions (S, S, 3), cm, to a line of points (N, 3), cm."""
    best = np.full(place.shape[:2], np.inf, np.float32)
    for a, b in pairwise(line):
        along = np.clip(((place - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        best = np.minimum(best, np.linalg.norm(place - a - along[..., None] * (b - a), axis=-1))
    return best


def _step(values: Floats, low: float, high: float) -> Floats:
    """Return values (S, S), cm, mapped smoothly from low (0) to high (1), no unit; low may be larger than high."""
    x = np.clip((values - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def _masks(place: Floats, points: Floats, uv: Floats) -> dict[str, Floats]:
    """Return masks (S, S), no unit, from positions (S, S, 3), cm, points (68, 3), cm, and (68, 2), texels."""
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    mirrored = np.stack([-x, y, z], axis=-1)  # points 0-8, 17-21, 36-41 are on the side of negative x
    eye = points[36:42].mean(0)
    rim = _near_line(mirrored, points[[36, 37, 38, 39, 40, 41, 36]])
    jaw = _near_line(mirrored, points[0:9])
    mouth = points[48:60].mean(0)
    lips = _polygon(uv[48:60])
    beard_low = _step(y, mouth[1] + 1.6, mouth[1] - 0.6) * _step(z, 2.5, 5.5)
    sideburn = _step(x, 6.2, 7.0) * _step(y, 3.6, 2.2) * _step(z, 3.0, 4.0) * _step(z, 6.6, 5.4)
    under_chin = _step(y, -9.8, -7.6)
    cheek_line = _step(jaw, 3.4, 2.0)
    chin = _blob(place, points[8] + [0, 1.2, 0.3], (2.6, 2.2, 3.0))
    moustache = _step(np.abs(y - (points[33][1] + points[51][1]) / 2), 0.9, 0.45) * _step(x, 3.0, 2.2) * (z > 8)
    return {
        "lips": lips,
        "cheeks": _blob(mirrored, np.array([-4.6, 0.4, 8.6], np.float32), (2.3, 2.0, 3.0)),
        "nose": _blob(place, points[30], (1.5, 1.4, 2.2)) + _step(x, 7.2, 8.2) * 0.8 * (y > -1) * (z < 5),
        "lid": _blob(mirrored, eye + np.array([0, 0.75, 0.3]), (2.0, 0.75, 1.6)) * (y > eye[1]),
        "under_eye": _blob(mirrored, eye + np.array([0.3, -1.0, 0.2]), (1.7, 0.6, 1.5)),
        "beard": np.maximum(np.maximum(beard_low * cheek_line, chin), sideburn) * under_chin * (1 - lips),
        "moustache": moustache * (1 - lips),
        "rim": _step(rim, 0.22, 0.05),
        "lines": _lines(place, x, points),
        "oily": _blob(place, np.array([0, 8, 10], np.float32), (3.5, 2.4, 5)) + _blob(place, points[29], (1.0, 3.0, 3)),
        "brow": _step(_near_line(mirrored, points[17:22]), 0.75, 0.15),
        "hole": _blob(mirrored, points[32] + [-0.15, 0.1, -0.5], (0.42, 0.4, 0.9)),
    }


def _lines(place: Floats, x: Floats, points: Floats) -> Floats:
    """Return where lines of age are (S, S), no unit: forehead, crow's feet, and from the nose to the mouth."""
    mirrored = np.stack([-x, place[..., 1], place[..., 2]], axis=-1)
    y, z = place[..., 1], place[..., 2]
    fold = np.stack([points[31] + [-0.5, 0.4, -0.4], points[48] + [-0.5, 0.6, 0.2], points[48] + [-0.7, -0.8, 0.2]])
    folds = _step(_near_line(mirrored, fold.astype(np.float32)), 0.3, 0.03)
    waves = 0.5 + 0.5 * np.cos((y + 0.12 * np.cos(1.1 * place[..., 0])) * 2 * np.pi / 1.1)
    forehead = waves**6 * _step(y, 6.9, 7.4) * _step(y, 10.6, 9.6) * _step(x, 4.6, 3.2)
    foot = points[36] + [-0.6, 0.0, -0.3]
    angle = np.arctan2(y - foot[1], -(mirrored[..., 0] - foot[0]))
    feet = (
        (0.5 + 0.5 * np.cos(angle * 9)) ** 4
        * _blob(mirrored, foot + np.array([-0.6, 0, -0.6]), (0.7, 0.9, 1.2))
        * (z > 3)
    )
    return np.maximum(np.maximum(folds, 0.8 * forehead), 0.8 * feet)


def _polygon(uv: Floats) -> Floats:
    """Return a mask (S, S), no unit, of a closed smooth curve through points (N, 2), texels."""
    closed = np.concatenate([uv[-1:], uv, uv[:2]])
    steps = np.linspace(0, 1, 8, endpoint=False)[:, None]
    curve = []
    for p0, p1, p2, p3 in zip(closed[:-3], closed[1:-2], closed[2:-1], closed[3:], strict=True):  # Catmull-Rom
        curve.append(
            0.5 * (2 * p1 + (p2 - p0) * steps + (2 * p0 - 5 * p1 + 4 * p2 - p3) * steps**2
                   + (3 * p1 - p0 - 3 * p2 + p3) * steps**3)
        )  # fmt: skip
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(np.concatenate(curve) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), 2.0).astype(np.float32) / 255


@lru_cache(maxsize=1)
def noise_texture() -> np.ndarray:
    """Return noise (512, 512, 4) uint8, no unit, that tiles: pores, mottling, blotches and spots; 128 is no change."""
    random = np.random.default_rng(20201)
    layers = [_noise(random, 1.0), _noise(random, 5.0), _noise(random, 26.0)]
    spots = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(700):
        px, py = random.integers(0, SIZE, 2)
        radius = random.uniform(0.8, 2.6)
        yy, xx = np.mgrid[-6:7, -6:7]
        patch = random.uniform(0.2, 1.0) * np.exp(-(xx**2 + yy**2) / radius**2)
        rows, columns = (np.arange(py - 6, py + 7) % SIZE), (np.arange(px - 6, px + 7) % SIZE)
        spots[np.ix_(rows, columns)] = np.maximum(spots[np.ix_(rows, columns)], patch)
    layers.append(spots * 2 - 1)
    return np.ascontiguousarray(np.clip(128 + 127 * np.stack(layers, axis=-1), 0, 255).astype(np.uint8))


def _noise(random: np.random.Generator, sigma: float) -> Floats:
    """Return smooth noise (512, 512), no unit, that tiles, with a standard deviation of a third."""
    white = random.standard_normal((SIZE, SIZE)).astype(np.float32)
    width = int(4 * sigma) + 1
    padded = cv2.copyMakeBorder(white, width, width, width, width, cv2.BORDER_WRAP)
    smooth = cv2.GaussianBlur(padded, (0, 0), sigma)[width:-width, width:-width]
    return smooth / smooth.std() / 3
