"""A run folder as a `Backend`: the best weights, in float32, without gradients."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nasion.errors import ModelError
from nasion.geometry import FloatArray
from nasion.train.batches import to_tensor
from nasion.train.network import KeypointNetwork
from nasion.train.run import load_weights, open_run

__all__ = ["TorchBackend"]


class TorchBackend:
    """The network that a run folder's best weights make.

    Raises:
        ModelError: the folder is no run, or its weights are missing, damaged or another network's.
    """

    def __init__(self, folder: Path) -> None:
        self.run = open_run(folder)
        self.name = folder.name
        self.skeleton, self.crop = self.run.skeleton, self.run.config.crop
        self.validation_share = self.run.config.data.validation_share
        state = load_weights(self.run.best)
        self.network = KeypointNetwork(self.run.config, self.skeleton.count)
        try:
            self.network.load_state_dict(state["weights"])
        except (RuntimeError, KeyError, TypeError, AttributeError):
            raise ModelError(
                f"{self.run.best}: its weights are not those of {folder.name}'s network "
                f"({self.run.config.model.name}, {self.skeleton.name}); put back the file of this run"
            ) from None
        self.network.eval()

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
        """Return points (B, K, 2) and spreads (B, K), crop px, of crops (B, H, W, C)."""
        with torch.inference_mode():
            keypoints, spread = self.network(to_tensor(crops))
        return keypoints.double().numpy(), spread.double().numpy()
