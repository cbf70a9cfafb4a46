"""Soft light and shadow: how much of the light from each direction reaches each vertex of the mean head.

The head's own shadows (under the chin and the nose, in eye sockets and ears) are the same for all heads, up to small
differences, so they are found once, by drawing the mean head from each direction.
"""

from functools import lru_cache

import numpy as np

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import Assets
from nasion.datasets.rendered.drawing.raster import rasterize

__all__ = ["directions", "light_transfer"]

DIRECTIONS = 128
"""Number of directions that light comes from."""

MAP_PX, MAP_CM = 256, 44.0
"""Size of the depth map of each direction, px, and what it covers, cm."""

BIAS_CM = 0.35
"""Distance within which a surface does not shade itself, cm."""

FAR_CM = 200.0
"""Distance from which the head is drawn, cm; any value beyond the head will do."""


@lru_cache(maxsize=1)
def directions() -> Floats:
    """Return unit vectors (D, 3), no unit, spread evenly over the sphere (Fibonacci's spiral)."""
    k = np.arange(DIRECTIONS) + 0.5
    z = 1 - 2 * k / DIRECTIONS
    angle = np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1).astype(np.float32)


@lru_cache(maxsize=2)
def light_transfer(assets: Assets) -> Floats:
    """Return the weight (V, D), no unit, of the light from each direction at each vertex.

    Weights are cosines at visible directions, scaled so that light of radiance 1 from everywhere gives 1 at a vertex
    that nothing shades. They are averaged over neighboring vertices, as light that skin scatters is.
    """
    vertices = assets.neutral
    triangles = assets.vertex_triangles
    cosines = np.maximum(assets.normals(vertices) @ directions().T, 0)
    center = (vertices.max(0) + vertices.min(0)) / 2
    visible = [_visible(vertices - center, triangles, each) for each in directions()]
    weights = cosines * np.stack(visible, axis=1) * np.float32(4 / DIRECTIONS)
    return _averaged(assets, weights)


def _visible(points: Floats, triangles: np.ndarray, direction: Floats) -> Floats:
    """Return how visible points (V, 3), cm, are from a direction, 0 to 1, as (V,)."""
    side = np.cross([0.0, 1.0, 0.0] if abs(direction[1]) < 0.9 else [1.0, 0.0, 0.0], direction)
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(direction, side)]).astype(np.float32)
    xy = points @ axes.T * np.float32(MAP_PX / MAP_CM) + np.float32(MAP_PX / 2)
    distance = FAR_CM - points @ direction
    _, depth = rasterize(xy, (1 / distance).astype(np.float32), triangles, 0, (MAP_PX, MAP_PX))
    nearest = 1 / np.maximum(depth, 1e-6)
    shown = np.zeros(len(points), np.float32)
    corner = np.floor(xy).astype(np.int32)
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = (np.clip(corner[:, k] + d, 0, MAP_PX - 1) for k, d in ((0, dx), (1, dy)))
            shown += 0.25 * (distance < nearest[row, column] + BIAS_CM)
    return shown


def _averaged(assets: Assets, values: Floats) -> Floats:
    """Return values (V, D), no unit, averaged over the triangles around each vertex."""
    owner, starts, used = assets.fans
    means = values[assets.vertex_triangles].mean(axis=1)
    counts = np.diff(np.append(starts, len(owner)))[:, None]
    averaged = values.copy()
    averaged[used] = np.add.reduceat(means[owner], starts, axis=0) / counts
    return np.ascontiguousarray(averaged, dtype=np.float32)
