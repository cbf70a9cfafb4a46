"""The command line as people use it, and as they misuse it: one line, exit code 2, nothing half-written."""

import json
import subprocess
import sys

import numpy as np
import pytest

from made_files import make_imm, shape
from nasion import images
from nasion.datasets.drawn import draw_face

QUICK = ["--set", "schedule.epochs=2", "--set", "schedule.batch=8"]


def test_train_evaluate_filters_predict(nasion, tmp_path):
    code, out, error = nasion("train", "nose", "--data", "synthetic:24", "--out", "run", *QUICK)
    assert (code, error) == (0, "")
    assert "about" in out
    assert "run/report.html" in out
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("data:image/") == 5  # curves, faces, CED, kernels
    assert "http" not in page.replace("http-equiv", "")
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


def test_doctor_show_formats_recipes(nasion, tmp_path):
    assert nasion("doctor", "synthetic:24")[0] == 0
    assert (tmp_path / "doctor" / "worst.png").exists()
    assert nasion("show", "synthetic:24", "--count", 5)[0] == 0
    code, _, _ = nasion("show", "synthetic:24", "--recipe", "danes-heatmap", "--count", 2, "--out", "crops.png")
    assert code == 0
    assert images.read(tmp_path / "crops.png").shape[1] > 1000
    assert "imm:DIR" in nasion("formats")[1]
    assert "nasion train nose" in nasion("recipes")[1]


def test_a_sweep_goes_on_after_a_run_that_failed(nasion, tmp_path):
    code, out, _ = nasion(
        "sweep", "nose", "--data", "synthetic:24", "--set", "optimizer.lr=1e30,1e-3", *QUICK, "--out", "s"
    )
    assert code == 0
    assert "failed" in out
    assert (tmp_path / "s" / "sweep.csv").read_text().count("\n") == 2


def test_a_huge_picture_among_good_ones_is_skipped_and_named(nasion, tmp_path):
    from test_images import huge_png

    make_imm(tmp_path / "imm", shape(58))
    text = (tmp_path / "imm" / "07-3m.asf").read_text()
    (tmp_path / "imm" / "08-1m.asf").write_text(text.replace("07-3m", "08-1m"))
    huge_png(tmp_path / "imm" / "08-1m.jpg")
    code, out, _ = nasion("doctor", "imm:imm")
    assert code == 0
    assert "08-1m.asf" in out
    assert "too large" in out


BAD = {
    "unknown output format": ("predict", "a.png", "--format", "xml"),
    "too small a crop": ("train", "danes", "--data", "synthetic:24", "--set", "crop.height=16"),
    "nodes without a folder": ("train", "nose", "--data", "synthetic:24", "--nodes", "2"),
    "missing folder": ("doctor", "imm:nowhere"),
    "unknown format": ("doctor", "inm:x"),
    "unknown recipe": ("train", "nsoe", "--data", "synthetic:6"),
    "unknown key": ("train", "nose", "--data", "synthetic:6", "--set", "optimizer.lr=1"),
    "no data": ("train", "nose"),
    "no recipe": ("train",),
    "wrong skeleton": ("train", "danes", "--data", "synthetic:6?skeleton=ibug-68"),
    "a point that is none": ("evaluate", "default", "synthetic:6?skeleton=ibug-68", "--point", "68"),
    "boxes and scores": ("predict", "a.png", "--box", "1,2,3,4", "--min-score", "0.5"),
    "no such model": ("predict", "a.png", "--model", "defualt"),
    "no such picture by pattern": ("predict", "*.jpeg"),
    "detector that is none": ("predict", "a.png", "--detector-weights", "nowhere.onnx"),
    "one picture to match": ("match", "a.png"),
    "pictures that are not there": ("match", "a.png", "b.png"),
    "faces that are no numbers": ("match", "a.png", "b.png", "--face", "x"),
    "init from nothing": ("train", "finetune", "--data", "synthetic:12", "--init", "nowhere"),
    "export of nothing": ("export", "nowhere", "net.onnx"),
    "unknown boxes": ("evaluate", "default", "synthetic:6?skeleton=ibug-68", "--boxes", "guesses"),
    "no model": ("predict", "a.png", "--model", "nowhere"),
    "no run": ("evaluate", ".", "synthetic:6"),
    "resume nothing": ("train", "--resume", "nowhere"),
    "resume and change": ("train", "nose", "--resume", "nowhere"),
    "nothing to sweep": ("sweep", "nose", "--data", "synthetic:6"),
    "unknown set": ("get", "imn", "x"),
    "offline": ("get", "imm", "x", "--url", "http://127.0.0.1:1/x.zip"),
    "unknown suffix": ("show", "synthetic:6", "--out", "a.xyz"),
}


WORDS = {
    "unknown output format": 'unknown format "xml"',
    "too small a crop": "crop",
    "missing folder": "nowhere",
    "unknown format": 'unknown data format "inm"',
    "unknown recipe": "nose",
    "unknown key": "optimizer",
    "no data": "--data",
    "a point that is none": "0 to 67",
    "boxes and scores": "--min-score",
    "no such model": "default",
    "detector that is none": "nowhere.onnx",
    "one picture to match": "two pictures",
    "faces that are no numbers": "--face",
    "init from nothing": "nowhere",
    "resume nothing": "nowhere",
    "unknown set": "imm",
    "unknown suffix": ".xyz",
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(nasion, case, tmp_path):
    code, _, error = nasion(*BAD[case])
    assert code == 2
    assert error.startswith("nasion: ")
    assert WORDS.get(case, "") in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "5,5,5,9", "nan,0,1,1", "9,9,1,1"])
def test_a_bad_box(nasion, trained, tmp_path, box):
    images.write(tmp_path / "a.png", draw_face(5, 0, 0, "imm-58").image)
    code, _, error = nasion("predict", "a.png", "--model", trained, "--box", box)
    assert code == 2
    assert error.count("\n") == 1
    assert "x0,y0,x1,y1" in error


@pytest.mark.parametrize("content", [b"a diary", b"", b"\xff\xd8\xff\xe0 broken"])
def test_one_bad_picture_is_exit_code_2(nasion, trained, tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    code, _, error = nasion("predict", "a.jpg", "--model", trained)
    assert code == 2
    assert "a.jpg" in error
    assert error.count("\n") == 1


def test_one_pixel_is_predicted(nasion, trained, tmp_path):
    images.write(tmp_path / "a.png", np.zeros((1, 1, 3), np.uint8))
    assert nasion("predict", "a.png", "--model", trained)[0] == 0


def test_data_of_another_skeleton_is_refused(nasion, trained, tmp_path):
    (tmp_path / "t.csv").write_text("image,eye_x,eye_y,mouth_x,mouth_y\na.png,1,2,3,4\n")
    images.write(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    code, _, error = nasion("evaluate", trained, "csv:t.csv")
    assert code == 2
    assert "does not say where its points stand" in error


def test_bad_faces_among_good_ones_are_skipped_counted_and_named(nasion, trained, tmp_path):
    for name in ("01-1m", "02-1m", "03-1m"):
        make_imm(tmp_path / "imm", shape(58))
        for suffix in (".asf", ".jpg"):
            path = tmp_path / "imm" / f"07-3m{suffix}"
            path.write_bytes(path.read_bytes().replace(b"07-3m", name.encode()))
            path.rename(tmp_path / "imm" / f"{name}{suffix}")
    (tmp_path / "imm" / "02-1m.jpg").write_bytes((tmp_path / "imm" / "02-1m.jpg").read_bytes()[:400])
    (tmp_path / "imm" / "03-1m.asf").write_text("3\n0 4 0.5 0.5 0 0 0\n")
    code, out, _ = nasion("evaluate", trained, "imm:imm")
    assert code == 0
    assert "02-1m.jpg" in out
    assert "03-1m.asf" in out
    assert "1 labeled faces" in out


def test_an_output_that_cannot_be_written(nasion, trained, tmp_path):
    images.write(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "taken").write_text("a file")
    for words in [
        ("predict", "a.png", "--model", trained, "--out", "taken"),
        ("train", "nose", "--data", "synthetic:12", "--out", "taken/run"),
    ]:
        code, _, error = nasion(*words)
        assert code == 2
        assert "choose another place" in error


def test_a_full_disk_is_one_line(nasion, trained, monkeypatch, tmp_path):
    from nasion import atomic as files

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fdopen", full)
    code, _, error = nasion("show", "synthetic:6")
    assert code == 2
    assert "No space left on device" in error
    assert not list(tmp_path.iterdir())


def test_import_is_light():
    heavy = ("torch", "pytorch_lightning", "matplotlib", "cv2", "fastapi")
    code = f"import sys, nasion; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_public_names_are_what_they_are():
    import nasion

    for name in nasion.__all__:
        assert getattr(nasion, name) is not None
    with pytest.raises(AttributeError):
        nasion.nothing  # noqa: B018
