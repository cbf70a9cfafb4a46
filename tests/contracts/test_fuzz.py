"""The fuzzing harness notices every kind of failure, and nasion has none of them in a small run."""

import os
import sys
import time

import pytest

from fuzz import workers
from fuzz.workers import Kind, outcomes
from nasion.errors import ImageError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs Linux")


def fine(_prepared, _random, folder):
    (folder / "a.txt").write_text("x")


def rejects(_prepared, _random, _folder):
    raise ImageError("a.jpg: damaged")


def fails(_prepared, random, _folder):
    if random.random() < 2:
        raise ValueError("no traceback may reach users")


def prints(_prepared, _random, _folder):
    os.write(2, b"libfoo: something is wrong\n")


def dies(_prepared, _random, _folder):
    os.abort()


def hangs(_prepared, _random, folder):
    if folder.name == "1":
        while time.monotonic():
            pass


def fills_memory(_prepared, _random, _folder):
    assert len(bytearray(os.urandom(1)) * (400 << 20))


def takes_two_lines(_prepared, _random, _folder):
    error = ImageError("")
    error.args = ("two\nlines",)
    raise error


def run(function, folder, **fields):
    kind = Kind("test", 1.0, lambda _folder: None, function, **fields)
    return list(outcomes(kind, 3, range(3), folder))


@pytest.mark.parametrize(
    ("function", "result", "signature"),
    [
        (fine, "accepted", ""),
        (rejects, "rejected", ""),
        (fails, "finding", "ValueError test_fuzz.py:"),
        (prints, "finding", "printed libfoo: something is wrong"),
        (dies, "finding", "died"),
        (takes_two_lines, "finding", "message test_fuzz.py:"),
    ],
)
def test_every_outcome_is_recognized(tmp_path, function, result, signature):
    found = run(function, tmp_path)
    assert [each.index for each in found] == [0, 1, 2]
    assert {each.result for each in found} == {result}
    assert all(each.signature.startswith(signature) for each in found)
    assert (tmp_path / "0").exists() == (result == "finding")  # the files of findings are kept


def test_a_hang_ends_one_input_and_not_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "CPU_S", 0.5)
    found = run(hangs, tmp_path)
    assert [each.result for each in found] == ["accepted", "finding", "accepted"]
    assert found[1].signature == "hang"


def test_memory_is_measured_and_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "MAX_GROWTH_KB", 100_000)
    assert run(fills_memory, tmp_path)[0].signature == "memory"
    monkeypatch.setattr(workers, "MAX_BYTES", 100_000_000)
    assert run(fills_memory, tmp_path)[0].signature.startswith("MemoryError")


def test_lines_that_a_library_is_known_to_print_are_not_findings(tmp_path):
    assert {each.result for each in run(prints, tmp_path, allowed=("libfoo: ",))} == {"accepted"}


@pytest.mark.slow
def test_a_small_run_has_no_findings(tmp_path, capsys):
    from fuzz.run import run_kinds

    assert run_kinds(["--count", "150", "--seed", "2", "--keep", str(tmp_path)]) == 0
    assert "findings" in capsys.readouterr().out
