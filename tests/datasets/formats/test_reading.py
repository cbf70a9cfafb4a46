"""Helpers that the formats read with."""

import types
from pathlib import Path

import numpy as np
import pytest

from made_files import SIZE, picture
from nasion.datasets.formats._reading import (
    Collector,
    checked_annotation,
    existing_path,
    image_folder,
    open_image,
    option_skeleton,
    photo_id,
    pixel_origin,
    skeleton_of_count,
    skeleton_of_names,
    sorted_like,
    split_of,
)
from nasion.errors import AnnotationError, ConfigError, ImageError, SkeletonError
from nasion.skeleton import Skeleton, load_skeleton

THREE = Skeleton(name="three", title="three", names=("eye", "nose", "chin"), regions={"points": (0, 1, 2)})
POINTS = np.array([[1.0, 2.0], [3.5, 4.0], [5.0, 6.25]])


@pytest.fixture
def image(tmp_path):
    picture(tmp_path / "a.jpg")
    return tmp_path / "a.jpg"


# ---------------------------------------------------------------------------------------------------------- collector


def test_collector_keeps_faces_and_order(image):
    found = Collector()
    for k in range(3):
        with found.reading(f"face {k}"):
            found.add(checked_annotation(image, POINTS + k, THREE, face=k))
    faces = found.dataset("set", THREE, "a note")
    assert [face.face for face in faces.annotations] == [0, 1, 2]
    assert (faces.name, faces.skeleton, faces.note, faces.problems) == ("set", THREE, "a note", ())
    assert faces.load(1).image.shape == (*SIZE, 3)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AnnotationError("too few points"), "too few points"),
        (ImageError("is damaged"), "is damaged"),
        (OSError("disk is gone"), "cannot be read: disk is gone"),
        (ValueError("no number"), "cannot be read: no number"),
        (TypeError("no list"), "cannot be read: no list"),
        (KeyError("x"), "cannot be read: 'x'"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "cannot be read: 'utf-8' codec"),
    ],
)
def test_error_of_one_face_becomes_a_problem(image, error, reason):
    found = Collector()
    with found.reading("bad one"):
        raise error
    with found.reading("good one"):
        found.add(checked_annotation(image, POINTS, THREE))
    assert len(found.faces) == 1
    assert [problem.name for problem in found.problems] == ["bad one"]
    assert found.problems[0].reason.startswith(reason)


@pytest.mark.parametrize("error", [ZeroDivisionError, AttributeError, KeyboardInterrupt])
def test_faults_of_the_program_are_not_hidden(error):
    found = Collector()
    with pytest.raises(error), found.reading("x"):
        raise error
    assert not found.problems


# --------------------------------------------------------------------------------------------------------- annotation


def test_annotation_has_what_it_was_given(image):
    face = checked_annotation(
        image, POINTS, THREE, visible=[1, 0, 1], box=np.array([1.0, 2, 3, 4]), subject="anna", split="val", face=2
    )
    assert (face.image, face.skeleton, face.subject, face.split, face.face) == (image, THREE, "anna", "val", 2)
    assert face.keypoints.tolist() == POINTS.tolist()
    assert face.visible.tolist() == [True, False, True]
    assert face.visible.dtype == bool
    assert face.box.tolist() == [1, 2, 3, 4]


def test_annotation_without_options(image):
    face = checked_annotation(image, POINTS, THREE)
    assert face.visible.tolist() == [True] * 3
    assert (face.box, face.subject, face.split, face.face) == (None, "", "", 0)


def test_flat_and_whole_numbers_are_accepted(image):
    face = checked_annotation(image, [1, 2, 3, 4, 5, 6], THREE)
    assert face.keypoints.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert face.keypoints.dtype == np.float64


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("axis", [0, 1])
def test_point_with_one_bad_coordinate_is_missing(image, bad, axis):
    points = POINTS.copy()
    points[1, axis] = bad
    keypoints = checked_annotation(image, points, THREE).keypoints
    assert np.isnan(keypoints[1]).all()
    assert keypoints[[0, 2]].tolist() == POINTS[[0, 2]].tolist()


def test_input_is_not_changed(image):
    points = POINTS.copy()
    points[1, 0] = np.nan
    checked_annotation(image, points, THREE)
    assert points[1, 1] == 4


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (POINTS[:2], "2 points where three has 3"),
        (np.zeros((0, 2)), "0 points where three has 3"),
        (np.full((3, 2), np.nan), "every point is missing"),
    ],
)
def test_wrong_points_are_rejected(image, points, message):
    with pytest.raises(AnnotationError, match=message):
        checked_annotation(image, points, THREE)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"visible": [True] * 2}, "2 values of visibility for the 3 points of three"),
        ({"visible": [[True, False]] * 3}, "its values of visibility are not a list of numbers"),
        ({"spread": np.ones((3, 2))}, "its values of uncertainty are not a list of numbers"),
        ({"ellipses": np.ones((3, 2))}, "its values of ellipses are not a list of triples"),
        ({"score": np.nan}, "its score nan is not a finite number"),
        ({"score": "high"}, "its score high is not a finite number"),
        ({"box": np.array([0, 0, 1, 2e6])}, "its box has the coordinate 2000000"),
    ],
)
def test_wrong_values_are_rejected(image, values, message):
    with pytest.raises(AnnotationError, match=message):
        checked_annotation(image, POINTS, THREE, **values)


def test_missing_image_is_rejected(image):
    with pytest.raises(AnnotationError, match=r"its image .*b\.jpg is missing"):
        checked_annotation(image.with_name("b.jpg"), POINTS, THREE)
    with pytest.raises(AnnotationError, match="is missing"):
        checked_annotation(image.parent, POINTS, THREE)


def test_image_is_opened(image):
    pixels = open_image(checked_annotation(image, POINTS, THREE))
    assert pixels.shape == (*SIZE, 3)
    assert pixels.dtype == np.uint8


# ------------------------------------------------------------------------------------------------------------ options


def test_existing_paths(image):
    assert existing_path(str(image), "file") == image
    assert existing_path(str(image.parent), "folder") == image.parent


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "folder"), (".", "file"), ("b", "folder"), ("b", "file")])
def test_path_of_another_kind_is_rejected(image, name, kind):
    with pytest.raises(AnnotationError, match=f"no such {kind}; check the path after the colon"):
        existing_path(str(image.parent / name), kind)


def test_images_are_beside_the_file_or_in_the_option(tmp_path):
    (tmp_path / "images").mkdir()
    assert image_folder(tmp_path / "x" / "a.csv", {}) == tmp_path / "x"
    assert image_folder(tmp_path / "x" / "a.csv", {"images": str(tmp_path / "images")}) == tmp_path / "images"
    with pytest.raises(AnnotationError, match="no such folder"):
        image_folder(tmp_path / "a.csv", {"images": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("options", "default", "origin"),
    [
        ({}, 0, 0),
        ({}, 1, 1),
        ({"origin": "1"}, 0, 1),
        ({"origin": "0"}, 1, 0),
        ({}, 0.5, 0.5),
        ({"origin": "0.5"}, 0, 0.5),
    ],
)
def test_origin(options, default, origin):
    assert pixel_origin(options, default) == origin


@pytest.mark.parametrize("value", ["2", "-1", "01", "1.0", "one"])
def test_other_origins_are_rejected(value):
    with pytest.raises(ConfigError, match=f'origin is 0, 0.5 or 1 .* not "{value}"'):
        pixel_origin({"origin": value}, 0)


def test_skeleton_of_the_option(tmp_path):
    assert option_skeleton({}) is None
    assert option_skeleton({"skeleton": "imm-58"}) == load_skeleton("imm-58")
    (tmp_path / "s.toml").write_text('count = 2\nnames = ["auge", "nase"]\n[regions]\nface = "0-1"\n')
    assert option_skeleton({"skeleton": str(tmp_path / "s.toml")}).names == ("auge", "nase")
    with pytest.raises(SkeletonError):
        option_skeleton({"skeleton": "imm-59"})


# ---------------------------------------------------------------------------------------------------------- skeletons


@pytest.mark.parametrize(("count", "name"), [(58, "imm-58"), (68, "ibug-68"), (98, "wflw-98")])
def test_packaged_skeleton_by_count(count, name):
    assert skeleton_of_count(count).name == name


@pytest.mark.parametrize("count", [0, 1, 67])
def test_no_packaged_skeleton(count):
    """A single point may be anything, although a packaged skeleton has one point."""
    assert load_skeleton("nose-1").count == 1
    assert skeleton_of_count(count) is None


def test_skeleton_of_names():
    made = skeleton_of_names("mine", ["eye", "nose"])
    assert (made.name, made.names, made.flip, made.normalizers) == ("mine", ("eye", "nose"), None, {})
    assert made.regions == {"points": (0, 1)}


def test_names_are_sorted_like_the_skeleton_only_if_they_are_the_same():
    assert sorted_like(["chin", "eye", "nose"], THREE) == ["eye", "nose", "chin"]
    assert sorted_like(["chin", "eye", "ear"], THREE) == ["chin", "eye", "ear"]
    assert sorted_like(["nose", "eye"], THREE) == ["nose", "eye"]


@pytest.mark.parametrize(
    ("stem", "photo"),
    [
        ("12345", "12345"),
        ("12345_1", "12345"),
        ("12345_12", "12345"),
        ("12345_123", "12345_123"),
        ("12345_2_mirror", "12345"),
        ("12345_mirror", "12345"),
        ("image_0007", "image_0007"),
        ("image_0007_mirror", "image_0007"),
        ("image_7", "image_7"),
        ("1_2_3", "1_2_3"),
    ],
)
def test_photo_of_a_file_name(stem, photo):
    assert photo_id(stem) == photo


def test_unreadable_image_is_an_image_error(tmp_path):
    (tmp_path / "a.jpg").write_text("not an image")
    face = types.SimpleNamespace(image=Path(tmp_path / "a.jpg"))
    with pytest.raises(ImageError):
        open_image(face)


@pytest.mark.parametrize(
    ("word", "split"),
    [("TRAIN", "train"), ("training", "train"), (" validation ", "val"), ("testing", "test"), ("x", ""), (None, "")],
)
def test_words_for_splits(word, split):
    assert split_of(word) == split
