"""A network as prediction sees it."""

from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nasion.errors import ConfigError, ModelError
from nasion.geometry import FloatArray, box_size
from nasion.predict.backends.confidence import Confidence
from nasion.predict.backends.devices import AUTO, CPU
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.backends.outputs import NetworkOutputs
from nasion.predict.crop import CropConfig
from nasion.predict.model_zoo import available, is_run, resolve
from nasion.sample import Prediction
from nasion.skeleton import Skeleton

__all__ = ["Backend", "is_rejected", "load_backend", "relative_spread"]

TORCH_BACKEND = "nasion.train.runs.torch_backend"
"""Module of the backend for run folders. It is imported by name because prediction must not require torch."""

RUN_FILE = "run.json"
"""A file that every run folder has."""


class Backend(Protocol):
    """A network that maps crops to keypoints.

    Attributes:
        name: the model's name in messages and tables.
        skeleton: the keypoints that it predicts.
        crop: what it expects to see of an image.
        validation_share: the share of its training faces that was used for validation.
        max_relative_spread: relative spread above which a detection is rejected as a non-face; infinite if unknown.
        confidence: how large ellipses are that contain a given share of points.
        device: what it runs on, such as "cpu".
    """

    name: str
    skeleton: Skeleton
    crop: CropConfig
    validation_share: float
    max_relative_spread: float
    confidence: Confidence
    device: str

    def __call__(self, crops: NDArray[np.uint8]) -> NetworkOutputs:
        """Return what the network predicts for crops (B, H, W, C) uint8: keypoints and spread in crop px."""
        ...


def load_backend(model: str | Path, device: str = AUTO) -> Backend:
    """Return the network of a model's name, an .onnx file or a run folder.

    Raises:
        ConfigError: the device is unknown, or the installed packages do not support it.
        ModelError: there is no such model, it is damaged, or it needs torch and torch is not installed.
    """
    path = Path(model)
    if not is_run(model):
        return OnnxBackend(resolve(model), path.stem, device=device)
    if not (path / RUN_FILE).is_file():
        raise ModelError(
            f"{model} is a folder without {RUN_FILE}; give a run folder of `nasion train`, an .onnx file, or "
            f"{' or '.join(available())}"
        )
    if device not in (AUTO, CPU):
        raise ConfigError(f'{model}: a run folder runs on the CPU; export it to an .onnx file for device "{device}"')
    try:
        backend = import_module(TORCH_BACKEND)
    except ImportError as error:
        raise ModelError(f"{model}: a run folder needs torch ({error}); pip install 'nasion[train]'") from None
    return backend.TorchBackend(path)


def relative_spread(spread: FloatArray, box: FloatArray) -> float:
    """Return a face's uncertainty: the median spread (K,), image px, as a share of the side of its crop's box (4,).

    >>> relative_spread(np.array([2.0, 3.0, 9.0]), np.array([0.0, 0.0, 60.0, 60.0]))
    0.05
    """
    return float(np.median(spread)) / box_size(box)


def is_rejected(face: Prediction, backend: Backend) -> bool:
    """Return whether a detection that a model predicted is a non-face; False if the model predicts no uncertainty."""
    return relative_spread(face.spread, face.box) > backend.max_relative_spread
