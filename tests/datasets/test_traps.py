"""The traps of each format, one test each."""

import json
import shutil

import numpy as np
import pytest

from made_files import make_csv, make_dlib, make_ibug, make_imm, picture, shape
from nasion.datasets import load
from nasion.datasets.drawn import render_face
from nasion.datasets.formats.ibug import parse_pts
from nasion.datasets.formats.imm import parse_asf, with_mended_eyes
from nasion.errors import AnnotationError, ConfigError


def asf(rows, count=None):
    return "\n".join([str(count or len(rows)), *rows, "a.jpg"])


def test_asf_with_ten_columns_and_tabs():
    shares, name = parse_asf(asf(["0 \t4\t0.5 0.25\t0\t0 1\t0.00\t0.00\t0.00", "0 4 0.1 0.2 1 0 1"]))
    assert shares.tolist() == [[0.5, 0.25], [0.1, 0.2]]
    assert name == "a.jpg"


@pytest.mark.parametrize(
    "text", ["", "two\n", asf(["0 4 0.5 0.25 0 0 1"], count=2), asf(["0 4 0.5 x 0 0 1"]), asf(["0 4 0.5"])]
)
def test_asf_that_is_none(text):
    with pytest.raises(AnnotationError):
        parse_asf(text)


def test_asf_with_too_few_points_is_skipped_and_named(tmp_path):
    make_imm(tmp_path, shape(58))
    picture(tmp_path / "08-1f.jpg")
    (tmp_path / "08-1f.asf").write_text(asf(["0 4 0.5 0.25 0 0 1"]).replace("a.jpg", "08-1f.jpg"))
    faces = load(f"imm:{tmp_path}")
    assert len(faces) == 1
    assert faces.problems[0].name == "08-1f.asf"
    assert "1 points where imm-58 has 58" in faces.problems[0].reason


def test_imm_persons_are_split(tmp_path):
    make_imm(tmp_path, shape(58))
    text = (tmp_path / "07-3m.asf").read_text()
    picture(tmp_path / "33-1m.jpg")
    (tmp_path / "33-1m.asf").write_text(text.replace("07-3m", "33-1m"))
    assert {(a.subject, a.split) for a in load(f"imm:{tmp_path}").annotations} == {("07", "train"), ("33", "test")}


def test_a_point_of_nan_is_missing_whole(tmp_path):
    spec = make_imm(tmp_path, shape(58))
    path = tmp_path / "07-3m.asf"
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace(lines[4].split()[2], "nan")
    path.write_text("\n".join(lines))
    keypoints = load(spec).annotations[0].keypoints
    assert np.isnan(keypoints[0]).all()
    assert np.isfinite(keypoints[1:]).all()


def test_pts_origin_can_be_said(tmp_path):
    points = shape(68)
    spec = make_ibug(tmp_path, points)
    assert load(f"{spec}?origin=0").annotations[0].keypoints == pytest.approx(points + 1, abs=1e-4)
    with pytest.raises(ConfigError, match="origin is 0 or 1"):
        load(f"{spec}?origin=2")


def test_pts_with_bare_lines():
    assert parse_pts("1.5 2\n3 4.25\n").tolist() == [[1.5, 2], [3, 4.25]]
    assert parse_pts("version: 1\nn_points: 2\n1 2\n3 4").tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("text", ["", "version: 1\nn_points: 3\n{\n1 2\n}", "{\n1 2 3\n}", "{\nx y\n}"])
def test_pts_that_is_none(text):
    with pytest.raises(AnnotationError):
        parse_pts(text)


def test_dlib_matches_parts_by_name_and_leaves_missing_ones(tmp_path):
    points = shape(68)
    spec = make_dlib(tmp_path, points)
    path = tmp_path / "a.xml"
    text = path.read_text()
    start = text.index("<part name='30'")
    gone = text[:start] + text[text.index("/>", start) + 2 :]
    second = gone[gone.index("<box") : gone.index("</box>") + 6]
    whole = text[text.index("<box") : text.index("</box>") + 6]
    path.write_text(gone.replace(second, second + whole, 1))
    first, other = load(spec).annotations
    assert np.isnan(first.keypoints[30]).all()
    assert np.delete(first.keypoints, 30, 0) == pytest.approx(np.delete(points, 30, 0), abs=1e-4)
    assert other.keypoints == pytest.approx(points, abs=1e-4)
    assert first.box.tolist() == [3, 2, 23, 32]
    assert (first.name, other.name) == ("a.jpg", "a.jpg#1")


def test_coco_visibility(tmp_path):
    picture(tmp_path / "a.jpg")
    keypoints = [1, 2, 2, 3, 4, 1, 0, 0, 0]
    whole = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "keypoints": keypoints}],
        "categories": [{"keypoints": ["eye", "nose", "chin"]}],
    }
    (tmp_path / "a.json").write_text(json.dumps(whole))
    faces = load(f"coco:{tmp_path / 'a.json'}")
    face = faces.annotations[0]
    assert faces.skeleton.names == ("eye", "nose", "chin")
    assert face.visible.tolist() == [True, False, False]
    assert np.isnan(face.keypoints[2]).all()
    assert face.keypoints[1].tolist() == [3, 4]


def test_csv_with_empty_cells_names_and_a_skeleton_of_ones_own(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("image,eye_x,eye_y,nose_x,nose_y,subject,split\na.jpg,1,2,,,anna,test\n")
    faces = load(f"csv:{tmp_path / 't.csv'}")
    assert faces.skeleton.names == ("eye", "nose")
    assert np.isnan(faces.annotations[0].keypoints[1]).all()
    assert (faces.annotations[0].subject, faces.annotations[0].split) == ("anna", "test")
    (tmp_path / "s.toml").write_text('count = 2\nnames = ["auge", "nase"]\n[regions]\nface = "0-1"\n')
    assert load(f"csv:{tmp_path / 't.csv'}?skeleton={tmp_path / 's.toml'}").skeleton.names == ("auge", "nase")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.jpg,1", "too few cells"),
        ("a.jpg,1,x", "could not convert"),
        ("a.jpg,,", "every point is missing"),
        ("b.jpg,1,2", "missing"),
    ],
)
def test_a_bad_row_among_good_ones_is_skipped_and_named(tmp_path, row, reason):
    picture(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text(f"image,x0,y0\na.jpg,1,2\n{row}\na.jpg,3,4\n")
    faces = load(f"csv:{tmp_path / 't.csv'}")
    assert len(faces) == 2
    assert faces.problems[0].name == "row 3"
    assert reason in faces.problems[0].reason


def test_csv_header_without_pairs(tmp_path):
    (tmp_path / "t.csv").write_text("image,a,b\n")
    with pytest.raises(AnnotationError, match="no pairs"):
        load(f"csv:{tmp_path / 't.csv'}")
    (tmp_path / "t.csv").write_text("picture,x0,y0\n")
    with pytest.raises(AnnotationError, match='no column "image"'):
        load(f"csv:{tmp_path / 't.csv'}")


def test_files_of_other_counts_are_skipped_and_named(tmp_path):
    for name, count in (("a", 68), ("b", 68), ("c", 98)):
        (tmp_path / name).mkdir()
        make_ibug(tmp_path / name, shape(count))
    faces = load(f"ibug:{tmp_path}")
    assert (len(faces), faces.skeleton.name) == (2, "ibug-68")
    assert "98 points, where most files have 68" in faces.problems[0].reason


@pytest.mark.parametrize(
    ("content", "form"),
    [("version: 1\nn_points: x\n{\n1 2\n}", "pts"), ("0\na.jpg", "asf"), ("1\n0 4 .1 .1 0 0 0\nd/x.jpg", "asf")],
)
def test_a_broken_file_among_good_ones_is_skipped_and_named(tmp_path, content, form):
    spec = make_ibug(tmp_path, shape(68)) if form == "pts" else make_imm(tmp_path, shape(58))
    (tmp_path / f"zz.{form}").write_text(content)
    faces = load(spec)
    assert len(faces) == 1
    assert [problem.name for problem in faces.problems] == [f"zz.{form}"]


def test_dlib_orders_unpadded_names_by_number(tmp_path):
    points = shape(68)
    spec = make_dlib(tmp_path, points)
    path = tmp_path / "a.xml"
    text = path.read_text()
    for k in range(10):
        text = text.replace(f"name='{k:02}'", f"name='{k}'")
    path.write_text(text)
    assert load(spec).annotations[0].keypoints == pytest.approx(points, abs=1e-4)


@pytest.mark.parametrize("encoding", ["gbk", "none-such"])
def test_dlib_of_an_encoding_that_cannot_be_read(tmp_path, encoding):
    spec = make_dlib(tmp_path, shape(68))
    path = tmp_path / "a.xml"
    path.write_text(path.read_text().replace("ISO-8859-1", encoding))
    with pytest.raises(AnnotationError, match="not XML"):
        load(spec)


def test_names_decide_the_order_of_columns(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "s.toml").write_text('count = 2\nnames = ["eye", "nose"]\n[regions]\nface = "0-1"\n')
    (tmp_path / "t.csv").write_text("image,nose_x,nose_y,eye_x,eye_y\na.jpg,1,2,3,4\n")
    faces = load(f"csv:{tmp_path / 't.csv'}?skeleton={tmp_path / 's.toml'}")
    assert faces.annotations[0].keypoints.tolist() == [[3, 4], [1, 2]]


def test_a_lone_chin_is_no_nose(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("image,chin_x,chin_y\na.jpg,1,2\n")
    assert load(f"csv:{tmp_path / 't.csv'}").skeleton.names == ("chin",)


def test_words_for_splits(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("image,x0,y0,split\na.jpg,1,2,Train\na.jpg,1,2,valid\na.jpg,1,2,sometimes\n")
    faces = load(f"csv:{tmp_path / 't.csv'}")
    assert [a.split for a in faces.annotations] == ["train", "val"]
    assert "sometimes" in faces.problems[0].reason


def test_make_csv_is_read_with_its_origin(tmp_path):
    points = shape(68)
    assert load(make_csv(tmp_path, points) + "?origin=1").annotations[0].keypoints == pytest.approx(
        points - 1, abs=1e-4
    )


def test_300ws_folders_name_the_split_from_the_named_folder_downwards(tmp_path):
    root = tmp_path / "testset" / "300w"
    (tmp_path / "one").mkdir()
    make_ibug(tmp_path / "one", shape(68))
    places = {"afw": "train", "helen/trainset": "train", "lfpw/testset": "test", "ibug": "test", "elsewhere": ""}
    for place in places:
        shutil.copytree(tmp_path / "one", root / place)
    splits = {str(face.image.parent.relative_to(root)): face.split for face in load(f"ibug:{root}").annotations}
    assert splits == places
    assert load(f"ibug:{root / 'lfpw' / 'testset'}").annotations[0].split == "test"


def test_an_eye_that_is_labeled_as_the_other_is_mended_only_on_request(tmp_path):
    face = render_face(0, 1, 0, "imm-58").keypoints
    wrong = face.copy()
    wrong[21:29] = np.roll(face[21:29][::-1], -3, axis=0)
    assert with_mended_eyes(wrong) == pytest.approx(face)
    assert with_mended_eyes(face) == pytest.approx(face)
    with pytest.raises(ConfigError, match='"labeled" or "mended"'):
        load(f"imm:{tmp_path}?eyes=whole")


def test_nine_of_the_danes_have_such_an_eye(real):
    folder = real("imm_face_db")
    pairs = zip(load(f"imm:{folder}").annotations, load(f"imm:{folder}?eyes=mended").annotations, strict=True)
    changed = [a.image.stem for a, b in pairs if not np.array_equal(a.keypoints, b.keypoints)]
    assert changed == ["06-5m", "10-4m", "18-4m", "33-3m", "36-4m", "36-5m", "36-6m", "39-3m", "40-5m"]
