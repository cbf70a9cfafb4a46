"""A picture bent so that its keypoints come to lie on others: piecewise affine, over a Delaunay triangulation.

Each triangle of keypoints has one affine map, so keypoints land exactly and straight parts stay straight within a
triangle. A frame around the canvas is held, so that the surroundings bend with the face and nothing tears.

Source: Glasbey and Mardia, "A review of image-warping methods", 1998.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion.geometry import FloatArray, image_box, scale_box
from nasion.sample import Image

__all__ = ["bend", "border_points", "triangles", "within"]

ROOM = 0.25
"""How far outside a canvas its frame lies, as a share of its sides: no point of a face is near it, so that no
triangle is thin."""

BAND_ROWS = 128
"""Rows that are bent together: a photograph of 50 megapixels then takes no more memory than itself."""


def border_points(size: tuple[int, int]) -> FloatArray:
    """Return eight points (8, 2) around a canvas of `size` (height, width): corners and middles of a larger one."""
    x0, y0, x1, y1 = scale_box(image_box(size), 1 + 2 * ROOM)
    xs, ys = np.meshgrid([x0, (x0 + x1) / 2, x1], [y0, (y0 + y1) / 2, y1])
    grid = np.stack([xs, ys], -1).reshape(-1, 2)
    return np.delete(grid, 4, axis=0)  # the middle is no edge


def within(points: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return the points (N, 2) moved onto a canvas of `size` where they lie outside: its frame goes around no more."""
    height, width = size
    return np.clip(points, 0, [width - 1, height - 1])


def triangles(points: FloatArray, size: tuple[int, int]) -> NDArray[np.intp]:
    """Return the Delaunay triangulation (T, 3), indices of points (N, 2) within the frame of a canvas of `size`.

    Points that coincide count once.
    """
    x0, y0, x1, y1 = scale_box(image_box(size), 1 + 2 * ROOM)
    low = np.floor([x0, y0]) - 1
    wide, high = (np.ceil([x1, y1]) + 1 - low).astype(int).tolist()
    plane = cv2.Subdiv2D((int(low[0]), int(low[1]), wide + 1, high + 1))
    places = np.array([plane.insert((float(x), float(y))) for x, y in np.clip(points, [x0, y0], [x1, y1])])
    first = {int(place): k for k, place in reversed(list(enumerate(places)))}
    found = []
    for corners in np.asarray(plane.getTriangleList()).reshape(-1, 3, 2):
        near = [plane.locate((float(x), float(y))) for x, y in corners if x0 <= x <= x1 and y0 <= y <= y1]
        ids = [vertex for _, _, vertex in near]
        if len(ids) == 3 and all(vertex in first for vertex in ids):
            found.append([first[vertex] for vertex in ids])
    return np.array(found, np.intp).reshape(-1, 3)


def bend(image: Image, source: FloatArray, target: FloatArray, size: tuple[int, int]) -> Image:
    """Return the picture (H, W, 3) on a canvas of `size`, bent so that `source` points come to lie on `target`.

    Args:
        image: (H, W, 3) uint8 RGB.
        source: (M, 2), px of the picture; with `border_points` points, so that the whole canvas is covered.
        target: (M, 2), px of the canvas.
        size: (height, width) of the canvas.
    """
    height, width = size
    corners = triangles(target, size)
    label = np.zeros(size, np.int32)
    for number, three in enumerate(corners):
        cv2.fillConvexPoly(label, np.rint(target[three]).astype(np.int32), (number,))
    maps = np.stack([_affine(target[three], source[three]) for three in corners]).astype(np.float32)
    x = np.arange(width, dtype=np.float32)
    bent = np.empty((height, width, image.shape[2]), np.uint8)
    for top in range(0, height, BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, height))
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None, None]
        here = maps[label[rows]]
        places = here[..., 0] * x[:, None] + here[..., 1] * y + here[..., 2]
        bent[rows] = cv2.remap(image, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return bent


def _affine(source: FloatArray, target: FloatArray) -> FloatArray:
    """Return the 2x3 map from one triangle (3, 2) to another; for a triangle without area, the nearest there is."""
    return np.asarray(np.linalg.lstsq(np.column_stack([source, np.ones(3)]), target, rcond=None)[0].T, np.float64)
