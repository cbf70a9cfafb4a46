"""The command for millions of images or videos: run a job on Ray, resume it, show how far it is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasion.atomic import write_text
from nasion.cli.options import AddressOption, DeviceOption, MinScoreOption, ModelOption, WeightsOption, WorkersOption
from nasion.cli.screen import REPORTER, notice, say
from nasion.errors import ConfigError
from nasion.predict import model_zoo
from nasion.predict.backends.devices import CPU

if TYPE_CHECKING:
    from nasion.outputs.reports import BulkProgress

__all__ = ["bulk"]


def bulk(
    source: Annotated[
        str | None,
        typer.Argument(help="manifest (.csv or .parquet: id, path), folder, or address: s3://…", metavar="SOURCE"),
    ] = None,
    out: Annotated[str | None, typer.Option(help="folder or address for the tables", metavar="OUT")] = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="continue a job that was stopped or killed")] = False,
    video: Annotated[bool, typer.Option("--video", help="track faces in videos: one row per frame and face")] = False,
    status: Annotated[str | None, typer.Option(help="show how far the job of this output is", metavar="OUT")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="also write the summary here", metavar="FILE")
    ] = None,
    model: ModelOption = model_zoo.DEFAULT,
    min_score: MinScoreOption = 0.0,
    device: DeviceOption = CPU,
    detector_weights: WeightsOption = None,
) -> None:
    """Predict millions of images on many cores or machines.

    Writes Parquet tables with one row per image; an image that cannot be read becomes a row with its error. After a
    crash, --resume continues behind the last commit. Needs pip install 'nasion[bulk]'.

    Examples:
        nasion bulk photos/ --out tables
        nasion bulk photos/ --out tables --resume
        nasion bulk --status tables
        nasion bulk s3://photos/2024 --out s3://results/2024 --address auto
    """
    from nasion.bulk.job import BulkJob, run_bulk
    from nasion.bulk.output import Output
    from nasion.bulk.progress import read_progress

    if status is not None:
        found = read_progress(Output(status))
        if found is None:
            raise ConfigError(f"{status} has no job; name the --out of nasion bulk")
        _report(found, status, json_file)
        return
    if source is None or out is None:
        raise ConfigError("name a source and --out; or show the progress of a job with --status OUT")
    weights = None if detector_weights is None else str(detector_weights)
    job = BulkJob(model, weights, video, min_score, device=device)
    _report(run_bulk(source, out, job, address, workers, resume, REPORTER), out, json_file)


def _report(progress: "BulkProgress", out: str, json_file: Path | None) -> None:
    from nasion.bulk.progress import describe, is_silent

    say(f"{describe(progress)} → {out}")
    if is_silent(progress):
        notice(f"{out}: the job is not running; continue it with --resume")
    if json_file is not None:
        write_text(json_file, json.dumps(progress.model_dump(), indent=1) + "\n")
