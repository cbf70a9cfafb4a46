"""Files written whole or not at all, and fingerprints of what is in them."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from nasion.errors import ConfigError, OutputError

__all__ = ["fingerprint", "new_mode", "prove_apart", "prove_writable", "write_bytes", "write_text"]


def write_bytes(path: str | Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file whole or not at all: beside its place first, then moved onto it.

    A link stays one, and what it points to is written. What is no file, such as a pipe, is written as it is.

    Args:
        path: the file.
        data: its content, or the parts of it, one after the other.

    Raises:
        OutputError: the folder cannot be made, is read-only or full.
    """
    path = Path(path)
    parts = [data] if isinstance(data, bytes) else data
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("wb") as file:
                file.writelines(parts)
            return
        _put(path.resolve(), parts)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from None


def _put(path: Path, parts: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
        Path(part).chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else new_mode())
        Path(part).replace(path)
    finally:  # after Ctrl-C too
        Path(part).unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all.

    Raises:
        OutputError: the folder cannot be made, is read-only or full.
    """
    write_bytes(path, text.encode("utf-8"))


def prove_writable(folder: str | Path) -> Path:
    """Return the folder, made if it was not there, after writing a byte to it: better told before an hour's work.

    Raises:
        OutputError: it cannot be made, is read-only or full.
    """
    probe = Path(folder) / ".writable"
    try:
        write_bytes(probe, b"1")
    except OutputError as error:
        raise OutputError(str(error).replace(str(probe), f"into {folder}")) from None
    probe.unlink()
    return Path(folder)


def prove_apart(own: Iterable[Path], written: Iterable[Path]) -> None:
    """Refuse to write over what may be a person's own: in the folders of `own` files nothing that is there is replaced.

    Raises:
        ConfigError: a file to be written is there already.
    """
    folders = {path.parent.resolve() for path in own}
    for each in written:
        if each.parent.resolve() in folders and each.exists():
            raise ConfigError(f"{each} is there already, among your files; choose another folder with --out")


def fingerprint(files: Iterable[Path], root: Path) -> str:
    """Return the SHA-256 over the files' names (relative to `root`, sorted) and their contents."""
    whole = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(root).as_posix()):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def new_mode() -> int:
    """Return who may read and write a new file, as the user has set it; a temporary file is its maker's alone."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
