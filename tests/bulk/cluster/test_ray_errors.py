"""Exceptions of Ray become one line, also if only their text arrives."""

import pytest

from nasion.bulk.cluster.ray_errors import one_line_errors
from nasion.bulk.reading import RefusedError
from nasion.errors import ConfigError, ModelError, OutputError

TRACE = """ray::MapWorker(MapBatches(BulkWorker)).submit() (pid=29416, ip=127.0.0.1)
    raise ConfigError(f"{{path}}: a template") from None
{line}

The above exception was the direct cause of the following exception:

ray.exceptions.UserCodeException: UDF failed to process a data block.
"""


def raised(error, address="s3://b/out"):
    with pytest.raises(Exception, match=r".*") as found, one_line_errors(address):
        raise error
    return found.value


def test_an_error_of_nasion_that_caused_it():
    outer = RuntimeError("a long trace")
    outer.cause = ModelError("mine: damaged")
    assert type(raised(outer)) is ModelError


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("nasion.errors.ConfigError: nosuch://b/a.jpg: unknown", ConfigError, "nosuch://b/a.jpg: unknown"),
        ("nasion.bulk.reading.RefusedError: s3://b: refused", RefusedError, "s3://b: refused"),
        (
            "OSError: [Errno 28] No space left on device",
            OutputError,
            "cannot write s3://b/out: [Errno 28] No space left on device; choose another location",
        ),
        ("PermissionError: Forbidden", OutputError, "cannot write s3://b/out: Forbidden; check the credentials"),
        (
            'botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "http://b"',
            OutputError,
            'cannot write s3://b/out: Could not connect to the endpoint URL: "http://b"; choose another location',
        ),
    ],
)
def test_errors_in_the_text_of_another_process(line, kind, text):
    found = raised(RuntimeError(TRACE.format(line=line)))
    assert (type(found), str(found)) == (kind, text)


def test_a_full_disk_that_caused_it():
    outer = RuntimeError("a long trace")
    outer.__cause__ = OSError(28, "No space left on device")
    assert str(raised(outer)) == "cannot write s3://b/out: No space left on device; choose another location"


def test_the_cause_counts_and_not_the_copy_that_ray_makes_of_it():
    class RayTaskError(OSError):
        """As Ray makes it: of the class of its cause, with the trace as its message."""

    outer = RayTaskError(TRACE)
    outer.cause = OSError(28, "No space left on device")
    assert str(raised(outer)) == "cannot write s3://b/out: No space left on device; choose another location"


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError(TRACE.format(line="KeyError: 'path'"))])
def test_bugs_keep_their_trace(error):
    assert raised(error) is error


def test_without_an_output_errors_of_files_keep_their_trace():
    error = OSError(28, "No space left on device")
    assert raised(error, "") is error
