"""Clips that a client sends to have their faces tracked: one at a time, in a thread, in temporary files.

The files of a clip are removed when the client asks for it, when newer clips need the place, after an hour, and when
the server stops.
"""

import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nasion.errors import ConfigError, ImageError, NasionError
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT
from nasion.sample import Image
from nasion.video import Frame, open_clip
from nasion.video.process import ClipSummary, draw_faces, process_clip
from nasion.video.reader import Clip, load_av

__all__ = ["KEEP_S", "MAX_CLIPS", "ClipJob", "ClipJobs", "ClipsFullError", "missing_package"]

MAX_CLIPS = 4
"""Clips whose files exist at the same time; a further one replaces the oldest that is finished."""

KEEP_S = 3600.0
"""Time after which a finished clip is removed, s."""

PREVIEW_S = 0.2
"""Shortest time between two previews, s."""

FASTEST_RATE = 120
"""Frames per second up to which a clip may use its whole duration; files can understate their duration."""


State = Literal["uploading", "waiting", "running", "done", "failed"]


class ClipsFullError(Exception):
    """All places are taken by clips that are not finished."""


class _RemovedError(Exception):
    """The clip was removed while it was tracked."""


@dataclass(eq=False)
class ClipJob:
    """One clip.

    Attributes:
        name: an unguessable name.
        folder: the folder of its files.
        state: "uploading", "waiting", "running", "done" or "failed".
        error: why it failed, one line; otherwise empty.
        frames: number of frames that are tracked.
        total: number of frames that the file announces; 0 if it announces none.
        summary: what happened so far, once it runs.
        preview: the latest frame with its keypoints, (H, W, 3) uint8 RGB.
        note: what was lost, such as damaged parts or the sound; empty if nothing.
    """

    name: str
    folder: tempfile.TemporaryDirectory[str]
    state: State = "uploading"
    error: str = ""
    frames: int = 0
    total: int = 0
    summary: ClipSummary = field(default_factory=ClipSummary)
    preview: Image | None = None
    note: str = ""
    is_removed: threading.Event = field(default_factory=threading.Event)

    @property
    def source(self) -> Path:
        """The clip that the client has sent."""
        return Path(self.folder.name) / "clip"

    @property
    def video(self) -> Path:
        """The clip with its keypoints."""
        return Path(self.folder.name) / "keypoints.mp4"

    @property
    def table(self) -> Path:
        """The keypoints of every frame."""
        return Path(self.folder.name) / "keypoints.csv"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed")


class ClipJobs:
    """Tracks the faces of clips, one clip at a time.

    Args:
        longest_s: limit for the duration of a clip, s.

    Attributes:
        longest_s: that limit.
    """

    def __init__(self, longest_s: float) -> None:
        self.longest_s = longest_s
        self._jobs: dict[str, ClipJob] = {}
        self._lock = threading.RLock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clips")

    def add(self) -> ClipJob:
        """Return a new clip whose `source` the caller writes; then it calls `start`, or `remove` if that fails.

        Raises:
            ConfigError: PyAV is not installed.
            ClipsFullError: too many clips are not finished.
        """
        load_av()
        with self._lock:
            if len(self._jobs) >= MAX_CLIPS:
                finished = [job for job in self._jobs.values() if job.is_finished]
                if not finished:
                    raise ClipsFullError
                self.remove(finished[0].name)
            folder = tempfile.TemporaryDirectory(prefix="nasion-clip-", ignore_cleanup_errors=True)
            job = ClipJob(secrets.token_urlsafe(16), folder)
            self._jobs[job.name] = job
            return job

    def start(self, job: ClipJob, make: Callable[[], Predictor], smooth: str = "light") -> None:
        """Check the clip and track its faces in the background.

        Args:
            job: the clip.
            make: returns a predictor that nothing else uses.
            smooth: strength of the smoothing.

        Raises:
            ImageError: the file is not a video that can be read, or it is too long.
        """
        try:
            clip = self._checked(open_clip(job.source))
        except ImageError as error:
            raise ImageError(_without_path(error, job)) from None
        job.total, job.state = clip.count, "waiting"
        self._pool.submit(self._run, job, clip, make, smooth)

    def get(self, name: str) -> ClipJob:
        """Return a clip.

        Raises:
            ConfigError: there is no such clip.
        """
        with self._lock:
            if name not in self._jobs:
                raise ConfigError("there is no such clip any more; send it again")
            return self._jobs[name]

    def remove(self, name: str) -> bool:
        """Stop a clip if it is running, remove its files, and return whether there was such a clip."""
        with self._lock:
            job = self._jobs.pop(name, None)
            if job is None:
                return False
            job.is_removed.set()
            if job.state != "running":  # otherwise its thread removes them
                job.folder.cleanup()
            return True

    def close(self) -> None:
        """Stop and remove all clips."""
        for name in list(self._jobs):
            self.remove(name)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _checked(self, clip: Clip) -> Clip:
        seconds = clip.seconds or clip.total_seconds
        if seconds > self.longest_s:
            raise ImageError(f"the clip lasts {seconds:.0f} s; send one of at most {self.longest_s:.0f} s")
        return clip

    def _run(self, job: ClipJob, clip: Clip, make: Callable[[], Predictor], smooth: str) -> None:
        try:
            with self._lock:
                if job.is_removed.is_set():
                    return
                job.state = "running"
            watch = _Watch(job, FASTEST_RATE * self.longest_s)
            job.summary = process_clip(
                clip, make(), job.video, job.table, smooth, SILENT, draw_regions=True, watch=watch
            )
            job.note = "; ".join(_notes(clip, job.summary))
            job.state = "done"
        except _RemovedError:
            pass
        except Exception as error:  # whatever is wrong with one clip must not end the thread
            text = _without_path(error, job)
            job.error = text if isinstance(error, NasionError) else f"the clip cannot be tracked ({text})"
            job.state = "failed"
        finally:
            self._finish(job)

    def _finish(self, job: ClipJob) -> None:
        with self._lock:
            if job.is_removed.is_set():
                job.folder.cleanup()
                return
            job.source.unlink(missing_ok=True)
            timer = threading.Timer(KEEP_S, self.remove, [job.name])
            timer.daemon = True
            timer.start()


class _Watch:
    """Called with each frame: counts it, keeps a preview, and ends the work if the clip was removed or is too long."""

    def __init__(self, job: ClipJob, most_frames: float) -> None:
        self.job, self.most_frames = job, most_frames
        self._next_s = 0.0

    def __call__(self, frame: Frame, summary: ClipSummary) -> None:
        if self.job.is_removed.is_set():
            raise _RemovedError
        if frame.index >= self.most_frames:
            raise ImageError(f"the clip has more than {self.most_frames:.0f} frames; send a shorter one")
        if time.monotonic() >= self._next_s:  # before the frame counts, so that a clip with frames has a preview
            self.job.preview = draw_faces(frame, draw_regions=True)
            self._next_s = time.monotonic() + PREVIEW_S
        self.job.frames, self.job.summary = frame.index + 1, summary


def _without_path(error: Exception, job: ClipJob) -> str:
    """Return an error's message in one line, without temporary paths, which mean nothing to the client."""
    text = str(error).replace(str(job.source), "the clip").replace(f"{job.folder.name}/", "")
    return " ".join(text.split())


def _notes(clip: Clip, summary: ClipSummary) -> Iterator[str]:
    if clip.ended_early:
        yield clip.ended_early
    if clip.damaged:
        yield f"{clip.damaged} damaged parts were left out"
    if summary.lost_sound:
        yield summary.lost_sound


def missing_package() -> str:
    """Return why clips cannot be tracked here, in one line; empty if they can."""
    try:
        load_av()
    except ConfigError as error:
        return str(error)
    return ""
