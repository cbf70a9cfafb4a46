"""Which triangle each pixel shows: a z-buffer of triangles, compiled with numba.

Frame: px with (0, 0) at the center of the top-left pixel. Depth is stored as 1 / z with z the distance along the
camera's axis, cm, because it is linear in the image; a larger value is nearer, and 0 is empty.
"""

# pyright: reportMissingParameterType=false
# numba finds the types of compiled functions.

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nasion.datasets.rendered.arrays import Floats

__all__ = ["EMPTY", "rasterize"]

EMPTY = -1
"""Triangle number of pixels that show none."""

EDGE = 1e-4
"""Share of its height by which a triangle is enlarged, so that rounding leaves no gaps between neighbors."""


def rasterize(
    xy: Floats, inverse_z: Floats, triangles: NDArray[np.int32], one_sided: int, size: tuple[int, int]
) -> tuple[NDArray[np.int32], Floats]:
    """Return the number of the nearest triangle at each pixel (H, W), `EMPTY` where there is none, and 1 / z (H, W).

    Args:
        xy: (N, 2) float32 vertices, px.
        inverse_z: (N,) float32, 1 / z, 1/cm.
        triangles: (M, 3) int32 vertex indices.
        one_sided: the first triangles, which are only visible from the side that shows their vertices
            counterclockwise.
        size: (height, width), px.
    """
    numbers = np.full(size, EMPTY, np.int32)
    depth = np.zeros(size, np.float32)
    _fill(xy, inverse_z, triangles, one_sided, numbers, depth)
    return numbers, depth


@njit(cache=True, fastmath=True)
def _fill(xy, inverse_z, triangles, one_sided, numbers, depth):  # noqa: ANN001, ANN202 # pragma: no cover
    height, width = numbers.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        za, zb, zc = inverse_z[a], inverse_z[b], inverse_z[c]
        if za <= 0 or zb <= 0 or zc <= 0:
            continue
        xa, ya, xb, yb, xc, yc = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0 or (area > 0 and t < one_sided):
            continue
        left, right = np.ceil(min(xa, xb, xc)), np.floor(max(xa, xb, xc))
        top, bottom = np.ceil(min(ya, yb, yc)), np.floor(max(ya, yb, yc))
        if right < 0 or bottom < 0 or left >= width or top >= height or left > right or top > bottom:
            continue
        x0, x1 = max(int(left), 0), min(int(right), width - 1)
        y0, y1 = max(int(top), 0), min(int(bottom), height - 1)
        inv = 1.0 / area
        # barycentric weights of b and c, linear in x and y
        bx, by = (yc - ya) * inv, (xa - xc) * inv
        cx, cy = (ya - yb) * inv, (xb - xa) * inv
        ax = -bx - cx
        zx = bx * (zb - za) + cx * (zc - za)
        for y in range(y0, y1 + 1):
            b0 = (y - ya) * by - xa * bx
            c0 = (y - ya) * cy - xa * cx
            low, high = _span(b0 + EDGE, bx, float(x0), float(x1))
            low, high = _span(c0 + EDGE, cx, low, high)
            low, high = _span(1 + EDGE - b0 - c0, ax, low, high)
            z = za + b0 * (zb - za) + c0 * (zc - za)
            for x in range(int(np.ceil(low)), int(np.floor(high)) + 1):
                here = np.float32(z + x * zx)
                if here > depth[y, x]:
                    depth[y, x] = here
                    numbers[y, x] = t


@njit(cache=True, fastmath=True)
def _span(offset, slope, low, high):  # noqa: ANN001, ANN202 # pragma: no cover
    """Return the part of low to high where offset + slope x is not negative."""
    if slope > 0:
        return max(low, -offset / slope), high
    if slope < 0:
        return low, min(high, -offset / slope)
    return (low, high) if offset >= 0 else (1.0, 0.0)
