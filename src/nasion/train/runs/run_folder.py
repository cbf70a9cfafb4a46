"""The run folder: what was trained, on what, by which versions, and the weights.

RUN/run.json                  resolved configuration, skeleton, data and its fingerprint, versions, command
RUN/steps.csv, epochs.csv     the curves
RUN/checkpoints/best.pt       what predicts        RUN/checkpoints/last.ckpt    what resumes
RUN/tensorboard/              the same curves for TensorBoard
RUN/report.html               the page to open     RUN/scores.json              its scores
"""

import hashlib
import io
import json
import pickle
import platform
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from nasion.errors import ConfigError, ModelError
from nasion.atomic import write_text
from nasion.sample import DataSet
from nasion.skeleton import Skeleton, from_table
from nasion.train.config import RunConfig, parse

__all__ = ["Run", "lock_run", "data_fingerprint", "load_weights", "open_run"]

DAMAGED = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError)
"""What torch raises for a file that is none of its own, was cut off, or holds code."""

LOCK = ".lock"

PACKAGES = ("nasion", "torch", "pytorch-lightning", "numpy", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class Run:
    """A run folder's `run.json`.

    Attributes:
        folder: where it is.
        config: resolved, with the epochs that --minutes came to.
        skeleton: the points that it finds.
        command: what made it.
        data: faces by split, the fingerprint, what was skipped.
        threads: of torch; kept, because sums in another order give other last digits.
        precision: "float32" or "bfloat16".
        versions: of Python and the packages that matter.
        stopped: whether a person ended it early; not written.
    """

    folder: Path
    config: RunConfig
    skeleton: Skeleton
    command: str
    data: dict[str, Any]
    threads: int
    precision: str
    versions: dict[str, str] = field(default_factory=lambda: package_versions())
    stopped: bool = False

    def write(self) -> None:
        """Write `run.json`.

        Raises:
            OutputError: the folder cannot be written to.
        """
        table = {
            "command": self.command,
            "config": self.config.model_dump(),
            "skeleton": {"name": self.skeleton.name, **self.skeleton.to_table()},
            "data": self.data,
            "threads": self.threads,
            "precision": self.precision,
            "versions": self.versions,
        }
        write_text(self.folder / "run.json", json.dumps(table, indent=1) + "\n")

    @property
    def best(self) -> Path:
        """The weights that predict."""
        return self.folder / "checkpoints" / "best.pt"

    @property
    def last(self) -> Path:
        """The checkpoint that resumes."""
        return self.folder / "checkpoints" / "last.ckpt"


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Let nobody else train in a run's folder; the claim ends with the process, however that ends.

    Raises:
        ConfigError: somebody does.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"{folder}: another training is writing this run; wait for its end, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def open_run(folder: str | Path) -> Run:
    """Return the run in a folder.

    Raises:
        ModelError: the folder is no run, or its `run.json` is damaged.
    """
    folder = Path(folder)
    path = folder / "run.json"
    if not path.is_file():
        raise ModelError(f"{folder} is no run folder: it has no run.json; name a folder that `nasion train` wrote")
    try:
        table = json.loads(path.read_text("utf-8"))
        points = dict(table["skeleton"])
        return Run(
            folder,
            parse(table["config"]),
            from_table(points.pop("name"), points),
            *(table[key] for key in ("command", "data", "threads", "precision", "versions")),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged: {error!r}") from None


def load_weights(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds. Tensors and plain values only: a pickle that wants to run code is refused.

    Raises:
        ModelError: the file is missing, damaged, or no such file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's doubts about a foreign pickle, which it refuses anyway
            state = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); the run has not got so far; train anew") from None
    except DAMAGED as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
        raise ModelError(f"{path}: refused, it is damaged or holds more than weights ({reason})") from None
    if not isinstance(state, dict):
        raise ModelError(f"{path}: refused, it holds a {type(state).__name__}, not a network's weights")
    return state


def data_fingerprint(faces: DataSet) -> str:
    """Return a SHA-256 over the faces' names, pictures, points and splits, in order."""
    whole = hashlib.sha256()
    seen: set[Path] = set()
    for face in faces.annotations:
        if face.image.is_file() and face.image not in seen:
            seen.add(face.image)
            with face.image.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        whole.update(f"{face.name}\0{face.split}\0{face.subject}\0".encode())
        whole.update(face.keypoints.tobytes())
    return whole.hexdigest()


def describe_data(faces: DataSet) -> dict[str, Any]:
    """Return what `run.json` says of the data."""
    return {
        "name": faces.name,
        "skeleton": faces.skeleton.name,
        "faces": dict(Counter(face.split for face in faces.annotations)),
        "skipped": [asdict(problem) for problem in faces.problems],
        "fingerprint": data_fingerprint(faces),
    }


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide what a run gives."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
