"""A training from the page: it runs beside the server, stops cleanly, goes on, and says in one line why it failed."""

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from nasion import images
from nasion.datasets.drawn import draw_face
from nasion.errors import ConfigError
from nasion.predict.predictor import Predictor
from nasion.studio.training_process import TrainingProcess
from nasion.train.jobs import resume_job
from nasion.train.loop.hardware import SINGLE_PROCESS
from nasion.train.runs.run_folder import lock_run


@pytest.fixture
def folder(tmp_path):
    for k in range(6):
        face = draw_face(5, k, 0, "ibug-68")
        images.write(tmp_path / "faces" / f"{k}.png", face.image)
        lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
        (tmp_path / "faces" / f"{k}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    return tmp_path / "faces"


def wait_for(training, condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition(story := training.described()):
        assert time.monotonic() < end, story
        time.sleep(0.2)
    return story


def test_it_stops_and_goes_on(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    assert training.described()["state"] == "none"
    with pytest.raises(ConfigError, match="no training to go on with"):
        training.go_on()
    training.start(60, "default")
    with pytest.raises(ConfigError, match="is running; stop it first"):
        training.start(1, "default")
    story = wait_for(training, lambda s: s["curve"] or s["state"] == "failed")
    assert story["state"] == "running"
    assert story["epochs"] > len(story["curve"])
    assert story["left_s"] > 0
    assert training.report is None
    training.stop()
    story = wait_for(training, lambda s: s["state"] not in ("running", "stopping"))
    assert story["state"] == "stopped"
    training.go_on()
    before = len(story["curve"])
    wait_for(training, lambda s: len(s["curve"]) > before or s["state"] == "failed")
    training.close()
    story = training.described()
    assert (story["state"], story["error"], story["usable"]) == ("stopped", "", True)
    assert training.report is not None
    later = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")  # the server is started anew
    assert later.run == training.run
    assert later.described() == training.described()
    assert later.described()["resumable"]


def test_it_comes_to_its_end_and_its_model_finds_points(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    training.start(0.1, "default")
    story = wait_for(training, lambda s: s["state"] not in ("running", "stopping"))
    assert (story["state"], story["usable"], story["resumable"]) == ("done", True, False)
    assert len(story["curve"]) == story["epochs"]
    face = Predictor(training.run)(images.read(folder / "0.png"), [[150, 100, 450, 420]])[0]
    assert face.keypoints.shape == (68, 2)
    with lock_run(training.run), pytest.raises(ConfigError, match="another training is writing this run"):
        resume_job(training.run, Console(quiet=True), SINGLE_PROCESS)


def test_a_folder_that_is_gone_does_not_come_back(folder):
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    shutil.rmtree(folder)
    with pytest.raises(ConfigError, match="cannot write the training"):
        training.start(1, "default")
    assert not folder.exists()


def test_stopped_before_it_has_begun_it_has_not_failed(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    training.start(60, "default")
    time.sleep(1.5)  # Python is up, torch is being loaded
    training.stop()
    training.stop()
    story = wait_for(training, lambda s: s["state"] not in ("running", "stopping"))
    assert (story["state"], story["error"], story["resumable"]) == ("stopped", "", False)
    with pytest.raises(ConfigError, match="no training to go on with"):
        training.go_on()


def test_two_who_start_at_once_start_one(folder, monkeypatch):
    begun = []

    class Process:
        returncode = None

        def __init__(self, command, **_):
            time.sleep(0.1)
            begun.append(command)

        def poll(self):
            return None

    monkeypatch.setattr(subprocess, "Popen", Process)
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    with ThreadPoolExecutor(4) as pool:
        ends = [pool.submit(training.start, 1, "default") for _ in range(4)]
    assert len(begun) == 1
    assert sum(isinstance(end.exception(), ConfigError) for end in ends) == 3


def test_what_fails_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "empty").mkdir()
    training = TrainingProcess(f"ibug:{tmp_path}/empty", tmp_path / "runs")
    training.start(1, "default")
    story = wait_for(training, lambda s: s["state"] == "failed")
    assert "no labeled face found" in story["error"]
    assert "\n" not in story["error"]
    with pytest.raises(ConfigError, match="no training to go on with"):
        training.go_on()
