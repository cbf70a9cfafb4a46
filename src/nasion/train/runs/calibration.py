"""The calibration of a run's uncertainty, taken from another run.

A final training on all labeled faces leaves none to measure its uncertainty with. A run of the same recipe that left
out some faces has measured it: the factor of all spreads, the sizes of the ellipses, and the limit above which a
detection is rejected.
"""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from nasion.errors import ConfigError
from nasion.skeleton import Skeleton
from nasion.train.checkpoint import load_weights, save_weights
from nasion.train.runs.run_folder import CONFIDENCE, MAX_RELATIVE_SPREAD, Run, open_run, read_scores

__all__ = ["SCALE", "Calibration", "read_calibration", "scale_spreads"]

SCALE = "spread.scale"
"""Name of the factor of all spreads among the weights."""


class Calibration(NamedTuple):
    """What a run with validation faces measured.

    Attributes:
        factor: () of all spreads, no unit.
        scores: the sizes of the ellipses and the limit of the spreads, as in scores.json.
    """

    factor: Tensor
    scores: dict[str, Any]


def read_calibration(folder: Path, skeleton: Skeleton) -> Calibration:
    """Return the calibration of a run for the points of a skeleton.

    Raises:
        ConfigError: the run has other points, no uncertainty or no validation faces.
        ModelError: it is damaged or missing.
    """
    run, scores = open_run(folder), read_scores(folder)
    if run.skeleton.names != skeleton.names:
        raise ConfigError(f"{folder} has the points of {run.skeleton.name}, not those of {skeleton.name}")
    kept = {name: scores[name] for name in (CONFIDENCE, MAX_RELATIVE_SPREAD) if name in scores}
    factor = load_weights(run.best)["weights"].get(SCALE)
    if factor is None or len(kept) < 2:
        raise ConfigError(f"{folder} has no calibrated uncertainty; name a run with maps and validation faces")
    return Calibration(factor, kept)


def scale_spreads(run: Run, factor: Tensor) -> None:
    """Store the factor () of all spreads, no unit, in a run's weights.

    Raises:
        ModelError: the weights are damaged or missing.
        OutputError: they cannot be written.
    """
    state = load_weights(run.best)
    weights = state["weights"]
    save_weights(run.best, {**state, "weights": {**weights, SCALE: factor.to(weights[SCALE].dtype)}})
