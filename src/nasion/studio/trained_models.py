"""The models that trainings in a folder have written: the run folders in its `nasion-runs`.

They are described by their `run.json`, without torch: a list of models must not wait for its import.
"""

import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from nasion.documents import read_json
from nasion.errors import ModelError, NasionError, one_line
from nasion.predict import model_zoo
from nasion.predict.migration import from_stored, migrate
from nasion.skeleton import Skeleton

__all__ = ["FoundModels", "TrainedModel", "find_trained_models", "is_inside", "read_trained_model"]

WEIGHTS = Path("checkpoints", "best.pt")
"""The weights for prediction in a run folder."""

MAX_STEPS = 20
"""How many trainings in a row are followed to the model that the first one started from."""


class TrainedModel(NamedTuple):
    """What `run.json` says about a trained model.

    Attributes:
        skeleton: the keypoints that it predicts.
        terms: the terms of the model that it was trained from; one sentence.
    """

    skeleton: Skeleton
    terms: str


class FoundModels(NamedTuple):
    """The run folders in a folder.

    Attributes:
        runs: those with a model that can be loaded, from the oldest to the newest.
        problems: why others cannot be loaded, in one line each, by the names of their folders.
    """

    runs: list[Path]
    problems: dict[str, str]


def find_trained_models(runs: Path, inside: Path) -> FoundModels:
    """Return the models in a folder of runs. Runs that ended before they wrote weights are left out.

    Args:
        runs: folder with run folders; it need not exist.
        inside: existing folder; runs that leave it through a link are problems.
    """
    found: dict[Path, int] = {}
    problems: dict[str, str] = {}
    for folder in _folders(runs):
        try:
            if not is_inside(folder, inside):
                raise ModelError(f"it leads out of {inside} through a link")
            if (folder / WEIGHTS).exists():
                read_trained_model(folder, inside)
                found[folder] = (folder / "run.json").stat().st_mtime_ns
        except (NasionError, OSError) as error:
            problems[folder.name] = one_line(error)
    return FoundModels(sorted(found, key=lambda folder: (found[folder], folder)), problems)


def read_trained_model(folder: Path, inside: Path) -> TrainedModel:
    """Return the description of a run's model.

    Args:
        folder: the run folder.
        inside: runs outside this folder are not read; their terms are unknown.

    Raises:
        ModelError: the folder is not a run, its weights are missing or incomplete, or torch is not installed.
    """
    table = _read(folder)
    try:
        points = dict(table["skeleton"])
        skeleton = from_stored(points.pop("name"), points)
        start = _start(table)
    except (NasionError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"its run.json is damaged ({one_line(error)[:120]})") from None
    if not zipfile.is_zipfile(folder / WEIGHTS):
        raise ModelError(f"its {WEIGHTS.as_posix()} is missing or damaged")
    if find_spec("torch") is None:
        raise ModelError("it needs torch, which is not installed; pip install 'nasion[train]'")
    return TrainedModel(skeleton, _terms(start, inside))


def is_inside(run: Path, folder: Path) -> bool:
    """Return whether a run folder and the files that are read are in a folder, also after links are followed."""
    parts = (run, run / "run.json", run / WEIGHTS)
    return all(part.resolve().is_relative_to(folder.resolve()) for part in parts)


def _folders(runs: Path) -> list[Path]:
    try:
        return sorted(each for each in runs.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return []


def _read(folder: Path) -> Mapping[str, Any]:
    """Return the content of `run.json` in the present format.

    Raises:
        ModelError: it is missing or damaged.
    """
    if not (folder / "run.json").is_file():
        raise ModelError("it has no run.json")
    try:
        return migrate(read_json(folder / "run.json", "run.json", ModelError))
    except (NasionError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"its run.json is damaged ({one_line(error)[:120]})") from None


def _start(table: Mapping[str, Any]) -> str:
    """Return the model that a training started from, or an empty string."""
    return str(table["config"].get("init", {}).get("model", ""))


def _terms(start: str, inside: Path) -> str:
    """Return a sentence about the terms of a model that was trained from another one and from the user's labels."""
    first = start
    for _ in range(MAX_STEPS):
        if first in model_zoo.names():
            return f"trained from {first}: {model_zoo.card(first)['terms']}"
        folder = Path(first)
        if not first or not folder.is_dir() or not is_inside(folder, inside):
            break
        try:
            first = _start(_read(folder))
        except (ModelError, LookupError, TypeError, AttributeError):
            break
    return f"trained from {Path(first).name}: its terms apply" if first else "trained from random weights"
