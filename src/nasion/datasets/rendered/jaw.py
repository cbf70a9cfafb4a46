"""The line of the jaw in an image: where the cheek turns out of sight.

Labels of photographs follow the outline of the face, so these points move over the skin when the head turns. Each one
moves on its own line: the section of the mean head with a half plane that contains the axis from the middle of the
face to the back. In an image, the point is where its line reaches farthest away from that axis, but not behind the edge
of the jawbone.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import FACE_END, Assets
from nasion.datasets.rendered.camera import Camera

__all__ = ["COUNT", "jaw_points"]

BONE = (1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966)
"""Vertices on the edge of the jawbone, from beside the right ear to the chin."""

OUTLINE = (1278, 1272, 12, 1834, 243, 781, 2199, 1447, 966)
"""Vertices on the outline of the frontal mean head; both lists are from the documentation of ICT-FaceKit."""

COUNT = 2 * len(BONE) - 1
"""Number of points of the jaw, from one ear to the other."""

AXIS = np.array([0.0, -0.5])
"""x and y of the axis on the mean head, cm."""

BEHIND = 2.0
"""Distance in front of the head's origin of the point from which places on a line are ordered by angle, cm."""

NEAREST_SHARE = 0.55
"""Where lines begin: this share of the distance of the outline from the axis."""


class Line(NamedTuple):
    """A line on the skin: L places between vertices `first` and `second`, a `share` (L, 1) of the way to the second."""

    first: np.ndarray
    second: np.ndarray
    share: Floats


def jaw_points(assets: Assets, vertices: Floats, camera: Camera) -> Floats:
    """Return the points of the jaw (17, 3), cm, head frame, that lie on the outline which the camera sees.

    Args:
        assets: the head model.
        vertices: (V, 3) of this head, cm, head frame.
        camera: the pose and the camera.
    """
    up = camera.rotation[:2, 1] / np.linalg.norm(camera.rotation[:2, 1])
    right = np.array([-up[1], up[0]])
    found = []
    for index, line in enumerate(_lines(assets)):
        outward = _outward(assets, index)
        direction = outward[0] * right + outward[1] * up
        places = vertices[line.first] * (1 - line.share) + vertices[line.second] * line.share
        reach = camera.project(camera.to_camera(places.astype(np.float64))) @ direction
        found.append(_at_maximum(places, reach))
    return np.array(found)


def _at_maximum(places: Floats, values: Floats) -> Floats:
    """Return the place (3,), cm, on a line of places (L, 3), cm, where values (L,), px, are largest, between places."""
    k = int(values.argmax())
    if k in (0, len(values) - 1):
        return places[k]
    before, here, after = values[k - 1 : k + 2]
    curvature = before - 2 * here + after
    shift = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    other = places[k + 1] if shift > 0 else places[k - 1]
    return places[k] + abs(shift) * (other - places[k])


def _outward(assets: Assets, index: int) -> Floats:
    """Return the unit vector (2,), no unit, away from the axis for a point of the jaw of a face seen from the front."""
    away = assets.neutral[OUTLINE[min(index, COUNT - 1 - index)], :2] - AXIS
    away = away / np.linalg.norm(away)
    return away * [-1, 1] if index >= len(BONE) else away


@lru_cache(maxsize=2)
def _lines(assets: Assets) -> tuple[Line, ...]:
    """Return the lines of all points; those of the person's left are mirrored."""
    edges = _edges(assets)
    right = [_line(assets.neutral, edges, index) for index in range(len(BONE))]
    left = [_mirrored(assets.neutral, line) for line in right[-2::-1]]
    return (*right, *left)


def _edges(assets: Assets) -> np.ndarray:
    """Return the edges (E, 2) of the face as vertex indices, each once."""
    triangles = assets.vertex_triangles
    triangles = triangles[(triangles < FACE_END).all(1)]
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _line(neutral: Floats, edges: np.ndarray, index: int) -> Line:
    """Return the line of a point of the jaw on the mean head (V, 3), cm, from its edges (E, 2)."""
    away = (neutral[OUTLINE[index], :2] - AXIS).astype(np.float64)
    reach = float(np.linalg.norm(away))
    away /= reach
    across = (neutral[:, :2] - AXIS) @ np.array([-away[1], away[0]]) + 1e-7  # no vertex lies in the plane exactly
    a, b = edges.T
    crossing = across[a] * across[b] < 0
    a, b = a[crossing], b[crossing]
    share = (across[a] / (across[a] - across[b]))[:, None]
    place = neutral[a] * (1 - share) + neutral[b] * share
    outward = (place[:, :2] - AXIS) @ away
    angle = np.arctan2(outward, place[:, 2] - BEHIND)
    ends = neutral[[BONE[index], OUTLINE[index]]]
    last = np.arctan2((ends[:, :2] - AXIS) @ away, ends[:, 2] - BEHIND).max()
    kept = np.flatnonzero((outward > NEAREST_SHARE * reach) & (angle <= last + 1e-3))
    order = kept[np.argsort(angle[kept])]
    return Line(a[order], b[order], share[order])


def _mirrored(neutral: Floats, line: Line) -> Line:
    """Return the line on the other side of the mean head (V, 3), cm."""
    face = neutral[:FACE_END]
    opposite = [_opposite(face, each) for each in (line.first, line.second)]
    return Line(opposite[0], opposite[1], line.share)


def _opposite(face: Floats, vertices: np.ndarray) -> np.ndarray:
    """Return the vertices (L,) that mirror others (L,) of a face (F, 3), cm."""
    mirrored = face[vertices] * [-1, 1, 1]
    return ((face[None] - mirrored[:, None]) ** 2).sum(-1).argmin(1)
