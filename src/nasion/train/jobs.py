"""Whole jobs around a run: train and report, compare several, look inside."""

import json
import math
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nasion.atomic import ensure_writable, write_bytes, write_text
from nasion.errors import ConfigError, ModelError, NasionError
from nasion.evaluation.report import TrainingRecord, format_score, write_report
from nasion.evaluation.score_table import NAMES, measure, scores_table
from nasion.predict.predictor import Predictor
from nasion.train.config import RunConfig, load
from nasion.train.loop.callbacks import read_curve
from nasion.train.loop.fit import JOINED, fit, load_faces, resume
from nasion.train.loop.hardware import SINGLE_PROCESS, Devices, is_worker
from nasion.train.loop.time_budget import format_duration
from nasion.train.network.decode_floor import measure_decode_floor
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import Run, open_run
from nasion.train.runs.torch_backend import MAX_RELATIVE_SPREAD, TorchBackend

__all__ = ["Job", "compare", "filters", "resume_job", "sweep", "train_job", "training_record"]

RUN_VARIABLE = "NASION_RUN"
"""Tells the devices that Lightning starts which folder the first one chose."""


def new_folder(recipe: str) -> Path:
    """Return a folder for a run that has none: runs/RECIPE-DATE-TIME."""
    return Path("runs") / f"{Path(recipe).stem}-{time.strftime('%Y%m%d-%H%M%S')}"


def train_job(
    config: RunConfig, folder: Path, console: Console, command: str, minutes: float | None, machines: Devices
) -> Run:
    """Train, then write the report of the validation faces, or of the training faces where there are none."""
    folder = Path(os.environ.setdefault(RUN_VARIABLE, str(folder)))
    try:
        began = time.monotonic()
        run = fit(config, folder, console, command, minutes, machines)
        return _finish(run, console, began)
    finally:
        os.environ.pop(RUN_VARIABLE, None)


def resume_job(folder: Path, console: Console, machines: Devices) -> Run:
    """Go on with a run, then write its report."""
    began = time.monotonic()
    return _finish(resume(folder, console, machines), console, began)


def _finish(run: Run, console: Console, began: float) -> Run:
    if is_worker():
        return run
    seconds = time.monotonic() - began
    faces = load_faces(run.config)
    splits = {face.split for face in faces.annotations}
    split = "val" if "val" in splits else "train"
    measured = measure(Predictor(run.folder), faces.of_split(split), run.config.crop.box, split, console)
    path = run.folder / "report.html"
    scores = measured.scores()
    known = {"split": split, **scores}
    if np.isfinite(measured.relative_spreads()).any():
        known[MAX_RELATIVE_SPREAD] = float(np.nanmax(measured.relative_spreads()))
    write_text(run.folder / "scores.json", json.dumps(known, indent=1) + "\n")
    first = run.config.data.source.split(JOINED)[0]  # the others gave training faces alone
    command = shlex.join(["nasion", "evaluate", str(run.folder), first, "--split", split])
    write_report(path, measured, faces, command, training_record(run))
    console.print(f"\n[bold]{len(measured.faces)} {NAMES[split]} faces[/]")
    console.print(scores_table(measured))
    console.print(f"trained in {format_duration(seconds)}; the report: [bold]{escape(str(path))}[/]", soft_wrap=True)
    return run


def training_record(run: Run) -> TrainingRecord:
    """Return what a report says of a run's training."""
    network = TorchBackend(run.folder).network
    table = {"config": run.config.model_dump(), "data": run.data, "versions": run.versions}
    table |= {"threads": run.threads, "precision": run.precision}
    return TrainingRecord(
        command=run.command,
        steps=read_curve(run.folder / "steps.csv"),
        epochs=read_curve(run.folder / "epochs.csv"),
        kernels=network.first_kernels().numpy(),
        details=json.dumps(table, indent=1),
        floor=_told_floor(network),
    )


def _told_floor(network: KeypointNetwork) -> str:
    with torch.inference_mode():
        floor = measure_decode_floor(network)
    if floor is None:
        return ""
    (rows, columns), (height, width) = floor.cells, network.shape.size
    return (
        f"The decode itself costs {floor.decode_px:.2g} px of the crop: so far off would be a network whose maps "
        f"({columns} x {rows} cells over {width} x {height} px) were perfect. Their highest cells would be "
        f"{floor.argmax_px:.2f} px off."
    )


SWEEP_COLUMNS = ("error_px/mean", "error_px/median", "nme/inter_ocular", "nme/box_size")
"""What the screen shows of a sweep; sweep.csv has all scores."""


class Job(NamedTuple):
    """One run of a sweep: what tells it from the others, all its settings, and what they come to."""

    label: str
    settings: tuple[str, ...]
    config: RunConfig

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return self.label.replace(" ", "_").replace("/", "-")


def sweep_jobs(recipe: str, settings: Sequence[str], source: str | None) -> list[Job]:
    """Return one job for each combination of the settings' comma-separated values.

    >>> [job.label for job in sweep_jobs("nose", ["optimizer.lr=1e-5,1e-4", "seed=3"], "synthetic:8")]
    ['optimizer.lr=1e-5', 'optimizer.lr=1e-4']

    Raises:
        ConfigError: nothing varies, or a setting is wrong.
    """
    choices: list[list[str]] = []
    for setting in settings:
        key, _, values = setting.partition("=")
        whole = values.strip().startswith(("[", "{", '"'))  # a value that has commas of its own
        choices.append([f"{key}={value}" for value in ([values] if whole else values.split(","))])
    varied = [index for index, choice in enumerate(choices) if len(choice) > 1]
    if not varied:
        raise ConfigError("a sweep needs values to compare, such as --set optimizer.lr=1e-5,1e-4,1e-3")
    return [
        Job(" ".join(chosen[k] for k in varied), chosen, load(recipe, chosen, source)) for chosen in product(*choices)
    ]


def sweep(recipe: str, jobs: Sequence[Job], folder: Path, console: Console, minutes: float | None) -> None:
    """Train every job into its own folder and compare: sweep.png with the curves, sweep.csv with the scores.

    A job that fails, such as one whose loss is no number any more, is named, and the others go on.

    Raises:
        ConfigError: all failed.
    """
    ensure_writable(folder)
    done: dict[str, Path] = {}
    for job in jobs:
        console.rule(job.label)
        try:
            run = train_job(
                job.config, folder / job.folder, console, _job_command(recipe, job, minutes), minutes, SINGLE_PROCESS
            )
        except NasionError as error:
            console.print(f"[red]failed[/] {escape(str(error))}", soft_wrap=True)
            continue
        done[job.label] = run.folder
        if run.stopped:
            break
    if not done:
        raise ConfigError("no run of the sweep came to its end; the lines above say why")
    compare(done, folder / "sweep.png", console)


def _job_command(recipe: str, job: Job, minutes: float | None) -> str:
    settings = [word for setting in job.settings for word in ("--set", setting)]
    limit = [] if minutes is None else ["--minutes", f"{minutes:g}"]
    return shlex.join(["nasion", "train", recipe, "--data", job.config.data.source, *settings, *limit])


def compare(runs: Mapping[str, Path], out: Path, console: Console) -> None:
    """Draw the curves of runs, by label, as `out`, write their scores beside it as .csv, and print them.

    Raises:
        ConfigError: `out` is no .png, or the runs were scored on different splits.
        ModelError: a run has not come to its end.
        OutputError: the files cannot be written.
    """
    from nasion.evaluation import plots

    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: curves are drawn as .png")
    tables = {label: _scores(folder) for label, folder in runs.items()}
    splits = {str(table.pop("split")) for table in tables.values()}
    if len(splits) > 1:
        raise ConfigError(f"the runs were scored on different faces ({', '.join(sorted(splits))}); evaluate them alike")
    scores = {label: {name: float(value) for name, value in table.items()} for label, table in tables.items()}
    curves = {label: read_curve(folder / "epochs.csv") for label, folder in runs.items()}
    write_bytes(out, plots.png(plots.sweep_curves(curves)))
    names = [name for name in next(iter(scores.values())) if not name.startswith("ms_")]
    rows = [
        ",".join(["run", *names]),
        *(",".join([label, *(f"{each.get(n, math.nan):.6g}" for n in names)]) for label, each in scores.items()),
    ]
    write_text(out.with_suffix(".csv"), "\n".join(rows) + "\n")
    shown = [name for name in SWEEP_COLUMNS if name in names]
    table = Table(title=f"scores on the {NAMES[splits.pop()]} faces", title_justify="left", box=None)
    table.add_column("run", no_wrap=True)
    for name in shown:
        table.add_column(name.replace("/", "\n"), justify="right")
    best = min(scores, key=lambda label: scores[label]["error_px/mean"])
    for label, each in scores.items():
        cells = (format_score(name, each.get(name, math.nan)) for name in shown)
        table.add_row(escape(label), *cells, style="bold" if label == best else "")
    console.print(table)
    console.print(f"curves: {out}   scores: {out.with_suffix('.csv')}", soft_wrap=True)


def _scores(folder: Path) -> dict[str, Any]:
    open_run(folder)  # one clear line if it is none
    path = folder / "scores.json"
    if not path.is_file():
        raise ModelError(f"{folder}: this run has not come to its end; go on with nasion train --resume {folder}")
    return json.loads(path.read_text("utf-8"))


def filters(model: Path, out: Path) -> Path:
    """Draw the first layer's kernels of a run and return the picture's path.

    Raises:
        ModelError: the run is damaged.
        OutputError: the picture cannot be written.
    """
    from nasion.evaluation import plots

    weights = TorchBackend(open_run(model).folder).network.first_kernels().numpy()
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: kernels are drawn as .png")
    write_bytes(out, plots.png(plots.kernels(weights)))
    return out
