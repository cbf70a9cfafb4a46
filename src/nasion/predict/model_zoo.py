"""The models in the package: each is an .onnx file with a card, which states data, terms, scores and SHA-256."""

import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

from nasion.errors import ModelError, suggest

__all__ = ["DEFAULT", "available", "card", "detector_of", "is_run", "resolve"]

DEFAULT = "default"
"""The model that is used by default."""


def _folder() -> Path:
    return Path(str(resources.files("nasion") / "weights"))


def available() -> list[str]:
    """Return the names of the models in the package.

    >>> available()
    ['default', 'open', 'tiny']
    """
    return sorted(path.stem for path in _folder().glob("*.toml"))


def card(name: str) -> dict[str, Any]:
    """Return the card of a model in the package.

    >>> card("default")["skeleton"]
    'ibug-68'

    Raises:
        ModelError: there is no such model.
    """
    if name not in available():
        raise ModelError(f'no model "{name}" in the package; {suggest(name, available())}')
    from nasion.documents import read_toml  # imported here because the command line names the models without it

    return read_toml(_folder() / f"{name}.toml", f"the card of {name}", ModelError)


def detector_of(model: object) -> Path | None:
    """Return the detector that the card of a model in the package names, or None.

    >>> detector_of("default")
    """
    if not isinstance(model, (str, Path)) or str(model) not in available():
        return None
    named = card(str(model)).get("detector")
    return None if named is None else Path(named)


def is_run(model: str | Path) -> bool:
    """Return whether `model` is a folder; a name in the package takes precedence over a folder of that name.

    >>> is_run("default")
    False
    """
    return str(model) not in available() and Path(model).is_dir()


def resolve(model: str | Path) -> Path:
    """Return the file of a model's name or an .onnx path; a file in the package is verified against its card.

    Raises:
        ModelError: there is none, or the checksum of the package's file differs.
    """
    name = str(model)
    if name in available():
        path = _folder() / f"{name}.onnx"
        if not path.is_file():
            raise ModelError(f'the model "{name}" is missing from this installation; reinstall nasion')
        if hashlib.sha256(path.read_bytes()).hexdigest() != card(name)["sha256"]:
            raise ModelError(f"{path}: its SHA-256 differs from its card; reinstall nasion")
        return path
    if Path(model).is_file():
        return Path(model)
    raise ModelError(
        f'no model "{name}"; {suggest(name, available())}, or give an .onnx file or a run folder of `nasion train`'
    )
