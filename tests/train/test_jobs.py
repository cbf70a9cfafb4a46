"""Complete jobs: a training with its report, a resumed one, and the drawing of kernels."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from doubles import RecordingReporter, quad_evaluation, quad_faces
from nasion import images
from nasion.errors import ConfigError, ModelError, OutputError
from nasion.predict.predictor import Predictor
from nasion.train import jobs
from nasion.train.checkpoint import load_weights
from nasion.train.jobs import average_job, draw_filters, new_folder, resume_job, train_job, training_record
from nasion.train.loop.hardware import FOLDER_VARIABLE, Devices
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import CONFIDENCE, MAX_RELATIVE_SPREAD, open_run, read_scores
from nasion.train.runs.torch_backend import TorchBackend
from train.loop.tiny_runs import CNN, plain, quick, untrained_run

__all__ = ["quick"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, quick):
    """Return the folder of a finished job, what it reported, and the run."""
    folder, reporter = tmp_path_factory.mktemp("jobs") / "run", RecordingReporter()
    return folder, reporter, train_job(plain(), folder, "nasion train x --data synthetic:18", reporter)


def test_default_folders_have_the_recipe_and_the_time(monkeypatch):
    monkeypatch.setattr(jobs.time, "strftime", lambda form: {"%Y%m%d-%H%M%S": "20250102-030405"}[form])
    assert new_folder("default") == Path("runs/default-20250102-030405")
    assert new_folder("my/recipes/small.toml") == Path("runs/small-20250102-030405")


def test_a_training_ends_with_scores_and_a_report_on_the_validation_faces(trained):
    folder, reporter, run = trained
    assert run == open_run(folder)
    scores = read_scores(folder)
    assert scores["split"] == "val"
    assert json.loads((folder / "scores.json").read_text())["split"] == "val"
    assert scores["error_px/mean"] > 0
    assert (folder / "report.html").stat().st_size > 10_000
    ((title, header, rows, _),) = reporter.tables
    assert title == "6 validation faces"
    assert header == ["score", "value", "95 % interval"]
    assert {len(row) for row in rows} == {3}
    assert reporter.lines[-1].startswith("trained in ")
    assert reporter.lines[-1].endswith(f"; report: {folder / 'report.html'}")


@pytest.mark.parametrize(("box", "place"), [("points", "placed in its box"), ("image", "at its mean place")])
def test_a_network_that_is_worse_than_the_mean_face_is_reported(box, place):
    faces = quad_faces()
    split = faces.subset([replace(face, split="train") for face in faces.annotations])
    good, bad = RecordingReporter(), RecordingReporter()
    exact = quad_evaluation(pred_keypoints=faces.keypoints())
    jobs._check_learned(exact, split, box == "points", good)
    jobs._check_learned(quad_evaluation(pred_keypoints=faces.keypoints() + 500), split, box == "points", bad)
    assert not good.warnings
    assert len(bad.warnings) == 1
    assert place in bad.warnings[0]
    assert "500" in bad.warnings[0] or "707" in bad.warnings[0]


def test_few_validation_faces_and_a_useless_network_are_reported(trained):
    useless, few = trained[1].warnings
    assert useless.startswith("the network has learned nothing useful: ")
    assert few == "the scores and the uncertainty rest on only 6 validation faces; label more, at least 20"


def test_the_report_names_the_command_that_measures_the_same(trained):
    text = (trained[0] / "report.html").read_text()
    assert f"nasion evaluate {trained[0]} synthetic:18 --split val" in text


def test_the_rejection_limit_comes_from_the_most_uncertain_validation_face(trained):
    limit = read_scores(trained[0])[MAX_RELATIVE_SPREAD]
    assert 0 < limit < math.inf
    assert TorchBackend(trained[0]).max_relative_spread == pytest.approx(1.5 * limit)


def test_without_validation_faces_the_training_faces_are_measured_and_no_spread_is_no_limit(tmp_path):
    config = plain(CNN, data={"sources": ["synthetic:8"], "skeleton": "imm-58", "validation_share": 0})
    reporter = RecordingReporter()
    train_job(config, tmp_path / "run", "x", reporter)
    scores = read_scores(tmp_path / "run")
    assert scores["split"] == "train"
    assert MAX_RELATIVE_SPREAD not in scores
    assert reporter.tables[0][0] == "8 training faces"


def test_minutes_and_devices_reach_the_training(tmp_path, monkeypatch):
    seen = {}

    def fit(config, folder, command, reporter, minutes, devices):
        seen.update(config=config, folder=folder, command=command, minutes=minutes, devices=devices)
        raise ConfigError("enough")

    monkeypatch.setattr(jobs, "fit", fit)
    with pytest.raises(ConfigError, match="enough"):
        train_job(plain(), tmp_path / "run", "x", minutes=2.5, devices=Devices(2, 1))
    expected = {"folder": tmp_path / "run", "command": "x", "minutes": 2.5, "devices": Devices(2, 1)}
    assert seen == {"config": plain(), **expected}


def test_all_processes_of_a_job_use_the_folder_of_the_first(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "of-the-first"))
    monkeypatch.setattr(jobs, "fit", lambda _config, folder, *_rest: (seen.append(folder), None))
    monkeypatch.setattr(jobs, "_cross_fitted", lambda *_rest: None)
    monkeypatch.setattr(jobs, "_finish", lambda run, *_rest, **_options: run)
    train_job(plain(), tmp_path / "own", "x")
    assert seen == [tmp_path / "of-the-first"]


def test_workers_write_no_report(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    reporter = RecordingReporter()
    assert jobs._finish(trained[2], None, reporter, 3.0) is trained[2]
    assert reporter.lines == reporter.tables == []


def test_a_resumed_job_writes_its_report(trained, tmp_path):
    folder = shutil.copytree(trained[0], tmp_path / "run")
    before = read_scores(folder)
    for name in ("report.html", "scores.json"):
        (folder / name).unlink()
    reporter = RecordingReporter()
    assert resume_job(folder, reporter).folder == folder
    after = read_scores(folder)
    kept = {name for name in before if not name.startswith("ms")}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (folder / "report.html").exists()
    assert reporter.lines[-1].endswith(f"; report: {folder / 'report.html'}")


def test_a_job_that_cannot_resume_writes_nothing(tmp_path):
    with pytest.raises(ModelError, match="not a run folder"):
        resume_job(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_all_faces_takes_the_calibration_of_one_that_left_faces_out(trained, tmp_path):
    folder, run = trained[0], trained[2]
    every = run.config.model_copy(update={"data": run.config.data.model_copy(update={"validation_share": 0.0})})
    everything = train_job(every, tmp_path / "all", "nasion train y")
    assert CONFIDENCE not in read_scores(everything.folder)
    final = average_job(everything.folder, str(folder), 1.0, tmp_path / "final", "nasion average", calibrated_by=folder)
    found, measured = read_scores(final.folder), read_scores(folder)
    assert found["split"] == "train"
    assert (found[CONFIDENCE], found[MAX_RELATIVE_SPREAD]) == (measured[CONFIDENCE], measured[MAX_RELATIVE_SPREAD])
    factors = [float(load_weights(each.best)["weights"]["spread.scale"]) for each in (everything, run, final)]
    assert factors[0] != factors[1] == factors[2]


def test_an_average_with_a_wrong_calibration_writes_nothing(trained, tmp_path):
    other = untrained_run(tmp_path / "other", plain(), "ibug-68")
    (other.folder / "scores.json").write_text("{}")
    with pytest.raises(ConfigError, match="has the points of ibug-68"):
        average_job(trained[0], str(trained[0]), 0.5, tmp_path / "out", "x", calibrated_by=other.folder)
    assert not (tmp_path / "out").exists()


def test_the_record_of_a_training_has_curves_kernels_and_configuration(trained):
    record = training_record(trained[2])
    assert record.command == "nasion train x --data synthetic:18"
    assert record.steps["step"] == [0, 1]
    assert record.epochs["epoch"] == [0]
    kernels = Predictor(trained[0]).backend.network.state_dict()["model.stem.0.weight"].numpy()
    assert np.array_equal(record.kernels, kernels)
    details = json.loads(record.details)
    assert details["config"]["crop"]["height"] == 32
    assert details["threads"] == 1
    assert details["precision"] == "float32"
    assert details["data"]["faces"] == {"train": 6, "val": 6, "test": 6}
    assert "torch" in details["versions"]


def test_the_decode_floor_is_in_words_for_networks_with_maps_only():
    network = KeypointNetwork(plain(crop={"height": 32, "width": 64}), 58).eval()
    text = jobs._format_decode_floor(network)
    assert "(16 x 8 cells over 64 x 32 px)" in text  # width first
    assert text.startswith("Decoding alone causes an error of ")
    assert jobs._format_decode_floor(KeypointNetwork(plain(CNN), 58).eval()) == ""


def test_kernels_are_drawn_as_an_image(tmp_path):
    run = untrained_run(tmp_path / "run", plain())
    out = tmp_path / "filters.PNG"
    assert draw_filters(run.folder, out) == out
    drawn = images.read(out)
    assert drawn.shape[2] == 3
    assert drawn.std() > 5


def test_kernels_need_a_run_and_a_png(tmp_path):
    run = untrained_run(tmp_path / "run", plain(CNN))
    with pytest.raises(ConfigError, match=r"f\.jpg: kernels are drawn as \.png"):
        draw_filters(run.folder, tmp_path / "f.jpg")
    with pytest.raises(ModelError, match="not a run folder"):
        draw_filters(tmp_path, tmp_path / "f.png")
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError):
        draw_filters(run.folder, tmp_path / "taken" / "f.png")
