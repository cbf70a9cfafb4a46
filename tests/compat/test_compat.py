"""Programs for dlib, face_alignment and face_recognition run with only their import changed."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from nasion import images

PROGRAMS = Path(__file__).parent / "programs"

IMPORT = re.compile(r"(?m)^import (dlib|face_alignment|face_recognition)$")


@pytest.fixture
def run(found, capsys, monkeypatch):
    """Return a function that runs a program with arguments and returns what it prints."""

    def run(name, *words):
        text, changed = IMPORT.subn(r"from nasion.compat import \1", (PROGRAMS / f"{name}.py").read_text("utf-8"))
        assert changed == 1
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        exec(compile(text, name, "exec"), {"__name__": "__main__"})
        out, error = capsys.readouterr()
        assert error == ""
        return out

    return run


def test_every_program_has_a_test():
    names = {path.stem for path in PROGRAMS.glob("*.py")}
    assert len(names) >= 10
    assert names <= {name.removeprefix("test_") for name in globals()}


def numbers_in(text):
    return [int(word) for word in re.findall(r"\d+", text)]


def test_dlib_detect(run, file):
    first, face = run("dlib_detect", file).splitlines()
    assert first == "1 faces in (512, 512, 3)"
    assert face.endswith(" True")
    assert numbers_in(face) == pytest.approx([0, 177, 76, 274, 173], abs=2)  # 8-bit sums differ between processors


def test_dlib_scores(run, file):
    box, score = run("dlib_scores", file).split(" score ")
    assert numbers_in(box) == pytest.approx([177, 76, 274, 173], abs=2)
    assert score == "0.90 kind 0\ninside: True center: True\n"


def test_dlib_landmarks(run, file, tmp_path):
    with pytest.warns(UserWarning, match=r"does not read shape_predictor_68_face_landmarks\.dat$") as caught:
        out = run("dlib_landmarks", "shape_predictor_68_face_landmarks.dat", file.parent, tmp_path / "t.csv")
    assert len(caught) == 1
    assert re.fullmatch(r"a\.png 68 True \(18\d, 1\d\d\) \(18\d, 1\d\d\)\n", out)
    (row,) = (tmp_path / "t.csv").read_text().splitlines()
    name, *numbers = row.split(",")
    assert name == "a.png"
    assert np.array(numbers, int).reshape(68, 2)[30] == pytest.approx([225, 127], abs=2)


@pytest.mark.filterwarnings("ignore:nasion predicts with its own model")
def test_dlib_blink(run, file, photo, tmp_path):
    out = run("dlib_blink", "shape_predictor_68_face_landmarks.dat", file, tmp_path / "out.png")
    assert re.fullmatch(r"open: 0\.[23]\d 0\.[23]\d\n", out)
    assert (images.read(tmp_path / "out.png") != photo).any(2).sum() > 500


@pytest.mark.filterwarnings("ignore:nasion predicts with its own model")
def test_dlib_chips(run, file, tmp_path):
    out = run("dlib_chips", "shape_predictor_5_face_landmarks.dat", file, tmp_path / "chip.png")
    parts, shapes = out.splitlines()
    points = np.array(eval(parts.removeprefix("parts: ")))
    assert points == pytest.approx(np.array([[255, 104], [238, 105], [195, 101], [212, 103], [224, 135]]), abs=3)
    assert shapes == "[(320, 320, 3)]"
    assert images.read(tmp_path / "chip.png").shape == (150, 150, 3)


def test_face_alignment_image(run, file):
    found = re.fullmatch(r"\(68, 2\) float32 \[(\d+\.\d+), (\d+\.\d+)\]\n", run("face_alignment_image", file))
    assert found is not None
    assert [float(number) for number in found.groups()] == pytest.approx([225, 127], abs=3)


def test_face_alignment_boxes(run, file):
    assert re.fullmatch(r"box [89]\d x 1[12]\d, 0\.90, moved True \(68,\)\n", run("face_alignment_boxes", file))


def test_face_alignment_folder(run, file, tmp_path):
    assert run("face_alignment_folder", file.parent, tmp_path / "points.npz") == "1 {1}\n"
    assert np.load(tmp_path / "points.npz")[str(file)].shape == (68, 2)


def test_face_recognition_features(run, file):
    first, *lines = run("face_recognition_features", file).splitlines()
    assert first == "1 faces"
    names = "chin left_eyebrow right_eyebrow nose_bridge nose_tip left_eye right_eye top_lip bottom_lip"
    parts = {name: eval(points) for name, points in (line.split(": ") for line in lines)}
    assert list(parts) == names.split()
    assert [len(points) for points in parts.values()] == [17, 5, 5, 4, 5, 6, 6, 12, 12]
    assert all(type(value) is int for points in parts.values() for point in points for value in point)
    assert np.mean(parts["left_eye"], 0) == pytest.approx([203, 101], abs=2)


def test_face_recognition_makeup(run, file, photo, tmp_path):
    assert run("face_recognition_makeup", file, tmp_path / "out.png") == ""
    assert 200 < (images.read(tmp_path / "out.png") != photo).any(2).sum() < 3000


def test_face_recognition_crops(run, file):
    out = run("face_recognition_crops", file)
    assert re.fullmatch(r"\(9\d, 9\d\) \{'nose_tip': 1, 'left_eye': 2, 'right_eye': 2\} \[\(19\d, 10\d\), .*\]\n", out)
