"""Reading files from disks and buckets through fsspec: what is retried, what is an image's error, what ends a job."""

import errno
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from nasion.errors import ConfigError, ImageError, one_line

__all__ = ["RETRY_S", "FileReader", "RefusedError", "chain_of", "is_refused", "is_remote", "load_fsspec"]

RETRY_S = 120.0
"""How long a file that cannot be read is tried again, seconds."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
"""Time before the second attempt, and between later ones, seconds."""

REFUSED_CODES = frozenset(
    (
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
        *("InvalidSecurity", "InvalidClientTokenId", "UnrecognizedClientException", "AccountProblem"),
    )
)
"""Error codes of S3 with which no file of a bucket can be read."""

REFUSED_CLASSES = frozenset(
    (
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"),
        *("RefreshError", "DefaultCredentialsError", "ClientAuthenticationError"),
    )
)
"""Names of exceptions of botocore, Google and Azure with the same meaning."""

MISSING_BUCKET = "NoSuchBucket"
"""Error code of a bucket that is missing, perhaps for a while."""

FINAL = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""Errors that another attempt does not change."""


class RefusedError(ConfigError):
    """The storage refuses the credentials, so no file can be read or written."""


def load_fsspec() -> Any:
    """Return the module fsspec.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module("fsspec")
    except ImportError as error:
        raise ConfigError(f"reading from storage needs fsspec ({error}); pip install 'nasion[bulk]'") from None


def is_remote(path: str) -> bool:
    """Return whether a path is an address, such as s3://bucket/a.jpg.

    >>> is_remote("s3://bucket/a.jpg"), is_remote("photos/a::b.jpg")
    (True, False)
    """
    return "://" in path


class FileReader:
    """Reads whole files, and tries again for a while when a disk, a network or a bucket fails.

    Args:
        retry_s: how long a file is tried, seconds.
        sleep: waits for a number of seconds.
        clock: returns the time, seconds.
    """

    def __init__(
        self,
        retry_s: float = RETRY_S,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.retry_s, self._sleep, self._clock = retry_s, sleep, clock
        self._has_read = False

    def __call__(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            ImageError: there is no such file, or it could not be read in time.
            RefusedError: the storage refuses the credentials, or refuses access before any file could be read.
            ConfigError: there is no such kind of storage, or its package is not installed.
        """
        deadline, wait = self._clock() + self.retry_s, FIRST_WAIT_S
        while True:
            try:
                content = _read(path)
            except ConfigError:
                raise
            except Exception as error:  # every storage package has its own tree of exceptions
                self._check(path, error)
                left = deadline - self._clock()
                if left <= 0:
                    raise ImageError(f"{path}: could not be read for {self.retry_s:g} s: {one_line(error)}") from None
                self._sleep(min(wait, left))
                wait = min(2 * wait, LONGEST_WAIT_S)
            else:
                self._has_read = True
                return content

    def _check(self, path: str, error: Exception) -> None:
        """Raise what cannot be solved by another attempt."""
        if is_refused(error) or (isinstance(error, PermissionError) and is_remote(path) and not self._has_read):
            raise RefusedError(f"{path}: access is refused ({one_line(error)[:200]}); check the credentials") from None
        if isinstance(error, FINAL) and MISSING_BUCKET not in _codes(error):
            known = {errno.ENOENT: "no such image; check the path", errno.EACCES: "may not be read"}
            code = errno.ENOENT if isinstance(error, FileNotFoundError) else error.errno
            raise ImageError(f"{path}: {known.get(code or 0, one_line(error)[:200])}") from None


def _read(path: str) -> bytes:
    if not is_remote(path):
        return Path(path).read_bytes()
    try:
        storage, name = load_fsspec().core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{path}: {one_line(error)[:200]}; check the address, or install this package") from None
    return storage.cat_file(name)


def is_refused(error: BaseException) -> bool:
    """Return whether an exception says that the storage refuses the credentials."""
    return bool(_codes(error) & REFUSED_CODES) or any(
        type(each).__name__ in REFUSED_CLASSES for each in chain_of(error)
    )


def _codes(error: BaseException) -> set[str]:
    """Return the error codes of S3 in an exception and its causes."""
    responses = (getattr(each, "response", None) for each in chain_of(error))
    tables = (response.get("Error") for response in responses if isinstance(response, dict))
    return {str(table.get("Code")) for table in tables if isinstance(table, dict)}


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that caused it, also in another process."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "cause", None), each.__cause__, each.__context__]
