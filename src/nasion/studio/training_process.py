"""A training from the page: `nasion train` as a process of its own, watched through its run folder."""

import csv
import json
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import Any

from nasion.errors import ConfigError

__all__ = ["TrainingProcess"]

RECIPE = "finetune"
SHORT_MINUTES = 2
INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)
"""How a process ends that was stopped before, or after, its epochs."""

STOP_S = 60
"""How long a training may take to its next clean stop before it is ended."""


class TrainingProcess:
    """At most one training at a time, of the faces of one folder.

    Args:
        source: the data, as datasets are named.
        runs: folder for the runs.
    """

    def __init__(self, source: str, runs: Path) -> None:
        self.source, self.runs = source, runs
        self.process: subprocess.Popen[bytes] | None = None
        self.run = _newest(runs)
        self.stopped = self.run is not None  # by the end of an earlier server, if it had not come to its own
        self._lock = RLock()

    def start(self, minutes: float, init: str) -> None:
        """Begin a training that takes about so long, from a model: its name, its file or its folder.

        Raises:
            ConfigError: one is running, torch is not installed, or the folder is gone or cannot be written.
        """
        with self._lock:
            self._start(minutes, init)

    def _start(self, minutes: float, init: str) -> None:
        self._check_idle()
        self.run = _fresh(self.runs)
        # In a short training the layers that are held still first might never learn, which is refused.
        settings = ["--set", "init.freeze_epochs=0"] if minutes < SHORT_MINUTES else []
        words = [
            RECIPE,
            "--data",
            self.source,
            "--init",
            init,
            "--out",
            str(self.run),
            "--minutes",
            f"{minutes:g}",
        ]
        self._begin([*words, *settings])

    def go_on(self) -> None:
        """Go on with the training that was stopped.

        Raises:
            ConfigError: one is running, or none was stopped.
        """
        with self._lock:
            self._check_idle()
            if not self._resumable():
                raise ConfigError("there is no training to go on with; start one")
            self._begin(["--resume", str(self.run)])

    def stop(self) -> None:
        """End the training after its epoch, with everything saved."""
        with self._lock:
            if self._runs() and not self.stopped:  # a second signal would not wait for the epoch
                assert self.process is not None
                self.stopped = True
                self.process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End it when the server ends: cleanly if that is soon enough."""
        self.stop()
        if self.process is not None:
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def described(self) -> dict[str, Any]:
        """Return how it goes: its state, the curve so far, the seconds left, and what went wrong."""
        curve = self._curve()
        return {
            "possible": find_spec("pytorch_lightning") is not None,
            "state": self._state(),
            "model": self.run.name if self.run else "",
            "epochs": self._planned(),
            "curve": curve,
            "left_s": self._left(curve),
            "resumable": self._resumable(),
            "report": self.report is not None,
            "usable": self._state() in ("done", "stopped") and self._kept("best.pt"),
            "error": self._error(),
        }

    @property
    def log(self) -> Path:
        """What the running or last training printed."""
        return self.runs / "training.log"

    @property
    def report(self) -> Path | None:
        """The page about the finished training."""
        page = self.run / "report.html" if self.run else None
        return page if page is not None and page.is_file() and not self._runs() else None

    def _begin(self, words: list[str]) -> None:
        try:
            self.runs.mkdir(exist_ok=True)  # never its parents: a folder that is gone does not come back empty
            self.log.touch()
        except OSError as error:
            raise ConfigError(f"cannot write the training to {self.runs}: {error.strerror or error}") from None
        self.stopped = False
        command = [sys.executable, "-m", "nasion", "train", *words]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  # own words; own group: Ctrl-C is the server's alone
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _check_idle(self) -> None:
        if self._runs():
            raise ConfigError("a training is running; stop it first")
        if find_spec("pytorch_lightning") is None:
            raise ConfigError("training needs torch and Lightning; pip install 'nasion[train]'")

    def _runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _state(self) -> str:
        if self.run is None:
            return "none"
        if self._runs():
            return "stopping" if self.stopped else "running"
        ended = 0 if self.process is None else self.process.returncode
        if ended and not (self.stopped and ended in INTERRUPTED):
            return "failed"
        whole = self._planned() > 0 and len(self._curve()) >= self._planned()
        return "stopped" if self.stopped and not whole else "done"

    def _resumable(self) -> bool:
        return self._kept("last.ckpt") and self._state() in ("stopped", "failed")

    def _kept(self, name: str) -> bool:
        return self.run is not None and (self.run / "checkpoints" / name).is_file()

    def _planned(self) -> int:
        try:
            assert self.run is not None
            return int(json.loads((self.run / "run.json").read_text("utf-8"))["config"]["schedule"]["epochs"])
        except (OSError, ValueError, KeyError, AssertionError):
            return 0

    def _curve(self) -> list[dict[str, float]]:
        try:
            assert self.run is not None
            with (self.run / "epochs.csv").open(newline="", encoding="utf-8") as file:
                return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
        except (OSError, ValueError, AssertionError):
            return []

    def _left(self, curve: list[dict[str, float]]) -> float | None:
        if not self._runs() or not curve:
            return None
        return (self._planned() - len(curve)) * curve[-1]["seconds"] / len(curve)

    def _error(self) -> str:
        if self._state() != "failed" or not self.log.is_file():
            return ""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1].removeprefix("nasion: ") if lines else "it ended without a word"


def _newest(runs: Path) -> Path | None:
    """Return the run that was begun last, by an earlier server: it can be gone on with, and tried."""
    found = sorted(path.parent for path in runs.glob("*/run.json")) if runs.is_dir() else []
    return found[-1] if found else None


def _fresh(runs: Path) -> Path:
    """Return a folder for a run that is not there yet, named by the time."""
    name = time.strftime("%Y%m%d-%H%M%S")
    places = (runs / (f"{name}-{k}" if k else name) for k in range(100))
    return next(place for place in places if not place.exists())
