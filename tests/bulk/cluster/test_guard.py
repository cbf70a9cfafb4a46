"""The guard: an image that kills its worker becomes a row with an error; the others keep their rows."""

import sys
from pathlib import Path

import pytest

from nasion.bulk.cluster.guard import MAX_DEATHS, CrashGuard
from nasion.bulk.output import Output
from nasion.errors import OutputError

pa = pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")


class DeathError(BaseException):
    """The end of a process: nothing cleans up after it."""


class MortalOutput(Output):
    """An output from which a dying process deletes nothing."""

    def remove_json(self, name):
        if not isinstance(sys.exc_info()[1], DeathError):
            super().remove_json(name)


class BrokenOutput(Output):
    """An output that cannot be reached."""

    def read_json(self, name):
        raise OutputError(name)

    def write_json(self, name, values):
        raise OutputError(name)


@pytest.fixture
def batch(folder):
    paths = sorted(map(str, folder.iterdir()))
    return pa.table({"id": [f"n{k}" for k in range(len(paths))], "path": paths})


@pytest.fixture(params=["folder", "address"])
def output(request, tmp_path):
    out = str(tmp_path / "out") if request.param == "folder" else f"memory://{tmp_path.name}/out"
    yield MortalOutput(out)
    assert Output(out).names("_nasion/started") == []


@pytest.fixture
def run(bulk, batch, output, monkeypatch):
    """Return a function that lets one worker after another predict the batch: it returns the rows and the deaths."""
    read = bulk._read

    def until_one_survives(is_deadly):
        deaths = 0

        def reader(path):
            if is_deadly(Path(path).name, deaths):
                raise DeathError
            return read(path)

        monkeypatch.setattr(bulk, "_read", reader)
        while deaths < 20:
            try:
                table = CrashGuard(output)(bulk, batch)
            except DeathError:
                deaths += 1
            else:
                assert table.schema.equals(bulk.schema)
                return table.to_pylist(), deaths
        pytest.fail("the workers die without end")

    return until_one_survives


def test_without_deaths_the_rows_are_those_of_the_predictor(run, bulk, batch):
    assert run(lambda *_: False) == (bulk(batch).to_pylist(), 0)


def test_an_image_that_kills_is_an_error_and_the_others_are_not(run, bulk, batch):
    expected = bulk(batch).to_pylist()
    rows, deaths = run(lambda name, _: name == "1.png")
    assert deaths == MAX_DEATHS
    assert rows[1]["error"].endswith("1.png: the worker died 3 times at this image")
    assert (rows[1]["id"], rows[1]["face_count"], rows[1]["faces"]) == ("n1", 0, [])
    assert [*rows[:1], *rows[2:]] == [*expected[:1], *expected[2:]]


def test_two_images_that_kill_are_both_found(run):
    rows, deaths = run(lambda name, _: name in {"0.png", "2.png"})
    assert [row["error"] is not None for row in rows] == [True, False, True, True]  # the last image is broken
    assert deaths == 2 * MAX_DEATHS - 1  # the first death does not say which image it was


@pytest.mark.parametrize("kills", [1, 2])
def test_a_worker_that_is_killed_otherwise_leaves_no_error(run, bulk, batch, kills):
    expected = bulk(batch).to_pylist()
    assert run(lambda name, deaths: name == "1.png" and deaths < kills) == (expected, kills)


def test_an_exception_is_no_death(bulk, batch, output, monkeypatch):
    guard = CrashGuard(output)
    monkeypatch.setattr(bulk, "_read", lambda _path: 1 / 0)
    assert all("ZeroDivisionError" in row["error"] for row in guard(bulk, batch).to_pylist())
    with pytest.raises(KeyError):
        guard(lambda _batch: {}["a"], batch)


def test_an_output_that_is_unreachable_for_a_while_does_not_matter(bulk, batch, tmp_path):
    assert CrashGuard(BrokenOutput(str(tmp_path / "out")))(bulk, batch).to_pylist() == bulk(batch).to_pylist()


def test_no_image_gives_no_row(bulk, batch, output):
    assert CrashGuard(output)(bulk, batch.slice(0, 0)).num_rows == 0
