"""The .pts format: text in both directions, origin 1, images beside files, and 300-W's folders."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_files import make_ibug, picture, shape
from nasion.datasets import load
from nasion.datasets.formats.ibug import PTS_ORIGIN, LabelFiles, image_beside, parse_pts, pts_text, subject
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import load_skeleton

IBUG = load_skeleton("ibug-68")

# --------------------------------------------------------------------------------------------------------------- text


def test_pts_text_is_1_based():
    text = pts_text(np.array([[0.0, 0.5], [10.25, 3.0], [-2.0, 7.00049]]))
    assert text == "version: 1\nn_points: 3\n{\n1.000 1.500\n11.250 4.000\n-1.000 8.000\n}\n"
    assert PTS_ORIGIN == 1


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=9))
def test_written_text_is_read_back(points):
    keypoints = np.array(points)
    assert parse_pts(pts_text(keypoints)) - PTS_ORIGIN == pytest.approx(keypoints, abs=5.001e-4)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("version: 1\nn_points: 2\n{\n1.5 2\n3 4.25\n}\n", [[1.5, 2], [3, 4.25]]),
        ("version: 1\r\nn_points:  2\r\n{\r\n1.5 2\r\n3 4.25\r\n}\r\n", [[1.5, 2], [3, 4.25]]),
        ("n_points: 1\n{ 1e1 -2 }", [[10, -2]]),
        ("{\n1 2\n}\nnotes after the points", [[1, 2]]),
        ("1.5 2\n3 4.25\n", [[1.5, 2], [3, 4.25]]),
        ("version: 1\nn_points: 2\n1 2\n3 4", [[1, 2], [3, 4]]),
    ],
)
def test_files_of_several_tools(text, points):
    assert parse_pts(text).tolist() == points


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "says no points, but it holds 0"),
        ("version: 1\nn_points: 3\n{\n1 2\n}", "says 3 points, but it holds 1"),
        ("n_points: 1\n{\n1 2\n3 4\n}", "says 1 points, but it holds 2"),
        ("{\n1 2 3\n}", r"is not a \.pts file"),
        ("n_points: many\n{\n1 2\n}", r"is not a \.pts file"),
        ("\n" * 100_000, "says no points, but it holds 0"),
        (" " * 100_000 + ":" * 100_000, "says no points, but it holds 0"),
        ("{\nx y\n}", r"is not a \.pts file"),
    ],
)
def test_other_text_is_rejected(text, message):
    with pytest.raises(AnnotationError, match=message):
        parse_pts(text)


# --------------------------------------------------------------------------------------------------------------- read


def test_images_in_another_folder_may_have_several_faces(tmp_path):
    for name in ("in/x/a.png", "in/b_2.png"):
        picture(tmp_path / name)
    text = pts_text(shape(68))
    for name in ("x/a.pts", "x/a_1.pts", "b_2.pts", "c.pts"):
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text(text)
    faces = load(f"ibug:{tmp_path / 'out'}?images={tmp_path / 'in'}")
    found = [(face.image.relative_to(tmp_path / "in").as_posix(), face.face) for face in faces.annotations]
    assert found == [("b_2.png", 0), ("x/a.png", 0), ("x/a.png", 1)]
    assert [problem.name for problem in faces.problems] == ["c.pts"]
    labels = LabelFiles(tmp_path / "out", {"images": str(tmp_path / "in")}, faces.skeleton)
    labels.write(tmp_path / "in" / "x" / "a.png", 1, shape(68) + 1)
    assert (tmp_path / "out" / "x" / "a.pts").read_text() == text
    assert labels.read(tmp_path / "in" / "x" / "a.png", 1) == pytest.approx(shape(68) + 1, abs=1e-3)


def test_origin_of_the_option(tmp_path):
    points = shape(68)
    spec = make_ibug(tmp_path, points)
    assert load(spec).note == "coordinates read as 1-based"
    assert load(f"{spec}?origin=1").annotations[0].keypoints == pytest.approx(points, abs=1e-4)
    assert load(f"{spec}?origin=0").annotations[0].keypoints == pytest.approx(points + 1, abs=1e-4)
    with pytest.raises(ConfigError, match=r"origin is 0, 0\.5 or 1"):
        load(f"{spec}?origin=2")


def test_files_of_other_counts_are_skipped_and_named(tmp_path):
    for name, count in (("a", 68), ("b", 68), ("c", 98)):
        (tmp_path / name).mkdir()
        make_ibug(tmp_path / name, shape(count))
    (tmp_path / "c" / "a.pts").rename(tmp_path / "c" / "z.pts")
    (tmp_path / "c" / "a.png").rename(tmp_path / "c" / "z.png")
    faces = load(f"ibug:{tmp_path}")
    assert (len(faces), faces.skeleton.name) == (2, "ibug-68")
    assert [(problem.name, problem.reason) for problem in faces.problems] == [
        ("z.pts", "98 points, where most files have 68")
    ]


def test_unknown_count_asks_for_a_skeleton(tmp_path):
    spec = make_ibug(tmp_path, shape(5))
    with pytest.raises(AnnotationError, match=r"5 points match no known skeleton; name yours with \?skeleton="):
        load(spec)
    (tmp_path / "s.toml").write_text('count = 5\n[regions]\nface = "0-4"\n')
    assert load(f"{spec}?skeleton={tmp_path / 's.toml'}").skeleton.count == 5


def test_broken_file_among_good_ones_is_skipped_and_named(tmp_path):
    spec = make_ibug(tmp_path, shape(68))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "zz.pts").write_text("version: 1\nn_points: x\n{\n1 2\n}")
    faces = load(spec)
    assert len(faces) == 1
    assert [problem.name for problem in faces.problems] == [str(Path("deep/zz.pts"))]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPG", ".bmp"])
def test_image_beside(tmp_path, suffix):
    picture(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / f"a{suffix}")
    (tmp_path / "a.txt").touch()
    assert image_beside(tmp_path / "a.pts") == tmp_path / f"a{suffix}"


def test_missing_image_is_expected_as_jpg(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert image_beside(tmp_path / "a.pts") == tmp_path / "a.jpg"


@pytest.mark.parametrize(
    ("path", "photo"),
    [
        ("300w/afw/12345_2.pts", "afw/12345"),
        ("300w/afw/12345_2_mirror.pts", "afw/12345"),
        ("300w/lfpw/testset/image_0007.pts", "lfpw/testset/image_0007"),
        ("300w/helen/trainset/232194_1.pts", "helen/trainset/232194"),
        ("x/y/z/a.pts", "z/a"),
    ],
)
def test_subject_is_the_photo_in_its_part(path, photo):
    assert subject(Path(path)) == photo


def test_folders_of_300w_set_the_split_from_the_named_folder_downwards(tmp_path):
    root = tmp_path / "testset" / "300w"
    (tmp_path / "one").mkdir()
    make_ibug(tmp_path / "one", shape(68))
    places = {"afw": "train", "helen/trainset": "train", "lfpw/testset": "test", "ibug": "test", "elsewhere": ""}
    for place in places:
        shutil.copytree(tmp_path / "one", root / place)
    splits = {face.image.parent.relative_to(root).as_posix(): face.split for face in load(f"ibug:{root}").annotations}
    assert splits == places
    assert load(f"ibug:{root / 'lfpw' / 'testset'}").annotations[0].split == "test"
    assert load(f"ibug:{root / 'afw'}").annotations[0].split == "train"
    assert load(f"ibug:{root / 'ibug'}").annotations[0].split == ""


# -------------------------------------------------------------------------------------------------------------- write


def test_image_without_labels_has_none_and_gets_some(tmp_path):
    picture(tmp_path / "a.png")
    labels = LabelFiles(tmp_path, {}, IBUG)
    assert labels.read(tmp_path / "a.png", 0) is None
    points = shape(68)
    labels.write(tmp_path / "a.png", 0, points)
    assert labels.read(tmp_path / "a.png", 0) == pytest.approx(points, abs=1e-3)
    assert (tmp_path / "a.pts").read_text() == pts_text(points)
    assert not list(tmp_path.glob("*.orig"))


def test_other_files_stay(tmp_path):
    for name in "ab":
        picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.pts").write_text(pts_text(shape(68)))
    LabelFiles(tmp_path, {"origin": "1"}, IBUG).write(tmp_path / "a.png", 0, shape(68) + 1)
    assert (tmp_path / "b.pts").read_text() == pts_text(shape(68))
    assert (tmp_path / "a.pts.orig").read_text() == pts_text(shape(68))


@pytest.mark.parametrize("origin", ["0", "2"])
def test_other_origins_cannot_be_written(tmp_path, origin):
    with pytest.raises(ConfigError):
        LabelFiles(tmp_path, {"origin": origin}, IBUG)


# --------------------------------------------------------------------------------------------------------- real files


def test_faces_of_one_afw_photo_share_their_subject(real):
    faces = load(f"ibug:{real('300w/afw')}")
    assert len({face.subject for face in faces.annotations}) == 185


def test_points_of_helen_are_where_the_faces_are(real):
    faces = load(f"ibug:{real('300w/helen')}")
    assert all(np.all((face.keypoints > -20) & (face.keypoints < 900)) for face in faces.annotations[:50])


@pytest.mark.parametrize(("folder", "count"), [("300w", 2236), ("300w/lfpw/testset", 224)])
def test_number_of_real_faces(real, folder, count):
    faces = load(f"ibug:{real(folder)}")
    assert (len(faces), len(faces.problems), faces.skeleton.name) == (count, 0, "ibug-68")
