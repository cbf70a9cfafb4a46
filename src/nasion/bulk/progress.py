"""What is done of a job: counts from the committed tables, rates, and the file that says that a driver is running."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Literal

from nasion.bulk.output import Counts, Output
from nasion.errors import ConfigError, NasionError
from nasion.outputs.records import file_version
from nasion.outputs.reports import BulkProgress
from nasion.progress import Task

__all__ = ["Monitor", "State", "describe", "ensure_alone", "is_silent", "read_progress", "ready_name"]

HEARTBEAT_S = 2.0
"""Time between two writings of the progress, seconds."""

LOG_S = 30.0
"""Time between two lines of a log, seconds."""

SILENCE_S = 5 * HEARTBEAT_S
"""Silence after which a driver counts as dead, seconds."""

PROGRESS = "progress.json"

State = Literal["running", "finished", "stopped"]


def describe(progress: BulkProgress) -> str:
    """Return the progress as one line.

    >>> values = {"state": "running", "total": 90, "images": 30, "faces": 31, "errors": 1, "attempt": 1}
    >>> times = {"elapsed_s": 9, "startup_s": 4, "images_per_s": 6, "remaining_s": 10, "heartbeat": 0}
    >>> describe(BulkProgress(**file_version(), **values, **times))
    'running: 30 of 90 done, 31 faces, errors: 1, 6.0/s after 4 s of start-up, 10 s left'
    """
    parts = [
        f"{progress.images:,} of {progress.total:,} done",
        f"{progress.faces:,} faces",
        f"errors: {progress.errors:,}",
    ]
    if progress.images_per_s is not None and progress.startup_s is not None:
        parts.append(f"{progress.images_per_s:.1f}/s after {progress.startup_s:.0f} s of start-up")
    if progress.state == "running" and progress.remaining_s is not None:
        parts.append(f"{_duration(progress.remaining_s)} left")
    return f"{progress.state}: {', '.join(parts)}"


def is_silent(progress: BulkProgress) -> bool:
    """Return whether a job that should be running has not written for a while."""
    return progress.state == "running" and time.time() - progress.heartbeat > SILENCE_S


def _duration(seconds: float) -> str:
    """Return a duration for people.

    >>> _duration(59), _duration(600), _duration(8000)
    ('59 s', '10 min', '2.2 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def read_progress(output: Output) -> BulkProgress | None:
    """Return the progress of the job that writes to an output; None if there is none."""
    values = output.read_json(PROGRESS)
    return None if values is None else BulkProgress.model_validate(values)


def ensure_alone(output: Output, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until the workers of a killed driver are gone.

    Raises:
        ConfigError: another driver is writing to this output.
    """
    before = read_progress(output)
    if before is None or before.state != "running":
        return
    sleep(SILENCE_S)
    after = read_progress(output)
    if after is not None and after.heartbeat != before.heartbeat:
        raise ConfigError(f"{output.address}: another job is writing there; choose another --out, or wait for its end")


class Monitor(Thread):
    """Counts what is committed while a job runs, writes it to the output, and shows it.

    Args:
        output: where the job writes.
        task: the progress bar.
        total: images or videos of the job.
        attempt: number of times that the job was started.
        started: when this attempt started, seconds since 1970.
    """

    def __init__(self, output: Output, task: Task, total: int, attempt: int, started: float) -> None:
        super().__init__(daemon=True)
        self.output, self.task, self.total, self.attempt, self.started = output, task, total, attempt, started
        self._tables: set[str] = set()
        self._counts = Counts()
        self._ready: float | None = None
        self._logged = started
        self._ended = Event()
        self.before = self._count().images

    def run(self) -> None:
        """Write the progress until the job ends; a storage that fails for a while does not end the job here."""
        while not self._ended.wait(HEARTBEAT_S):
            try:
                self._show(self.write("running"))
            except NasionError:
                continue

    def _show(self, progress: BulkProgress) -> None:
        text = describe(progress)
        self.task.update(progress.images, progress.total, text)
        if progress.heartbeat - self._logged >= LOG_S:
            self._logged = progress.heartbeat
            self.task.log(text)

    def end(self, state: State) -> BulkProgress:
        """End the thread; write and return the last progress."""
        self._ended.set()
        self.join()
        return self.write(state)

    def write(self, state: State) -> BulkProgress:
        """Write and return the progress."""
        progress = self._progress(state, time.time())
        self.output.write_json(PROGRESS, progress.model_dump())
        return progress

    def _count(self) -> Counts:
        new = [name for name in self.output.tables() if name not in self._tables]
        self._counts += self.output.count(new)
        self._tables.update(new)
        return self._counts

    def _progress(self, state: State, now: float) -> BulkProgress:
        counts = self._count()
        done = counts.images - self.before
        ready = self._ready_time()
        rate = done / (now - ready) if ready is not None and done else None
        left = (self.total - counts.images) / rate if rate else None
        return BulkProgress(
            **file_version(),
            state=state,
            total=self.total,
            **counts._asdict(),
            attempt=self.attempt,
            elapsed_s=now - self.started,
            startup_s=None if ready is None else ready - self.started,
            images_per_s=rate,
            remaining_s=left,
            heartbeat=now,
        )

    def _ready_time(self) -> float | None:
        """Return when the first worker of this attempt was ready, seconds since 1970."""
        if self._ready is None:
            values = self.output.read_json(ready_name(self.attempt))
            self._ready = None if values is None else values["time"]
        return self._ready


def ready_name(attempt: int) -> str:
    """Return the file of `_nasion` that says when the first worker of an attempt was ready."""
    return f"ready-{attempt:04d}.json"
