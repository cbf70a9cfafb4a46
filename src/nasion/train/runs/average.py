"""The average of the weights of two trainings, of which one started from the other.

A network that is fine-tuned on hard faces loses a little on ordinary ones. Its weights and those that it started from
are close enough to be averaged, and the average keeps most of what each is good at.
Source: Wortsman et al., "Robust fine-tuning of zero-shot models", 2022.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from nasion.atomic import ensure_writable
from nasion.errors import ConfigError
from nasion.train.checkpoint import load_weights, save_weights
from nasion.train.runs.run_folder import Run, open_run
from nasion.train.runs.warm_start import load_trained
from nasion.train.runs.wider_weights import shared_part

__all__ = ["average_runs"]

CURVES = ("steps.csv", "epochs.csv")
"""Files of the first run that are copied, because its training is that of the average."""


def average_runs(folder: Path, other: str, share: float, out: Path, command: str) -> Run:
    """Write a run with the average of a run's weights and those of another network, and return it.

    Layers that the other network lacks, such as that of hidden points, are taken from the run, and so are the channels
    that a wider run (`init.widen`) has in addition.

    Args:
        folder: the run.
        other: the other network: a run folder, an .onnx file or a model's name.
        share: weight of the run in the average, 0 to 1.
        out: the folder to write, which must not hold a run.
        command: stored after the command that trained the run.

    Raises:
        ConfigError: the networks have different points or layers, or `out` holds a run.
        ModelError: one of them is damaged or missing.
        OutputError: the folder cannot be written to.
    """
    if (out / "run.json").exists():
        raise ConfigError(f"{out} already holds a run; choose another --out")
    run, source = open_run(folder), load_trained(other)
    if source.skeleton.names != run.skeleton.names:
        raise ConfigError(f"{other} has the points of {source.skeleton.name}, {folder} those of {run.skeleton.name}")
    state = load_weights(run.best)
    weights: dict[str, Tensor] = state["weights"]
    averaged = {name: _average(name, value, source.weights.get(name), share, other) for name, value in weights.items()}
    ensure_writable(out / "checkpoints")
    config = run.config.model_copy(update={"data": run.config.data.model_copy(update={"cross_fit": 0})})
    written = replace(run, folder=out, config=config, command=f"{run.command} && {command}")
    save_weights(written.best, {**state, "weights": averaged})
    for name in CURVES:
        shutil.copyfile(folder / name, out / name)
    written.write()
    return written


def _average(name: str, value: Tensor, other: Tensor | None, share: float, source: str) -> Tensor:
    """Return the average (...) of two tensors; what only the first has stays: all of it, or the channels added last.

    Raises:
        ConfigError: the second has more channels, or another shape.
    """
    if other is None or not value.is_floating_point():
        return value
    part = shared_part(other, value)
    if part is None:
        raise ConfigError(
            f"{source}: its {name} has another shape; only networks of one architecture can be averaged, or a network "
            "with the narrower one that it started from"
        )
    averaged = value.clone()
    averaged[part] = torch.lerp(other.to(value.dtype), value[part], share)
    return averaged
