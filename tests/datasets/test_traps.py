"""The traps of each format, one test each."""

import json

import numpy as np
import pytest

from made_files import make_csv, make_dlib, make_ibug, make_imm, picture, shape
from nasion.datasets import load
from nasion.datasets.ibug import parse_pts
from nasion.datasets.imm import parse_asf
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


def test_mixed_point_counts_are_named(tmp_path):
    make_ibug(tmp_path, shape(68))
    (tmp_path / "b").mkdir()
    make_ibug(tmp_path / "b", shape(98))
    with pytest.raises(AnnotationError, match="98 points, others 68"):
        load(f"ibug:{tmp_path}")


def test_make_csv_is_read_with_its_origin(tmp_path):
    points = shape(68)
    assert load(make_csv(tmp_path, points) + "?origin=1").annotations[0].keypoints == pytest.approx(
        points - 1, abs=1e-4
    )
