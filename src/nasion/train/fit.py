"""A run from its configuration to its weights: the whole way, read from top to bottom."""

import logging
import os
import time
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
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
from nasion.train.module import KeypointModule
from nasion.train.network import mean_cost
from nasion.train.run import Run, describe_data, load_weights, open_run

__all__ = ["Machines", "fit", "load_faces", "resume"]

CALIBRATION_SECONDS = 2.0
"""How long steps are timed before a training, to tell and to fit its time."""

FITTED_SHARE = 0.95
"""Share of --minutes that is planned: the rest is for what steps do not show."""


@dataclass(frozen=True)
class Machines:
    """How many processes share a run: `devices` on each of `nodes`."""

    devices: int = 1
    nodes: int = 1

    @property
    def world(self) -> int:
        """All devices together."""
        return self.devices * self.nodes


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
    machines: Machines = Machines(),
) -> Run:
    """Train `config` into `folder` and return the run.

    Raises:
        NasionError: the data, the configuration or the folder is at fault; nothing has been trained then.
    """
    if is_follower() and (folder / "run.json").is_file():  # a device that Lightning started: the first one decided
        run = open_run(folder)
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
    step_seconds, validation_seconds = _calibrate(module, precision, machines.world)
    config = _fitted(config, module, step_seconds, validation_seconds, minutes)
    module.config = config
    data = describe_data(faces) | {"unreadable": [p.name for c in (train, validation) if c for p in c.problems]}
    run = Run(folder, config, faces.skeleton, command, data, threads, precision)
    run.write()
    _tell(run, module, step_seconds, validation_seconds, machines, console)
    _train(run, module, machines, console, checkpoint=None)
    return run


def resume(folder: Path, console: Console, machines: Machines = Machines()) -> Run:
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


def sensible_threads(devices: int) -> int:
    """Return how many threads a process takes: this machine's idle cores, shared between its devices.

    Two processes that each take all cores are many times slower than one thread each.
    `OMP_NUM_THREADS`, where it is set, decides.
    """
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, (cores - _busy_elsewhere(cores)) // devices)


def _busy_elsewhere(cores: int) -> int:
    """Return how many cores other processes keep busy, over a fifth of a second; 0 where it cannot be told."""
    ticks = Path("/proc/stat")
    if not ticks.exists():
        return 0

    def busy_and_all() -> tuple[int, int]:
        spent = [int(word) for word in ticks.read_text("ascii").split("\n", 1)[0].split()[1:9]]
        return sum(spent) - spent[3] - spent[4], sum(spent)  # but idle and waiting for disks

    first = busy_and_all()
    time.sleep(0.2)
    second = busy_and_all()
    share = (second[0] - first[0]) / max(1, second[1] - first[1])
    return min(cores - 1, round(share * cores))


def resolved_precision(config: RunConfig) -> str:
    """Return "float32" or "bfloat16"; "auto" is bfloat16 where the processor computes with it."""
    if config.precision != "auto":
        return config.precision
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"


def _calibrate(module: KeypointModule, precision: str, world: int) -> tuple[float, float]:
    """Return the seconds of a training step and of a validation, measured on copies that are thrown away."""
    state = torch.random.get_rng_state()
    copy = deepcopy(module.network).train()
    optimizer = torch.optim.Adam(copy.parameters())
    steps = [(indices[::world], share) for indices, share in module._plan(0)]

    def step(indices: object, share: float) -> None:
        batch = module.train_crops.batch([int(i) for i in indices], 0, share)  # pyright: ignore[reportGeneralTypeIssues]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            mean_cost(module.loss, copy.decode(batch.crops), batch.target).backward()
        optimizer.step()
        optimizer.zero_grad()

    def validate() -> None:
        copy.eval()
        with torch.inference_mode():
            for index in range(len(module.validation_crops or ())):
                assert module.validation_crops is not None
                copy.decode(module.validation_crops.batch([index]).crops)

    step(*steps[0])  # the first one prepares kernels and memory
    train = _mean_seconds([lambda s=s: step(*s) for s in steps * 20], CALIBRATION_SECONDS)
    validation = _mean_seconds([validate], 0)
    torch.random.set_rng_state(state)
    return train, validation


def _mean_seconds(actions: list[Callable[[], None]], limit: float) -> float:
    began = time.perf_counter()
    done = 0
    for action in actions:
        action()
        done += 1
        if time.perf_counter() - began > limit:
            break
    return (time.perf_counter() - began) / done


def _epoch_seconds(config: RunConfig, module: KeypointModule, step: float, validation: float) -> float:
    return module.steps_per_epoch() * step + validation / config.schedule.validate_every


def _fitted(
    config: RunConfig, module: KeypointModule, step: float, validation: float, minutes: float | None
) -> RunConfig:
    """Return the configuration with as many epochs as `minutes` hold, whole validations apart."""
    if minutes is None:
        return config
    seconds = _epoch_seconds(config, module, step, validation)
    epochs = max(1, int(minutes * 60 * FITTED_SHARE / seconds))
    every = min(config.schedule.validate_every, epochs)
    epochs -= epochs % every
    schedule = config.schedule.model_copy(update={"epochs": epochs, "validate_every": every})
    return config.model_copy(update={"schedule": schedule})


def _tell(
    run: Run, module: KeypointModule, step: float, validation: float, machines: Machines, console: Console
) -> None:
    config = run.config
    seconds = config.schedule.epochs * _epoch_seconds(config, module, step, validation)
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


def told_time(seconds: float) -> str:
    """Return a time as a person says it.

    >>> told_time(42), told_time(150), told_time(7500)
    ('42 s', '2 min 30 s', '2 h 5 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def is_follower() -> bool:
    """Return whether this process was started by another device of the same run."""
    return os.environ.get("LOCAL_RANK", "0") != "0" or os.environ.get("NODE_RANK", "0") != "0"


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
