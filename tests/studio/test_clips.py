"""Clips are tracked in the background, and their files are removed."""

import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from doubles import Fixed
from nasion import video
from nasion.detect import Detection
from nasion.errors import ConfigError, ImageError
from nasion.predict.predictor import Predictor
from nasion.studio import clips
from nasion.studio.clips import MAX_CLIPS, ClipJobs, ClipsFullError

pytest.importorskip("av")

PLACES = np.column_stack([np.linspace(10, 50, 58), 10 + 20 * np.abs(np.sin(np.arange(58)))])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


@pytest.fixture
def jobs(folder):
    jobs = ClipJobs(longest_s=2.0)
    yield jobs
    jobs.close()
    assert list(folder.iterdir()) == []


def make():
    return Predictor(Fixed(PLACES), lambda _image: [Detection(np.array([20.0, 20, 70, 70]), 0.9)])


def write(path, count=6):
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    with video.ClipWriter(path, (96, 128), Fraction(25)) as writer:
        for k in range(count):
            writer.add_frame(k / 25, noise)


def added(jobs, count=6):
    job = jobs.add()
    write(job.source.with_name("made.mp4"), count)
    job.source.with_name("made.mp4").rename(job.source)
    return job


def wait(is_reached):
    end = time.monotonic() + 60
    while not is_reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_clip_becomes_a_video_and_a_table(jobs):
    job = added(jobs)
    jobs.start(job, make)
    wait(lambda: job.is_finished)
    assert (job.state, job.error, job.frames, job.total) == ("done", "", 6, 6)
    assert job.summary.frames_by_face == {0: 6}
    assert len(job.table.read_text().splitlines()) == 7
    assert video.open_clip(job.video).count == 6
    assert job.preview.shape == (96, 128, 3)
    assert jobs.get(job.name) is job


def test_a_clip_with_a_tracked_frame_has_a_preview(jobs, monkeypatch):
    job, counts = added(jobs), []
    monkeypatch.setattr(clips, "draw_faces", lambda frame, draw_regions: counts.append(job.frames) or frame.image)
    jobs.start(job, make)
    wait(lambda: job.is_finished)
    assert counts[0] == 0
    assert job.preview is not None


def test_removing_a_finished_clip_removes_its_files(jobs, folder):
    job = added(jobs)
    jobs.start(job, make)
    wait(lambda: job.is_finished)
    assert len(list(folder.iterdir())) == 1
    jobs.remove(job.name)
    assert list(folder.iterdir()) == []
    with pytest.raises(ConfigError, match="no such clip"):
        jobs.get(job.name)
    jobs.remove(job.name)


def test_the_received_clip_is_removed_as_soon_as_it_is_tracked(jobs):
    job = added(jobs)
    jobs.start(job, make)
    wait(lambda: job.is_finished)
    wait(lambda: not job.source.exists())


def test_a_running_clip_can_be_cancelled(jobs, folder):
    go_on, predictor = threading.Event(), make()

    def slow(image):
        go_on.wait(30)
        return [Detection(np.array([20.0, 20, 70, 70]), 0.9)]

    predictor._detector = slow
    job, second = added(jobs), added(jobs)
    jobs.start(job, lambda: predictor)
    jobs.start(second, make)
    wait(lambda: job.state == "running")
    assert second.state == "waiting"
    jobs.remove(job.name)
    jobs.remove(second.name)
    go_on.set()
    wait(lambda: list(folder.iterdir()) == [])
    assert not job.is_finished


@pytest.mark.parametrize(("content", "words"), [(b"", "the clip: "), (b"a diary\n" * 99, "the clip: ")])
def test_what_is_not_a_video_is_rejected_without_naming_a_path(jobs, content, words):
    job = jobs.add()
    job.source.write_bytes(content)
    with pytest.raises(ImageError, match=f"^{words}") as caught:
        jobs.start(job, make)
    assert str(Path(job.folder.name)) not in str(caught.value)


def test_a_clip_that_is_too_long_is_rejected(jobs):
    with pytest.raises(ImageError, match=r"lasts 3 s; send one of at most 2 s"):
        jobs.start(added(jobs, 75), make)


def test_a_clip_of_too_many_frames_fails(jobs, monkeypatch):
    monkeypatch.setattr(clips, "FASTEST_RATE", 2)
    job = added(jobs)
    jobs.start(job, make)
    wait(lambda: job.is_finished)
    assert (job.state, job.error) == ("failed", "the clip has more than 4 frames; send a shorter one")


def test_any_error_fails_only_its_clip(jobs):
    def broken():
        raise RuntimeError("no\nmemory")

    first, second = added(jobs), added(jobs)
    jobs.start(first, broken)
    jobs.start(second, make)
    wait(lambda: second.is_finished)
    assert (first.state, first.error) == ("failed", "the clip cannot be tracked (no memory)")
    assert second.state == "done"


def test_the_oldest_finished_clip_makes_room_and_unfinished_ones_do_not(jobs):
    waiting = [jobs.add() for _ in range(MAX_CLIPS)]
    with pytest.raises(ClipsFullError):
        jobs.add()
    waiting[1].state = "failed"
    jobs.add()
    with pytest.raises(ConfigError):
        jobs.get(waiting[1].name)
    jobs.get(waiting[0].name)


def test_a_finished_clip_is_removed_after_some_time(jobs, monkeypatch, folder):
    monkeypatch.setattr(clips, "KEEP_S", 0.05)
    job = added(jobs)
    jobs.start(job, make)
    wait(lambda: list(folder.iterdir()) == [])


def test_missing_pyav_is_one_line(monkeypatch):
    assert clips.missing_package() == ""
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    assert clips.missing_package().endswith("pip install 'nasion[video]'")
