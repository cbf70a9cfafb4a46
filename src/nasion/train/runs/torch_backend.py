"""A run folder as a `Backend`: the best weights, in float32, without gradients."""

import json
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nasion.errors import ModelError
from nasion.geometry import FloatArray
from nasion.train.data.batches import to_tensor
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import load_weights, open_run

__all__ = ["MAX_RELATIVE_SPREAD", "TorchBackend"]


MAX_RELATIVE_SPREAD = "doubt/max"
"""The score of a run that says how unsure it was of the most doubtful validation face."""

REJECTION_MARGIN = 1.5
"""How much more doubtful a face may be in a person's own pictures: for the model in the package, what is no face is
at twice that of a face and more."""


class TorchBackend:
    """The network that a run folder's best weights make.

    Raises:
        ModelError: the folder is no run, or its weights are missing, damaged or another network's.
    """

    def __init__(self, folder: Path) -> None:
        self.run = open_run(folder)
        self.name = folder.name
        self.skeleton, self.crop = self.run.skeleton, self.run.config.crop
        self.max_relative_spread = _max_relative_spread(folder / "scores.json")
        self.validation_share = self.run.config.data.validation_share
        state = load_weights(self.run.best)
        self.network = KeypointNetwork(self.run.config, self.skeleton.count)
        try:
            self.network.load_state_dict(with_spread(state["weights"], self.network))
        except (RuntimeError, KeyError, TypeError, AttributeError):
            raise ModelError(
                f"{self.run.best}: its weights are not those of {folder.name}'s network "
                f"({self.run.config.model.name}, {self.skeleton.name}); put back the file of this run"
            ) from None
        self.network.eval()

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return points (B, K, 2) and spreads (B, K), crop px, and anisotropies (B, K, 2), of crops (B, H, W, C)."""
        with torch.inference_mode():
            keypoints, spread, anisotropy = (each.double().numpy() for each in self.network(to_tensor(crops)))
        return keypoints, spread, anisotropy


def with_spread(weights: dict[str, torch.Tensor], network: KeypointNetwork) -> dict[str, torch.Tensor]:
    """Return a network's weights; those from before networks learned their spread begin with the maps' own."""
    own = network.state_dict()
    return {name: own[name] for name in own if name.startswith("spread.")} | weights


def _max_relative_spread(scores: Path) -> float:
    """Return the limit that a run's own scores give; infinite for a run that has not come to its end."""
    try:
        return REJECTION_MARGIN * float(json.loads(scores.read_text("utf-8"))[MAX_RELATIVE_SPREAD])
    except (OSError, ValueError, KeyError, TypeError):
        return math.inf
