"""Several runs side by side: a sweep over settings, and the comparison of runs."""

import math
import shlex
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from nasion.atomic import ensure_writable, write_bytes, write_text
from nasion.errors import ConfigError, NasionError
from nasion.evaluation import plots
from nasion.evaluation.format import SPLIT_NAMES, format_score
from nasion.progress import SILENT, Reporter
from nasion.train.config import RunConfig, load
from nasion.train.jobs import train_job
from nasion.train.loop.callbacks import read_curve
from nasion.train.runs.run_folder import open_run, read_scores

__all__ = ["Job", "compare", "sweep", "sweep_jobs"]

TABLE_SCORES = ("error_px/mean", "error_px/median", "nme/inter_ocular", "nme/box_size")
"""Scores in the table of a comparison; its .csv has all of them."""


class Job(NamedTuple):
    """One run of a sweep: the settings that vary as its label, all its settings, and its configuration."""

    label: str
    settings: tuple[str, ...]
    config: RunConfig

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return self.label.replace(" ", "_").replace("/", "-")


def sweep_jobs(recipe: str, settings: Sequence[str], sources: Sequence[str]) -> list[Job]:
    """Return one job for each combination of the settings' comma-separated values.

    >>> [job.label for job in sweep_jobs("nose", ["optimizer.lr=1e-5,1e-4", "seed=3"], ["synthetic:8"])]
    ['optimizer.lr=1e-5', 'optimizer.lr=1e-4']

    Raises:
        ConfigError: nothing varies, or a setting is wrong.
    """
    choices: list[list[str]] = []
    for setting in settings:
        key, _, values = setting.partition("=")
        is_one_value = values.strip().startswith(("[", "{", '"'))  # its commas belong to the value
        choices.append([f"{key}={value}" for value in ([values] if is_one_value else values.split(","))])
    varied = [index for index, choice in enumerate(choices) if len(choice) > 1]
    if not varied:
        raise ConfigError("a sweep needs values to compare, such as --set optimizer.lr=1e-5,1e-4,1e-3")
    return [
        Job(" ".join(chosen[k] for k in varied), chosen, load(recipe, chosen, sources)) for chosen in product(*choices)
    ]


def sweep(
    recipe: str, jobs: Sequence[Job], folder: Path, reporter: Reporter = SILENT, minutes: float | None = None
) -> None:
    """Train each job into its own folder and compare: sweep.png with the curves, sweep.csv with the scores.

    A job that fails, such as one whose loss diverges, is reported, and the sweep continues.

    Raises:
        ConfigError: all jobs failed.
    """
    ensure_writable(folder)
    done: dict[str, Path] = {}
    for number, job in enumerate(jobs, start=1):
        reporter.line(f"run {number} of {len(jobs)}: {job.label}")
        try:
            run = train_job(job.config, folder / job.folder, _job_command(recipe, job, minutes), reporter, minutes)
        except NasionError as error:
            reporter.warn(f"failed: {error}")
            continue
        done[job.label] = run.folder
        if run.stopped:
            break
    if not done:
        raise ConfigError("all runs of the sweep failed; the lines above state the reasons")
    compare(done, folder / "sweep.png", reporter)


def _job_command(recipe: str, job: Job, minutes: float | None) -> str:
    data = [word for source in job.config.data.sources for word in ("--data", source)]
    settings = [word for setting in job.settings for word in ("--set", setting)]
    limit = [] if minutes is None else ["--minutes", f"{minutes:g}"]
    return shlex.join(["nasion", "train", recipe, *data, *settings, *limit])


def compare(runs: Mapping[str, Path], out: Path, reporter: Reporter = SILENT) -> None:
    """Draw the curves of runs, by label, as `out`, write their scores as .csv beside it, and report them.

    Raises:
        ConfigError: `out` is not a .png, or the runs were measured on different splits.
        ModelError: a run is not finished.
        OutputError: the files cannot be written.
    """
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: curves are drawn as .png")
    for folder in runs.values():
        open_run(folder)  # for one clear message if it is not a run
    tables = {label: read_scores(folder) for label, folder in runs.items()}
    splits = sorted({str(table.pop("split")) for table in tables.values()})
    if len(splits) > 1:
        raise ConfigError(f"the runs were measured on different faces ({', '.join(splits)}); evaluate them alike")
    scores = {
        label: {name: float(value) for name, value in table.items() if isinstance(value, int | float)}
        for label, table in tables.items()
    }
    curves = {label: read_curve(folder / "epochs.csv") for label, folder in runs.items()}
    write_bytes(out, plots.png(plots.sweep_curves(curves)))
    write_text(out.with_suffix(".csv"), _csv(scores))
    names = [name for name in TABLE_SCORES if name in next(iter(scores.values()))]
    rows = [[label, *(format_score(n, each.get(n, math.nan)) for n in names)] for label, each in scores.items()]
    best = min(range(len(rows)), key=lambda index: list(scores.values())[index]["error_px/mean"])
    reporter.table(f"scores on the {SPLIT_NAMES[splits[0]]} faces", ["run", *names], rows, best)
    reporter.line(f"curves: {out}   scores: {out.with_suffix('.csv')}")


def _csv(scores: Mapping[str, Mapping[str, float]]) -> str:
    names = [name for name in next(iter(scores.values())) if not name.startswith("ms_")]
    rows = [",".join([label, *(f"{each.get(n, math.nan):.6g}" for n in names)]) for label, each in scores.items()]
    return "\n".join([",".join(["run", *names]), *rows]) + "\n"
