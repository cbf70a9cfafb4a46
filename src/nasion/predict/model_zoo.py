"""The models in the package, each a file with a card beside it: data, terms, scores and its SHA-256."""

import hashlib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from nasion.errors import ModelError, nearest

__all__ = ["DEFAULT", "available", "card", "is_run", "resolve"]

DEFAULT = "default"
"""What finds points if nobody names a model."""


def _folder() -> Path:
    return Path(str(resources.files("nasion") / "weights"))


def available() -> list[str]:
    """Return the names of the models in the package.

    >>> available()
    ['default', 'tiny']
    """
    return sorted(path.stem for path in _folder().glob("*.toml"))


def card(name: str) -> dict[str, Any]:
    """Return what a model in the package says of itself.

    >>> card("default")["skeleton"]
    'ibug-68'

    Raises:
        ModelError: there is no such model.
    """
    if name not in available():
        raise ModelError(f'no model "{name}" in the package; {nearest(name, available())}')
    return tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8"))


def is_run(model: str | Path) -> bool:
    """Return whether a model is named by a folder: a name in the package stands for that, whatever folders there are.

    >>> is_run("default")
    False
    """
    return str(model) not in available() and Path(model).is_dir()


def resolve(model: str | Path) -> Path:
    """Return the file that a model's name or an .onnx path stands for; one in the package is proved by its card.

    Raises:
        ModelError: there is none, or the package's file is not the one of its card.
    """
    name = str(model)
    if name in available():
        path = _folder() / f"{name}.onnx"
        if not path.is_file():
            raise ModelError(f'the model "{name}" is missing from this installation; install nasion again')
        if hashlib.sha256(path.read_bytes()).hexdigest() != card(name)["sha256"]:
            raise ModelError(f"{path}: not the file of its card (its SHA-256 is another); install nasion again")
        return path
    if Path(model).is_file():
        return Path(model)
    raise ModelError(
        f'no model "{name}"; {nearest(name, available())}, or give an .onnx file or a run folder of `nasion train`'
    )
