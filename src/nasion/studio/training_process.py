"""A training started from the page: `nasion train` as a separate process, watched through its run folder."""

import csv
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from threading import RLock, Thread
from typing import Literal

from pydantic import BaseModel, ConfigDict

from nasion.documents import read_json
from nasion.errors import ConfigError
from nasion.studio.comparison import HELD_OUT_SHARE, Comparison
from nasion.studio.trained_models import is_inside

__all__ = ["TrainingProcess", "TrainingStatus"]

RECIPE = "finetune"

INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)
"""Exit codes of a process that was stopped during its start or during its epochs."""

INSIST_S = 2
"""Seconds between two signals to a training that has not noticed the first one."""

NOTICED = "stopping after this epoch"
"""What a training prints when it receives the signal."""

STOP_S = 60
"""How long a training may take to stop cleanly before it is killed, s."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
"""Names of models that users choose: they are names of folders, too."""

State = Literal["none", "running", "stopping", "stopped", "done", "failed"]


class TrainingStatus(BaseModel):
    """The state of the training."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    possible: bool
    """Whether the packages for training are installed."""
    state: State
    model: str
    """Name of the run, or an empty string."""
    activity: str
    """What the training is doing now, for users; empty if it does not run."""
    elapsed_s: float | None
    """Time since it was started or resumed, s; null if it does not run."""
    epochs: int
    """Number of planned epochs; 0 until it is known."""
    curve: list[dict[str, float]]
    """One row per finished epoch: losses, validation error and times."""
    left_s: float | None
    """Estimated remaining time, s; null if unknown."""
    resumable: bool
    """Whether the training can be resumed."""
    report: bool
    """Whether there is a report."""
    usable: bool
    """Whether the trained model can be used."""
    error: str
    """Why the training failed, in one line, or an empty string."""


class TrainingProcess:
    """Runs at most one training at a time on the faces of one folder.

    Args:
        source: the data set's name, as `nasion train --data` takes it.
        runs: folder for the runs.
        inside: runs of earlier servers that leave this folder through a link are left out; None follows all links.

    Attributes:
        run: folder of the current or last run, if any.
        comparison: the initial and the trained model on the held-out faces of that run.
    """

    def __init__(self, source: str, runs: Path, inside: Path | None = None) -> None:
        self.source, self.runs = source, runs
        self.run = _newest_run(runs, inside)
        self.comparison = Comparison()
        self._process: subprocess.Popen[bytes] | None = None
        self._launched = 0.0
        self._stopped = self.run is not None  # an unfinished run of an earlier server was stopped with that server
        self._lock = RLock()

    def start(self, minutes: float, init: str, name: str = "") -> None:
        """Start a training.

        Args:
            minutes: training time to aim for, min.
            init: the model to start from: a packaged model's name, an .onnx file or a run folder.
            name: name of the new model; by default, the time.

        Raises:
            ConfigError: a training is running, torch is not installed, the folder is missing or read-only, or the name
                is in use or not a name.
        """
        with self._lock:
            self._check_idle()
            self.run = _named_run(self.runs, name) if name else _new_run(self.runs)
            arguments = [RECIPE, "--data", self.source, "--init", init, "--out", str(self.run)]
            arguments += ["--minutes", f"{minutes:g}", "--set", f"data.validation_share={HELD_OUT_SHARE:g}"]
            self._launch(arguments)

    def resume(self) -> None:
        """Resume the training that was stopped.

        Raises:
            ConfigError: a training is running, or none was stopped.
        """
        with self._lock:
            self._check_idle()
            if not self._is_resumable():
                raise ConfigError("there is no training to resume; start one")
            self._launch(["--resume", str(self.run)])

    def stop(self) -> None:
        """Ask the training to stop after its current epoch; everything is saved."""
        with self._lock:
            if self._process is not None and self._is_running() and not self._stopped:  # a second SIGINT would kill it
                self._stopped = True
                self._process.send_signal(signal.SIGINT)
                Thread(target=self._insist, args=(self._process,), daemon=True).start()

    def _insist(self, process: subprocess.Popen[bytes]) -> None:
        """Repeat the signal until the training notices it: Python ignores it in callbacks of modules being loaded."""
        for _ in range(STOP_S // INSIST_S):
            time.sleep(INSIST_S)
            with self._lock:
                if process.poll() is not None or NOTICED in self._log_text():
                    return
                process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Stop the training because the server ends; kill it if it does not stop in time."""
        self.stop()
        if self._process is not None:
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def status(self) -> TrainingStatus:
        """Return the state of the training."""
        curve = self._curve()
        return TrainingStatus(
            possible=find_spec("pytorch_lightning") is not None,
            state=self._state(),
            model=self.run.name if self.run else "",
            activity=self._activity(curve),
            elapsed_s=time.monotonic() - self._launched if self._is_running() else None,
            epochs=self._planned_epochs(),
            curve=curve,
            left_s=self._remaining_s(curve),
            resumable=self._is_resumable(),
            report=self.report is not None,
            usable=self._state() in ("done", "stopped") and self._has_checkpoint("best.pt"),
            error=self._error(),
        )

    @property
    def log(self) -> Path:
        """File with the output of the current or last training."""
        return self.runs / "training.log"

    @property
    def report(self) -> Path | None:
        """The report of the finished training, an HTML file, if there is one."""
        page = self.run / "report.html" if self.run else None
        return page if page is not None and page.is_file() and not self._is_running() else None

    def _launch(self, arguments: list[str]) -> None:
        try:
            self.runs.mkdir(exist_ok=True)  # without parents: a deleted folder must not come back empty
            self.log.touch()
        except OSError as error:
            raise ConfigError(f"cannot write the training to {self.runs}: {error.strerror or error}") from None
        self._stopped, self._launched = False, time.monotonic()
        command = [sys.executable, "-m", "nasion", "train", *arguments]
        with self.log.open("wb") as log:  # in a new session, so that Ctrl-C reaches only the server
            self._process = subprocess.Popen(  # noqa: S603  # no shell, and the program is this interpreter
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _check_idle(self) -> None:
        if self._is_running():
            raise ConfigError("a training is running; stop it first")
        if find_spec("pytorch_lightning") is None:
            raise ConfigError("training needs torch and Lightning; pip install 'nasion[train]'")

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _state(self) -> State:
        if self.run is None:
            return "none"
        if self._is_running():
            return "stopping" if self._stopped else "running"
        exit_code = 0 if self._process is None else self._process.returncode
        if exit_code and not (self._stopped and exit_code in INTERRUPTED):
            return "failed"
        is_complete = 0 < self._planned_epochs() <= len(self._curve())
        return "stopped" if self._stopped and not is_complete else "done"

    def _activity(self, curve: list[dict[str, float]]) -> str:
        if not self._is_running():
            return ""
        planned = self._planned_epochs()
        if not planned:
            return "Starting: loading PyTorch and the images"
        if self._stopped:
            return "Finishing this epoch, then saving"
        if len(curve) >= planned:
            return "Measuring the new model and writing the report"
        return "Preparing the first epoch" if not curve else f"Epoch {len(curve) + 1} of {planned}"

    def _is_resumable(self) -> bool:
        return self._has_checkpoint("last.ckpt") and self._state() in ("stopped", "failed")

    def _has_checkpoint(self, name: str) -> bool:
        return self.run is not None and (self.run / "checkpoints" / name).is_file()

    def _planned_epochs(self) -> int:
        if self.run is None:
            return 0
        try:
            return int(read_json(self.run / "run.json", "run.json", ConfigError)["config"]["schedule"]["epochs"])
        except (ConfigError, ValueError, LookupError, TypeError):  # not written yet, or damaged
            return 0

    def _curve(self) -> list[dict[str, float]]:
        if self.run is None:
            return []
        try:
            with (self.run / "epochs.csv").open(newline="", encoding="utf-8") as file:
                return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
        except (OSError, ValueError, TypeError, csv.Error):  # not written yet, or only in part
            return []

    def _remaining_s(self, curve: list[dict[str, float]]) -> float | None:
        if not self._is_running() or not curve:
            return None
        return (self._planned_epochs() - len(curve)) * curve[-1].get("seconds", 0.0) / len(curve)

    def _log_text(self) -> str:
        try:
            return self.log.read_text("utf-8", "replace")
        except OSError:  # deleted
            return ""

    def _error(self) -> str:
        if self._state() != "failed" or not self.log.is_file():
            return ""
        lines = self._log_text().strip().splitlines()
        return lines[-1].removeprefix("nasion: ") if lines else "the training ended without a message"


def _newest_run(runs: Path, inside: Path | None) -> Path | None:
    """Return the newest run of an earlier server: it can be resumed, and its model can be used."""
    found = list(runs.glob("*/run.json")) if runs.is_dir() else []
    found = [path for path in found if inside is None or is_inside(path.parent, inside)]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path)).parent if found else None


def _named_run(runs: Path, name: str) -> Path:
    """Return the path for a run with a name.

    Raises:
        ConfigError: the name cannot be a folder's, or is in use.
    """
    if not NAME.fullmatch(name) or name.endswith((".", " ")):
        raise ConfigError(
            f'"{name[:80]}" cannot name a model; use up to 60 letters, digits, spaces, ".", "_" and "-", '
            "starting with a letter or digit"
        )
    if (runs / name / "run.json").exists():
        raise ConfigError(f'there is a model "{name}" already; choose another name')
    return runs / name


def _new_run(runs: Path) -> Path:
    """Return the path for a new run, named after the time."""
    name = time.strftime("%Y%m%d-%H%M%S")
    paths = (runs / (f"{name}-{k}" if k else name) for k in range(100))
    return next(path for path in paths if not path.exists())
