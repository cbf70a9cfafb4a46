"""Points, boxes and the affine maps between frames: the only home of "+ 0.5" and "W - 1".

One convention holds everywhere. Points are (x, y), 0-based, and (0, 0) is the *center* of the top-left pixel, so an
image of width W extends from -0.5 to W - 0.5:

         -0.5   0.5   1.5   2.5        W = 3
           |  0  |  1  |  2  |

Boxes are (x0, y0, x1, y1) in the same frame and are edges, not pixels: the box of a full image is
(-0.5, -0.5, W - 0.5, H - 0.5). Sizes are (height, width). With this convention OpenCV's warps, matplotlib's `imshow`
and torch's `grid_sample(align_corners=False)` agree, and resizing and mirroring commute.
"""

from dataclasses import dataclass
from math import atan2, cos, degrees, radians, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasion.errors import NasionError

__all__ = [
    "MAX_COORDINATE",
    "MIN_EXTENT",
    "Affine",
    "FloatArray",
    "box_around",
    "box_center",
    "box_size",
    "box_to_aspect",
    "check_coordinates",
    "has_extent",
    "has_places",
    "image_box",
    "is_present",
    "last_pixel",
    "normalize",
    "scale_box",
    "similarity_between",
]

FloatArray = NDArray[np.float64]
"""An array of float64; each function states the shape and the frame."""

MAX_COORDINATE = 1e6
"""Largest magnitude of a coordinate that is accepted, px; images have at most 65,500 px a side."""

MIN_EXTENT = 1e-3
"""Smallest width or height of a box or a set of points that counts as one, px."""

TINY = 1e-9
"""Extent below which points coincide in any frame, px or normalized."""

HALF_PIXEL = 0.5
"""Distance from the center of a pixel to its edge, px."""


@dataclass(frozen=True, eq=False)
class Affine:
    """An affine map of the plane, x' = A x + t, from source px to target px.

    `a @ b` applies b first, then a. Calling the map moves points (..., 2); NaN stays NaN.

    Attributes:
        matrix: (2, 3) float64, read-only: A and t side by side, as `cv2.warpAffine` takes it.

    >>> half = Affine.resize((100, 200), (50, 100))
    >>> half([[100.0, 40.0]])
    array([[49.75, 19.75]])
    >>> (half.inverse() @ half)([[3.0, 4.0]])
    array([[3., 4.]])
    """

    matrix: FloatArray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (2, 3):
            raise ValueError(f"an affine map needs a matrix of shape (2, 3), not {matrix.shape}")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    def __call__(self, points: ArrayLike) -> FloatArray:
        """Return the points (..., 2), target px, of points (..., 2), source px."""
        return np.asarray(points, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def __matmul__(self, first: "Affine") -> "Affine":
        """Return the map that applies `first`, then this map."""
        matrix = self.matrix[:, :2] @ first.matrix
        matrix[:, 2] += self.matrix[:, 2]
        return Affine(matrix)

    def inverse(self) -> "Affine":
        """Return the map from target to source."""
        (a, b, x), (c, d, y) = self.matrix.tolist()
        area = a * d - b * c
        return Affine(np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]]) / area)

    @property
    def scale(self) -> float:
        """Target px per source px: the square root of the change in area."""
        (a, b, _), (c, d, _) = self.matrix.tolist()
        return abs(a * d - b * c) ** 0.5

    @property
    def rotation_deg(self) -> float:
        """Rotation in degrees, -180 to 180; positive turns x towards y, clockwise on a screen."""
        return degrees(atan2(self.matrix[1, 0], self.matrix[0, 0]))

    @staticmethod
    def identity() -> "Affine":
        """Return the map that leaves every point in place."""
        return Affine(np.eye(2, 3))

    @staticmethod
    def translation(dx: float, dy: float) -> "Affine":
        """Return the translation by (dx, dy) px."""
        return Affine(np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]]))

    @staticmethod
    def linear(matrix: ArrayLike, center: ArrayLike) -> "Affine":
        """Return the linear map `matrix` (2, 2), no unit, about the fixed point `center` (2,), px."""
        linear, fixed = np.asarray(matrix, np.float64), np.asarray(center, np.float64)
        return Affine(np.column_stack([linear, fixed - linear @ fixed]))

    @staticmethod
    def rotation(degrees: float, center: ArrayLike) -> "Affine":
        """Return the rotation about `center` (2,), px; positive turns x towards y, clockwise on a screen."""
        c, s = cos(radians(degrees)), sin(radians(degrees))
        return Affine.linear([[c, -s], [s, c]], center)

    @staticmethod
    def mirror(width: int) -> "Affine":
        """Return the horizontal mirror of an image of `width` px: x' = W - 1 - x."""
        return Affine(np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]]))

    @staticmethod
    def crop(box: ArrayLike, size: tuple[int, int]) -> "Affine":
        """Return the map from `box` (4,), source px, to a full image of `size` (height, width), edge to edge."""
        x0, y0, x1, y1 = np.asarray(box, np.float64)
        sx, sy = size[1] / (x1 - x0), size[0] / (y1 - y0)
        return Affine(np.array([[sx, 0.0, -sx * x0 - HALF_PIXEL], [0.0, sy, -sy * y0 - HALF_PIXEL]]))

    @staticmethod
    def resize(source: tuple[int, int], target: tuple[int, int]) -> "Affine":
        """Return the map of a full image to another size (height, width): x' = s(x + 0.5) - 0.5."""
        return Affine.crop(image_box(source), target)


def image_box(size: tuple[int, int]) -> FloatArray:
    """Return the box (4,) of a full image of `size` (height, width), image px.

    >>> image_box((480, 640)).tolist()
    [-0.5, -0.5, 639.5, 479.5]
    """
    height, width = size
    return np.array([0.0, 0.0, width, height]) - HALF_PIXEL


def last_pixel(size: tuple[int, int]) -> FloatArray:
    """Return the center (2,) of the bottom-right pixel of an image of `size` (height, width), image px.

    >>> last_pixel((480, 640)).tolist()
    [639.0, 479.0]
    """
    return image_box(size)[2:] - HALF_PIXEL


def is_present(points: ArrayLike) -> NDArray[np.bool_]:
    """Return which points are present, (...) bool; a missing point is NaN.

    Args:
        points: (..., 2), any frame.

    >>> is_present([[1.0, 2.0], [np.nan, np.nan]])
    array([ True, False])
    """
    finite = np.isfinite(np.asarray(points, np.float64))
    return finite[..., 0] & finite[..., 1]


def check_coordinates(values: ArrayLike, name: str, error: type[NasionError]) -> None:
    """Reject coordinates that no image can have; NaN is accepted.

    Args:
        values: (...) any coordinates, image px.
        name: what the message calls them, such as "the box".
        error: the class of the error.

    Raises:
        NasionError: a coordinate is infinite or farther than `MAX_COORDINATE` from the origin; of the class `error`.
    """
    array = np.asarray(values, np.float64)
    far = array[np.abs(array) > MAX_COORDINATE]
    if far.size:
        raise error(f"{name} has the coordinate {far[0]:.10g}; no image is larger than {MAX_COORDINATE:,.0f} px")


def has_places(points: ArrayLike) -> bool:
    """Return whether points (K, 2), any frame, NaN where missing, lie in at least two different places.

    >>> has_places([[1.0, 2.0], [1.0, 4.0]]), has_places([[1.0, 2.0], [1.0, 2.0]])
    (True, False)
    """
    array = np.asarray(points, np.float64)
    present = array[is_present(array)]
    return bool(len(present) > 1 and np.ptp(present, axis=0).max() >= TINY)


def has_extent(points: ArrayLike) -> bool:
    """Return whether points (K, 2), px, NaN where missing, have a bounding box with an area.

    >>> has_extent([[1.0, 2.0], [3.0, 4.0]]), has_extent([[1.0, 2.0], [1.0, 4.0]])
    (True, False)
    """
    array = np.asarray(points, np.float64)
    present = array[is_present(array)]
    return bool(len(present) > 1 and (np.ptp(present, axis=0) >= MIN_EXTENT).all())


def box_around(points: ArrayLike) -> FloatArray:
    """Return the bounding box (4,) of the points that are present, in their frame.

    Args:
        points: (K, 2), any frame; NaN where missing.

    Raises:
        ValueError: every point is missing.
    """
    array = np.asarray(points, np.float64)
    present = array[is_present(array)]
    if not len(present):
        raise ValueError("a bounding box needs at least one point: all are missing")
    return np.concatenate([present.min(axis=0), present.max(axis=0)])


def box_center(box: FloatArray) -> FloatArray:
    """Return the centers (..., 2) of boxes (..., 4), in their frame.

    >>> box_center(np.array([0.0, 0.0, 10.0, 20.0]))
    array([ 5., 10.])
    """
    return (box[..., :2] + box[..., 2:]) / 2


def box_size(box: FloatArray) -> float:
    """Return the geometric mean of the width and height of a box (4,), px.

    >>> box_size(np.array([0.0, 0.0, 4.0, 9.0]))
    6.0
    """
    return float(np.sqrt(np.prod(box[2:] - box[:2])))


def scale_box(box: ArrayLike, factor: float, shift: ArrayLike = (0.0, 0.0)) -> FloatArray:
    """Return the box (4,) scaled by `factor` about its center, then shifted, in its frame.

    Args:
        box: (4,), any frame.
        factor: new side over old side.
        shift: (2,) as shares of the width and height of `box`.

    >>> scale_box([0, 0, 10, 20], 2.0)
    array([ -5., -10.,  15.,  30.])
    """
    array = np.asarray(box, np.float64)
    side = array[2:] - array[:2]
    center = (array[:2] + array[2:]) / 2 + np.asarray(shift, np.float64) * side
    return np.concatenate([center - side * factor / 2, center + side * factor / 2])


def box_to_aspect(box: ArrayLike, size: tuple[int, int]) -> FloatArray:
    """Return the smallest box (4,) with the center of `box` and the aspect ratio of `size` that covers `box`.

    Args:
        box: (4,), any frame.
        size: (height, width); only its ratio counts.

    >>> box_to_aspect([0, 0, 10, 20], (64, 64))
    array([-5.,  0., 15., 20.])
    """
    array = np.asarray(box, np.float64)
    side, center = array[2:] - array[:2], (array[:2] + array[2:]) / 2
    unit = np.array([size[1], size[0]], np.float64)
    half = unit * np.max(side / unit) / 2
    return np.concatenate([center - half, center + half])


def normalize(points: ArrayLike, size: tuple[int, int]) -> FloatArray:
    """Return image px as normalized coordinates (..., 2): -1 to 1 from edge to edge.

    Args:
        points: (..., 2), image px.
        size: (height, width) of the image, px.

    >>> normalize([[-0.5, 23.5]], (48, 64))
    array([[-1.,  0.]])
    """
    height, width = size
    return (np.asarray(points, np.float64) * 2 + 1) / np.array([width, height], np.float64) - 1


def similarity_between(source: ArrayLike, target: ArrayLike) -> Affine:
    """Return the least-squares similarity (rotation, scale, translation; no mirror) from `source` to `target`.

    Points that are missing in either are left out. Source: S. Umeyama, "Least-squares estimation of transformation
    parameters between two point patterns", PAMI 1991.

    Args:
        source: (K, 2), source px; NaN where missing.
        target: (K, 2), target px; NaN where missing.

    Raises:
        ValueError: fewer than two points are in both, or those of the source or of the target coincide.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    both = is_present(a) & is_present(b)
    a, b = a[both], b[both]
    if not has_places(a) or not has_places(b):
        raise ValueError("a similarity needs two different points that are in both sets")
    a_mean, b_mean = a.mean(0), b.mean(0)
    u, singular, vt = np.linalg.svd((b - b_mean).T @ (a - a_mean))
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    linear = (u * sign) @ vt * (singular * sign).sum() / ((a - a_mean) ** 2).sum()
    return Affine(np.column_stack([linear, b_mean - linear @ a_mean]))
