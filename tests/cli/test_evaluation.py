"""evaluate: scores, report, box curve, skipped faces, and options that do not fit."""

import json

import numpy as np
import pytest

from made_files import make_imm, shape
from nasion import images


def test_packaged_model_is_measured_and_fine_tuned(nasion, tmp_path):
    source = ("evaluate", "default", "synthetic:6?skeleton=ibug-68")
    code, out, _ = nasion(*source, "--json", "s.json", "--report", "report")
    assert code == 0
    page = (tmp_path / "report" / "report.html").read_text()
    for words in ("within@1/spread", "Is the predicted uncertainty right?", "Mean error of each point"):
        assert words in page, words
    assert json.loads((tmp_path / "s.json").read_text())["n"] == 6
    assert "nme/inter_ocular" in out
    code, out, error = nasion(
        "train", "finetune", "--data", "synthetic:12", "--init", "default", "--out", "run",
        "--set", "schedule.epochs=1", "--set", "schedule.batch=4", "--set", "init.freeze_share=0",
    )  # fmt: skip
    assert (code, error) == (0, "")
    assert nasion("export", "run", "mine.onnx")[0] == 0
    assert nasion("predict", "x.png", "--model", "mine.onnx")[0] == 2
    code, out, _ = nasion("evaluate", "mine.onnx", "synthetic:6", "--split", "all")
    assert code == 0


def test_box_curve_is_drawn_and_printed(nasion, tmp_path):
    code, out, error = nasion("evaluate", "tiny", "synthetic:3?skeleton=ibug-68", "--box-curve", "deep/curve.png")
    assert (code, error) == (0, "")
    assert "boxes shifted by 0 %: " in out
    assert "scaled by x 0.8: " in out
    assert images.read(tmp_path / "deep" / "curve.png").shape[1] > 500


def test_former_name_of_the_full_image_is_accepted(nasion, trained):
    by_image = nasion("evaluate", trained, "synthetic:6", "--boxes", "image", "--json", "a.json")
    by_picture = nasion("evaluate", trained, "synthetic:6", "--boxes", "picture", "--json", "b.json")
    assert (by_image[0], by_picture[0]) == (0, 0)
    assert "boxes: image" in by_image[1]
    assert "boxes: image" in by_picture[1]


def test_training_faces_are_pointed_out(nasion, trained):
    assert "use --split test" in nasion("evaluate", trained, "synthetic:18")[1]
    code, out, _ = nasion("evaluate", trained, "synthetic:18", "--split", "test", "--point", 0)
    assert code == 0
    assert "use --split test" not in out
    assert "6 test faces of synthetic:18" in out
    assert "point 0 (nose_tip): " in out


def test_validation_faces_are_those_of_the_training(nasion, trained):
    code, out, _ = nasion("evaluate", trained, "synthetic:24", "--split", "val")
    scores = json.loads((trained / "scores.json").read_text())
    assert code == 0
    assert f"{scores['error_px/mean']:.2f} px" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--split", "nowhere"), "nowhere"),
        (("--json", "."), "is a folder; name a file"),
        (("--box-curve", "curve.jpg"), "figures are written as .png"),
        (("--point", "1"), "its only point is 0"),
        (("--point", "-1"), "has no point -1"),
        (("--boxes", "points"), "evaluate it with --boxes image"),
    ],
)
def test_options_that_do_not_fit_are_rejected(nasion, trained, tmp_path, words, message):
    code, _, error = nasion("evaluate", trained, "synthetic:6", *words)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_data_with_another_skeleton_is_rejected(nasion, trained, tmp_path):
    (tmp_path / "t.csv").write_text("image,eye_x,eye_y,mouth_x,mouth_y\na.png,1,2,3,4\n")
    images.write(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    code, _, error = nasion("evaluate", trained, "csv:t.csv")
    assert code == 2
    assert "nose-1" in error


def test_faulty_faces_are_skipped_counted_and_named(nasion, trained, tmp_path):
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
    assert "imm/02-1m.jpg: damaged" in out
    assert "03-1m.asf" in out
    assert "1 labeled faces" in out
