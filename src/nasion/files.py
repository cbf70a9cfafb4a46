"""Files written whole or not at all, and fingerprints of what is in them."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from nasion.errors import OutputError

__all__ = ["fingerprint", "new_mode", "prove_writable", "write_bytes", "write_text"]


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then moved onto it.

    Raises:
        OutputError: the folder cannot be made, is read-only or full.
    """
    path = Path(path)
    part = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(part).chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else new_mode())
        Path(part).replace(path)
    except OSError as error:
        if part:
            Path(part).unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from None


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
