"""A run from its configuration to its weights: the whole way, read from top to bottom."""

import logging
import warnings
from pathlib import Path

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console
from rich.progress import track

from nasion import datasets
from nasion.errors import ConfigError, ModelError
from nasion.files import prove_writable
from nasion.sample import DataSet
from nasion.skeleton import load_skeleton
from nasion.splits import with_validation
from nasion.train.batches import Crops
from nasion.train.callbacks import Bar, CleanStop, Curves, Keeper
from nasion.train.config import RunConfig
from nasion.train.machine import ALONE, Machines, is_follower, resolved_precision, sensible_threads
from nasion.train.module import KeypointModule
from nasion.train.run import Run, describe_data, load_weights, open_run
from nasion.train.timing import Pace, fitted, measured_pace, told_time

__all__ = ["fit", "load_faces", "resume"]


def load_faces(config: RunConfig) -> DataSet:
    """Return the faces of a configuration with its skeleton and its validation split.

    Raises:
        NasionError: the data is not named, cannot be read, or has other points.
    """
    if not config.data.source:
        raise ConfigError("no data is named; add --data, such as --data imm:DIR or --data synthetic:400")
    faces = datasets.load(config.data.source).reduced_to(load_skeleton(config.data.skeleton))
    return with_validation(faces, config.data.validation_share)


def fit(
    config: RunConfig,
    folder: Path,
    console: Console,
    command: str,
    minutes: float | None = None,
    machines: Machines = ALONE,
) -> Run:
    """Train `config` into `folder` and return the run.

    Raises:
        NasionError: the data, the configuration or the folder is at fault; nothing has been trained then.
    """
    if is_follower() and (folder / "run.json").is_file():  # a device that Lightning started: the first one decided
        run = open_run(folder)
        torch.set_num_threads(run.threads)
        train, validation = _crops(run.config, load_faces(run.config), console, quiet=True)
        _train(run, KeypointModule(run.config, train, validation), machines, console, checkpoint=None)
        return run
    if (folder / "run.json").exists():
        raise ConfigError(f"{folder} holds a run already; go on with --resume {folder}, or choose another --out")
    faces = load_faces(config)
    prove_writable(folder)
    threads = sensible_threads(machines.devices)
    torch.set_num_threads(threads)
    train, validation = _crops(config, faces, console)
    precision = resolved_precision(config)
    module = KeypointModule(config, train, validation)
    pace = measured_pace(module, precision, machines.world)
    if minutes is not None:
        config = module.config = fitted(config, pace, module.steps_per_epoch(), minutes)
    data = describe_data(faces) | {"unreadable": [p.name for c in (train, validation) if c for p in c.problems]}
    run = Run(folder, config, faces.skeleton, command, data, threads, precision)
    run.write()
    _tell(run, module, pace, machines, console)
    _train(run, module, machines, console, checkpoint=None)
    return run


def resume(folder: Path, console: Console, machines: Machines = ALONE) -> Run:
    """Go on with a run from its last checkpoint, to the weights that it would have had undisturbed.

    Raises:
        ModelError: the folder is no run, has no checkpoint, or its data has changed.
    """
    run = open_run(folder)
    load_weights(run.last)  # one clear line now, not Lightning's later
    faces = load_faces(run.config)
    if describe_data(faces)["fingerprint"] != run.data["fingerprint"]:
        raise ModelError(f"{run.config.data.source} has changed since {folder} began; train anew instead of resuming")
    torch.set_num_threads(run.threads)
    train, validation = _crops(run.config, faces, console, quiet=is_follower())
    _train(run, KeypointModule(run.config, train, validation), machines, console, checkpoint=run.last)
    return run


def _crops(config: RunConfig, faces: DataSet, console: Console, quiet: bool = False) -> tuple[Crops, Crops | None]:
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

    kept = Crops(train, config.crop, config.augment, config.seed, tick)
    validation = Crops(faces.subset(rest), config.crop, None, config.seed, tick) if rest else None
    next(steps, None)
    for problem in [*faces.problems, *kept.problems, *(validation.problems if validation else [])]:
        if not quiet:
            console.print(f"[yellow]skipped[/] {problem.name}: {problem.reason}", soft_wrap=True)
    return kept, validation


def _tell(run: Run, module: KeypointModule, pace: Pace, machines: Machines, console: Console) -> None:
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
        f"about {told_time(seconds)}. Ctrl-C stops cleanly.",
        soft_wrap=True,
    )


def _train(run: Run, module: KeypointModule, machines: Machines, console: Console, checkpoint: Path | None) -> None:
    _quiet()
    config = run.config
    curves = Curves(run.folder)
    bar, stop = Bar(console), CleanStop(console)
    patience = config.schedule.patience
    early = [EarlyStopping("val/error_px", patience=patience)] if patience and module.validation_crops else []
    trainer = lightning.Trainer(
        max_epochs=config.schedule.epochs,
        accelerator="auto",
        devices=machines.devices,
        num_nodes=machines.nodes,
        strategy="ddp" if machines.world > 1 else "auto",
        precision="bf16-mixed" if run.precision == "bfloat16" else "32-true",
        gradient_clip_val=config.optimizer.clip or None,
        callbacks=[bar, stop, curves, Keeper(run.folder, curves), *early],
        logger=TensorBoardLogger(run.folder, name="tensorboard", version=""),
        check_val_every_n_epoch=config.schedule.validate_every,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    if stop.asked and trainer.is_global_zero:
        console.print(
            f"[yellow]stopped[/] after epoch {trainer.current_epoch}; go on with: nasion train --resume {run.folder}"
        )


def _quiet() -> None:
    """Keep Lightning's talk of GPUs, workers and tips off the screen; errors still come through."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", module="lightning_fabric")
