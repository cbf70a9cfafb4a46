"""Files that appear complete or not at all, and checks that they can be written.

Every file of nasion is written through `atomic_path`: into a temporary file in the same folder, then moved into place.
"""

import hashlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nasion.errors import ConfigError, OutputError

__all__ = [
    "atomic_folder",
    "atomic_path",
    "ensure_no_overwrite",
    "ensure_writable",
    "fingerprint",
    "missing_folders",
    "no_empty_folders",
    "remove_empty",
    "translate_os_errors",
    "write_bytes",
    "write_text",
]

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.part(\..*)?", re.DOTALL)
"""Names of temporary files."""

STALE_S = 86_400
"""Age from which a temporary file belongs to a process that was killed, s."""

NEW_FILE_MODE = 0o666
"""Permissions of a new file before the kernel applies the user's umask."""


@contextmanager
def atomic_path(path: str | Path, keep_on_interrupt: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """Yield an empty temporary file in the folder of `path`, and move it to `path` when the block succeeds.

    The folder is created if necessary. A symbolic link stays a link and its target is replaced. An existing file keeps
    its permissions. The file is flushed to the disk before it is moved, so a power failure leaves the old content or
    the new one. If the block raises, the temporary file is deleted and `path` is unchanged.

    Args:
        path: the file to write.
        keep_on_interrupt: called after Ctrl-C; if it returns True, the incomplete file is moved into place.

    Raises:
        OutputError: the folder cannot be created, is read-only or is full.
    """
    target = Path(path).resolve()
    with translate_os_errors(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _new_file(target)
        try:
            try:
                yield part
            except KeyboardInterrupt:
                if keep_on_interrupt():
                    _move(part, target)
                raise
            _move(part, target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def translate_os_errors(path: str | Path) -> Iterator[None]:
    """Turn an `OSError` while writing `path` into an `OutputError` of one line."""
    try:
        yield
    except OSError as error:
        in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
        reason = "a file has the name of this folder" if in_the_way else error.strerror or error
        raise OutputError(f"cannot write {path}: {reason}; choose another location") from None


def _new_file(target: Path) -> Path:
    """Create an empty file beside `target` that no other process or thread uses, and return its path."""
    _remove_stale(target.parent)
    part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part{target.suffix}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, NEW_FILE_MODE))
    return part


def _remove_stale(folder: Path) -> None:
    """Delete the temporary files that killed processes have left in a folder; once for each folder."""
    if folder in _cleaned:
        return
    _cleaned.add(folder)
    oldest = time.time() - STALE_S
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.fullmatch(entry.name):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        Path(entry).unlink()


_cleaned: set[Path] = set()


def _move(part: Path, target: Path) -> None:
    """Flush `part` to the disk and move it to `target`."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    if target.exists():
        part.chmod(stat.S_IMODE(target.stat().st_mode))
    part.replace(target)
    with suppress(OSError):  # not every file system can flush a folder
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def atomic_folder(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`, and move its files to `path` when the block succeeds.

    A folder that does not exist yet appears as a whole. An existing one receives the files one by one and keeps all
    others. If the block raises, nothing is changed.

    Args:
        path: the folder to write.
        overwrite: whether to replace existing files that have another content.

    Raises:
        ConfigError: an existing file has another content, and `overwrite` is not set.
        OutputError: the folder cannot be created, is read-only or is full.
    """
    target = Path(path).resolve()
    with translate_os_errors(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
        part.mkdir()
        try:
            yield part
            if not target.exists():
                part.rename(target)
                return
            places = {each: target / each.relative_to(part) for each in part.rglob("*") if each.is_file()}
            for source, place in places.items():
                if not overwrite and place.exists() and not _same_content(source, place):
                    raise ConfigError(f"{place} exists; choose another place, or replace it with --overwrite")
            for source, place in places.items():
                place.parent.mkdir(parents=True, exist_ok=True)
                _move(source, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _same_content(a: Path, b: Path) -> bool:
    return b.is_file() and a.stat().st_size == b.stat().st_size and a.read_bytes() == b.read_bytes()


def write_bytes(path: str | Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file completely or not at all; non-regular targets such as pipes are written directly.

    Args:
        path: the file.
        data: its content, or the parts of its content in order.

    Raises:
        OutputError: the folder cannot be created, is read-only or is full.
    """
    path = Path(path)
    parts = [data] if isinstance(data, bytes) else data
    if path.exists() and not path.is_file() and not path.is_dir():
        with translate_os_errors(path), path.open("wb") as file:
            file.writelines(parts)
        return
    with atomic_path(path) as part, part.open("wb") as file:
        file.writelines(parts)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file completely or not at all; halves of characters, as in names of some files, are escaped.

    Raises:
        OutputError: the folder cannot be created, is read-only or is full.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def ensure_writable(folder: str | Path) -> Path:
    """Return the folder, created if necessary, after a test write, so that a long job fails early.

    Raises:
        OutputError: it cannot be created, is read-only or is full.
    """
    probe = Path(folder) / f".writable-{secrets.token_hex(6)}"
    try:
        write_bytes(probe, b"1")
    except OutputError as error:
        raise OutputError(str(error).replace(str(probe), f"into {folder}")) from None
    probe.unlink()
    return Path(folder)


def missing_folders(folder: str | Path) -> list[Path]:
    """Return the folder and those above it that do not exist, the innermost first."""
    return [each for each in (Path(folder), *Path(folder).parents) if not each.exists()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, until one is not empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


@contextmanager
def no_empty_folders(folder: str | Path) -> Iterator[None]:
    """Remove the folder at the end, and those above it, if they were created in the block and are empty."""
    created = missing_folders(folder)
    try:
        yield
    finally:
        remove_empty(created)


def ensure_no_overwrite(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Reject outputs that would overwrite existing files in a folder that holds inputs.

    Raises:
        ConfigError: one of `outputs` exists in the folder of one of `inputs`.
    """
    folders = {path.parent.resolve() for path in inputs}
    for output in outputs:
        if output.parent.resolve() in folders and output.exists():
            raise ConfigError(f"{output} already exists among your files; choose another folder with --out")


def fingerprint(files: Iterable[Path], root: Path) -> str:
    """Return the SHA-256 over the files' names (relative to `root`, sorted) and contents."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(root).as_posix()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
