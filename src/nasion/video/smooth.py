"""Points that do not tremble: the one-euro filter on a face's pose and on its shape, slower where a point is unsure.

A face moves as a whole and changes its shape; both tremble. Filtering the points in the picture would let them fall
behind a head that moves. Here the pose (a similarity onto the face's first frame) and the shape within it are
filtered apart. The filter lets slow changes through slowly, which is where trembling shows, and fast ones at once,
which is where lag would show.
Source: Casiez, Roussel, Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input", CHI 2012.
"""

from dataclasses import dataclass
from math import pi

import numpy as np

from nasion.errors import ConfigError, nearest
from nasion.geometry import Affine, FloatArray, similarity_between

__all__ = ["STRENGTHS", "OneEuro", "Smoother", "Strength", "check_strength"]

SPEED_CUTOFF_HZ = 1.0
"""Cutoff of the speed's own filter, as the authors have it."""

LEAST_WEIGHT = 0.02
"""How much more slowly a point is followed at most, however unsure it is."""

MEMORY = 0.95
"""Of a point's usual spread, per frame."""


@dataclass(frozen=True)
class Strength:
    """How much is smoothed: the cutoff of what stands still, Hz, and its rise with speed, Hz per face size a second."""

    cutoff_hz: float
    speed: float


STRENGTHS: dict[str, Strength | None] = {"none": None, "light": Strength(1.5, 7.0), "strong": Strength(0.6, 4.5)}


def check_strength(name: str) -> Strength | None:
    """Return a strength by name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in STRENGTHS:
        raise ConfigError(f'no smoothing "{name}"; {nearest(name, STRENGTHS)}')
    return STRENGTHS[name]


class OneEuro:
    """The filter for values (N, …) whose rows share a speed: the length of the row's rate of change."""

    def __init__(self, strength: Strength) -> None:
        self.strength = strength
        self.value: FloatArray | None = None
        self.rate: FloatArray = np.zeros(1)

    def __call__(
        self, value: FloatArray, seconds: float, unit: float = 1.0, weight: FloatArray | float = 1.0
    ) -> FloatArray:
        """Return the smoothed values (N, D).

        Args:
            value: (N, D).
            seconds: since the last call.
            unit: what a speed is measured by: the face's size for places.
            weight: (N,), 1 is full trust; less makes a row slower.
        """
        if self.value is None or seconds <= 0:
            self.value, self.rate = value, np.zeros_like(value)
            return value
        rate = (value - self.value) / seconds
        self.rate = self.rate + _share(SPEED_CUTOFF_HZ, seconds) * (rate - self.rate)
        speed = np.linalg.norm(self.rate, axis=-1) / unit
        share = _share(weight * (self.strength.cutoff_hz + self.strength.speed * speed), seconds)
        self.value = self.value + share[:, None] * (value - self.value)
        return self.value


def _share(cutoff_hz: FloatArray | float, seconds: float) -> FloatArray:
    """Return how much of a new value a low-pass of first order takes."""
    return np.asarray(1 / (1 + 1 / (2 * pi * np.asarray(cutoff_hz) * seconds)))


class Smoother:
    """Smooths one face's points from frame to frame."""

    def __init__(self, strength: Strength) -> None:
        self.place, self.turn, self.shape = OneEuro(strength), OneEuro(strength), OneEuro(strength)
        self.first: FloatArray | None = None
        self.first_size = 1.0
        self.usual: FloatArray | None = None

    def __call__(self, keypoints: FloatArray, spread: FloatArray, seconds: float, size: float) -> FloatArray:
        """Return the smoothed points (K, 2), image px.

        Args:
            keypoints: (K, 2), image px.
            spread: (K,), image px; NaN where it is not known.
            seconds: since the last frame.
            size: of the face, image px: what its speed is measured by.
        """
        if self.first is None:
            self.first, self.first_size = keypoints, size
        seen = _pose(self.first, keypoints)
        center = self.first.mean(0)
        (place,) = self.place(seen(center)[None], seconds, size)
        ((zoom, angle),) = self.turn(np.array([[np.log(seen.scale), np.deg2rad(seen.rotation_deg)]]), seconds)
        shape = self.shape(seen.inverse()(keypoints), seconds, self.first_size, self._weight(spread))
        turned = Affine.rotation(float(np.rad2deg(angle)), np.zeros(2))
        return place + float(np.exp(zoom)) * turned(shape - center)

    def _weight(self, spread: FloatArray) -> FloatArray:
        """Return how far each point is trusted (K,): by its variance now, against what it usually is."""
        known = np.where(np.isfinite(spread), spread, 1.0)
        self.usual = known if self.usual is None else MEMORY * self.usual + (1 - MEMORY) * known
        return np.clip((self.usual / np.maximum(known, 1e-9)) ** 2, LEAST_WEIGHT, 1.0)


def _pose(first: FloatArray, now: FloatArray) -> Affine:
    """Return the similarity from a face's first points to its points now; a single point only moves."""
    if np.ptp(first, axis=0).any() and np.ptp(now, axis=0).any():
        return similarity_between(first, now)
    return Affine.translation(*(now.mean(0) - first.mean(0)))
