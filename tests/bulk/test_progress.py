"""Progress: counts of what is committed, rates without start-up, and one driver per output."""

import time

import pytest

from doubles import QUAD, RecordingReporter
from nasion.bulk.output import Output
from nasion.bulk.progress import Monitor, ensure_alone, is_silent, read_progress, ready_name
from nasion.bulk.schema import ImageRow, image_table
from nasion.errors import ConfigError
from nasion.outputs.records import file_version
from nasion.outputs.reports import BulkProgress

pa = pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")
pq = pytest.importorskip("pyarrow.parquet")

VALUES = {**file_version(), "total": 90, "images": 30, "faces": 31, "errors": 1, "attempt": 1, "elapsed_s": 9.0}
TIMES = {"startup_s": 4.0, "images_per_s": 6.0, "remaining_s": 10.0}


@pytest.fixture
def output(tmp_path):
    return Output(str(tmp_path / "out"))


def store(output, state, heartbeat):
    output.write_json("progress.json", {"state": state, **VALUES, **TIMES, "heartbeat": heartbeat})


def commit(output, name, ids):
    folder = output.path("_nasion", "committed", "0001")
    output.storage.makedirs(folder, exist_ok=True)
    pq.write_table(image_table([ImageRow(each, each) for each in ids], QUAD, "mine"), output.path(f"{name}-0.parquet"))
    pq.write_table(pa.table({"id": ids}), f"{folder}/{name}.parquet")


def test_a_running_driver_keeps_others_away(output):
    store(output, "running", 100.0)
    with pytest.raises(ConfigError, match="another job is writing there"):
        ensure_alone(output, lambda _seconds: store(output, "running", 102.0))


def test_a_killed_driver_does_not(output):
    store(output, "running", 100.0)
    waits = []
    ensure_alone(output, waits.append)
    assert waits == [10.0]


@pytest.mark.parametrize("state", ["finished", "stopped", None])
def test_after_an_orderly_end_nobody_waits(output, state):
    if state:
        store(output, state, 100.0)
    ensure_alone(output, lambda _seconds: pytest.fail("it waits"))


def test_silence_of_a_running_job_is_noticed():
    def silent(state, age):
        return is_silent(BulkProgress(state=state, **VALUES, **TIMES, heartbeat=time.time() - age))

    assert silent("running", 60)
    assert not silent("running", 0)
    assert not silent("finished", 60)


def test_rates_start_when_the_first_worker_is_ready(output):
    commit(output, "u_000000", ["a", "b"])
    started = time.time() - 30
    output.write_json(ready_name(2), {"time": started + 20})
    with RecordingReporter().task("", 8) as task:
        monitor = Monitor(output, task, 8, 2, started)
        assert monitor.write("running").images_per_s is None
        commit(output, "u_000001", ["c", "d", "e"])
        progress = monitor.write("running")
    assert (progress.images, progress.total, progress.attempt) == (5, 8, 2)
    assert progress.startup_s == pytest.approx(20)
    assert progress.images_per_s == pytest.approx(0.3, rel=0.1)  # 3 in about 10 s
    assert progress.remaining_s == pytest.approx(10, rel=0.1)
    assert read_progress(output) == progress
