"""A training runs beside the server, stops cleanly, resumes, and reports its failure in one line."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nasion import images
from nasion.datasets.drawn import render_face
from nasion.errors import ConfigError
from nasion.predict.predictor import Predictor
from nasion.studio import training_process
from nasion.studio.training_process import TrainingProcess


@pytest.fixture
def folder(tmp_path):
    for k in range(6):
        face = render_face(5, k, 0, "ibug-68")
        images.write(tmp_path / "faces" / f"{k}.png", face.image)
        lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
        (tmp_path / "faces" / f"{k}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    return tmp_path / "faces"


def wait_for(training, condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition(status := training.status()):
        assert time.monotonic() < end, status
        time.sleep(0.2)
    return status


def test_a_training_stops_after_its_epoch_and_resumes(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    assert training.status().state == "none"
    with pytest.raises(ConfigError, match="no training to resume"):
        training.resume()
    training.start(60, "default")
    with pytest.raises(ConfigError, match="is running; stop it first"):
        training.start(1, "default")
    status = wait_for(training, lambda s: s.curve or s.state == "failed")
    assert status.state == "running"
    assert status.epochs > len(status.curve)
    assert status.left_s > 0
    assert training.report is None
    training.stop()
    status = wait_for(training, lambda s: s.state not in ("running", "stopping"))
    assert status.state == "stopped"
    training.resume()
    before = len(status.curve)
    wait_for(training, lambda s: len(s.curve) > before or s.state == "failed")
    training.close()
    status = training.status()
    assert (status.state, status.error, status.usable) == ("stopped", "", True)
    assert training.report is not None
    later = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")  # after a restart of the server
    assert later.run == training.run
    assert later.status() == training.status()
    assert later.status().resumable


def test_a_finished_training_gives_a_usable_model(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    training.start(0.1, "default")
    status = wait_for(training, lambda s: s.state not in ("running", "stopping"))
    assert (status.state, status.usable, status.resumable) == ("done", True, False)
    assert len(status.curve) == status.epochs
    face = Predictor(training.run)(images.read(folder / "0.png"), [[150, 100, 450, 420]])[0]
    assert face.keypoints.shape == (68, 2)


def test_a_deleted_folder_is_not_created_again(folder):
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    shutil.rmtree(folder)
    with pytest.raises(ConfigError, match="cannot write the training"):
        training.start(1, "default")
    assert not folder.exists()


@pytest.mark.parametrize("delay_s", [1.5, 2.5, 4.0])
def test_a_training_stopped_during_its_start_has_not_failed(folder, monkeypatch, delay_s):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    training = TrainingProcess(f"ibug:{folder}", folder / "nasion-runs")
    training.start(60, "default")
    time.sleep(delay_s)  # Python is up, torch is being loaded, or the first epoch has begun
    training.stop()
    training.stop()
    status = wait_for(training, lambda s: s.state not in ("running", "stopping"))
    assert (status.state, status.error) == ("stopped", "")
    if not status.curve:
        with pytest.raises(ConfigError, match="no training to resume"):
            training.resume()


def test_of_several_simultaneous_starts_only_one_succeeds(folder, monkeypatch):
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


def test_the_error_of_a_failed_training_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "empty").mkdir()
    training = TrainingProcess(f"ibug:{tmp_path}/empty", tmp_path / "runs")
    training.start(1, "default")
    status = wait_for(training, lambda s: s.state == "failed")
    assert "labeled face" in status.error
    assert "\n" not in status.error
    with pytest.raises(ConfigError, match="no training to resume"):
        training.resume()


def fake_run(runs, name, epochs, curve="", checkpoints=("best.pt", "last.ckpt")):
    """Write what `TrainingProcess` reads of a run folder."""
    folder = runs / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"config": {"schedule": {"epochs": epochs}}}))
    (folder / "epochs.csv").write_text(curve)
    for checkpoint in checkpoints:
        (folder / "checkpoints" / checkpoint).touch()
    return folder


CURVE = "epoch,seconds,train_loss,val_error_px\n0,3.0,2.5,\n1,8.0,2.0,1.5\n"


class FakeProcess:
    """A process that runs until `returncode` is set."""

    def __init__(self, command, **options):
        self.command, self.options, self.returncode, self.signals, self.killed = command, options, None, [], False

    def poll(self):
        return self.returncode

    def send_signal(self, number):
        self.signals.append(number)

    def wait(self, timeout):
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.command, timeout)

    def kill(self):
        self.killed = True


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Return a training whose process is a fake, and the processes."""
    processes = []

    def popen(*arguments, **options):
        processes.append(FakeProcess(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    training = TrainingProcess("csv:faces.csv", tmp_path / "runs")
    training.start(2, "default")
    return training, processes


def test_the_command_names_data_model_and_time(started):
    training, (process,) = started
    words = process.command
    assert words[:5] == [sys.executable, "-m", "nasion", "train", "finetune"]
    options = dict(zip(words[5::2], words[6::2], strict=True))
    assert options == {
        "--data": "csv:faces.csv",
        "--init": "default",
        "--out": str(training.run),
        "--minutes": "2",
        "--set": "data.validation_share=0.1",  # the faces that the models are compared on
    }
    assert process.options["start_new_session"] is True


def test_only_one_signal_is_sent_to_stop(started):
    training, (process,) = started
    assert training.status().state == "running"
    training.stop()
    training.stop()
    assert process.signals == [signal.SIGINT]
    assert training.status().state == "stopping"


def test_a_training_that_does_not_stop_in_time_is_killed(started):
    training, (process,) = started
    training.close()
    assert process.signals == [signal.SIGINT]
    assert process.killed


def test_a_training_that_stops_in_time_is_not_killed(started):
    training, (process,) = started
    process.returncode = 0
    training.close()
    assert (process.signals, process.killed) == ([], False)


@pytest.mark.parametrize(
    ("code", "is_stopped", "state"),
    [(0, False, "done"), (0, True, "stopped"), (1, False, "failed"), (1, True, "failed")]
    + [(code, True, "stopped") for code in (-signal.SIGINT, 130)]
    + [(code, False, "failed") for code in (-signal.SIGINT, 130)],
)
def test_the_exit_code_decides_the_state(started, code, is_stopped, state):
    training, (process,) = started
    if is_stopped:
        training.stop()
    process.returncode = code
    assert training.status().state == state


def test_an_empty_log_of_a_failed_training_still_gives_a_message(started):
    training, (process,) = started
    process.returncode = 2
    assert training.status().error == "the training ended without a message"
    training.log.write_text("Traceback\nnasion: no such file\n")
    assert training.status().error == "no such file"
    process.returncode = 0
    assert training.status().error == ""


def test_the_remaining_time_is_extrapolated_from_the_finished_epochs(started):
    training, (process,) = started
    assert training.status().left_s is None
    fake_run(training.runs, training.run.name, 7, CURVE)
    status = training.status()
    assert status.left_s == pytest.approx(5 * 8.0 / 2)  # `seconds` counts from the start
    assert status.curve == [
        {"epoch": 0, "seconds": 3, "train_loss": 2.5},
        {"epoch": 1, "seconds": 8, "train_loss": 2, "val_error_px": 1.5},
    ]
    assert not status.resumable
    process.returncode = 0
    assert training.status().left_s is None


@pytest.mark.parametrize(("epochs", "state", "resumable"), [(2, "done", False), (3, "stopped", True)])
def test_a_run_of_an_earlier_server_is_stopped_unless_it_is_complete(tmp_path, epochs, state, resumable):
    for name, age, planned in (("mine", 2, 9), ("20250301-000000", 1, epochs), ("z", 3, 9)):
        table = fake_run(tmp_path, name, planned, CURVE) / "run.json"
        os.utime(table, (1000 - age, 1000 - age))
    status = TrainingProcess("ibug:x", tmp_path).status()
    assert (status.model, status.state, status.resumable, status.usable) == ("20250301-000000", state, resumable, True)


def test_without_a_checkpoint_a_run_is_neither_resumable_nor_usable(tmp_path):
    fake_run(tmp_path, "20250301-000000", 3, CURVE, checkpoints=())
    status = TrainingProcess("ibug:x", tmp_path).status()
    assert (status.state, status.resumable, status.usable) == ("stopped", False, False)


def test_a_damaged_run_folder_counts_as_not_begun(tmp_path):
    folder = fake_run(tmp_path, "20250301-000000", 3, "epoch,seconds\n0,x\n")
    (folder / "run.json").write_text("{")
    status = TrainingProcess("ibug:x", tmp_path).status()
    assert (status.epochs, status.curve, status.report) == (0, [], False)


def test_the_report_is_offered_after_the_training(started):
    training, (process,) = started
    training.run.mkdir()
    (training.run / "report.html").write_text("<html>")
    assert training.report is None
    process.returncode = 0
    assert training.report == training.run / "report.html"


def test_two_runs_of_the_same_second_get_different_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda _form: "20250101-000000")
    names = []
    for _ in range(3):
        folder = training_process._new_run(tmp_path)
        folder.mkdir()
        names.append(folder.name)
    assert names == ["20250101-000000", "20250101-000000-1", "20250101-000000-2"]


def test_training_needs_lightning(tmp_path, monkeypatch):
    monkeypatch.setattr(training_process, "find_spec", lambda _name: None)
    training = TrainingProcess("ibug:x", tmp_path)
    assert not training.status().possible
    with pytest.raises(ConfigError, match=r"pip install 'nasion\[train\]'"):
        training.start(1, "default")


def test_the_user_may_name_the_model(tmp_path, started):
    training, (process,) = started
    process.returncode = 0
    training.start(1, "default", "my model 2.1")
    assert training.run == training.runs / "my model 2.1"
    assert training.status().model == "my model 2.1"


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "-x", "a" * 61, "x.", "x ", "é", "a\nb", "a\0b"])
def test_what_cannot_name_a_folder_is_rejected(tmp_path, name):
    training = TrainingProcess("csv:faces.csv", tmp_path / "runs")
    with pytest.raises(ConfigError, match="cannot name a model"):
        training.start(1, "default", name)
    assert not (tmp_path / "runs").exists()


def test_a_name_is_used_once(tmp_path):
    fake_run(tmp_path, "mine", 3, CURVE)
    (tmp_path / "failed").mkdir()
    with pytest.raises(ConfigError, match='there is a model "mine" already'):
        TrainingProcess("ibug:x", tmp_path).start(1, "default", "mine")
    assert training_process._named_run(tmp_path, "failed") == tmp_path / "failed"


def test_the_activity_is_described_from_the_start(started):
    training, (process,) = started
    assert training.status().activity == "Starting: loading PyTorch and the images"
    assert training.status().elapsed_s >= 0
    run = fake_run(training.runs, training.run.name, 3)
    assert training.status().activity == "Preparing the first epoch"
    (run / "epochs.csv").write_text(CURVE)
    assert training.status().activity == "Epoch 3 of 3"
    (run / "epochs.csv").write_text(CURVE + "2,9.0,1.0,1.2\n")
    assert training.status().activity == "Measuring the new model and writing the report"
    training.stop()
    assert training.status().activity == "Finishing this epoch, then saving"
    process.returncode = 0
    assert (training.status().activity, training.status().elapsed_s) == ("", None)
