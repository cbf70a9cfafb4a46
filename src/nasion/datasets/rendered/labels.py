"""Exact keypoints of a head: points on its surface, where they are in the image, and whether something hides them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasion.datasets.head_model import VERTICES
from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import Assets
from nasion.datasets.rendered.camera import Camera
from nasion.datasets.rendered.drawing.scene import SUPERSAMPLING, Drawing
from nasion.datasets.rendered.ibug import IBUG_OFFSETS_CM, IBUG_VERTICES
from nasion.datasets.rendered.jaw import jaw_points
from nasion.errors import SkeletonError
from nasion.skeleton import Skeleton, load_skeleton

__all__ = ["HEAD_MODEL", "PlacedPoints", "place_points", "visible_points"]

HEAD_MODEL = "ict-facekit"
"""Name of the head model in the section `[from]` of a skeleton, which lists a vertex for each point."""

TOLERANCE_CM, OUTLINE_TOLERANCE_CM = 0.6, 1.5
"""Distances by which something must be nearer than a point to hide it, cm; the face is steep where it turns away."""

LEFT_AND_DOWN = 1, -1
"""Directions of offsets in the head frame, whose x points to the person's left and whose y points up."""

WINDOW = 2
"""Pixels of the finer image around a point that are looked at, to each side."""


class PlacedPoints(NamedTuple):
    """Points (K, 3) in the head frame and in the camera frame, cm; (K, 2) image px; (K,) tolerance of depth, cm."""

    head: Floats
    seen: Floats
    image: Floats
    tolerance: Floats


def vertices_of(skeleton: Skeleton) -> tuple[int, ...] | None:
    """Return the vertex of each point, or None for a skeleton whose points are among those of `ibug-68`.

    Raises:
        SkeletonError: the skeleton has neither vertices nor points in `ibug-68`, or a vertex does not exist.
    """
    vertices = skeleton.sources.get(HEAD_MODEL)
    if vertices is None:
        skeleton.indices_in(load_skeleton("ibug-68"))
        return None
    wrong = [index for index in vertices if index >= VERTICES]
    if wrong:
        raise SkeletonError(
            f"{skeleton.name}: the head has vertices 0 to {VERTICES - 1}, not {wrong[0]}; correct [from] {HEAD_MODEL}"
        )
    return vertices


def place_points(assets: Assets, vertices: Floats, camera: Camera, skeleton: Skeleton) -> PlacedPoints:
    """Return the points of a skeleton on a head with vertices (V, 3), cm, head frame.

    The points of `ibug-68` lie where people label them: near vertices, and the jaw near the outline that the camera
    sees. A skeleton that names its vertices has exactly these.

    Raises:
        SkeletonError: the skeleton has neither vertices of the head nor points in `ibug-68`.
    """
    chosen = vertices_of(skeleton)
    points = vertices[list(IBUG_VERTICES if chosen is None else chosen)].astype(np.float64)
    tolerance = np.full(len(points), TOLERANCE_CM)
    if chosen is None:
        jaw = jaw_points(assets, vertices, camera)
        points[: len(jaw)], tolerance[: len(jaw)] = jaw, OUTLINE_TOLERANCE_CM
        points[:, :2] += IBUG_OFFSETS_CM * LEFT_AND_DOWN
        indices = skeleton.indices_in(load_skeleton("ibug-68"))
        points, tolerance = points[indices], tolerance[indices]
    seen = camera.to_camera(points)
    return PlacedPoints(points, seen, camera.project(seen), tolerance)


def visible_points(points: PlacedPoints, drawing: Drawing) -> NDArray[np.bool_]:
    """Return which points (K,), placed in image px, are visible: inside the image, and nothing nearer covers them."""
    height, width = drawing.distance.shape
    fine = np.round((points.image + 0.5) * SUPERSAMPLING - 0.5).astype(int)
    limits = np.array([width, height]) / SUPERSAMPLING - 0.5
    inside = np.all((points.image > -0.5) & (points.image < limits), axis=1)
    shown = np.zeros(len(fine), bool)
    for k, (x, y) in enumerate(fine):
        if not inside[k]:
            continue
        rows = slice(max(y - WINDOW, 0), y + WINDOW + 1)
        columns = slice(max(x - WINDOW, 0), x + WINDOW + 1)
        nearer = drawing.distance[rows, columns] < points.seen[k, 2] - points.tolerance[k]
        shown[k] = (nearer & drawing.covering[rows, columns]).mean() < 0.5
    return shown
