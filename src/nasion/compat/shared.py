"""What the modules of `nasion.compat` share: the predictor, and images as other packages accept them."""

from threading import Lock
from typing import Any

import numpy as np

from nasion.errors import ConfigError, ImageError
from nasion.predict.predictor import Predictor
from nasion.sample import Image
from nasion.skeleton import load_skeleton

__all__ = ["SKELETON", "as_rgb", "missing_name", "predictor", "use"]

SKELETON = "ibug-68"
"""The points that all three packages predict."""

WHITE = 255
"""Largest value of an image."""

_lock = Lock()
_current: list[Predictor] = []


def use(predictor: Predictor) -> None:
    """Make all modules of `nasion.compat` use this predictor, such as one with another model or detector.

    Raises:
        ConfigError: it does not predict the 68 points.

    >>> import nasion.compat
    >>> nasion.compat.use(nasion.Predictor("tiny"))
    """
    if predictor.skeleton.names != load_skeleton(SKELETON).names:
        raise ConfigError(
            f"nasion.compat needs a model with the 68 points of {SKELETON}, not with those of {predictor.skeleton.name}"
        )
    with _lock:
        _current[:] = [predictor]


def predictor() -> Predictor:
    """Return the shared predictor; by default the one that `nasion.Predictor()` makes."""
    with _lock:
        if not _current:
            _current.append(Predictor())
        return _current[0]


def as_rgb(image: Any) -> Image:
    """Return an image as (H, W, 3) uint8 RGB.

    Args:
        image: an array or a torch tensor, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): gray, RGB or RGB with
            transparency, which is ignored; values 0 to 255 of any type.

    Raises:
        ImageError: it has another shape, or values that are not numbers.
    """
    array = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.dtype.kind not in "buif" or not array.size:
        raise ImageError(
            f"an image is gray (H, W) or RGB (H, W, 3) with values 0 to 255, not {array.shape} of {array.dtype}"
        )
    if array.dtype != np.uint8:
        array = np.rint(np.clip(np.nan_to_num(array.astype(np.float64)), 0, WHITE)).astype(np.uint8)
    array = np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[..., :3]
    return np.ascontiguousarray(array)


def missing_name(module: str, name: str, known: list[str]) -> AttributeError:
    """Return the error for a name that a module of `nasion.compat` lacks."""
    original = module.rpartition(".")[2]
    return AttributeError(f"{module} has {', '.join(known)}, not {name}; for {name}, import {original} itself")
