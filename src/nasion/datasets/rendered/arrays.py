"""The type of the renderer's arrays: float32 for speed, or float64."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats"]

Floats = NDArray[np.floating[Any]]
"""An array of floating-point numbers of any precision."""
