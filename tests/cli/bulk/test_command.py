"""nasion bulk: the job's options, its status, and one-line errors."""

import json
import time

import pytest

from nasion.bulk import job as job_module
from nasion.outputs.records import file_version
from nasion.outputs.reports import BulkProgress

pytest.importorskip("fsspec")

PROGRESS = BulkProgress(
    **file_version(),
    state="finished",
    total=90,
    images=90,
    faces=91,
    errors=1,
    attempt=1,
    elapsed_s=19.0,
    startup_s=4.0,
    images_per_s=6.0,
    remaining_s=0.0,
    heartbeat=0.0,
)


@pytest.fixture
def calls(monkeypatch):
    """Return the list of jobs that commands start."""
    found = []
    monkeypatch.setattr(job_module, "run_bulk", lambda *arguments: found.append(arguments) or PROGRESS)
    return found


def test_options_reach_the_job(nasion, calls, read_json):
    words = ("--workers", "3", "--resume", "--video", "--address", "auto", "--model", "tiny", "--min-score", "0.5")
    code, out, _ = nasion("bulk", "photos", "--out", "tables", *words, "--json", "counts.json")
    assert code == 0
    assert out == "finished: 90 of 90 done, 91 faces, errors: 1, 6.0/s after 4 s of start-up → tables\n"
    ((source, target, job, address, workers, resume, _),) = calls
    assert (source, target, address, workers, resume) == ("photos", "tables", "auto", 3, True)
    assert (job.model, job.video, job.min_score, job.device) == ("tiny", True, 0.5, "cpu")
    assert read_json("counts.json", "bulk") == PROGRESS.model_dump()


def test_status_shows_how_far_a_job_is(nasion, tmp_path):
    (tmp_path / "tables" / "_nasion").mkdir(parents=True)
    values = {**PROGRESS.model_dump(), "state": "running", "images": 30, "remaining_s": 10.0}
    file = tmp_path / "tables" / "_nasion" / "progress.json"
    file.write_text(json.dumps({**values, "heartbeat": time.time()}))
    code, out, error = nasion("bulk", "--status", "tables")
    assert (code, error) == (0, "")
    assert out.startswith("running: 30 of 90 done, ")
    assert "10 s left → tables" in out
    file.write_text(json.dumps({**values, "heartbeat": time.time() - 60}))
    _, _, error = nasion("bulk", "--status", "tables")
    assert error == "nasion: tables: the job is not running; continue it with --resume\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("photos",), "name a source and --out"),
        (("--status", "nowhere"), "nowhere has no job"),
        (("photos", "--out", "tables", "--workers", "0"), "--workers"),
    ],
)
def test_errors_are_one_line(nasion, calls, words, message, tmp_path):
    code, _, error = nasion("bulk", *words)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
    assert calls == []
    assert not (tmp_path / "tables").exists()


def test_options_of_ray_need_bulk(nasion):
    code, _, error = nasion("evaluate", "tiny", "synthetic:4?skeleton=ibug-68", "--workers", "2")
    assert code == 2
    assert "add --bulk" in error
