"""Temporal smoothing of keypoints: one-euro filters on the pose and on the shape of a face.

Both the movement of the whole face and its shape jitter. Filtering the keypoints directly would make them lag behind a
moving head, so the pose (a similarity from the face's first frame) and the shape in that pose are filtered separately.
A one-euro filter smooths slow changes strongly, where jitter is visible, and fast changes weakly, where lag would be.

Source: Casiez, Roussel, Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input", CHI 2012.
"""

from dataclasses import dataclass
from math import pi

import numpy as np

from nasion.errors import ConfigError, suggest
from nasion.geometry import Affine, FloatArray, similarity_between

__all__ = ["STRENGTHS", "OneEuro", "Smoother", "Strength", "check_strength"]

SPEED_CUTOFF_HZ = 1.0
"""Cutoff frequency of the filter on the speed, as recommended by the authors."""

MIN_WEIGHT = 0.02
"""Smallest weight of an uncertain keypoint, 0 to 1."""

SPREAD_MEMORY = 0.95
"""Decay per frame of the moving average of each keypoint's spread."""


@dataclass(frozen=True)
class Strength:
    """Parameters of a one-euro filter.

    Attributes:
        cutoff_hz: cutoff frequency at rest; a lower one smooths more.
        hz_per_speed: increase of the cutoff frequency, Hz per face size per second; a higher one lags less.
    """

    cutoff_hz: float
    hz_per_speed: float


STRENGTHS: dict[str, Strength | None] = {"none": None, "light": Strength(1.5, 7.0), "strong": Strength(0.6, 4.5)}
"""The strengths of smoothing by name; None is no smoothing."""


def check_strength(name: str) -> Strength | None:
    """Return a strength by its name.

    Raises:
        ConfigError: the name is unknown.
    """
    if name not in STRENGTHS:
        raise ConfigError(f'no smoothing "{name}"; {suggest(name, STRENGTHS)}')
    return STRENGTHS[name]


class OneEuro:
    """A one-euro filter for rows of values; the speed of a row is the length of its rate of change.

    Args:
        strength: the parameters.
    """

    def __init__(self, strength: Strength) -> None:
        self._strength = strength
        self._values: FloatArray | None = None
        self._rates: FloatArray = np.zeros(1)

    def __call__(
        self, values: FloatArray, seconds: float, unit: float = 1.0, weights: FloatArray | float = 1.0
    ) -> FloatArray:
        """Return the smoothed values (N, D), in the unit of `values`.

        The first values, and values without a time step, are returned unchanged and restart the filter.

        Args:
            values: (N, D), any unit.
            seconds: time since the last call.
            unit: what speeds are divided by, in the unit of `values`, such as the size of the face.
            weights: (N,) or a number, no unit: 1 is full trust, and a row with less follows more slowly.
        """
        if self._values is None or seconds <= 0:
            self._values, self._rates = values, np.zeros_like(values)
            return values
        rates = (values - self._values) / seconds
        self._rates = self._rates + _gain(SPEED_CUTOFF_HZ, seconds) * (rates - self._rates)
        speeds = np.linalg.norm(self._rates, axis=-1) / unit
        cutoffs_hz = weights * (self._strength.cutoff_hz + self._strength.hz_per_speed * speeds)
        self._values = self._values + _gain(cutoffs_hz, seconds)[:, None] * (values - self._values)
        return self._values


def _gain(cutoff_hz: FloatArray | float, seconds: float) -> FloatArray:
    """Return the weights (...), 0 to 1, of new values in first-order low-pass filters with cutoffs (...), Hz."""
    return np.asarray(1 / (1 + 1 / (2 * pi * np.asarray(cutoff_hz) * seconds)))


class Smoother:
    """Smooths the keypoints of one face from frame to frame.

    Args:
        strength: the parameters of its filters.
    """

    def __init__(self, strength: Strength) -> None:
        self._center, self._zoom_and_angle, self._shape = OneEuro(strength), OneEuro(strength), OneEuro(strength)
        self._first: FloatArray | None = None
        self._first_size = 1.0
        self._usual_spread: FloatArray | None = None

    def __call__(self, keypoints: FloatArray, spread: FloatArray, seconds: float, size: float) -> FloatArray:
        """Return the smoothed keypoints (K, 2), image px.

        Args:
            keypoints: (K, 2), image px.
            spread: (K,), image px; NaN where unknown.
            seconds: time since the last frame.
            size: of the face, image px; speeds are measured in it.
        """
        if self._first is None:
            self._first, self._first_size = keypoints, size
        pose = _pose(self._first, keypoints)
        first_center = self._first.mean(0)
        (center,) = self._center(pose(first_center)[None], seconds, size)
        zoom_and_angle = np.array([[np.log(pose.scale), np.deg2rad(pose.rotation_deg)]])
        ((zoom, angle),) = self._zoom_and_angle(zoom_and_angle, seconds)
        shape = self._shape(pose.inverse()(keypoints), seconds, self._first_size, self._weights(spread))
        rotation = Affine.rotation(float(np.rad2deg(angle)), np.zeros(2))
        return center + float(np.exp(zoom)) * rotation(shape - first_center)

    def _weights(self, spread: FloatArray) -> FloatArray:
        """Return the weights (K,), 0 to 1, of keypoints with spreads (K,), image px.

        A keypoint has a low weight while its variance is larger than usual.
        """
        known = np.where(np.isfinite(spread), spread, 1.0)
        usual = known if self._usual_spread is None else self._usual_spread
        self._usual_spread = SPREAD_MEMORY * usual + (1 - SPREAD_MEMORY) * known
        return np.clip((self._usual_spread / np.maximum(known, 1e-9)) ** 2, MIN_WEIGHT, 1.0)


def _pose(first: FloatArray, now: FloatArray) -> Affine:
    """Return the similarity from a face's first keypoints (K, 2) to its current ones (K, 2), image px.

    A single keypoint has no rotation and scale, so it is only translated.
    """
    if np.ptp(first, axis=0).any() and np.ptp(now, axis=0).any():
        return similarity_between(first, now)
    return Affine.translation(*(now.mean(0) - first.mean(0)))
