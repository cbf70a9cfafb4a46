"""The job: kills lose no row and repeat none, errors are one line, and other outputs are left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from doubles import RecordingReporter
from nasion import images
from nasion.bulk import job as job_module
from nasion.bulk.cluster.worker import BulkWorker
from nasion.bulk.job import BulkJob, _prepare, run_bulk
from nasion.bulk.output import Output
from nasion.bulk.packing import PackedModel
from nasion.datasets.drawn import render_face
from nasion.errors import ConfigError

pa = pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")
dataset = pytest.importorskip("pyarrow.dataset")

COUNT, BROKEN = 90, 3
MARK = "NASION_TEST_RUN"
"""Environment variable that the processes of one run have."""


@pytest.fixture
def ray():
    return pytest.importorskip("ray.data", reason="Ray Data is not installed: pip install 'nasion[bulk]'")


@pytest.fixture
def photos(tmp_path):
    face = render_face(5, 0, 0, "ibug-68").image[::4, ::4]
    for number in range(COUNT):
        images.write(tmp_path / "photos" / f"{number:03d}.jpg", face)
    for number in range(BROKEN):
        (tmp_path / "photos" / f"{number:03d}.jpg").write_bytes(b"broken")
    return tmp_path / "photos"


def workers_of(mark):
    """Return the processes that predict in the run with this mark."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            is_worker = place.name.isdigit() and (place / "cmdline").read_bytes().startswith(b"ray::MapWorker")
            if is_worker and f"{MARK}={mark}".encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def wait_for(condition, seconds=300):
    for _ in range(10 * seconds):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it takes too long")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_kills_lose_no_row_and_repeat_none(ray, photos, tmp_path, monkeypatch, yunet_file):
    out = Output(str(tmp_path / "out"))
    monkeypatch.setenv(MARK, str(tmp_path))
    words = [str(photos), "--out", out.address, "--model", "tiny", "--workers", "1", "--detector-weights", yunet_file]
    driver = subprocess.Popen([sys.executable, "-m", "nasion", "bulk", *map(str, words)])
    wait_for(lambda: out.tables() or driver.poll() is not None)
    assert driver.poll() is None
    driver.kill()
    driver.wait()
    wait_for(lambda: not workers_of(tmp_path))  # they end with their driver
    before = {name: Path(out.path(file)).stat().st_mtime for name, file in out.commits().items()}
    committed = out.committed_ids().to_pylist()
    assert 0 < len(committed) < COUNT

    def kill_a_worker():
        wait_for(lambda: out.read_json("ready-0002.json"))
        for process in workers_of(tmp_path):
            os.kill(process, signal.SIGKILL)

    killer = Thread(target=kill_a_worker)
    killer.start()
    reporter = RecordingReporter()
    job = BulkJob("tiny", str(yunet_file))
    progress = run_bulk(str(photos), out.address, job, workers=1, resume=True, reporter=reporter)
    killer.join()
    assert (progress.state, progress.images, progress.total) == ("finished", COUNT, COUNT)
    assert (progress.errors, progress.attempt) == (BROKEN, 2)
    rows = dataset.dataset(out.address, format="parquet").to_table().to_pylist()
    assert sorted(row["id"] for row in rows) == sorted(map(str, photos.iterdir()))
    assert sum(row["error"] is not None for row in rows) == BROKEN
    assert all(row["face_count"] == 1 for row in rows if row["error"] is None)
    after = {name: Path(out.path(file)).stat().st_mtime for name, file in out.commits().items()}
    assert {name: after[name] for name in before} == before  # committed tables are not computed again
    assert out.read_json("summary.json") == progress.model_dump()
    again = run_bulk(str(photos), out.address, job, workers=1, resume=True)
    assert (again.images, again.attempt) == (COUNT, 3)


def test_an_error_of_a_worker_ends_the_job_with_one_line(ray, photos, tmp_path, monkeypatch, yunet_file):
    """Credentials that are refused, here of a storage without a package, concern all images."""
    (tmp_path / "list.csv").write_text("id,path\n1,nosuch://bucket/a.jpg\n")
    job = BulkJob("tiny", str(yunet_file))
    with pytest.raises(ConfigError, match="nosuch"):
        run_bulk(str(tmp_path / "list.csv"), str(tmp_path / "out"), job, workers=1)
    assert Output(str(tmp_path / "out")).read_json("progress.json")["state"] == "stopped"


class CrashingWorker(BulkWorker):
    """A worker whose process ends when it reads the image 007.jpg, as if a library had crashed."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.read = self.predict._read
        self.predict._read = self.crash

    def crash(self, path):
        if path.endswith("007.jpg"):
            os._exit(1)
        return self.read(path)


def test_an_image_that_kills_its_worker_is_an_error(ray, photos, tmp_path, monkeypatch, yunet_file):
    cloudpickle = pytest.importorskip("ray.cloudpickle")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module
    monkeypatch.setattr(job_module, "BulkWorker", CrashingWorker)
    for file in sorted(photos.iterdir())[20:]:
        file.unlink()
    progress = run_bulk(str(photos), str(tmp_path / "out"), BulkJob("tiny", str(yunet_file)), workers=1)
    assert (progress.state, progress.images, progress.errors) == ("finished", 20, BROKEN + 1)
    rows = dataset.dataset(str(tmp_path / "out"), format="parquet").to_table().to_pylist()
    (dead,) = (row for row in rows if row["id"].endswith("007.jpg"))
    assert dead["error"].endswith("007.jpg: the worker died 3 times at this image")


class TestPrepare:
    """What an output says about its job; no Ray is needed."""

    packed = PackedModel("tiny", b"", None, {"device": "cpu"})

    def prepare(self, out, source, resume=False, **changes):
        return _prepare(Output(str(out)), str(source), BulkJob("tiny", **changes), self.packed, 2, resume)

    def test_a_new_job_is_listed_once(self, photos, tmp_path):
        assert self.prepare(tmp_path / "out", photos) == (COUNT, 1)
        (photos / "new.jpg").touch()
        assert self.prepare(tmp_path / "out", photos, resume=True) == (COUNT, 2)
        assert self.prepare(tmp_path / "out", photos, resume=True) == (COUNT, 3)
        work = Output(str(tmp_path / "out")).work(pa.array([], pa.string()))
        assert sum(each.rows for each in work) == COUNT
        assert max(each.rows for each in work) == 16

    def test_results_are_not_continued_by_accident(self, photos, tmp_path):
        self.prepare(tmp_path / "out", photos)
        with pytest.raises(ConfigError, match="continue it with --resume"):
            self.prepare(tmp_path / "out", photos)
        with pytest.raises(ConfigError, match=r"with min_score 0\.0, not 0\.5"):
            self.prepare(tmp_path / "out", photos, resume=True, min_score=0.5)
        with pytest.raises(ConfigError, match="with source"):
            self.prepare(tmp_path / "out", tmp_path, resume=True)

    def test_a_folder_with_other_files_is_refused(self, photos, tmp_path):
        with pytest.raises(ConfigError, match="not of a bulk job"):
            self.prepare(photos, photos)

    def test_resume_may_be_the_first_start(self, photos, tmp_path):
        assert self.prepare(tmp_path / "out", photos, resume=True) == (COUNT, 1)


def test_another_detector_is_not_used_silently():
    with pytest.raises(ConfigError, match="no connection; give its file with --detector-weights"):
        job_module._refuse_other("no connection; using nasion's detector instead")
