"""What a network may return: numbers that mean a place near its crop."""

from typing import NamedTuple

import numpy as np

from nasion.errors import ModelError
from nasion.geometry import FloatArray

__all__ = ["NetworkOutputs", "check_outputs"]

MAX_SIDES = 10
"""Largest distance of a keypoint from its crop, in sides of the crop."""

MAX_SPREAD_SIDES = 10_000
"""Largest spread, in sides of the crop; a network that sees no face at all may well be this uncertain."""

MAX_ANISOTROPY = 20.0
"""Largest magnitude of a component of the anisotropy; a trained network's are below 2."""


class NetworkOutputs(NamedTuple):
    """What a network predicts for a batch of crops.

    Attributes:
        keypoints: (B, K, 2), crop px.
        spread: (B, K), crop px; NaN if the network predicts no uncertainty.
        anisotropy: (B, K, 2), no unit.
        hidden: (B, K), the probability that a point is hidden; NaN if the network does not predict it.
    """

    keypoints: FloatArray
    spread: FloatArray
    anisotropy: FloatArray
    hidden: FloatArray


def check_outputs(name: str, size: tuple[int, int], outputs: NetworkOutputs) -> None:
    """Check what a network returned for crops of `size`, (height, width) px; `name` is the model's in messages.

    Raises:
        ModelError: a value is not finite, or is so large that the network cannot have been trained for it.
    """
    keypoints, spread, anisotropy, hidden = outputs
    limit = MAX_SIDES * max(size)
    unknown = np.isnan(spread)
    if not np.isfinite(keypoints).all() or not (np.isfinite(spread) | unknown).all():
        raise ModelError(f"{name}: it predicts NaN or infinity; its weights are damaged, or its training diverged")
    known = spread[~unknown]
    largest = MAX_SPREAD_SIDES * max(size)
    if np.abs(keypoints).max(initial=0) > limit or known.max(initial=0) > largest or known.min(initial=0) < 0:
        raise ModelError(f"{name}: it predicts points far outside its crop; its weights are damaged, or are untrained")
    if not (np.abs(anisotropy) <= MAX_ANISOTROPY).all():
        raise ModelError(f"{name}: it predicts ellipses without an area; its weights are damaged, or are untrained")
    if not (np.isnan(hidden) | ((hidden >= 0) & (hidden <= 1))).all():
        raise ModelError(f"{name}: it predicts probabilities outside 0 to 1; its weights are damaged")
