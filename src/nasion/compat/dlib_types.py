"""The points, rectangles and faces of dlib's Python interface: whole px, with dlib's names and calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import overload

import numpy as np

from nasion.geometry import FloatArray
from nasion.sample import Prediction

__all__ = ["full_object_detection", "full_object_detections", "point", "points", "rectangle", "rectangles"]

ABSENT = 0x7FFFFFFF
"""Both coordinates of a part that is missing: dlib's OBJECT_PART_NOT_PRESENT."""


@dataclass
class point:
    """A point x, y, whole px of the image; floats are rounded."""

    x: int = 0
    y: int = 0

    def __post_init__(self) -> None:
        self.x, self.y = round(self.x), round(self.y)

    def __add__(self, other: point) -> point:
        return point(self.x + other.x, self.y + other.y)

    def __sub__(self, other: point) -> point:
        return point(self.x - other.x, self.y - other.y)

    def __hash__(self) -> int:
        return hash((self.x, self.y))

    def __repr__(self) -> str:
        return f"point({self.x}, {self.y})"

    def __str__(self) -> str:
        return f"({self.x}, {self.y})"

    @staticmethod
    def of_keypoint(keypoint: FloatArray) -> point:
        """Return a keypoint (2,), image px, rounded; a missing one is `ABSENT`."""
        return point(ABSENT, ABSENT) if np.isnan(keypoint).any() else point(*np.rint(keypoint).astype(int).tolist())


class rectangle:
    """The pixels from left, top to right, bottom, all of which belong to it; floats are rounded.

    >>> box = rectangle(10, 20, 109, 139)
    >>> box, box.width(), box.height(), box.center()
    (rectangle(10,20,109,139), 100, 120, point(60, 80))
    """

    def __init__(self, left: float = 0, top: float = 0, right: float = -1, bottom: float = -1) -> None:
        self._edges = round(left), round(top), round(right), round(bottom)

    def left(self) -> int:
        """Return the x of the first column, px."""
        return self._edges[0]

    def top(self) -> int:
        """Return the y of the first row, px."""
        return self._edges[1]

    def right(self) -> int:
        """Return the x of the last column, px."""
        return self._edges[2]

    def bottom(self) -> int:
        """Return the y of the last row, px."""
        return self._edges[3]

    def width(self) -> int:
        """Return the number of columns, px."""
        return 0 if self.is_empty() else self.right() - self.left() + 1

    def height(self) -> int:
        """Return the number of rows, px."""
        return 0 if self.is_empty() else self.bottom() - self.top() + 1

    def area(self) -> int:
        """Return the number of pixels."""
        return self.width() * self.height()

    def is_empty(self) -> bool:
        """Return whether it has no pixel."""
        return self.left() > self.right() or self.top() > self.bottom()

    def center(self) -> point:
        """Return the pixel in the middle; of an even number of pixels, the later one."""
        return point((self.left() + self.right() + 1) // 2, (self.top() + self.bottom() + 1) // 2)

    def tl_corner(self) -> point:
        """Return the top left pixel."""
        return point(self.left(), self.top())

    def tr_corner(self) -> point:
        """Return the top right pixel."""
        return point(self.right(), self.top())

    def bl_corner(self) -> point:
        """Return the bottom left pixel."""
        return point(self.left(), self.bottom())

    def br_corner(self) -> point:
        """Return the bottom right pixel."""
        return point(self.right(), self.bottom())

    @overload
    def contains(self, x: point | rectangle, /) -> bool: ...
    @overload
    def contains(self, x: int, y: int, /) -> bool: ...

    def contains(self, x: point | rectangle | int, y: int = 0, /) -> bool:
        """Return whether a point, a rectangle, or the point x, y lies inside."""
        if isinstance(x, rectangle):
            return self + x == self
        at = x if isinstance(x, point) else point(x, y)
        return self.left() <= at.x <= self.right() and self.top() <= at.y <= self.bottom()

    def intersect(self, other: rectangle) -> rectangle:
        """Return the pixels that both rectangles have."""
        (l0, t0, r0, b0), (l1, t1, r1, b1) = self._edges, other._edges
        return rectangle(max(l0, l1), max(t0, t1), min(r0, r1), min(b0, b1))

    def __add__(self, other: rectangle) -> rectangle:
        """Return the smallest rectangle that contains both."""
        if self.is_empty() or other.is_empty():
            return other if self.is_empty() else self
        (l0, t0, r0, b0), (l1, t1, r1, b1) = self._edges, other._edges
        return rectangle(min(l0, l1), min(t0, t1), max(r0, r1), max(b0, b1))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, rectangle) and self._edges == other._edges

    def __hash__(self) -> int:
        return hash(self._edges)

    def __repr__(self) -> str:
        return f"rectangle({','.join(map(str, self._edges))})"

    def __str__(self) -> str:
        left, top, right, bottom = self._edges
        return f"[({left}, {top}) ({right}, {bottom})]"


class points(list[point]):
    """Several points."""


class rectangles(list[rectangle]):
    """Several rectangles."""


@dataclass(eq=False)
class full_object_detection:
    """A face: its box and its parts, whole px.

    Attributes:
        rect: the box that was given to the predictor.
        prediction: the exact points and their uncertainty, image px; None for a face that the program created.
    """

    rect: rectangle
    _parts: Iterable[point] = ()
    prediction: Prediction | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._parts = points(self._parts)

    @property
    def num_parts(self) -> int:
        """The number of parts."""
        return len(self.parts())

    def parts(self) -> points:
        """Return all parts."""
        return points(self._parts)

    def part(self, idx: int) -> point:
        """Return part `idx`, from 0.

        Raises:
            IndexError: there is no such part.
        """
        if not 0 <= idx < self.num_parts:
            raise IndexError(f"part {idx} of {self.num_parts}: index out of range")
        return self.parts()[idx]


class full_object_detections(list[full_object_detection]):
    """Several faces."""
