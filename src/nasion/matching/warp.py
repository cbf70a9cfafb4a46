"""A picture bent so that its keypoints come to lie on others: piecewise affine, over a Delaunay triangulation.

Each triangle of keypoints has one affine map, so keypoints land exactly and straight parts stay straight within a
triangle. The frame of the canvas is held, so that the surroundings bend with the face and nothing tears.

Source: Glasbey and Mardia, "A review of image-warping methods", 1998.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["bend", "frame", "triangles"]

APART_PX = 1e-3
"""Points of a triangulation that are nearer than this are one."""


def frame(size: tuple[int, int]) -> FloatArray:
    """Return eight points (8, 2) on the edge of a canvas of `size` (height, width): corners and middles."""
    height, width = size
    right, bottom = width - 1.0, height - 1.0
    xs, ys = np.meshgrid([0, right / 2, right], [0, bottom / 2, bottom])
    grid = np.stack([xs, ys], -1).reshape(-1, 2)
    return np.delete(grid, 4, axis=0)  # the middle is no edge


def triangles(points: FloatArray, size: tuple[int, int]) -> NDArray[np.intp]:
    """Return the Delaunay triangulation (T, 3), indices of points (N, 2) inside a canvas of `size`.

    Points that coincide count once.
    """
    height, width = size
    plane = cv2.Subdiv2D((-1, -1, width + 2, height + 2))
    inside = np.clip(points, 0, [width - 1, height - 1])
    places = np.array([plane.insert((float(x), float(y))) for x, y in inside])
    first = {int(place): k for k, place in reversed(list(enumerate(places)))}
    found = []
    for corners in np.asarray(plane.getTriangleList()).reshape(-1, 3, 2):
        near = [plane.locate((float(x), float(y))) for x, y in corners if 0 <= x < width and 0 <= y < height]
        ids = [vertex for _, _, vertex in near]
        if len(ids) == 3 and all(vertex in first for vertex in ids):
            found.append([first[vertex] for vertex in ids])
    return np.array(found, np.intp).reshape(-1, 3)


def bend(image: Image, source: FloatArray, target: FloatArray, size: tuple[int, int]) -> Image:
    """Return the picture (H, W, 3) on a canvas of `size`, bent so that `source` points come to lie on `target`.

    Args:
        image: (H, W, 3) uint8 RGB.
        source: (M, 2), px of the picture; with `frame` points, so that the whole canvas is covered.
        target: (M, 2), px of the canvas.
        size: (height, width) of the canvas.
    """
    height, width = size
    corners = triangles(target, size)
    label = np.zeros(size, np.int32)
    for number, three in enumerate(corners):
        cv2.fillConvexPoly(label, np.rint(target[three]).astype(np.int32), (number,))
    maps = np.stack([_affine(target[three], source[three]) for three in corners])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rows = maps[label].astype(np.float32)
    places = rows[..., 0] * x[..., None] + rows[..., 1] * y[..., None] + rows[..., 2]
    moved = cv2.remap(image, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _affine(source: FloatArray, target: FloatArray) -> FloatArray:
    """Return the 2x3 map from one triangle (3, 2) to another; for a triangle without area, the nearest there is."""
    return np.asarray(np.linalg.lstsq(np.column_stack([source, np.ones(3)]), target, rcond=None)[0].T, np.float64)
