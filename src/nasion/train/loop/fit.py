"""A run from its configuration to its weights: the whole way, read from top to bottom."""

import logging
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from nasion import datasets
from nasion.atomic import ensure_writable
from nasion.datasets.splits import with_validation
from nasion.errors import ConfigError, ModelError
from nasion.sample import DataSet
from nasion.skeleton import load_skeleton
from nasion.train.config import RunConfig
from nasion.train.data.batches import CropSource
from nasion.train.loop.callbacks import Checkpointer, CurveLogger, GracefulStop, ProgressBar
from nasion.train.loop.hardware import (
    SINGLE_PROCESS,
    Devices,
    default_threads,
    is_worker,
    possible_precisions,
    set_threads,
)
from nasion.train.loop.module import KeypointModule
from nasion.train.loop.time_budget import Pace, align_validation, epochs_within, format_duration, measure_pace
from nasion.train.runs.run_folder import Run, describe_data, load_weights, lock_run, open_run
from nasion.train.runs.warm_start import adopt_architecture

__all__ = ["JOINED", "fit", "load_faces", "resume", "with_skeleton"]

JOINED = " + "
"""Between the sources of a training."""


def load_faces(config: RunConfig) -> DataSet:
    """Return the faces of a configuration with its skeleton and its validation split.

    Of several sources the first is what the network is for: it alone gives validation and test faces, the others
    add those that they do not call "val" or "test" themselves.

    Raises:
        NasionError: the data is not named, cannot be read, or has other points.
    """
    if not config.data.source:
        raise ConfigError("no data is named; add --data, such as --data imm:DIR or --data synthetic:400")
    first, *others = (with_skeleton(datasets.load(spec), config) for spec in config.data.source.split(JOINED))
    faces = limit_faces(with_validation(first, config.data.validation_share), config.data.faces)
    for other in others:
        training = [replace(a, split="train") for a in other.annotations if a.split in ("", "train")]
        faces = faces.joined(other.subset(training))
    return faces


def limit_faces(faces: DataSet, count: int) -> DataSet:
    """Return the set with `count` of its training faces, evenly spread; 0, or more than there are, keeps all."""
    train = [index for index, face in enumerate(faces.annotations) if face.split == "train"]
    if not 0 < count < len(train):
        return faces
    kept = {train[int(place)] for place in np.linspace(0, len(train), count, endpoint=False) + len(train) / count / 2}
    return faces.subset([a for index, a in enumerate(faces.annotations) if a.split != "train" or index in kept])


def with_skeleton(faces: DataSet, config: RunConfig) -> DataSet:
    """Return the faces with the points of a configuration: those of its skeleton, or all if it names none.

    Raises:
        SkeletonError: the skeleton does not say where its points stand in the data's.
    """
    return faces.reduced_to(load_skeleton(config.data.skeleton)) if config.data.skeleton else faces


def fit(
    config: RunConfig,
    folder: Path,
    console: Console,
    command: str,
    minutes: float | None = None,
    machines: Devices = SINGLE_PROCESS,
) -> Run:
    """Train `config` into `folder` and return the run.

    Raises:
        NasionError: the data, the configuration or the folder is at fault; nothing has been trained then.
    """
    if machines.nodes > 1 and minutes is not None:
        raise ConfigError("--minutes times one machine, not several; give --set schedule.epochs=N with --nodes")
    if is_worker():
        return _follow(config, folder, console, command, machines)
    if (folder / "run.json").exists():
        raise ConfigError(f"{folder} holds a run already; go on with --resume {folder}, or choose another --out")
    config = adopt_architecture(config, console)
    if minutes is None:  # better said now than after the pictures are read; --minutes has yet to say how long
        _check_freeze(config)
    faces = load_faces(config)
    ensure_writable(folder)
    threads = set_threads(default_threads(machines.devices))
    train, validation = _crops(config, faces, console)
    module = KeypointModule(config, train, validation)
    precision, pace = measure_pace(module, possible_precisions(config, machines), machines.world)
    if minutes is not None:
        config = epochs_within(config, pace, module.steps_per_epoch(), minutes)
    config = module.config = align_validation(config)
    _check_freeze(config)
    data = describe_data(faces) | {"unreadable": [p.name for c in (train, validation) if c for p in c.problems]}
    run = Run(folder, config, faces.skeleton, command, data, threads, precision)
    run.write()
    _tell(run, module, pace, machines, console)
    return _train(run, module, machines, console, checkpoint=None)


def _check_freeze(config: RunConfig) -> None:
    """Refuse a training in which the layers that are held still first would never learn, or have learned nothing yet.

    Raises:
        ConfigError: `init.freeze_epochs` is too long, or there is nothing to hold.
    """
    frozen, epochs = config.init.freeze_epochs, config.schedule.epochs
    if frozen and not config.init.model and config.model.options.get("weights", "none") == "none":
        raise ConfigError(
            f"init.freeze_epochs = {frozen} holds layers that have learned nothing; name a trained network with --init, "
            "such as --init default, or set it to 0"
        )
    if frozen >= epochs:
        raise ConfigError(
            f"init.freeze_epochs = {frozen}, but there are {epochs} epochs; train longer, or set it lower"
        )


def _follow(config: RunConfig, folder: Path, console: Console, command: str, machines: Devices) -> Run:
    """Take part in a run that another process leads; on its own machine, that one has written what it resolved."""
    faces = load_faces(config)
    if machines.nodes == 1:
        run = open_run(folder)
    else:  # nothing depends on the leading machine then
        config = align_validation(adopt_architecture(config, console))
        run = Run(
            folder,
            config,
            faces.skeleton,
            command,
            {},
            default_threads(machines.devices),
            possible_precisions(config, machines)[0],
        )
    set_threads(run.threads)
    train, validation = _crops(run.config, faces, console, quiet=True)
    return _train(run, KeypointModule(run.config, train, validation), machines, console, checkpoint=None)


def resume(folder: Path, console: Console, machines: Devices = SINGLE_PROCESS) -> Run:
    """Go on with a run from its last checkpoint, to the weights that it would have had undisturbed.

    A run that was ended before its first checkpoint begins anew, which comes to the same.

    Raises:
        ModelError: the folder is no run, its checkpoint is another run's or damaged, or its data has changed.
    """
    run = open_run(folder)
    checkpoint = run.last if run.last.exists() else None
    state = load_weights(run.last) if checkpoint else None  # one clear line now, not Lightning's later
    faces = load_faces(run.config)
    if describe_data(faces)["fingerprint"] != run.data["fingerprint"]:
        raise ModelError(f"{run.config.data.source} has changed since {folder} began; train anew instead of resuming")
    set_threads(run.threads)
    train, validation = _crops(run.config, faces, console, quiet=is_worker())
    module = KeypointModule(run.config, train, validation, fresh=state is None)
    if state is not None and not _fits(state, module):
        raise ModelError(f"{run.last} is not a checkpoint of this run; put back its own, or train anew")
    return _train(run, module, machines, console, checkpoint)


def _fits(state: dict[str, Any], module: KeypointModule) -> bool:
    """Return whether a checkpoint holds the state of a whole training of just this network."""
    weights, own = state.get("state_dict"), module.state_dict()
    if not isinstance(weights, dict) or not {"loops", "callbacks", "optimizer_states", "lr_schedulers"} <= state.keys():
        return False
    groups = [len(each["param_groups"]) for each in state["optimizer_states"]]
    if groups != [len(module.configure_optimizers()["optimizer"].param_groups)]:
        return False
    return weights.keys() == own.keys() and all(weights[name].shape == own[name].shape for name in own)


def _crops(
    config: RunConfig, faces: DataSet, console: Console, quiet: bool = False
) -> tuple[CropSource, CropSource | None]:
    train = faces.of_split("train")
    rest = [face for face in faces.annotations if face.split == "val"]
    if config.crop.refine and faces.skeleton.count == 1:
        raise ConfigError(
            "crop.refine cuts again around the points found, which a skeleton of one point cannot; set it to 0"
        )
    if config.augment.flip and faces.skeleton.flip is None:
        raise ConfigError(
            f"augment.flip mirrors faces; {faces.skeleton.name} has no flip map; ask `nasion doctor`, or set it to 0"
        )
    steps = iter(
        track(range(len(train) + len(rest)), "reading pictures", console=console, disable=quiet, transient=True)
    )

    def tick() -> None:
        next(steps, None)

    kept = CropSource(train, config.crop, config.augment, config.seed, tick)
    validation = CropSource(faces.subset(rest), config.crop, None, config.seed, tick) if rest else None
    next(steps, None)
    for problem in [*faces.problems, *kept.problems, *(validation.problems if validation else [])]:
        if not quiet:
            console.print(f"[yellow]skipped[/] {escape(f'{problem.name}: {problem.reason}')}", soft_wrap=True)
    return kept, validation


def _tell(run: Run, module: KeypointModule, pace: Pace, machines: Devices, console: Console) -> None:
    config = run.config
    seconds = config.schedule.epochs * pace.epoch(config, module.steps_per_epoch())
    weights = sum(p.numel() for p in module.network.parameters())
    faces = ", ".join(f"{count} {split}" for split, count in run.data["faces"].items())
    console.print(
        f"{config.model.name} with {weights:,} weights for {run.skeleton.name} · faces: {faces}", soft_wrap=True
    )
    threads = f"{run.threads} thread" + "s" * (run.threads > 1)
    workers = f"{machines.world} processes of {threads}" if machines.world > 1 else threads
    console.print(
        f"{config.schedule.epochs} epochs of {module.steps_per_epoch()} steps, {run.precision}, {workers}: "
        f"about {format_duration(seconds)}. Ctrl-C stops cleanly.",
        soft_wrap=True,
    )


def _train(run: Run, module: KeypointModule, machines: Devices, console: Console, checkpoint: Path | None) -> Run:
    _quiet()
    config = run.config
    curves = CurveLogger(run.folder)
    bar, stop = ProgressBar(console), GracefulStop(console)
    trainer = lightning.Trainer(
        max_epochs=config.schedule.epochs,
        accelerator="auto",
        devices=machines.devices,
        num_nodes=machines.nodes,
        strategy="ddp" if machines.world > 1 else "auto",
        precision="bf16-mixed" if run.precision == "bfloat16" else "32-true",
        gradient_clip_val=config.optimizer.clip or None,
        callbacks=[bar, stop, curves, Checkpointer(run.folder, curves, config.schedule.patience)],
        logger=TensorBoardLogger(run.folder, name="tensorboard", version=""),
        check_val_every_n_epoch=config.schedule.validate_every,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with nullcontext() if is_worker() else lock_run(run.folder):
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    if stop.asked:
        where = f"after epoch {trainer.current_epoch} of {trainer.max_epochs}"
        console.print(
            f"[yellow]stopped[/] {where}; go on with: nasion train --resume {escape(str(run.folder))}", soft_wrap=True
        )
    return replace(run, stopped=stop.asked)


def _quiet() -> None:
    """Keep Lightning's talk of GPUs, workers and tips off the screen; errors still come through."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", module="lightning_fabric")
