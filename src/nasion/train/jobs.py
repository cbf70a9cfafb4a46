"""Complete jobs: train or resume a run and write its report; draw the first layer's kernels."""

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from nasion.atomic import write_bytes, write_text
from nasion.errors import ConfigError
from nasion.evaluation import metrics, plots
from nasion.evaluation.baseline import mean_face_errors
from nasion.evaluation.evaluation import Evaluation, evaluate
from nasion.evaluation.format import SPLIT_NAMES, score_rows
from nasion.evaluation.report import TrainingRecord, write_report
from nasion.geometry import FloatArray
from nasion.predict.backends.confidence import measure_confidence
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import DataSet
from nasion.train.config import RunConfig
from nasion.train.cross_fit import cross_fit
from nasion.train.data.faces import load_faces
from nasion.train.loop.callbacks import read_curve
from nasion.train.loop.fit import fit, resume
from nasion.train.loop.hardware import SINGLE_PROCESS, Devices, is_worker, shared_folder
from nasion.train.loop.module import CALIBRATION_FACES
from nasion.train.loop.time_budget import format_duration
from nasion.train.network.decode_floor import measure_decode_floor
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.average import average_runs
from nasion.train.runs.calibration import read_calibration, scale_spreads
from nasion.train.runs.run_folder import CONFIDENCE, MAX_RELATIVE_SPREAD, Run, open_run
from nasion.train.runs.torch_backend import TorchBackend

__all__ = ["average_job", "draw_filters", "new_folder", "resume_job", "train_job", "training_record"]

SCORE_HEADER = ("score", "value", "95 % interval")
"""Columns of the table of scores."""


def new_folder(recipe: str) -> Path:
    """Return a default run folder: runs/RECIPE-DATE-TIME."""
    return Path("runs") / f"{Path(recipe).stem}-{time.strftime('%Y%m%d-%H%M%S')}"


def train_job(
    config: RunConfig,
    folder: Path,
    command: str,
    reporter: Reporter = SILENT,
    minutes: float | None = None,
    devices: Devices = SINGLE_PROCESS,
) -> Run:
    """Train, then write the report on the validation faces, or on the training faces if there are none."""
    started = time.monotonic()
    with shared_folder(folder) as shared:
        each = None if minutes is None else minutes / (1 + config.data.cross_fit)
        run, faces = fit(config, shared, command, reporter, each, devices)
        return _finish(run, faces, reporter, started, left_out=_cross_fitted(run, faces, reporter))


def resume_job(folder: Path, reporter: Reporter = SILENT, devices: Devices = SINGLE_PROCESS) -> Run:
    """Resume a run, then write its report."""
    started = time.monotonic()
    run, faces = resume(folder, reporter, devices)
    return _finish(run, faces, reporter, started, left_out=_cross_fitted(run, faces, reporter))


def _cross_fitted(run: Run, faces: DataSet, reporter: Reporter) -> FloatArray | None:
    """Return the errors (N, K), in spreads, of faces that further trainings left out; None without cross-fitting."""
    data = run.config.data
    return cross_fit(run, faces, reporter) if data.cross_fit and not data.left_out and not run.stopped else None


def average_job(
    folder: Path,
    other: str,
    share: float,
    out: Path,
    command: str,
    reporter: Reporter = SILENT,
    calibrated_by: Path | None = None,
) -> Run:
    """Average the weights of a run and of another network, then write the report on the run's validation faces.

    `calibrated_by` is the run whose calibration of the uncertainty is used; default: the validation faces measure it.
    """
    started = time.monotonic()
    calibration = None if calibrated_by is None else read_calibration(calibrated_by, open_run(folder).skeleton)
    run = average_runs(folder, other, share, out, command)
    if calibration is not None:
        scale_spreads(run, calibration.factor)
    scores = {} if calibration is None else calibration.scores
    return _finish(run, load_faces(run.config), reporter, started, "averaged", calibration=scores)


def _finish(
    run: Run,
    faces: DataSet,
    reporter: Reporter,
    started: float,
    done: str = "trained",
    left_out: FloatArray | None = None,
    calibration: Mapping[str, Any] = MappingProxyType({}),
) -> Run:
    """Measure the best weights, and write scores.json and report.html.

    `left_out` is from `_cross_fitted`; `calibration` has the scores of another run's calibration.
    """
    if is_worker():
        return run
    splits = {face.split for face in faces.annotations}
    split = "val" if "val" in splits else "train"
    measured = evaluate(Predictor(run.folder), faces.of_split(split), run.config.crop.box, split, reporter)
    scores: dict[str, Any] = {"split": split, **measured.scores()}
    if np.isfinite(measured.relative_spreads()).any():
        scores[MAX_RELATIVE_SPREAD] = float(np.nanmax(measured.relative_spreads()))
    if split == "val" or left_out is not None:
        scores[CONFIDENCE] = measure_confidence(measured.mahalanobis if left_out is None else left_out)._asdict()
    scores |= calibration
    write_text(run.folder / "scores.json", json.dumps(scores, indent=1) + "\n")
    first = run.config.data.sources[0]  # the others provided training faces only
    command = shlex.join(["nasion", "evaluate", str(run.folder), first, "--split", split])
    path = run.folder / "report.html"
    write_report(path, measured, faces, command, training_record(run))
    count = len(measured.faces)
    title = f"{count} {SPLIT_NAMES[split]} face{'s' * (count != 1)}"
    reporter.table(title, SCORE_HEADER, [row[:3] for row in score_rows(measured)])
    _check_learned(measured, faces, run.config.crop.box == "points", reporter)
    if left_out is not None:
        reporter.line(f"the uncertainty rests on {len(left_out)} faces, each left out of a further training")
    if split == "val" and count < CALIBRATION_FACES:
        what = "scores and the uncertainty rest" if left_out is None else "scores rest"
        reporter.warn(f"the {what} on only {title}; label more, at least {CALIBRATION_FACES}")
    reporter.line(f"{done} in {format_duration(time.monotonic() - started)}; report: {path}")
    return run


def _check_learned(measured: Evaluation, faces: DataSet, in_boxes: bool, reporter: Reporter) -> None:
    """Warn if the network is not better than the mean training face, which ignores the image."""
    baseline = metrics.median(mean_face_errors(faces.of_split("train").annotations, measured.faces, in_boxes))
    error = metrics.median(metrics.face_errors(measured.errors))
    if error > baseline:
        place = "placed in its box" if in_boxes else "at its mean place in the image"
        reporter.warn(
            f"the network has learned nothing useful: the median face is {error:.1f} px off, the mean face {place} "
            f"only {baseline:.1f} px; train longer, on more faces, or with a larger optimizer.lr"
        )


def training_record(run: Run) -> TrainingRecord:
    """Return what a report shows about a run's training."""
    network = TorchBackend(run.folder).network
    details = {
        "config": run.config.model_dump(),
        "data": run.data,
        "versions": run.versions,
        "threads": run.threads,
        "precision": run.precision,
    }
    return TrainingRecord(
        command=run.command,
        steps=read_curve(run.folder / "steps.csv"),
        epochs=read_curve(run.folder / "epochs.csv"),
        kernels=network.first_kernels().numpy(),
        details=json.dumps(details, indent=1),
        decode_floor=_format_decode_floor(network),
    )


def _format_decode_floor(network: KeypointNetwork) -> str:
    with torch.inference_mode():
        floor = measure_decode_floor(network)
    if floor is None:
        return ""
    (rows, columns), (height, width) = floor.cells, network.spec.size
    return (
        f"Decoding alone causes an error of {floor.decode_px:.2g} px of the crop, even with perfect maps "
        f"({columns} x {rows} cells over {width} x {height} px). With argmax it would be {floor.argmax_px:.2f} px."
    )


def draw_filters(model: Path, out: Path) -> Path:
    """Draw the first layer's kernels of a run and return the path of the image.

    Raises:
        ConfigError: `out` is not a .png.
        ModelError: the run is damaged.
        OutputError: the image cannot be written.
    """
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: kernels are drawn as .png")
    kernels = TorchBackend(open_run(model).folder).network.first_kernels().numpy()
    write_bytes(out, plots.png(plots.kernels(kernels)))
    return out
