"""Bulk prediction on Ray Data: work groups → actors, each with one predictor → tables, committed one by one."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module, metadata
from typing import Any, NamedTuple

from nasion.bulk.cluster.ray_errors import one_line_errors
from nasion.bulk.cluster.session import ONE_AT_A_TIME, WORKER_CPUS, WRITER_CPUS, check_ray, ray_session
from nasion.bulk.cluster.worker import BulkWorker
from nasion.bulk.output import Output, WorkGroup
from nasion.bulk.packing import PackedModel, pack
from nasion.bulk.progress import Monitor, ensure_alone
from nasion.bulk.sources import list_source
from nasion.errors import ConfigError, OutputError
from nasion.outputs.reports import BulkProgress
from nasion.predict.parallel import cores
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter

__all__ = ["BulkJob", "run_bulk"]

WORKERS_PER_WRITER = 4
"""Workers whose tables one process writes, which takes much less time than to predict them."""

LARGEST_COMMIT, SMALLEST_COMMIT = 1000, 16
"""Images that are committed together, at most and at least."""

COMMITS_PER_WORKER = 8
"""Commits of each worker that a small job is divided into, so that all workers end at about the same time."""

UNREACHABLE = (
    *("Could not connect", "Connect timeout", "Read timeout", "Connection was closed", "Connection reset"),
    *("Connection refused", "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "NoSuchBucket"),
)
"""Parts of the messages of errors while writing after which Ray Data tries again, for up to three minutes."""


class BulkJob(NamedTuple):
    """What a job computes.

    Attributes:
        model: a model's name, an .onnx file or a run folder.
        detector: YuNet's file; None downloads it once.
        video: whether the source has videos.
        min_score, max_spread: as in `Predictor`.
        device: runs the network.
    """

    model: str
    detector: str | None = None
    video: bool = False
    min_score: float = 0.0
    max_spread: float | None = None
    device: str = "cpu"


def run_bulk(
    source: str,
    out: str,
    job: BulkJob,
    address: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    reporter: Reporter = SILENT,
) -> BulkProgress:
    """Predict all images or videos of a source on Ray, write tables, and return what was done.

    After a crash, a call with `resume` continues: committed rows are neither computed again nor lost. The source is
    listed only once, when the job is started for the first time.

    Args:
        source: a manifest, a folder or an address; see `nasion.bulk.sources.list_source`.
        out: a folder or an address for the tables; see `nasion.bulk.output`. Several machines must share it.
        job: what is computed.
        address: of a Ray cluster, "auto" or HOST:PORT; None starts Ray on this machine.
        workers: processes that predict; default: one per core of this machine or of the cluster.
        resume: whether to continue what an earlier call began.
        reporter: shows the progress.

    Raises:
        ConfigError: a package is missing, the cluster cannot be reached, the output has another job's results, or the
            storage refuses the credentials.
        ImageError, AnnotationError: the source cannot be read, or has no images.
        ModelError: there is no such model.
        OutputError: the output cannot be written.
    """
    started = time.time()
    check_ray(address)
    packed = _pack(job)
    output = Output(out)
    total, attempt = _prepare(output, source, job, packed, workers, resume)
    work = output.work(output.committed_ids())
    with reporter.task("predicting", total) as task:
        monitor = Monitor(output, task, total, attempt, started)
        monitor.write("running")
        monitor.start()
        try:
            if work:
                with ray_session(address, workers) as (ray, count), one_line_errors(output.address):
                    _run(ray, output, packed, job.video, work, count, attempt)
                    progress = monitor.end("finished")
            else:
                progress = monitor.end("finished")
        except BaseException:
            with suppress(OutputError):
                monitor.end("stopped")
            raise
    output.write_json("summary.json", progress.model_dump())
    return progress


def _pack(job: BulkJob) -> PackedModel:
    """Return the model as bytes, after loading it once."""
    options = {"min_score": job.min_score, "max_spread": job.max_spread}
    predictor = Predictor(job.model, job.detector, _refuse_other, job.min_score, job.max_spread, job.device)
    return pack(predictor, job.model, options)


def _refuse_other(notice: str) -> None:
    """End a job whose detector cannot be downloaded: its results would come from another detector.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(f"{notice.partition('; using')[0]}; give its file with --detector-weights")


def _prepare(
    output: Output, source: str, job: BulkJob, packed: PackedModel, workers: int | None, resume: bool
) -> tuple[int, int]:
    """Write or check what the output says about the job; return the number of images and that of the attempt."""
    values = {"model": packed.name, "nasion_version": metadata.version("nasion"), "source": source}
    values |= {"video": job.video, "min_score": job.min_score, "max_spread": job.max_spread}
    stored = output.read_json(JOB)
    if stored is None:
        table = list_source(source, job.video)
        output.check()
        if output.names():
            raise ConfigError(f"{output.address} has files that are not of a bulk job; choose another --out")
        total, count = table.num_rows, workers or cores()
        rows = 1 if job.video else min(LARGEST_COMMIT, max(SMALLEST_COMMIT, total // (count * COMMITS_PER_WORKER)))
        output.write_manifest(table, rows)
        output.write_json(JOB, {**values, "total": total, "attempts": 1})
        return total, 1
    if not resume:
        raise ConfigError(
            f"{output.address} has the results of a job; continue it with --resume, or choose another --out"
        )
    for name, value in values.items():
        if stored.get(name) != value:
            raise ConfigError(
                f"{output.address} has a job's results with {name} {stored.get(name)}, not {value}; "
                "repeat the command as it was, or choose another --out"
            )
    ensure_alone(output)
    output.remove_uncommitted()
    attempt = int(stored["attempts"]) + 1
    output.write_json(JOB, {**stored, "attempts": attempt})
    return int(stored["total"]), attempt


JOB = "job.json"
"""The file of `_nasion` that says what a job computes; it is written after the manifest."""


def _run(
    ray: Any, output: Output, packed: PackedModel, video: bool, work: Sequence[WorkGroup], workers: int, attempt: int
) -> None:
    """Predict and commit work groups."""
    data, filesystem = import_module("ray.data"), output.arrow_filesystem()
    with _settings(data, output.path("_nasion", "committed", f"{attempt:04d}"), filesystem):
        # With the CPUs of the workers, Ray Data lets the workers read; tasks that read could not start beside them.
        rows = data.read_datasource(
            _manifest(data, output.address, work), num_cpus=WORKER_CPUS, override_num_blocks=len(work)
        )
        tables = rows.map_batches(
            BulkWorker,
            fn_constructor_args=(packed, video, output.address, attempt),
            batch_size=None,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(size=min(workers, len(work)), **ONE_AT_A_TIME),
            num_cpus=WORKER_CPUS,
        )
        tables.write_parquet(
            output.path(),
            filesystem=filesystem,
            ray_remote_args={"num_cpus": WRITER_CPUS},
            concurrency=math.ceil(workers / WORKERS_PER_WRITER),
        )


@contextmanager
def _settings(data: Any, checkpoint: str, filesystem: Any) -> Iterator[None]:
    """Change settings of Ray Data in the block: commits in two phases, one table per work group, no progress bars."""
    context = data.DataContext.get_current()
    changes = {
        "checkpoint_config": import_module("ray.data.checkpoint").CheckpointConfig(
            id_column="id",
            checkpoint_path=checkpoint,
            override_filesystem=filesystem,
            delete_checkpoint_on_success=False,
        ),
        "target_max_block_size": None,  # the rows of a long video must not be committed in two parts
        "retried_io_errors": [*context.retried_io_errors, *UNREACHABLE],
        "memory_usage_poll_interval_s": None,  # it would read all pages of each worker every second
        "enable_progress_bars": False,
        "print_on_execution_start": False,
    }
    before = {name: getattr(context, name) for name in changes}
    for name, value in changes.items():
        setattr(context, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)


def _manifest(data: Any, address: str, work: Sequence[WorkGroup]) -> Any:
    """Return the source of Ray Data that reads one work group per task."""
    metadata_class = import_module("ray.data.block").BlockMetadata

    class Manifest(data.Datasource):
        def estimate_inmemory_data_size(self) -> int:
            return sum(ROW_BYTES * each.rows for each in work)

        def get_read_tasks(self, *_arguments: Any, **_options: Any) -> list[Any]:
            return [
                data.ReadTask(
                    partial(_read_group, address, each),
                    metadata_class(
                        num_rows=each.rows, size_bytes=ROW_BYTES * each.rows, exec_stats=None, input_files=None
                    ),
                )
                for each in work
            ]

    return Manifest()


ROW_BYTES = 200
"""Estimated size of an id and a path, bytes."""


def _read_group(address: str, work: WorkGroup) -> list[Any]:
    """Return the rows of a work group as one block; runs in a worker."""
    return [Output(address).read_group(work)]
