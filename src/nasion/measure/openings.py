"""How far eyes and mouth are open: the gap between the lids or lips, divided by the distance of the corners.

A ring of points starts at one corner; its middle point is the other corner:

          1   2
      0           3        gap = mean distance of 1-5 and 2-4 across the line from 0 to 3; it is signed, so that a
          5   4            closed eye has a gap around 0 and not above it.

Left and right are the person's.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from nasion.errors import SkeletonError
from nasion.geometry import FloatArray
from nasion.measure.propagation import measured
from nasion.sample import Prediction
from nasion.skeleton import Skeleton
from nasion.uncertainty import Measured

__all__ = ["EYE_OPEN", "MOUTH_OPEN", "Eyes", "Opening", "eyes", "mouth"]

EYE_OPEN = 0.21
"""Opening from which an eye is open, from points that `default` predicts.

Highest mean of the shares of open and closed eyes that are told apart (97 %), on 1972 training faces of 300-W: 38 with
closed eyes, judged by eye among 240 of those with the lowest labeled openings (bench/openings.toml). The network draws
closed eyes a little open; from labeled points the best threshold is 0.14.
"""

MOUTH_OPEN = 0.08
"""Opening from which the lips are apart, from points that `default` predicts.

Highest mean of the shares of open and closed mouths that are told apart (99 %), on 106 training faces of 300-W: every
14th, by its labeled opening, judged by eye (bench/openings.toml).
"""

EYE_REGIONS = "left_eye", "right_eye"
MOUTH_REGION = "inner_lip"


@dataclass(frozen=True)
class Opening:
    """How far an eye or the mouth is open.

    Attributes:
        ratio: gap divided by width; no unit.
        gap: mean distance between the lids or lips, image px.
        width: distance of the corners, image px.
        threshold: the ratio from which it is open.
    """

    ratio: Measured
    gap: Measured
    width: Measured
    threshold: float

    @property
    def is_open(self) -> bool | None:
        """Whether the ratio reaches the threshold; None if a point is missing or hidden."""
        return None if np.isnan(self.ratio.value) else self.ratio.value >= self.threshold

    @property
    def open_probability(self) -> float:
        """Probability, 0 to 1, that the true ratio reaches the threshold; NaN without an error."""
        if not self.ratio.error > 0:
            return float("nan")
        return NormalDist().cdf((self.ratio.value - self.threshold) / self.ratio.error)

    def numbers(self) -> dict[str, Measured]:
        """Return opening, opening_gap, opening_width, and open: 1 or 0 without an error."""
        state = Measured(float("nan") if self.is_open is None else float(self.is_open), float("nan"))
        return {"opening": self.ratio, "opening_gap": self.gap, "opening_width": self.width, "open": state}


@dataclass(frozen=True)
class Eyes:
    """The openings of a person's left and right eye."""

    left: Opening
    right: Opening

    @property
    def ratio(self) -> Measured:
        """The mean of both ratios; no unit."""
        left, right = self.left.ratio, self.right.ratio
        return Measured((left.value + right.value) / 2, float(np.hypot(left.error, right.error)) / 2)


def eyes(face: Prediction) -> Eyes:
    """Return how far the eyes of a face are open.

    Raises:
        SkeletonError: the skeleton has no rings of points around the eyes.
    """
    left, right = (_opening(face, name, EYE_OPEN) for name in EYE_REGIONS)
    return Eyes(left, right)


def mouth(face: Prediction) -> Opening:
    """Return how far the lips of a face are apart.

    Raises:
        SkeletonError: the skeleton has no ring of points on the inner lips.
    """
    return _opening(face, MOUTH_REGION, MOUTH_OPEN)


def _opening(face: Prediction, region: str, threshold: float) -> Opening:
    numbers = measured(face, _ring(face.skeleton, region), _ring_numbers, {"ratio": "", "gap": "px", "width": "px"})
    return Opening(numbers["ratio"], numbers["gap"], numbers["width"], threshold)


def _ring(skeleton: Skeleton, region: str) -> tuple[int, ...]:
    """Return the indices of a ring of points."""
    ring = skeleton.regions.get(region, ())
    if len(ring) < 4 or len(ring) % 2 or region not in skeleton.closed:
        raise SkeletonError(
            f'skeleton "{skeleton.name}" has no ring of points "{region}" (a closed region with an even number of '
            "points, from corner to corner), so this opening cannot be measured"
        )
    return ring


def _ring_numbers(points: FloatArray) -> FloatArray:
    """Return ratio, no unit, gap and width, image px, (..., 3) of rings of points (..., n, 2), image px."""
    middle = points.shape[-2] // 2
    axis = points[..., middle, :] - points[..., 0, :]
    width = np.hypot(axis[..., 0], axis[..., 1])
    across = points[..., :middle:-1, :] - points[..., 1:middle, :]
    gap = (axis[..., None, 0] * across[..., 1] - axis[..., None, 1] * across[..., 0]).mean(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([gap / width**2, gap / width, width], -1)
