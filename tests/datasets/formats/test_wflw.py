"""WFLW's lists: fields of a line, the image folder, and writing back the points of one line."""

import numpy as np
import pytest

from made_files import make_wflw, picture, shape
from nasion.datasets import load
from nasion.datasets.formats.wflw import FIELDS, LabelFiles, image_root
from nasion.errors import AnnotationError
from nasion.skeleton import load_skeleton

WFLW = load_skeleton("wflw-98")


def line(points, name, box="3 2 23 32", flags="0 1 0 1 0 1"):
    return f"{' '.join(f'{value:.6f}' for value in points.ravel())} {box} {flags} {name}\n"


def make(folder, *lines, name="list_train.txt"):
    for image in ("a.jpg", "b.jpg"):
        picture(folder / "WFLW_images" / image)
    (folder / name).write_text("".join(lines))
    return f"wflw:{folder / name}"


# --------------------------------------------------------------------------------------------------------------- read


def test_line_has_207_fields():
    assert FIELDS == len(line(shape(98), "a.jpg").split()) == 207


def test_box_subject_and_points(tmp_path):
    face = load(make(tmp_path, line(shape(98), "a.jpg", box="3 2 23 32"))).annotations[0]
    assert face.box.tolist() == [3, 2, 23, 32]
    assert face.subject == "a.jpg"
    assert face.keypoints == pytest.approx(shape(98), abs=1e-6)
    assert face.skeleton == WFLW


def test_faces_are_numbered_per_image(tmp_path):
    lines = [line(shape(98) + k, name) for k, name in enumerate(("a.jpg", "b.jpg", "a.jpg"))]
    faces = load(make(tmp_path, *lines)).annotations
    assert [(face.image.name, face.face) for face in faces] == [("a.jpg", 0), ("b.jpg", 0), ("a.jpg", 1)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt", "train"),
        ("list_98pt_test.txt", "test"),
        ("mytests.txt", ""),
        ("faces.txt", ""),
    ],
)
def test_split_is_a_word_of_the_list_name(tmp_path, name, split):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    assert load(make(tmp_path, line(shape(98), "a.jpg"), name=name)).annotations[0].split == split


def test_nearest_image_folder_above_the_list(tmp_path):
    inner = tmp_path / "WFLW_annotations" / "lists"
    inner.mkdir(parents=True)
    assert image_root(inner / "x.txt", {}) == inner
    (tmp_path / "WFLW_images").mkdir()
    assert image_root(inner / "x.txt", {}) == tmp_path / "WFLW_images"
    (inner / "WFLW_images").mkdir()
    assert image_root(inner / "x.txt", {}) == inner / "WFLW_images"


def test_image_folder_of_the_option(tmp_path):
    (tmp_path / "WFLW_images").mkdir()
    (tmp_path / "mine").mkdir()
    assert image_root(tmp_path / "x.txt", {"images": str(tmp_path / "mine")}) == tmp_path / "mine"
    with pytest.raises(AnnotationError, match="no such folder"):
        image_root(tmp_path / "x.txt", {"images": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(shape(97), "a.jpg"), "205 fields where a face has 207"),
        (line(shape(99), "a.jpg"), "209 fields where a face has 207"),
        (line(shape(98), "a.jpg", box="3 2 left 32"), "not a number"),
        (line(shape(98), "c.jpg"), "is missing"),
    ],
)
def test_bad_line_among_good_ones_is_skipped_and_named(tmp_path, bad, reason):
    good = line(shape(98), "b.jpg")
    faces = load(make(tmp_path, good, "\n", bad, good))
    assert [face.face for face in faces.annotations] == [0, 1]
    assert faces.problems[0].name == "line 3"
    assert reason in faces.problems[0].reason


# -------------------------------------------------------------------------------------------------------------- write


def test_only_the_points_of_one_line_change(tmp_path):
    lines = [line(shape(98) + k, name) for k, name in enumerate(("a.jpg", "b.jpg", "a.jpg"))]
    make(tmp_path, *lines)
    path = tmp_path / "list_train.txt"
    moved = np.arange(196).reshape(98, 2) / 7
    LabelFiles(path, {}, WFLW).write(tmp_path / "WFLW_images" / "a.jpg", 1, moved)
    assert path.read_text() == lines[0] + lines[1] + line(moved, "a.jpg")
    assert LabelFiles(path, {}, WFLW).read(tmp_path / "WFLW_images" / "a.jpg", 1) == pytest.approx(moved, abs=1e-6)
    assert LabelFiles(path, {}, WFLW).read(tmp_path / "WFLW_images" / "a.jpg", 0) == pytest.approx(shape(98), abs=1e-6)


def test_blank_lines_stay(tmp_path):
    make(tmp_path, "\n", line(shape(98), "a.jpg"), "\n")
    path = tmp_path / "list_train.txt"
    LabelFiles(path, {}, WFLW).write(tmp_path / "WFLW_images" / "a.jpg", 0, shape(98))
    assert path.read_text() == f"\n{line(shape(98), 'a.jpg')}\n"


def test_images_option_is_used_for_writing(tmp_path):
    make_wflw(tmp_path, shape(98))
    labels = LabelFiles(tmp_path / "list_test.txt", {"images": str(tmp_path / "WFLW_images" / "x")}, WFLW)
    with pytest.raises(AnnotationError, match="no longer has face 0"):
        labels.read(tmp_path / "WFLW_images" / "x" / "a.jpg", 0)
    assert labels.read(tmp_path / "WFLW_images" / "x" / "x" / "a.jpg", 0).shape == (98, 2)
