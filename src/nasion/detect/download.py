"""Files that are downloaded once into the user's cache and verified by their SHA-256."""

import hashlib
from pathlib import Path

import platformdirs

from nasion.atomic import ensure_writable, write_bytes
from nasion.errors import DownloadError

__all__ = ["cached_path", "copy_cached", "download_cached"]

CONNECT_SECONDS, READ_SECONDS = 4, 20
"""Timeouts of a download."""


def download_cached(url: str, sha256: str, title: str, remedy: str, name: str = "") -> Path:
    """Return the file at `url`, from the user's cache if it is there and intact.

    Args:
        url: the file's address.
        sha256: the expected checksum.
        title: what error messages call the file.
        remedy: what the user can do if the download fails.
        name: the file's name in the cache; default: the last part of the address.

    Raises:
        DownloadError: the file cannot be downloaded, or its checksum differs.
    """
    path = cached_path(name or url.rsplit("/", 1)[1])
    if not _is_intact(path, sha256):
        _download(path, url, sha256, title, remedy)
    return path


def copy_cached(file: Path, sha256: str, title: str, name: str) -> Path:
    """Return a copy of a file in the user's cache.

    Args:
        file: what the user downloaded.
        sha256: the expected checksum.
        title: what error messages call the file.
        name: the file's name in the cache.

    Raises:
        DownloadError: the file cannot be read, or its checksum differs.
        OutputError: the cache is read-only or full.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DownloadError(f"{file}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DownloadError(f"{file}: not {title}, or incomplete; its SHA-256 differs from the expected {sha256}")
    path = cached_path(name)
    ensure_writable(path.parent)
    write_bytes(path, content)
    return path


def cached_path(name: str) -> Path:
    """Return the path of a file in the user's cache, whether it is there or not."""
    return Path(platformdirs.user_cache_dir("nasion")) / name


def _is_intact(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _download(path: Path, url: str, sha256: str, title: str, remedy: str) -> None:
    """Download a file to `path`, and verify it.

    Raises:
        DownloadError: the file cannot be downloaded, or its checksum differs.
    """
    import pooch  # imported here because it loads network libraries that most predictions do not need
    import requests

    try:
        pooch.get_logger().setLevel("ERROR")
        fetch = pooch.HTTPDownloader(progressbar=False, timeout=(CONNECT_SECONDS, READ_SECONDS))
        pooch.retrieve(url, sha256, fname=path.name, path=path.parent, downloader=fetch)  # pyright: ignore[reportArgumentType]
    except OSError as error:
        offline = isinstance(error, requests.ConnectionError | requests.Timeout)
        reason = "no connection" if offline else str(error)[:120]
        raise DownloadError(f"cannot download {title} ({reason}); {remedy}") from None
    except ValueError:  # pooch raises it for a different checksum, and keeps nothing
        raise DownloadError(f"the download of {title} is incomplete or a different file; {remedy}") from None
