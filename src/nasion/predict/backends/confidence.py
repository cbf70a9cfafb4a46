"""How large an ellipse must be to contain a given share of points: measured on faces that the network did not see.

The factors are split-conformal: quantiles of the errors, in spreads, on held-out faces. Nothing is assumed about the
distribution of the errors, only that new faces are like the held-out ones.
Source: Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nasion.errors import ConfigError
from nasion.uncertainty import nominal_multiple

__all__ = ["LEVELS", "NOMINAL", "Confidence", "measure_confidence", "read_confidence"]

LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95, 0.99)
"""Shares of points whose factors are measured; between them, the ratio to the nominal factor is interpolated."""


class Confidence(NamedTuple):
    """Measured sizes of ellipses.

    Attributes:
        faces: number of held-out faces; 0 if nothing was measured.
        factors: for each of `LEVELS`, the size in spreads; empty if nothing was measured.
    """

    faces: int
    factors: tuple[float, ...]

    def multiple(self, share: float) -> float:
        """Return the half axes of ellipses that contain a share of points, 0 to 1, in spreads.

        Raises:
            ConfigError: the share is not between 0 and 0.99.
        """
        if not 0 < share <= LEVELS[-1]:
            raise ConfigError(f"a confidence of {share:g} cannot be drawn; choose one above 0, up to {LEVELS[-1]}")
        nominal = float(nominal_multiple(share))
        if not self.factors:
            return nominal
        return nominal * float(np.interp(share, LEVELS, np.array(self.factors) / nominal_multiple(LEVELS)))

    def basis(self) -> str:
        """Return how the factors were determined, as a short text."""
        if not self.factors:
            return "by the assumed distribution of the errors; this model has no measurement"
        return f"measured on {self.faces} held-out face{'s' * (self.faces != 1)}"


NOMINAL = Confidence(0, ())
"""Sizes by the distribution that training assumes, without a measurement."""


def measure_confidence(distances: ArrayLike) -> Confidence:
    """Return the factors of held-out faces from their errors (N, K), in spreads; NaN where unknown."""
    array = np.asarray(distances, np.float64)
    known = np.sort(array[np.isfinite(array)])
    if not len(known):
        return NOMINAL
    places = np.minimum(np.ceil((len(known) + 1) * np.array(LEVELS)).astype(int), len(known)) - 1
    faces = int(np.isfinite(array).any(1).sum())
    return Confidence(faces, tuple(round(float(value), 4) for value in known[places]))


def read_confidence(table: Mapping[str, object] | None) -> Confidence:
    """Return the factors that a model or a run stores; the nominal ones if it stores none.

    Raises:
        ValueError: the table is damaged.
    """
    if table is None:
        return NOMINAL
    factors = tuple(float(value) for value in np.asarray(table["factors"], np.float64))
    faces = int(str(table["faces"]))
    if len(factors) != len(LEVELS) or not np.isfinite(factors).all() or min(factors) <= 0 or faces < 1:
        raise ValueError("its confidence lacks a positive factor for each level")
    return Confidence(faces, factors)
