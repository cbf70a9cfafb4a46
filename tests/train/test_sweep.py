"""Sweeps over settings, and the comparison of finished runs."""

import csv
import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from doubles import RecordingReporter
from nasion import images
from nasion.errors import ConfigError, ModelError, OutputError
from nasion.skeleton import load_skeleton
from nasion.train import sweep as module_under_test
from nasion.train.config import load
from nasion.train.runs.run_folder import Run
from nasion.train.sweep import Job, compare, sweep, sweep_jobs

# Jobs


def test_each_combination_of_values_is_a_job():
    jobs = sweep_jobs("nose", ["optimizer.lr=1e-5,1e-4", "seed=3", "schedule.batch=2,4,8"], ["synthetic:8", "imm:a"])
    assert [job.label for job in jobs] == [
        f"optimizer.lr={lr} schedule.batch={batch}" for lr in ("1e-5", "1e-4") for batch in (2, 4, 8)
    ]
    assert [job.config.optimizer.lr for job in jobs] == [1e-5] * 3 + [1e-4] * 3
    assert [job.config.schedule.batch for job in jobs] == [2, 4, 8] * 2
    assert {job.config.seed for job in jobs} == {3}
    assert {job.config.data.sources for job in jobs} == {("synthetic:8", "imm:a")}
    assert jobs[4].settings == ("optimizer.lr=1e-4", "seed=3", "schedule.batch=4")


@pytest.mark.parametrize("value", ["[7, 5, 5, 3]", " [7, 5, 5, 3]"])
def test_the_commas_of_lists_tables_and_texts_do_not_separate_values(value):
    jobs = sweep_jobs("nose", [f"model.kernels={value}", "seed=1,2"], ["synthetic:8"])
    assert [job.label for job in jobs] == ["seed=1", "seed=2"]
    assert jobs[0].config.model.options["kernels"] == [7, 5, 5, 3]
    table = sweep_jobs("nose", ["crop={height = 60, width = 80, channels = 1}", "seed=1,2"], ["synthetic:8"])
    assert table[1].config.crop.size == (60, 80)
    text = sweep_jobs("nose", ['data.skeleton="a,b"', "seed=1,2"], ["synthetic:8"])
    assert text[0].config.data.skeleton == "a,b"


@pytest.mark.parametrize("settings", [[], ["seed=3"], ["model.kernels=[7, 5, 5, 3]"]])
def test_a_sweep_needs_values_to_compare(settings):
    with pytest.raises(ConfigError, match="a sweep needs values to compare"):
        sweep_jobs("nose", settings, ["synthetic:8"])


def test_wrong_settings_are_rejected_before_any_training():
    with pytest.raises(ConfigError, match="lr"):
        sweep_jobs("nose", ["optimizer.lr=1e-4,-1"], [])
    with pytest.raises(ConfigError, match="unknown recipe"):
        sweep_jobs("noses", ["seed=1,2"], [])


def test_the_folder_of_a_job_is_its_label():
    assert Job("init.model=a/b seed=1", (), load("nose")).folder == "init.model=a-b_seed=1"


# Sweep


@pytest.fixture
def trainings(monkeypatch):
    """Replace training by writing a run with given scores; record the arguments."""
    calls = []
    recorded = SimpleNamespace(calls=calls, failing=(), stopping=())

    def train_job(config, folder, command, reporter, minutes):
        calls.append(SimpleNamespace(config=config, folder=folder, command=command, minutes=minutes))
        if config.seed in recorded.failing:
            raise ConfigError(f"the loss became nan with seed {config.seed}")
        finished(folder, {"error_px/mean": 10.0 - config.seed})
        return SimpleNamespace(folder=folder, stopped=config.seed in recorded.stopping)

    monkeypatch.setattr(module_under_test, "train_job", train_job)
    return recorded


def finished(folder, scores, split="val", epochs=3):
    """Write a run folder with curves and scores."""
    Run(folder, load("nose"), load_skeleton("nose-1"), "x", {}, 1, "float32").write()
    (folder / "scores.json").write_text(json.dumps({"format_version": 2, "split": split, **scores}))
    header = "epoch,step,seconds,train_loss,val_loss,val_error_px,val_nme\n"
    rows = [f"{k},{2 * k},{k}.5,{1 / (k + 1)},{2 / (k + 1)},{9 / (k + 1)},0.1\n" for k in range(epochs)]
    (folder / "epochs.csv").write_text(header + "".join(rows))
    return folder


def jobs_of(*seeds):
    return sweep_jobs("nose", ["seed=" + ",".join(map(str, seeds))], ["synthetic:8"])


def test_every_job_is_trained_and_the_runs_are_compared(trainings, tmp_path):
    reporter = RecordingReporter()
    sweep("nose", jobs_of(1, 2, 3), tmp_path / "sweep", reporter, minutes=2.5)
    assert [call.folder for call in trainings.calls] == [tmp_path / "sweep" / f"seed={seed}" for seed in (1, 2, 3)]
    assert [call.config.seed for call in trainings.calls] == [1, 2, 3]
    assert {call.minutes for call in trainings.calls} == {2.5}
    assert reporter.lines[:3] == [f"run {k} of 3: seed={k}" for k in (1, 2, 3)]
    assert (tmp_path / "sweep" / "sweep.png").exists()
    assert (tmp_path / "sweep" / "sweep.csv").exists()
    assert reporter.tables[0][3] == 2  # the last job has the lowest error


def test_each_run_stores_a_command_that_repeats_it(trainings, tmp_path):
    jobs = sweep_jobs("nose", ["seed=1,2", 'data.skeleton="nose-1"'], ["synthetic:8", "csv:my faces.csv"])
    sweep("nose", jobs, tmp_path / "a", minutes=2.5)
    words = ["nasion", "train", "nose", "--data", "synthetic:8", "--data"]
    rest = ["csv:my faces.csv", "--set", "seed=2", "--set", 'data.skeleton="nose-1"']
    assert shlex.split(trainings.calls[1].command) == [*words, *rest, "--minutes", "2.5"]
    sweep("nose", jobs, tmp_path / "b")
    assert shlex.split(trainings.calls[3].command) == [*words, *rest]


def test_a_failed_job_is_reported_and_the_others_are_compared(trainings, tmp_path):
    trainings.failing = (2,)
    reporter = RecordingReporter()
    sweep("nose", jobs_of(1, 2, 3), tmp_path, reporter)
    assert reporter.warnings == ["failed: the loss became nan with seed 2"]
    assert [row[0] for row in reporter.tables[0][2]] == ["seed=1", "seed=3"]


def test_a_sweep_of_failures_fails(trainings, tmp_path):
    trainings.failing = (1, 2)
    with pytest.raises(ConfigError, match="all runs of the sweep failed"):
        sweep("nose", jobs_of(1, 2), tmp_path)
    assert not (tmp_path / "sweep.png").exists()


def test_a_stopped_job_ends_the_sweep_with_a_comparison(trainings, tmp_path):
    trainings.stopping = (2,)
    reporter = RecordingReporter()
    sweep("nose", jobs_of(1, 2, 3), tmp_path, reporter)
    assert len(trainings.calls) == 2
    assert [row[0] for row in reporter.tables[0][2]] == ["seed=1", "seed=2"]


def test_a_folder_that_cannot_be_written_is_rejected_before_training(trainings, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError):
        sweep("nose", jobs_of(1, 2), tmp_path / "taken" / "sweep")
    assert trainings.calls == []


# Comparison


@pytest.fixture
def runs(tmp_path):
    first = {"error_px/mean": 5.5, "error_px/median": 4.25, "nme/inter_ocular": 0.0625, "ms_per_face": 3.0, "ced": 0.5}
    second = {"error_px/mean": 3.5, "error_px/median": 4.5, "ced": 0.1234567}
    return {"a": finished(tmp_path / "a", first), "b c": finished(tmp_path / "b", second)}


def test_scores_are_written_as_csv_without_times(runs, tmp_path):
    compare(runs, tmp_path / "out" / "both.png")
    with (tmp_path / "out" / "both.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["run", "error_px/mean", "error_px/median", "nme/inter_ocular", "ced"],
        ["a", "5.5", "4.25", "0.0625", "0.5"],
        ["b c", "3.5", "4.5", "nan", "0.123457"],
    ]
    assert images.read(tmp_path / "out" / "both.png").std() > 5


def test_the_run_with_the_lowest_error_is_emphasized(runs, tmp_path):
    reporter = RecordingReporter()
    compare(runs, tmp_path / "both.png", reporter)
    ((title, header, rows, best),) = reporter.tables
    assert title == "scores on the validation faces"
    assert header == ["run", "error_px/mean", "error_px/median", "nme/inter_ocular"]
    assert [row[0] for row in rows] == ["a", "b c"]
    assert rows[0][1].startswith("5.5")
    assert "nan" in rows[1][3].lower()
    assert best == 1
    assert reporter.lines == [f"curves: {tmp_path / 'both.png'}   scores: {tmp_path / 'both.csv'}"]
    compare(dict(reversed(runs.items())), tmp_path / "both.png", reporter)
    assert reporter.tables[1][3] == 0


def test_curves_are_drawn_by_label(runs, tmp_path, monkeypatch):
    seen = {}
    original = module_under_test.plots.sweep_curves
    monkeypatch.setattr(module_under_test.plots, "sweep_curves", lambda curves: seen.update(curves) or original(curves))
    compare(runs, tmp_path / "both.png")
    assert seen.keys() == {"a", "b c"}
    assert seen["a"]["val_error_px"] == pytest.approx([9, 4.5, 3])


def test_runs_measured_on_different_faces_are_not_compared(runs, tmp_path):
    other = finished(tmp_path / "c", {"error_px/mean": 1.0}, split="train")
    with pytest.raises(ConfigError, match=r"measured on different faces \(train, val\)"):
        compare({**runs, "c": other}, tmp_path / "both.png")
    assert not (tmp_path / "both.png").exists()


def test_unfinished_runs_and_other_folders_are_rejected(runs, tmp_path):
    (runs["a"] / "scores.json").unlink()
    with pytest.raises(ModelError, match="not finished; resume it"):
        compare(runs, tmp_path / "both.png")
    with pytest.raises(ModelError, match="not a run folder"):
        compare({"none": tmp_path}, tmp_path / "both.png")


def test_curves_are_drawn_as_png_only(runs, tmp_path):
    with pytest.raises(ConfigError, match=r"both\.svg: curves are drawn as \.png"):
        compare(runs, tmp_path / "both.svg")
    compare(runs, tmp_path / "both.PNG")
    assert (tmp_path / "both.csv").exists()
    with pytest.raises(OutputError):
        compare(runs, Path(runs["a"] / "run.json" / "both.png"))
