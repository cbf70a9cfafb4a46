"""Reading and writing checkpoints: tensors and plain values only, never code."""

import io
import pickle
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from nasion.atomic import write_bytes
from nasion.errors import ConfigError, ModelError
from nasion.predict.migration import FORMAT_KEY, FORMAT_VERSION, migrate

__all__ = ["AtomicCheckpointIO", "load_weights", "save_weights"]

DAMAGED = (
    *(pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError),
    *(AssertionError, ArithmeticError, ImportError, MemoryError, OSError, struct.error, zipfile.BadZipFile),
)
"""What torch raises for a file that is not a checkpoint, is incomplete, or contains code."""


def load_weights(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint in the present format. A pickle that would run code is rejected.

    Raises:
        ModelError: the file is missing, damaged, or not a checkpoint.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); the run ended before it was written, start a new one"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about foreign pickles, which it rejects anyway
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except DAMAGED as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
        raise ModelError(f"{path}: rejected, it is damaged or contains more than weights ({reason})") from None
    if not isinstance(state, dict):
        raise ModelError(f"{path}: rejected, it holds a {type(state).__name__}, not a network's weights")
    try:
        return migrate(state)
    except (ConfigError, AttributeError, TypeError) as error:
        raise ModelError(f"{path}: rejected, {error}") from None


def save_weights(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint completely or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({FORMAT_KEY: FORMAT_VERSION, **state}, buffer)
    write_bytes(path, buffer.getvalue())


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint files, written completely or not at all, and read without running code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write the state of a training."""
        save_weights(Path(path), checkpoint)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Return the state of a training, in the present format."""
        return load_weights(Path(path))
