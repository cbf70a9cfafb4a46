"""A run from its configuration to its weights, from top to bottom.

Lightning provides what must be right on every device and is hard to test here: DDP, mixed precision, the state that
resumes a run exactly. Its loader, sampler, checkpoint, bar and early-stopping features are off, because they cannot
guarantee the same batches for any number of devices, atomic files, or a stop at the end of an epoch; `module` and
`callbacks` do that in a few lines each.
"""

import logging
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as lightning
from pytorch_lightning.loggers import TensorBoardLogger

from nasion.atomic import ensure_writable
from nasion.errors import ConfigError, ModelError
from nasion.progress import SILENT, Reporter
from nasion.sample import DataSet
from nasion.train.checkpoint import AtomicCheckpointIO, load_weights
from nasion.train.config import RunConfig
from nasion.train.data.batches import read_sources
from nasion.train.data.faces import load_faces
from nasion.train.loop.callbacks import Checkpointer, CurveLogger, GracefulStop, ProgressBar, TimeBudget
from nasion.train.loop.hardware import (
    SINGLE_PROCESS,
    Devices,
    candidate_precisions,
    default_threads,
    is_worker,
    set_threads,
)
from nasion.train.loop.module import KeypointModule
from nasion.train.loop.time_budget import Pace, align_validation, epochs_within, format_duration, measure_pace
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import Run, describe_data, lock_run, open_run
from nasion.train.runs.warm_start import adopt_architecture, build_network

__all__ = ["TrainedRun", "fit", "resume"]


class TrainedRun(NamedTuple):
    """A run after its training, and the faces that it was trained and validated on."""

    run: Run
    faces: DataSet


def fit(
    config: RunConfig,
    folder: Path,
    command: str,
    reporter: Reporter = SILENT,
    minutes: float | None = None,
    devices: Devices = SINGLE_PROCESS,
) -> TrainedRun:
    """Train `config` into `folder`.

    Args:
        config: the run's configuration.
        folder: the run folder, which must not hold a run.
        command: stored as the command that trained it.
        reporter: shows plan, progress and problems.
        minutes: time for the training; it sets the number of epochs, also while it runs.
        devices: the processes that share the run.

    Raises:
        NasionError: the data, the configuration or the folder is at fault; nothing has been trained then.
    """
    if devices.nodes > 1 and minutes is not None:
        raise ConfigError("--minutes measures one machine, not several; use --set schedule.epochs=N with --nodes")
    if is_worker():
        return _join(config, folder, command, devices)
    if (folder / "run.json").exists():
        raise ConfigError(f"{folder} already holds a run; resume it with --resume {folder}, or choose another --out")
    config = adopt_architecture(config, reporter)
    _check_freeze(config)
    faces = load_faces(config)
    _check_skeleton(config, faces)
    _check_visibility(config, faces)
    ensure_writable(folder)
    threads = set_threads(default_threads(devices.devices))
    train, validation = read_sources(config, faces, reporter)
    network = build_network(config, faces.skeleton)
    _check_kept_keypoints(config, network)
    _check_cross_fit(config, network, devices)
    precision, pace = measure_pace(
        config, network, train, validation, candidate_precisions(config, devices), devices.world
    )
    config = align_validation(config if minutes is None else epochs_within(config, pace, minutes))
    unreadable = [problem.name for source in (train, validation) if source for problem in source.problems]
    data = describe_data(faces) | {"unreadable": unreadable}
    run = Run(folder, config, faces.skeleton, command, data, threads, precision)
    run.write()
    _report_plan(run, network, pace, devices, reporter)
    budget = [] if minutes is None else [TimeBudget(run, minutes)]
    return _train(run, KeypointModule(config, network, train, validation), faces, devices, reporter, budget)


def _check_freeze(config: RunConfig) -> None:
    """Reject frozen layers that are random.

    Raises:
        ConfigError: `init.freeze_share` is set, and there are no pretrained weights.
    """
    share = config.init.freeze_share
    if share and not config.init.model and config.model.options.get("weights", "none") == "none":
        raise ConfigError(
            f"init.freeze_share = {share:g} freezes untrained layers; name a trained network with --init, "
            "such as --init default, or set it to 0"
        )


def _check_kept_keypoints(config: RunConfig, network: KeypointNetwork) -> None:
    """Reject a training that could not learn anything sensible without changing keypoints.

    Raises:
        ConfigError: `init.keep_keypoints` is set, and there is no trained network or no uncertainty to learn.
    """
    if config.init.keep_keypoints and (network.spread is None or not config.init.model):
        raise ConfigError(
            "init.keep_keypoints learns only the uncertainty of a trained network: name one with --init, such as "
            "--init default, and use a codec with maps"
        )


def _check_cross_fit(config: RunConfig, network: KeypointNetwork, devices: Devices) -> None:
    """Reject cross-fitting where there is nothing to measure, or on several devices.

    Raises:
        ConfigError: `data.cross_fit` is set, and the network predicts no uncertainty or several devices train it.
    """
    if config.data.cross_fit and network.spread is None:
        raise ConfigError("data.cross_fit measures the uncertainty, which this network does not predict; set it to 0")
    if config.data.cross_fit and devices.world > 1:
        raise ConfigError(f"data.cross_fit trains on one device, not on {devices.world}; omit --devices and --nodes")


def _check_visibility(config: RunConfig, faces: DataSet) -> None:
    """Reject hidden points that nothing can teach.

    Raises:
        ConfigError: `hidden_points` is set, and no training face says which of its points are hidden.
    """
    if config.hidden_points and not any(face.visibility_known for face in faces.of_split("train").annotations):
        raise ConfigError(
            "hidden_points needs training faces whose labels say which points are hidden, such as COCO's v = 1; "
            "add such data, or set hidden_points=false"
        )


def _check_skeleton(config: RunConfig, faces: DataSet) -> None:
    """Reject settings that the skeleton does not support.

    Raises:
        ConfigError: a single point is refined, or faces without a flip map are mirrored.
    """
    if config.crop.refine and faces.skeleton.count == 1:
        raise ConfigError("crop.refine crops around the predicted points, which needs more than one; set it to 0")
    if config.augment.flip and faces.skeleton.flip is None:
        raise ConfigError(
            f"augment.flip mirrors faces, but {faces.skeleton.name} has no flip map; add the one that "
            "`nasion doctor` suggests, or set augment.flip to 0"
        )


def _join(config: RunConfig, folder: Path, command: str, devices: Devices) -> TrainedRun:
    """Take part in a run that another process leads; on the same machine, that process has written its run.json."""
    faces = load_faces(config)
    if devices.nodes == 1:
        run = open_run(folder)
    else:  # nothing in the configuration depends on the leading machine then
        config = align_validation(adopt_architecture(config))
        threads, precision = default_threads(devices.devices), candidate_precisions(config, devices)[0]
        run = Run(folder, config, faces.skeleton, command, {}, threads, precision)
    set_threads(run.threads)
    train, validation = read_sources(run.config, faces)
    module = KeypointModule(run.config, build_network(run.config, faces.skeleton), train, validation)
    return _train(run, module, faces, devices, SILENT)


def resume(folder: Path, reporter: Reporter = SILENT, devices: Devices = SINGLE_PROCESS) -> TrainedRun:
    """Resume a run from its last checkpoint; it ends with the weights of an undisturbed run.

    A run without a checkpoint restarts, which gives the same result.

    Raises:
        ModelError: the folder is not a run, its checkpoint is damaged or another run's, or its data has changed.
    """
    run = open_run(folder)
    checkpoint = run.last if run.last.exists() else None
    state = load_weights(run.last) if checkpoint else None  # checked here for a clear message
    faces = load_faces(run.config)
    if describe_data(faces)["fingerprint"] != run.data["fingerprint"]:
        sources = ", ".join(run.config.data.sources)
        raise ModelError(f"{sources}: the data has changed since {folder} started; start a new run")
    set_threads(run.threads)
    reporter = SILENT if is_worker() else reporter
    train, validation = read_sources(run.config, faces, reporter)
    network = build_network(run.config, faces.skeleton, initialize=state is None)
    module = KeypointModule(run.config, network, train, validation)
    if state is not None and not _fits(state, module):
        raise ModelError(f"{run.last} is not a checkpoint of this run; restore its own, or start a new run")
    return _train(run, module, faces, devices, reporter, checkpoint=checkpoint)


def _fits(state: dict[str, Any], module: KeypointModule) -> bool:
    """Return whether a checkpoint holds the complete training state of this network."""
    weights, own = state.get("state_dict"), module.state_dict()
    if not isinstance(weights, dict) or not {"loops", "callbacks", "optimizer_states", "lr_schedulers"} <= state.keys():
        return False
    groups = [len(each["param_groups"]) for each in state["optimizer_states"]]
    if groups != [len(module.configure_optimizers()["optimizer"].param_groups)]:
        return False
    return weights.keys() == own.keys() and all(weights[name].shape == own[name].shape for name in own)


def _report_plan(run: Run, network: KeypointNetwork, pace: Pace, devices: Devices, reporter: Reporter) -> None:
    """Report the network, the data, and how long the training will take."""
    config = run.config
    weights = sum(p.numel() for p in network.parameters())
    faces = ", ".join(f"{count} {split}" for split, count in run.data["faces"].items())
    reporter.line(f"{config.model.name} with {weights:,} weights for {run.skeleton.name} · faces: {faces}")
    threads = f"{run.threads} thread" + "s" * (run.threads > 1)
    workers = f"{devices.world} processes of {threads}" if devices.world > 1 else threads
    duration = format_duration(config.schedule.epochs * pace.epoch(config))
    reporter.line(
        f"{config.schedule.epochs} epochs of {pace.steps} steps, {run.precision}, {workers}: about {duration}. "
        "Ctrl-C stops after the current epoch."
    )


def _train(
    run: Run,
    module: KeypointModule,
    faces: DataSet,
    devices: Devices,
    reporter: Reporter,
    budget: Sequence[TimeBudget] = (),
    checkpoint: Path | None = None,
) -> TrainedRun:
    """Run Lightning's loop, within a time budget and from a checkpoint if they are given."""
    _silence_lightning()
    curves, stop = CurveLogger(run.folder), GracefulStop(reporter)
    checkpointer = Checkpointer(run.folder, curves, run.config.schedule.patience)
    trainer = _trainer(run, devices, [ProgressBar(reporter), stop, curves, *budget, checkpointer])
    with nullcontext() if is_worker() else lock_run(run.folder):
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    if stop.requested:
        where = f"after epoch {trainer.current_epoch} of {trainer.max_epochs}"
        is_part = run.config.data.left_out > 0  # `cross_fit` prints how to resume all parts
        reporter.warn(f"stopped {where}" + ("" if is_part else f"; resume with: nasion train --resume {run.folder}"))
    return TrainedRun(replace(run, config=module.config, stopped=stop.requested), faces)


def _trainer(run: Run, devices: Devices, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    config = run.config
    return lightning.Trainer(
        max_epochs=config.schedule.epochs,
        accelerator="auto",
        devices=devices.devices,
        num_nodes=devices.nodes,
        strategy="ddp" if devices.world > 1 else "auto",
        precision="bf16-mixed" if run.precision == "bfloat16" else "32-true",
        gradient_clip_val=config.optimizer.clip or None,
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        logger=TensorBoardLogger(run.folder, name="tensorboard", version=""),
        check_val_every_n_epoch=config.schedule.validate_every,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _silence_lightning() -> None:
    """Hide Lightning's messages about GPUs, workers and tips; errors still appear."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", module="lightning_fabric")
