"""The head model of ICT-FaceKit, prepared for rendering: triangles, materials, eyeballs.

Head frame, cm: x towards the person's left, y up, z forward.
"""

# pyright: reportMissingParameterType=false
# numba finds the types of compiled functions.

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nasion.datasets.head_model import REMEDY, read_arrays
from nasion.datasets.rendered.arrays import Floats
from nasion.errors import AnnotationError

__all__ = ["BALLS", "Assets", "Ball", "load_assets"]

FACE_END, MOUTH_SOCKET, EYE_SOCKETS, GUMS, TEETH, EYES = 9409, 11248, 13294, 14062, 17039, 21451
"""First vertices after the face, and of the mouth's inside, the eye sockets, gums with tongue, teeth and eyeballs."""

SKIN, EYE, TOOTH, GUM, HAIR, CLOTH, GLOSSY = range(7)
"""Materials of triangles that are rendered."""

RENDERED = {
    "M_Face": SKIN,
    "M_BackHead": SKIN,
    "M_ScleraLeft": EYE,
    "M_ScleraRight": EYE,
    "M_Teeth": TOOTH,
    "M_GumsTongue": GUM,
}
"""Materials of the file that are rendered; lashes are drawn as hairs, and the iris on the front of the sclera."""


@dataclass(frozen=True)
class Ball:
    """An eyeball: its first vertex, the vertex after the last, and the vertex at the center of the iris."""

    start: int
    stop: int
    iris: int


BALLS = {"left": Ball(21451, 22221, 21458), "right": Ball(23021, 23791, 23028)}
"""The eyeballs by the person's side."""


@dataclass(frozen=True, eq=False)
class Assets:
    """The head model.

    Attributes:
        neutral: (V, 3) float32, cm, the mean head.
        identity: (100, V * 3) float32, cm per standard deviation.
        expression: (57, V * 3) float32, cm.
        expressions: names of the expressions, ARKit's.
        corner_vertex: (C,) the vertex of each corner; vertices on a seam of the texture have several corners.
        corner_uv: (C, 2) float32, texture coordinates, 0 to 1; the back of the head has u from 1 to 2.
        triangles: (M, 3) int32, corners of the rendered triangles.
        material: (M,) uint8, such as `SKIN`.
    """

    neutral: Floats
    identity: Floats
    expression: Floats
    expressions: tuple[str, ...]
    corner_vertex: NDArray[np.int32]
    corner_uv: Floats
    triangles: NDArray[np.int32]
    material: NDArray[np.uint8]

    @cached_property
    def vertex_triangles(self) -> NDArray[np.int32]:
        """The rendered triangles as vertex indices (M, 3)."""
        return np.ascontiguousarray(self.corner_vertex[self.triangles])

    @cached_property
    def fans(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int32]]:
        """Numbers (3 M,) of triangles by vertex, where each vertex starts (U,), and these vertices (U,), no unit."""
        flat = self.vertex_triangles.reshape(-1)
        order = np.argsort(flat, kind="stable")
        vertices, starts = np.unique(flat[order], return_index=True)
        return order // 3, np.asarray(starts, np.intp), vertices

    def normals(self, vertices: Floats) -> Floats:
        """Return unit normals (V, 3) of vertices (V, 3), cm, in the same frame; zero where nothing is rendered."""
        normals = np.zeros_like(vertices)
        _add_normals(vertices, self.vertex_triangles, normals)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


@njit(cache=True)
def _add_normals(vertices, triangles, normals):  # noqa: ANN001, ANN202 # pragma: no cover
    """Add to each vertex the area vectors of the triangles around it."""
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            area = (vertices[b, i] - vertices[a, i]) * (vertices[c, j] - vertices[a, j]) - (
                vertices[b, j] - vertices[a, j]
            ) * (vertices[c, i] - vertices[a, i])
            normals[a, k] += area
            normals[b, k] += area
            normals[c, k] += area


@lru_cache(maxsize=2)
def load_assets(path: Path) -> Assets:
    """Return the head model in a file.

    Raises:
        AnnotationError: the file is missing, damaged, or not this head model.
    """
    arrays = read_arrays(path)
    if not set(RENDERED) <= set(map(str, arrays["materials"])):
        raise AnnotationError(f"{path}: its materials are not those of ICT-FaceKit; {REMEDY}")
    return _prepare(arrays)


def _prepare(arrays: dict[str, NDArray]) -> Assets:
    """Return the model with its quadrilaterals split into triangles, ordered by material."""
    codes = np.array([RENDERED.get(str(name), -1) for name in arrays["materials"]])
    material, faces, corners = arrays["material"], arrays["faces"], arrays["uv_faces"]
    code = codes[material]
    pairs = np.stack([faces, corners], axis=-1)
    quads = faces[:, 3] >= 0
    triangles = np.concatenate([pairs[:, :3], pairs[quads][:, [0, 2, 3]]])
    kinds = np.concatenate([code, code[quads]])
    triangles, kinds = triangles[kinds >= 0], kinds[kinds >= 0].astype(np.uint8)
    unique, inverse = np.unique(triangles.reshape(-1, 2), axis=0, return_inverse=True)
    return Assets(
        neutral=arrays["neutral"].astype(np.float32),
        identity=arrays["identity"].astype(np.float32).reshape(len(arrays["identity"]), -1),
        expression=arrays["expression"].astype(np.float32).reshape(len(arrays["expression"]), -1),
        expressions=tuple(map(str, arrays["expressions"])),
        corner_vertex=unique[:, 0].astype(np.int32),
        corner_uv=arrays["uv"][unique[:, 1]].astype(np.float32),
        triangles=inverse.reshape(-1, 3).astype(np.int32),
        material=kinds,
    )
