"""Images warped so that their keypoints land on given positions: piecewise affine, over a Delaunay triangulation.

Each triangle of keypoints has one affine map, so keypoints land exactly, and straight lines stay straight within a
triangle. Fixed points around the canvas let the surroundings deform with the face, without gaps.

Source: Glasbey and Mardia, "A review of image-warping methods", 1998.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion.geometry import FloatArray, image_box, last_pixel, scale_box
from nasion.sample import Image

__all__ = ["border_points", "clamp_to_canvas", "piecewise_warp", "triangles"]

BORDER_SHARE = 0.25
"""Distance of the border points from the canvas, as a share of its sides, so that no triangle is thin."""

BAND_ROWS = 128
"""Number of rows that are warped together, which limits the memory that large images need."""


def border_points(size: tuple[int, int]) -> FloatArray:
    """Return eight points (8, 2), canvas px, around a canvas: the corners and side centers of a larger box.

    Args:
        size: (height, width) of the canvas, px.
    """
    x0, y0, x1, y1 = _border_box(size)
    xs, ys = np.meshgrid([x0, (x0 + x1) / 2, x1], [y0, (y0 + y1) / 2, y1])
    grid = np.stack([xs, ys], -1).reshape(-1, 2)
    return np.delete(grid, 4, axis=0)  # the center is not on the border


def _border_box(size: tuple[int, int]) -> FloatArray:
    """Return the box (4,) of the border points around a canvas of `size` (height, width), canvas px."""
    return scale_box(image_box(size), 1 + 2 * BORDER_SHARE)


def clamp_to_canvas(points: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return points (N, 2), canvas px, moved to the nearest pixel of the canvas, so that the border surrounds them.

    Args:
        points: (N, 2), canvas px.
        size: (height, width) of the canvas, px.

    >>> clamp_to_canvas(np.array([[-3.0, 5.0], [90.0, 70.0]]), (60, 80)).tolist()
    [[0.0, 5.0], [79.0, 59.0]]
    """
    return np.clip(points, 0, last_pixel(size))


def triangles(points: FloatArray, size: tuple[int, int]) -> NDArray[np.intp]:
    """Return the Delaunay triangulation (T, 3) of points, as indices of the points.

    Of points that coincide, only the first is used.

    Args:
        points: (N, 2), canvas px, inside the border of the canvas.
        size: (height, width) of the canvas, px.
    """
    x0, y0, x1, y1 = _border_box(size)
    left, top = (np.floor([x0, y0]) - 1).astype(int).tolist()
    right, bottom = (np.ceil([x1, y1]) + 2).astype(int).tolist()
    plane = cv2.Subdiv2D((left, top, right - left, bottom - top))
    vertices = [plane.insert((float(x), float(y))) for x, y in np.clip(points, [x0, y0], [x1, y1])]
    index_of: dict[int, int] = {}
    for index, vertex in enumerate(vertices):
        index_of.setdefault(int(vertex), index)
    found = []
    for corners in np.asarray(plane.getTriangleList()).reshape(-1, 3, 2):
        # OpenCV adds triangles with helper vertices outside the border: they are not points and are dropped.
        inside = [(float(x), float(y)) for x, y in corners if x0 <= x <= x1 and y0 <= y <= y1]
        ids = [plane.locate(corner)[2] for corner in inside]
        if len(ids) == 3 and all(vertex in index_of for vertex in ids):
            found.append([index_of[vertex] for vertex in ids])
    return np.array(found, np.intp).reshape(-1, 3)


def piecewise_warp(image: Image, source: FloatArray, target: FloatArray, size: tuple[int, int]) -> Image:
    """Return the image on a canvas (height, width, 3) uint8 RGB, warped so that `source` points land on `target`.

    Args:
        image: (H, W, 3) uint8 RGB.
        source: (M, 2), image px, including `border_points`, so that triangles cover the whole canvas.
        target: (M, 2), canvas px.
        size: (height, width) of the canvas, px.
    """
    height, width = size
    corners = triangles(target, size)
    label = np.zeros(size, np.int32)
    for number, triangle in enumerate(corners):
        cv2.fillConvexPoly(label, np.rint(target[triangle]).astype(np.int32), (number,))
    maps = np.stack([_affine(target[triangle], source[triangle]) for triangle in corners]).astype(np.float32)
    x = np.arange(width, dtype=np.float32)[:, None]
    warped = np.empty((height, width, image.shape[2]), np.uint8)
    for top in range(0, height, BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, height))
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None, None]
        band = maps[label[rows]]
        at = band[..., 0] * x + band[..., 1] * y + band[..., 2]
        warped[rows] = cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped


def _affine(source: FloatArray, target: FloatArray) -> FloatArray:
    """Return the affine matrix (2, 3) from one triangle (3, 2) to another, px; least squares if one has no area."""
    return np.asarray(np.linalg.lstsq(np.column_stack([source, np.ones(3)]), target, rcond=None)[0].T, np.float64)
