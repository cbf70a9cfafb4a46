"""A run folder as a `Backend`: the best weights, in float32, without gradients."""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nasion.errors import ModelError
from nasion.predict.backends.confidence import NOMINAL, Confidence, read_confidence
from nasion.predict.backends.outputs import NetworkOutputs, check_outputs
from nasion.train.checkpoint import load_weights
from nasion.train.data.batches import to_tensor
from nasion.train.network.mirrored import Mirror, mirrored_mean
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import CONFIDENCE, MAX_RELATIVE_SPREAD, open_run, read_scores

__all__ = ["TorchBackend"]

REJECTION_MARGIN = 1.5
"""Rejection limit relative to the most uncertain validation face; non-faces have at least twice its value."""


class TorchBackend:
    """The network of a run folder with its best weights.

    Attributes:
        mirror: how outputs for a mirrored crop are averaged with those for the crop; None uses the crop alone.

    Raises:
        ModelError: the folder is not a run, or its weights are missing, damaged or another network's.
    """

    def __init__(self, folder: Path) -> None:
        self.run = open_run(folder)
        self.name, self.device = folder.name, "cpu"
        self.skeleton, self.crop = self.run.skeleton, self.run.config.crop
        self.max_relative_spread, self.confidence = _rejection_limit(folder), _confidence(folder)
        self.validation_share = self.run.config.data.validation_share
        state = load_weights(self.run.best)
        self.network = KeypointNetwork(self.run.config, self.skeleton.count)
        try:
            self.network.load_state_dict(_with_spread_head(state["weights"], self.network))
        except (RuntimeError, KeyError, TypeError, AttributeError):
            raise ModelError(
                f"{self.run.best}: its weights do not fit the network of {folder.name} "
                f"({self.run.config.model.name}, {self.skeleton.name}); restore the file of this run"
            ) from None
        self.network.eval()
        self.mirror: Mirror | None = None

    def __call__(self, crops: NDArray[np.uint8]) -> NetworkOutputs:
        """Return what the network predicts for crops (B, H, W, C) uint8: keypoints and spread in crop px."""
        with torch.inference_mode():
            given = to_tensor(crops)
            found = self.network(given) if self.mirror is None else mirrored_mean(self.network, given, self.mirror)
        keypoints, spread, anisotropy, *hidden = (each.double().numpy() for each in found)
        outputs = NetworkOutputs(keypoints, spread, anisotropy, hidden[0] if hidden else np.full_like(spread, np.nan))
        check_outputs(self.name, self.crop.size, outputs)
        return outputs


def _with_spread_head(weights: dict[str, torch.Tensor], network: KeypointNetwork) -> dict[str, torch.Tensor]:
    """Return the weights with an initial spread head if they have none."""
    own = network.state_dict()
    return {name: own[name] for name in own if name.startswith("spread.")} | weights


def _confidence(folder: Path) -> Confidence:
    """Return the measured sizes of ellipses; the nominal ones for an unfinished run."""
    try:
        return read_confidence(read_scores(folder).get(CONFIDENCE))
    except (ModelError, ValueError, KeyError, TypeError):
        return NOMINAL


def _rejection_limit(folder: Path) -> float:
    """Return the relative spread above which detections are rejected; infinite for an unfinished run."""
    try:
        return REJECTION_MARGIN * float(read_scores(folder)[MAX_RELATIVE_SPREAD])
    except (ModelError, ValueError, KeyError, TypeError):
        return math.inf
