"""Unpacking archives that another person may have made: completely or not at all, and only into their folder."""

import bz2
import gzip
import io
import lzma
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from nasion.errors import DownloadError, one_line

__all__ = ["describe_suffix", "is_archive", "unpack"]

MAX_BYTES = 20_000_000_000
"""Largest unpacked size of an archive, about ten times the largest set that is known."""

MAX_RATIO, FREE_BYTES = 100, 100_000_000
"""Largest unpacked size per byte of the archive, and how much more a small archive may have; images hardly shrink."""

MAX_ENTRIES = 200_000
"""Largest number of files in an archive, about ten times that of the largest set that is known."""

REASON_LENGTH = 120
"""Largest number of characters of a library's error in a message."""

DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(RuntimeError, ValueError, LookupError, MemoryError, OverflowError),
)
"""What the libraries raise for damaged archives."""

OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
    b"\x5d\x00\x00": lzma.open,
}
"""Functions that open a compressed file, by its first bytes."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Compressions of .zip archives that are read; LZMA may ask for gigabytes of memory."""

ZIP_TYPE_BITS, ZIP_PLAIN_TYPES = 0o170000, (0, 0o100000)
"""Bits of a Unix file mode with the file's type, and their values for a regular file; 0 comes from other systems."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .zip or .tar archive into `folder`, completely or not at all.

    An archive with a link, a device, or a path outside the folder is rejected before anything is written.

    Raises:
        DownloadError: the file is missing, is not an archive, is damaged, or is rejected.
    """
    if not archive.is_file():
        raise DownloadError(f"{archive}: no such file; check the path")
    try:
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as place:
            if zipfile.is_zipfile(archive):
                _unpack_zip(archive, Path(place))
            else:
                _unpack_tar(archive, Path(place))
            for path in sorted(Path(place).iterdir()):
                _merge(path, folder / path.name)
    except DAMAGED as error:
        reason = f"{describe_suffix(archive)}: {one_line(error)[:REASON_LENGTH] or type(error).__name__}"
        raise DownloadError(
            f"{archive}: not an archive, or damaged ({reason}); delete it and download it again"
        ) from None


def is_archive(path: Path) -> bool:
    """Return whether a file seems to be an archive that `unpack` reads."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except DAMAGED:
        return False


def describe_suffix(archive: Path) -> str:
    """Return what a file that is not an archive seems to be."""
    with suppress(OSError), archive.open("rb") as file:
        if b"<html" in file.read(1000).lower():
            return "it is a web page"
    return archive.suffix or "no suffix"


def _merge(path: Path, target: Path) -> None:
    """Move a file or folder to `target`; the content of a folder that exists there is kept."""
    if path.is_dir() and target.is_dir():
        for inner in path.iterdir():
            _merge(inner, target / inner.name)
    else:
        shutil.move(path, target)


def _unpack_zip(archive: Path, place: Path) -> None:
    budget = _Budget(archive)
    with zipfile.ZipFile(archive) as packed:
        entries = [entry for entry in packed.infolist() if not entry.is_dir()]
        for entry in entries:
            budget.add(entry.file_size)
            if entry.compress_type not in METHODS:
                raise DownloadError(f"{archive}: rejected, it is not compressed with deflate or bzip2; pack it again")
        types = [(entry.external_attr >> 16) & ZIP_TYPE_BITS for entry in entries]
        names = [
            _safe_name(archive, entry.filename, plain=kind in ZIP_PLAIN_TYPES)
            for entry, kind in zip(entries, types, strict=True)
        ]
        for entry, name in zip(entries, names, strict=True):
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)


def _unpack_tar(archive: Path, place: Path) -> None:
    budget = _Budget(archive)
    with archive.open("rb") as file:
        start = file.read(max(map(len, OPENERS)))
    opener = next((each for magic, each in OPENERS.items() if start.startswith(magic)), lambda path: path.open("rb"))
    with opener(archive) as file, tarfile.open(fileobj=_bounded(file, budget), mode="r:") as packed:
        # The checks below reject a whole archive, where the filter would only change or stop at an entry. It is set as
        # an attribute because Python before 3.11.4 has no argument for it.
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        entries: list[tarfile.TarInfo] = []
        for entry in packed:  # the size is added before the reader skips the entry's content
            budget.add(entry.size)
            entries += [] if entry.isdir() else [entry]
        names = [_safe_name(archive, entry.name, plain=entry.isfile()) for entry in entries]
        for entry, name in zip(entries, names, strict=True):
            entry.name = str(name)
            packed.extract(entry, place)


class _Budget:
    """What an archive may unpack to, bytes and entries."""

    def __init__(self, archive: Path) -> None:
        self.archive, self.entries, self.bytes = archive, 0, 0
        self.limit = min(MAX_BYTES, MAX_RATIO * archive.stat().st_size + FREE_BYTES)

    def add(self, size: int) -> None:
        """Add an entry of `size` bytes.

        Raises:
            DownloadError: the entries are too many or too large together.
        """
        self.entries, self.bytes = self.entries + 1, self.bytes + size
        if size < 0 or self.entries > MAX_ENTRIES:
            raise DownloadError(f"{self.archive}: rejected, an entry has a size of {size}, or there are too many")
        if self.bytes > self.limit:
            self.exceed(self.bytes)

    def exceed(self, size: int) -> None:
        """Reject the archive because it would unpack to `size` bytes."""
        raise DownloadError(
            f"{self.archive}: rejected, it would unpack to {size:,} bytes, more than {self.limit:,}; "
            "unpack it with another program if you trust it"
        )


class _BoundedReader(io.RawIOBase):
    """A file that is not read further than the entries of an archive and their headers can reach."""

    def __init__(self, file: BinaryIO, budget: _Budget) -> None:
        super().__init__()
        self._file, self._budget = file, budget
        self._limit = 2 * budget.limit + FREE_BYTES

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes."""
        if size < 0:
            raise tarfile.ReadError("an entry has a negative size")
        self._check(self._file.tell() + size)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a place."""
        self._check(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def _check(self, place: int) -> None:
        if place > self._limit:
            self._budget.exceed(place)


def _bounded(file: BinaryIO, budget: _Budget) -> BinaryIO:
    """Return a bounded reader; it has the methods that `tarfile` uses of a file."""
    return cast(BinaryIO, _BoundedReader(file, budget))


def _safe_name(archive: Path, name: str, plain: bool) -> PurePosixPath:
    """Return the relative path of an archive's entry; `plain` says whether the entry is a regular file."""
    path = PurePosixPath(name.replace("\\", "/"))
    is_outside = path.is_absolute() or ".." in path.parts or ":" in name
    if not plain or is_outside or not name.isprintable() or not path.parts:
        raise DownloadError(f'{archive}: rejected, its entry "{name}" is a link, a device or outside the folder')
    return path
