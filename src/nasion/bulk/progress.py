"""What is done of a job: counts from the committed tables, rates, and the file that says that a driver is running."""

import time
from collections.abc import Callable
from threading import Event, Thread

from nasion.bulk.output import Counts, Output
from nasion.errors import ConfigError, NasionError
from nasion.progress import Task
from nasion.settings import Settings

__all__ = ["HEARTBEAT_S", "Monitor", "Progress", "ensure_alone", "read_progress"]

HEARTBEAT_S = 2.0
"""Time between two writings of the progress, seconds."""

LOG_S = 30.0
"""Time between two lines of a log, seconds."""

SILENCE_S = 5 * HEARTBEAT_S
"""Silence after which a driver counts as dead, seconds."""

PROGRESS = "progress.json"


class Progress(Settings):
    """How far a job is.

    Attributes:
        state: "running", "finished", "stopped" after an error or Ctrl-C.
        total: images or videos of the job.
        images: those that are committed; videos count as one each.
        faces: faces in them, for videos faces in frames.
        errors: those with an error.
        attempt: number of times that the job was started.
        elapsed_s: time since this attempt started, seconds.
        startup_s: time until its first worker was ready, seconds; None before.
        images_per_s: rate of this attempt after that; None before the first commit.
        remaining_s: time until the end at this rate, seconds; None if unknown.
        heartbeat: time of writing, seconds since 1970.
    """

    state: str
    total: int
    images: int
    faces: int
    errors: int
    attempt: int
    elapsed_s: float
    startup_s: float | None
    images_per_s: float | None
    remaining_s: float | None
    heartbeat: float

    def describe(self) -> str:
        """Return the progress as one line.

        >>> values = {"state": "running", "total": 90, "images": 30, "faces": 31, "errors": 1, "attempt": 1}
        >>> times = {"elapsed_s": 9, "startup_s": 4, "images_per_s": 6, "remaining_s": 10, "heartbeat": 0}
        >>> Progress(**values, **times).describe()
        'running: 30 of 90 done, 31 faces, 1 errors, 6.0/s after 4 s of start-up, 10 s left'
        """
        parts = [f"{self.images:,} of {self.total:,} done", f"{self.faces:,} faces", f"{self.errors:,} errors"]
        if self.images_per_s is not None and self.startup_s is not None:
            parts.append(f"{self.images_per_s:.1f}/s after {self.startup_s:.0f} s of start-up")
        if self.state == "running" and self.remaining_s is not None:
            parts.append(f"{_duration(self.remaining_s)} left")
        return f"{self.state}: {', '.join(parts)}"

    @property
    def is_silent(self) -> bool:
        """Whether a job that should be running has not written for a while."""
        return self.state == "running" and time.time() - self.heartbeat > SILENCE_S


def _duration(seconds: float) -> str:
    """Return a duration for people.

    >>> _duration(59), _duration(600), _duration(8000)
    ('59 s', '10 min', '2.2 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def read_progress(output: Output) -> Progress | None:
    """Return the progress of the job that writes to an output; None if there is none."""
    values = output.read_json(PROGRESS)
    return None if values is None else Progress.model_validate(values)


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

    def _show(self, progress: Progress) -> None:
        text = progress.describe()
        self.task.update(progress.images, progress.total, text)
        if progress.heartbeat - self._logged >= LOG_S:
            self._logged = progress.heartbeat
            self.task.log(text)

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self.join()

    def write(self, state: str) -> Progress:
        """Write and return the progress."""
        progress = self._progress(state, time.time())
        self.output.write_json(PROGRESS, progress.model_dump())
        return progress

    def _count(self) -> Counts:
        new = [name for name in self.output.tables() if name not in self._tables]
        self._counts += self.output.count(new)
        self._tables.update(new)
        return self._counts

    def _progress(self, state: str, now: float) -> Progress:
        counts, done = self._count(), 0
        done = counts.images - self.before
        ready = self._ready_time()
        rate = done / (now - ready) if ready is not None and done else None
        left = (self.total - counts.images) / rate if rate else None
        return Progress(
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
