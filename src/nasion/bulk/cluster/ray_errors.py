"""Exceptions of Ray as errors of one line: Ray sends those of workers as text."""

import builtins
import re
from collections.abc import Iterator
from contextlib import contextmanager

from nasion.bulk.output import output_error
from nasion.bulk.reading import RefusedError, chain_of
from nasion.errors import NasionError

__all__ = ["one_line_errors"]

LINE = re.compile(r"(?m)^\s*((?:\w+\.)*)(\w+): (.+)$")
"""The line of a traceback that names the exception: its module, its class and its message."""

OWN = {each.__name__: each for each in (*NasionError.__subclasses__(), RefusedError)}
"""Errors of nasion by name."""

STORAGE_PACKAGES = "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "s3fs"
"""Packages whose exceptions concern the storage."""


@contextmanager
def one_line_errors(address: str) -> Iterator[None]:
    """Turn the exceptions of Ray in the block into those of nasion.

    Args:
        address: what is written; empty for nothing.

    Raises:
        NasionError: a worker raised it.
        OutputError: the output cannot be written.
    """
    try:
        yield
    except Exception as error:
        for cause in chain_of(error):
            if isinstance(cause, NasionError):
                raise cause from None
        for _module, name, message in LINE.findall(str(error)):
            if name in OWN:
                raise OWN[name](message) from None
        reason = _storage_error(error) if address else None
        if reason is not None:
            raise output_error(address, reason) from None
        raise


def _storage_error(error: Exception) -> BaseException | None:
    """Return the exception of the storage in one of Ray; None if there is none."""
    for cause in chain_of(error):
        if isinstance(cause, OSError) and not hasattr(cause, "cause"):  # Ray's own copy holds a whole trace
            return cause
    for module, name, message in LINE.findall(str(error)):
        kind = getattr(builtins, name, None) if not module else None
        if isinstance(kind, type) and issubclass(kind, OSError):
            return kind(message)
        if module.split(".")[0] in STORAGE_PACKAGES:
            return OSError(message)
    return None
