"""YOLO's pose labels: fields, splits, data.yaml, and what is written."""

import numpy as np
import pytest

from made_files import make_yolo, picture, shape
from nasion.datasets import load
from nasion.datasets.convert import convert
from nasion.datasets.formats.tools.yolo import LabelFiles
from nasion.errors import AnnotationError


def make(folder, line, settings="", place="labels"):
    picture(folder / place.replace("labels", "images") / "a.jpg")
    (folder / place).mkdir(parents=True)
    (folder / place / "a.txt").write_text(line)
    (folder / "data.yaml").write_text(settings)
    return load(f"yolo:{folder}")


def test_points_with_visibility(tmp_path):
    faces = make(tmp_path, "0 0.5 0.5 0.25 0.5 0.125 0.25 2 0.5 0.5 1 0 0 0\n")
    (face,) = faces.annotations
    assert face.keypoints[:2].tolist() == [[8, 12], [32, 24]]
    assert np.isnan(face.keypoints[2]).all()
    assert face.visible[:2].tolist() == [True, False]
    assert face.box.tolist() == [24, 12, 40, 36]
    assert faces.skeleton.names == ("point_0", "point_1", "point_2")


@pytest.mark.parametrize(
    ("line", "settings", "count"),
    [
        ("0 .5 .5 .2 .2 .1 .1 .2 .2", "", 2),
        ("0 .5 .5 .2 .2 .1 .1 .2 .2 .3 .3", "kpt_shape: [3, 2]", 3),
        ("0 .5 .5 .2 .2 .1 .1 2 .2 .2 2", "kpt_shape: [2,3]  # points", 2),
    ],
)
def test_numbers_per_point(tmp_path, line, settings, count):
    assert load_count(make(tmp_path, line, settings)) == count


def load_count(faces):
    assert not faces.problems
    return faces.skeleton.count


@pytest.mark.parametrize(
    "names",
    [
        'kpt_names:\n  0: ["eye", "nose"]',
        "kpt_names:\n  0:\n    - eye\n    - 'nose'\n",
        "kpt_names: [eye, nose]",
    ],
)
def test_names_of_points(tmp_path, names):
    faces = make(tmp_path, "0 .5 .5 .2 .2 .1 .1 2 .2 .2 2", f"kpt_shape: [2, 3]\n{names}\nnc: 1\n")
    assert faces.skeleton.names == ("eye", "nose")


def test_split_is_the_folder_and_an_empty_file_has_no_face(tmp_path):
    faces = make(tmp_path, "0 .5 .5 .2 .2 .1 .1 2", place="labels/valid")
    assert faces.annotations[0].split == "val"
    picture(tmp_path / "images" / "valid" / "b.jpg")
    (tmp_path / "labels" / "valid" / "b.txt").write_text("")
    assert load(f"yolo:{tmp_path}").empty_images == (tmp_path / "images" / "valid" / "b.jpg",)


@pytest.mark.parametrize("line", ["0 .5 .5 .2 .2", "0 .5 .5 .2 .2 x .1 2", "0 .5 .5 .2 .2 .1 .1 .1 .1 .1 .1 .1"])
def test_a_bad_line_is_a_problem(tmp_path, line):
    faces = make(tmp_path, f"0 .5 .5 .2 .2 .1 .1 2\n{line}\n")
    assert (len(faces), faces.problems[0].name) == (1, "a.txt#1")


def test_file_that_is_too_large_is_a_problem(tmp_path):
    make(tmp_path, "0 .5 .5 .2 .2 .1 .1 2\n")
    (tmp_path / "labels" / "b.txt").write_text(" " * 16_000_001)
    (problem,) = load(f"yolo:{tmp_path}").problems
    assert problem.reason == "b.txt is not read: it is larger than 16,000,000 bytes"


@pytest.mark.parametrize(
    "settings", ["kpt_shape: [999999999, 3]", "kpt_names:" + " \n" * 100_000, "kpt_shape:" + " " * 99999]
)
def test_settings_of_another_form_are_ignored(tmp_path, settings):
    assert load_count(make(tmp_path, "0 .5 .5 .2 .2 .1 .1 2\n", settings)) == 1


def test_the_folder_is_the_one_above_labels(tmp_path):
    with pytest.raises(AnnotationError, match="no folder labels in it; name the folder that holds images and labels"):
        load(f"yolo:{tmp_path}")


def test_written_folder(tmp_path):
    source = make_yolo(tmp_path / "in", shape(68))
    convert(source, f"yolo:{tmp_path / 'out'}")
    assert (tmp_path / "out" / "images" / "a.jpg").is_file()
    settings = (tmp_path / "out" / "data.yaml").read_text()
    assert settings.startswith("train: images\nval: images\nkpt_shape: [68, 3]\nflip_idx: [16, 15,")
    kind, *numbers = (tmp_path / "out" / "labels" / "a.txt").read_text().split()
    assert kind == "0"
    assert np.array(numbers[:4], float) * [64, 48, 64, 48] == pytest.approx([13, 17, 20, 30], abs=1e-4)
    table = np.array(numbers[4:], float).reshape(68, 3)
    assert table[:, :2] * [64, 48] == pytest.approx(shape(68), abs=1e-4)
    assert (table[:, 2] == 2).all()


def test_splits_are_folders(tmp_path):
    convert("synthetic:18?skeleton=ibug-68", f"yolo:{tmp_path}")
    assert {path.parent.name for path in (tmp_path / "labels").rglob("*.txt")} == {"train", "test"}
    assert "test: images/test" in (tmp_path / "data.yaml").read_text()


# ---------------------------------------------------------------------------------------------------------- write back


def labels_in(folder, faces):
    return LabelFiles(folder, {}, faces.skeleton)


def test_only_the_points_of_the_line_change(tmp_path):
    other = "0 .5 .5 .2 .2 .1 .1 1 .2 .2 2"
    faces = make(tmp_path, f"{other}\n\n3 0.5 0.5 0.25 0.5 0.125 0.25 2 0.5 0.5 1\n")
    image = tmp_path / "images" / "a.jpg"
    labels_in(tmp_path, faces).write(image, 1, np.array([[16.0, 12.0], [48.0, 36.0]]))
    text = (tmp_path / "labels" / "a.txt").read_text()
    numbers = "0.25000000 0.25000000 2 0.75000000 0.75000000 1"
    assert text == f"{other}\n\n3 0.5 0.5 0.25 0.5 {numbers}\n"
    labels_in(tmp_path, faces).write(image, 1, np.array([[np.nan, np.nan], [48.0, 36.0]]))
    labels_in(tmp_path, faces).write(image, 1, np.array([[16.0, 12.0], [np.nan, np.nan]]))
    first = load(f"yolo:{tmp_path}").annotations[1]
    assert first.keypoints[0].tolist() == [16, 12]
    assert np.isnan(first.keypoints[1]).all()


def test_two_numbers_per_point(tmp_path):
    faces = make(tmp_path, "0 .5 .5 .2 .2 .1 .1 .2 .2 .3 .3", "kpt_shape: [3, 2]")
    points = np.array([[16.0, 12.0], [np.nan, np.nan], [48.0, 36.0]])
    labels = labels_in(tmp_path, faces)
    labels.write(tmp_path / "images" / "a.jpg", 0, points)
    words = (tmp_path / "labels" / "a.txt").read_text().split()
    assert words == ["0", ".5", ".5", ".2", ".2", "0.25000000", "0.25000000", "0", "0", "0.75000000", "0.75000000"]
    np.testing.assert_allclose(labels.read(tmp_path / "images" / "a.jpg", 0), points)
