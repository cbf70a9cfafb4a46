"""The run folder: configuration, data, versions, curves and weights of a training.

RUN/run.json                  resolved configuration, skeleton, data and its fingerprint, versions, command
RUN/steps.csv, epochs.csv     training curves
RUN/checkpoints/best.pt       weights for prediction   RUN/checkpoints/last.ckpt   state for resuming
RUN/tensorboard/              the curves for TensorBoard
RUN/report.html               report                   RUN/scores.json             its scores
"""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nasion.atomic import write_text
from nasion.documents import read_json
from nasion.errors import ConfigError, ModelError
from nasion.predict.migration import FORMAT_KEY, FORMAT_VERSION, from_stored, migrate
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton
from nasion.train.config import RunConfig, parse
from nasion.train.data.weak import WeakAnnotation

__all__ = [
    "CONFIDENCE",
    "MAX_RELATIVE_SPREAD",
    "Run",
    "data_fingerprint",
    "describe_data",
    "lock_run",
    "open_run",
    "package_versions",
    "read_scores",
]

MAX_RELATIVE_SPREAD = "relative_spread/max"
"""The score that holds the largest relative spread of all validation faces."""

CONFIDENCE = "confidence"
"""The entry of scores.json with the sizes of ellipses, as `nasion.predict.backends.confidence` measures them."""

LOCK = ".lock"
"""Name of the lock file in a run folder."""

ENTRIES: dict[str, type] = {"command": str, "data": dict, "threads": int, "precision": str, "versions": dict}
"""Entries of `run.json` besides the configuration and the skeleton."""

PACKAGES = ("nasion", "torch", "pytorch-lightning", "numpy", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class Run:
    """The content of a run folder's `run.json`.

    Attributes:
        folder: the run folder.
        config: the resolved configuration, with the epochs computed from --minutes.
        skeleton: the keypoints that it predicts.
        command: the command that trained it.
        data: number of faces by split, fingerprint, and skipped faces.
        threads: of torch; stored because the order of summation changes the last digits.
        precision: "float32" or "bfloat16".
        versions: of Python and the packages that influence the result.
        stopped: whether the user ended it early; not stored.
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
            FORMAT_KEY: FORMAT_VERSION,
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
        """The weights for prediction."""
        return self.folder / "checkpoints" / "best.pt"

    @property
    def last(self) -> Path:
        """The checkpoint for resuming."""
        return self.folder / "checkpoints" / "last.ckpt"


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Lock a run folder against other trainings; the lock ends with the process.

    Raises:
        ConfigError: another training holds the lock.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"{folder}: another training is writing this run; wait for it or stop it") from None
    try:
        yield
    finally:
        lock.release()


def open_run(folder: str | Path) -> Run:
    """Return the run in a folder.

    Raises:
        ModelError: the folder is not a run, or its `run.json` is damaged.
    """
    folder = Path(folder)
    path = folder / "run.json"
    if not path.is_file():
        raise ModelError(f"{folder} is not a run folder, it has no run.json; name a folder that `nasion train` wrote")
    try:
        table = _stored_table(path)
        points = dict(table["skeleton"])
        return Run(
            folder,
            parse(table["config"]),
            from_stored(points.pop("name"), points),
            *(_entry(table, key, kind) for key, kind in ENTRIES.items()),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: {error!r}") from None


def _entry(table: dict[str, Any], key: str, kind: type) -> Any:
    """Return an entry of `run.json`, which must be of a kind.

    Raises:
        TypeError: it is of another kind.
    """
    if not isinstance(table[key], kind):
        raise TypeError(f"{key} is {str(table[key])[:80]}")
    return table[key]


def read_scores(folder: Path) -> dict[str, Any]:
    """Return the scores of a run's report by name, with their "split".

    Raises:
        ModelError: the run did not finish, or the file is damaged.
    """
    path = folder / "scores.json"
    if not path.is_file():
        raise ModelError(f"{folder}: this run is not finished; resume it with nasion train --resume {folder}")
    return _stored_table(path)


def _stored_table(path: Path) -> dict[str, Any]:
    """Return the content of `run.json` or `scores.json` in the present format.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        return migrate(read_json(path, "the file", ModelError))
    except (ModelError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: {error}") from None


def data_fingerprint(faces: DataSet) -> str:
    """Return a SHA-256 over the faces' names, images, points and splits, in order."""
    digest = hashlib.sha256()
    seen: set[Path] = set()
    for face in faces.annotations:
        if face.image.is_file() and face.image not in seen:
            seen.add(face.image)
            with face.image.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(f"{face.name}\0{face.split}\0{face.subject}\0".encode())
        digest.update(face.keypoints.tobytes())
        if isinstance(face, WeakAnnotation):
            digest.update(face.labels.tobytes())
    return digest.hexdigest()


def describe_data(faces: DataSet) -> dict[str, Any]:
    """Return the description of the data for `run.json`."""
    return {
        "name": faces.name,
        "skeleton": faces.skeleton.name,
        "faces": dict(Counter(map(_kind, faces.annotations))),
        "skipped": [asdict(problem) for problem in faces.problems],
        "fingerprint": data_fingerprint(faces),
    }


def _kind(face: Annotation) -> str:
    return f"{face.split} with weak labels" if isinstance(face, WeakAnnotation) else face.split


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that influence a run's result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
