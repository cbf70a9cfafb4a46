"""train, sweep, compare, export, filters and recipes."""

import json
import re

import pytest

from nasion import images

QUICK = ["--set", "schedule.epochs=2", "--set", "schedule.batch=8"]
"""Settings of a training of a second."""


def test_train_evaluate_filters_predict(nasion, tmp_path):
    code, out, error = nasion("train", "nose", "--data", "synthetic:24", "--out", "run", *QUICK)
    assert (code, error) == (0, "")
    assert "about" in out
    assert "run/report.html" in out
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("data:image/jpeg") > 0  # faces
    assert page.count("<svg") > 2  # curves, CED and others
    assert "http" not in re.sub(r'http-equiv|xmlns(:xlink)?="[^"]*"', "", page)
    assert "nasion train nose" in page
    code, out, error = nasion(
        "evaluate", "run", "synthetic:24?seed=5", "--json", "deep/scores.json", "--report", "test", "--point", 0
    )
    assert (code, error) == (0, "")
    assert "point 0 (nose_tip)" in out
    scores = json.loads((tmp_path / "deep" / "scores.json").read_text())
    assert scores["n"] == 24
    assert {
        "nme/inter_ocular",
        "nme/inter_pupil",
        "nme/box_diagonal",
        "nme/box_size",
        "error_px/mean",
        "auc@0.08/inter_ocular",
        "failure_rate@0.08/inter_ocular",
        "ms_per_face",
    } <= set(scores)
    assert (tmp_path / "test" / "report.html").exists()
    assert nasion("filters", "run")[0] == 0
    assert images.read(tmp_path / "run" / "filters.png").shape[0] > 100


def test_sweep_compares(nasion, tmp_path):
    code, _, error = nasion(
        "sweep", "nose", "--data", "synthetic:24", "--set", "optimizer.lr=1e-4,1e-3", *QUICK, "--out", "s"
    )
    assert (code, error) == (0, "")
    assert (tmp_path / "s" / "sweep.csv").read_text().count("\n") == 3
    assert images.read(tmp_path / "s" / "sweep.png").shape[1] > 800
    assert (tmp_path / "s" / "optimizer.lr=1e-4" / "report.html").exists()


def test_runs_are_compared(nasion, trained, tmp_path):
    code, _, error = nasion("compare", trained, trained, "--out", "both.png")
    assert (code, error) == (0, "")
    assert (tmp_path / "both.png").exists()
    assert (tmp_path / "both.csv").read_text().startswith("run,n,")
    assert nasion("compare", "nowhere")[0] == 2


def test_sweep_continues_after_a_failed_run(nasion, tmp_path):
    code, out, _ = nasion(
        "sweep", "nose", "--data", "synthetic:24", "--set", "optimizer.lr=1e30,1e-3", *QUICK, "--out", "s"
    )
    assert code == 0
    assert "failed" in out
    assert (tmp_path / "s" / "sweep.csv").read_text().count("\n") == 2


def test_recipes_are_listed(nasion):
    out = nasion("recipes")[1]
    for name in ("danes", "danes-heatmap", "default", "finetune", "ibug", "nose", "tiny"):
        assert f"{name}\n  " in out
    assert "nasion train nose" in out


def test_run_is_exported_and_predicts(nasion, trained, tmp_path, drawn):
    code, out, error = nasion("export", trained, "net.onnx")
    assert (code, error) == (0, "")
    assert "largest difference from PyTorch: " in out
    assert "next: nasion predict IMAGE --model net.onnx" in out
    images.write(tmp_path / "a.png", drawn.load(0).image)
    assert nasion("predict", "a.png", "--model", "net.onnx", "--out", "a")[0] == 0
    assert nasion("predict", "a.png", "--model", trained, "--out", "b")[0] == 0
    (a,), (b,) = (json.loads((tmp_path / out / "keypoints.json").read_text())["images"][0]["faces"] for out in "ab")
    assert a["keypoints"][0] == pytest.approx(b["keypoints"][0], abs=0.1)


def test_sources_are_stored_as_a_list(nasion, tmp_path):
    code, _, error = nasion(
        "train", "nose", "--data", "synthetic:12", "--data", "synthetic:6?seed=1", "--out", "run", *QUICK
    )
    assert (code, error) == (0, "")
    table = json.loads((tmp_path / "run" / "run.json").read_text())
    assert table["config"]["data"]["sources"] == ["synthetic:12", "synthetic:6?seed=1"]
    assert table["format_version"] == 2
    assert "nasion evaluate run synthetic:12 --split val" in (tmp_path / "run" / "report.html").read_text()


def test_former_names_of_settings_are_accepted(nasion, tmp_path):
    code, _, error = nasion(
        "train", "nose", "--data", "synthetic:12", "--out", "run", *QUICK,
        "--set", "schedule.average=0.5", "--set", "augment.photo.grey=0.1", "--set", "crop.box=picture",
    )  # fmt: skip
    assert (code, error) == (0, "")
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert config["schedule"]["ema_decay"] == 0.5
    assert config["augment"]["photo"]["gray"] == 0.1
    assert config["crop"]["box"] == "image"


def test_run_of_format_version_1_predicts_and_is_reported(nasion, stored_v1, tmp_path, drawn):
    images.write(tmp_path / "a.png", drawn.load(0).image)
    code, _, error = nasion("predict", "a.png", "--model", stored_v1 / "finished", "--box", "200,120,440,400")
    assert (code, error) == (0, "")
    (face,) = json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"][0]["faces"]
    assert len(face["keypoints"]) == 68


@pytest.mark.parametrize("minutes", ["inf", "nan", "1e300", "-1", "0"])
def test_an_impossible_training_time_is_rejected(nasion, minutes):
    code, _, error = nasion("train", "nose", "--data", "synthetic:24", "--minutes", minutes)
    assert code == 2
    assert "--minutes" in error


def test_a_new_recipe_is_listed_with_its_settings(nasion):
    assert nasion("new", "recipe", "mine.toml", "--from", "nose")[0] == 0
    code, out, _ = nasion("settings", "mine.toml", "optimizer", "--set", "optimizer.lr=0.5")
    assert code == 0
    assert "optimizer.lr = 0.5\n    peak learning rate; above 0; default: 0.001\n" in out
    assert "augment" not in out
