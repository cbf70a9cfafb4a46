"""The models by name: each is an .onnx file with a card, which states data, terms, scores and SHA-256.

The cards are in the package, and so are the files of most models. A card with a `url` is that of a model which
`nasion get` downloads once into the user's cache.
"""

import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

from nasion.errors import ModelError, suggest

__all__ = ["DEFAULT", "available", "card", "detector_of", "download", "downloadable", "is_run", "names", "resolve"]

DEFAULT = "default"
"""The model that is used by default."""


def _folder() -> Path:
    return Path(str(resources.files("nasion") / "weights"))


def names() -> list[str]:
    """Return the names of all models that have a card.

    >>> set(available()) <= set(names())
    True
    """
    return sorted(path.stem for path in _folder().glob("*.toml"))


def downloadable() -> list[str]:
    """Return the names of the models that `download` provides, downloaded already or not."""
    return [name for name in names() if not _packaged_file(name).is_file() and "url" in card(name)]


def available() -> list[str]:
    """Return the names of the models that can be used now: those in the package, and downloaded ones.

    >>> set(available()) >= {"default", "open", "tiny"}
    True
    """
    missing = {name for name in downloadable() if not _cached_file(name).is_file()}
    return [name for name in names() if name not in missing]


def _packaged_file(name: str) -> Path:
    return _folder() / f"{name}.onnx"


def _cached_file(name: str) -> Path:
    from nasion.detect.download import cached_path  # imported here because the models in the package do not need it

    return cached_path(f"{name}.onnx")


def card(name: str) -> dict[str, Any]:
    """Return the card of a model.

    >>> card("default")["skeleton"]
    'ibug-68'

    Raises:
        ModelError: there is no such model.
    """
    if name not in names():
        raise ModelError(f'no model "{name}"; {suggest(name, names())}')
    from nasion.documents import read_toml  # imported here because the command line names the models without it

    return read_toml(_folder() / f"{name}.toml", f"the card of {name}", ModelError)


def detector_of(model: object) -> Path | None:
    """Return the detector that the card of a model names, or None.

    >>> detector_of("default")
    """
    if not isinstance(model, (str, Path)) or str(model) not in names():
        return None
    named = card(str(model)).get("detector")
    return None if named is None else Path(named)


def is_run(model: str | Path) -> bool:
    """Return whether `model` is a folder; the name of a model takes precedence over a folder of that name.

    >>> is_run("default")
    False
    """
    return str(model) not in names() and Path(model).is_dir()


def download(name: str, url: str | None = None, file: Path | None = None) -> Path:
    """Return the file of a downloadable model in the user's cache, after downloading it if it is not there.

    Args:
        name: one of `downloadable()`.
        url: an address to use instead of the card's, such as that of a mirror.
        file: a manually downloaded file to copy instead.

    Raises:
        DownloadError: the file cannot be downloaded or read, or its checksum differs.
        ModelError: there is no such model.
        OutputError: the cache is read-only or full.
    """
    from nasion.detect.download import copy_cached, download_cached  # imported here because most models need neither

    text, title = card(name), f"the model {name}"
    if file is not None:
        return copy_cached(file, text["sha256"], title, f"{name}.onnx")
    remedy = "name another address with --url, or a file that you have with --archive"
    return download_cached(url or text["url"], text["sha256"], title, remedy, f"{name}.onnx")


def resolve(model: str | Path) -> Path:
    """Return the file of a model's name or an .onnx path; the file of a name is verified against its card.

    Raises:
        ModelError: there is none, it has not been downloaded, or its checksum differs.
    """
    name = str(model)
    if name in names():
        return _verified(name)
    if Path(model).is_file():
        return Path(model)
    raise ModelError(
        f'no model "{name}"; {suggest(name, names())}, or give an .onnx file or a run folder of `nasion train`'
    )


def _verified(name: str) -> Path:
    """Return the file of a model that has a card.

    Raises:
        ModelError: it is missing, or its checksum differs from the card's.
    """
    is_download = name in downloadable()
    path = _cached_file(name) if is_download else _packaged_file(name)
    if not path.is_file():
        if is_download:
            raise ModelError(f'the model "{name}" is not in the package; download it once with `nasion get {name}`')
        raise ModelError(f'the model "{name}" is missing from this installation; reinstall nasion')
    if hashlib.sha256(path.read_bytes()).hexdigest() != card(name)["sha256"]:
        remedy = f"run `nasion get {name}`" if is_download else "reinstall nasion"
        raise ModelError(f"{path}: its SHA-256 differs from its card; {remedy}")
    return path
