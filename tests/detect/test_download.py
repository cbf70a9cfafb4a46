"""Verified downloads into the cache, from a server on this machine."""

import gc
import hashlib
import os
import subprocess
import sys
import warnings
from contextlib import ExitStack

import platformdirs
import pooch
import pytest
import requests

from local_server import serving
from nasion.detect.download import CONNECT_SECONDS, READ_SECONDS, download_cached
from nasion.errors import DownloadError

GOOD = b"weights" * 1000
SHA256 = hashlib.sha256(GOOD).hexdigest()
CLOSED = "http://127.0.0.1:9/weights.bin"
"""An address where no server listens."""


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Return the folder of the cache, which does not exist yet."""
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "nasion"


@pytest.fixture
def served(cache):
    """Return a function that serves bytes and returns their address; `served.requests()` counts the requests."""
    servers = []

    with ExitStack() as stack:

        def serve(content, length=None, status=200):
            servers.append(stack.enter_context(serving(content, length, status)))
            return f"{servers[-1].address}/some/weights.bin"

        serve.requests = lambda: sum(server.requests for server in servers)
        yield serve
    with warnings.catch_warnings():  # pooch leaves the connection of a failed download open
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def get(url):
    return download_cached(url, SHA256, "the weights", "pass them with --weights")


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_download_is_kept_under_its_own_name(served, cache):
    path = get(served(GOOD))
    assert path == cache / "weights.bin"
    assert path.read_bytes() == GOOD
    assert files(cache) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no variable for the folder of the cache")
def test_intact_file_is_found_without_network_libraries(cache):
    cache.mkdir(parents=True)
    (cache / "weights.bin").write_bytes(GOOD)
    code = (
        "import sys; from nasion.detect.download import download_cached; "
        f"print(download_cached({CLOSED!r}, {SHA256!r}, 'a', 'b'), 'requests' in sys.modules)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == [str(cache / "weights.bin"), "False"]


def test_intact_file_is_not_downloaded_again(served, cache):
    url = served(GOOD)
    assert get(url) == get(url)
    assert served.requests() == 1
    assert get(CLOSED) == cache / "weights.bin"


def test_damaged_file_in_the_cache_is_downloaded_again(served):
    url = served(GOOD)
    get(url).write_bytes(b"damaged")
    assert get(url).read_bytes() == GOOD
    assert served.requests() == 2


@pytest.mark.parametrize(
    ("content", "length", "status", "reason"),
    [
        (GOOD[:500], 7000, 200, "cannot download the weights"),
        (b"<html>log in first</html>", None, 200, "the download of the weights is incomplete or a different file"),
        (b"gone", None, 404, r"cannot download the weights \(404"),
    ],
    ids=["truncated", "another file", "not found"],
)
def test_bad_download_is_reported_and_not_kept(served, cache, content, length, status, reason):
    with pytest.raises(DownloadError, match=f"^{reason}.*; pass them with --weights$") as raised:
        get(served(content, length, status))
    assert "\n" not in str(raised.value)
    assert files(cache) == []


def test_damaged_file_in_the_cache_is_not_returned_without_a_connection(cache):
    cache.mkdir(parents=True)
    (cache / "weights.bin").write_bytes(b"damaged")
    with pytest.raises(DownloadError, match=r"cannot download the weights \(no connection\); pass them"):
        get(CLOSED)


@pytest.mark.parametrize("error", [requests.ConnectTimeout, requests.ReadTimeout, requests.ConnectionError])
def test_silent_server_counts_as_no_connection(cache, monkeypatch, error):
    downloaders = []

    def fail(url, known_hash, fname, path, downloader):
        downloaders.append(downloader)
        assert (url, known_hash, fname, path) == (CLOSED, SHA256, "weights.bin", cache)
        raise error("x" * 300)

    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(DownloadError, match=r"cannot download the weights \(no connection\); pass them"):
        get(CLOSED)
    assert downloaders[0].kwargs["timeout"] == (CONNECT_SECONDS, READ_SECONDS)
    assert CONNECT_SECONDS < READ_SECONDS


def test_other_errors_are_quoted_up_to_120_characters(cache, monkeypatch):
    def fail(*_, **__):
        raise PermissionError("x" * 300)

    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(DownloadError) as raised:
        get(CLOSED)
    assert str(raised.value) == f"cannot download the weights ({'x' * 120}); pass them with --weights"
