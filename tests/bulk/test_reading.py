"""Reading: which failures are tried again, which are an image's error, which end the job."""

import pytest

from nasion.bulk import reading
from nasion.bulk.reading import FileReader, RefusedError, chain_of, is_refused, is_remote
from nasion.errors import ConfigError, ImageError


class Clock:
    """Time that passes only while sleeping."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def sleep(self, seconds):
        self.now += seconds
        self.waits.append(seconds)

    def time(self):
        return self.now


def s3_error(code):
    """Return an exception as botocore raises it."""
    error = Exception(f"An error occurred ({code})")
    error.response = {"Error": {"Code": code}}
    return error


def translated(kind, code):
    """Return an exception as s3fs raises it: Python's kind, caused by botocore's."""
    error = kind(f"An error occurred ({code})")
    error.__cause__ = s3_error(code)
    return error


@pytest.fixture
def read(monkeypatch):
    """Return a function that reads while the storage behaves as a list says, and the clock."""
    clock = Clock()
    reader = FileReader(120.0, clock.sleep, clock.time)

    def run(*answers, path="s3://b/a.jpg"):
        left = list(answers)

        def answer(_path):
            each = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(each, Exception):
                raise each
            return each

        monkeypatch.setattr(reading, "_read", answer)
        return reader(path)

    run.clock = clock
    return run


def test_a_file_on_disk_is_read(tmp_path):
    (tmp_path / "a::b #1.jpg").write_bytes(b"content")
    assert FileReader()(str(tmp_path / "a::b #1.jpg")) == b"content"


def test_failures_of_the_network_are_tried_again(read):
    assert read(ConnectionError("reset"), TimeoutError(), s3_error("SlowDown"), b"content") == b"content"
    assert read.clock.waits == [0.5, 1.0, 2.0]


def test_a_bucket_that_disappears_for_a_while_is_tried_again(read):
    assert read(translated(FileNotFoundError, "NoSuchBucket"), b"content") == b"content"


def test_after_two_minutes_it_is_an_error_of_the_image(read):
    with pytest.raises(ImageError, match=r"s3://b/a.jpg: could not be read for 120 s: reset"):
        read(ConnectionError("reset"))
    assert read.clock.now == 120.0
    assert max(read.clock.waits) == 10.0


@pytest.mark.parametrize(
    ("error", "text"),
    [(FileNotFoundError(2, "No such file"), "no such image"), (PermissionError(13, "Permission denied"), "may not be")],
)
def test_what_another_attempt_does_not_change_is_an_error_at_once(read, error, text):
    with pytest.raises(ImageError, match=text):
        read(error, path="a.jpg")
    assert read.clock.waits == []


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_refused_credentials_end_the_job(read, code):
    assert read(b"content") == b"content"
    with pytest.raises(RefusedError, match="check the credentials"):
        read(translated(PermissionError, code))
    assert read.clock.waits == []


def test_missing_credentials_end_the_job(read):
    class NoCredentialsError(Exception):
        """As in botocore."""

    assert is_refused(NoCredentialsError())
    with pytest.raises(RefusedError):
        read(NoCredentialsError("Unable to locate credentials"))


def test_access_that_is_denied_ends_the_job_only_before_the_first_file(read):
    denied = translated(PermissionError, "AccessDenied")
    with pytest.raises(RefusedError):
        read(denied)
    read(b"content")
    with pytest.raises(ImageError):  # without the right to list a bucket, this is what a missing file looks like
        read(denied)


def test_an_unknown_kind_of_storage_ends_the_job():
    pytest.importorskip("fsspec")
    with pytest.raises(ConfigError, match=r"nosuch.*; check the address, or install this package"):
        FileReader()("nosuch://bucket/a.jpg")


def test_causes_are_found_in_exceptions_of_other_processes():
    inner, outer = ValueError("inner"), RuntimeError("outer")
    outer.cause = inner  # as in Ray
    inner.__cause__ = outer
    assert list(chain_of(outer)) == [outer, inner]


def test_addresses_are_told_from_files():
    assert is_remote("gs://b/a.jpg")
    assert not is_remote("C:/photos/a.jpg")
