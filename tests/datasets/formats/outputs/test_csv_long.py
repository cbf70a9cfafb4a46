"""Long tables: one row per point."""

import numpy as np
import pytest

from made_files import make_csv_long, picture, shape
from nasion.datasets import load
from nasion.datasets.formats.outputs.csv_long import LabelFiles
from nasion.errors import AnnotationError

HEADER = "image,face,point,name,x,y,spread"
ROWS = "a.jpg,0,0,eye,1,2,0.5\na.jpg,0,1,chin,3,4,\na.jpg,1,1,chin,7,8,1.5\na.jpg,1,0,eye,,,\nb.jpg,,,,,,\n"


def make(folder, text):
    picture(folder / "a.jpg")
    (folder / "t.csv").write_text(text)
    return load(f"csv-long:{folder / 't.csv'}")


def test_faces_points_and_images_without_a_face(tmp_path):
    faces = make(tmp_path, f"{HEADER}\n{ROWS}")
    first, second = faces.annotations
    assert faces.skeleton.names == ("eye", "chin")
    assert first.keypoints.tolist() == [[1, 2], [3, 4]]
    assert np.isnan(second.keypoints[0]).all()
    assert second.keypoints[1].tolist() == [7, 8]
    assert (first.spread[0], second.spread[1], second.face) == (0.5, 1.5, 1)
    assert faces.empty_images == (tmp_path / "b.jpg",)


def test_columns_may_be_in_any_order(tmp_path):
    faces = make(tmp_path, "y,x,name,face,image\n2,1,eye,0,a.jpg\n")
    assert faces.annotations[0].keypoints.tolist() == [[1, 2]]


@pytest.mark.parametrize("text", ["", "image,x0,y0\na.jpg,1,2\n"])
def test_other_tables_are_rejected(tmp_path, text):
    with pytest.raises(AnnotationError, match="a long table has image, face, point, name, x, y, spread"):
        make(tmp_path, text)


def test_a_bad_row_is_named(tmp_path):
    faces = make(tmp_path, f"{HEADER}\n{ROWS}a.jpg,1,1,chin,9,9,\na.jpg,2,0,eye,here,1,\n")
    assert [problem.name for problem in faces.problems[:2]] == ["row 7", "row 8"]
    assert "two points with the label" in faces.problems[0].reason


def test_a_row_that_ends_before_its_image_is_a_problem(tmp_path):
    faces = make(tmp_path, "y,x,name,face,image\n2,1,eye,0,a.jpg\n2,1\n")
    assert (len(faces), [problem.name for problem in faces.problems]) == (1, ["row 3"])


def test_only_the_rows_of_the_face_change(tmp_path):
    faces = make(tmp_path, f"{HEADER}\n{ROWS}")
    labels = LabelFiles(tmp_path / "t.csv", {}, faces.skeleton)
    labels.write(tmp_path / "a.jpg", 1, np.array([[5.0, 6.0], [np.nan, np.nan]]))
    after = (tmp_path / "t.csv").read_text()
    assert after == f"{HEADER}\n{ROWS}".replace("chin,7,8,1.5", "chin,,,1.5").replace("eye,,,\n", "eye,5.000,6.000,\n")


def test_a_point_without_a_row_cannot_be_placed(tmp_path):
    faces = make(tmp_path, f"{HEADER}\na.jpg,0,0,eye,1,2,\na.jpg,0,1,chin,3,4,\na.jpg,1,0,eye,5,6,\n")
    labels = LabelFiles(tmp_path / "t.csv", {}, faces.skeleton)
    with pytest.raises(AnnotationError, match='has no row for its point "chin"'):
        labels.write(tmp_path / "a.jpg", 1, np.array([[5.0, 6.0], [7.0, 8.0]]))


def test_points_keep_their_places_in_the_skeleton_of_the_option(tmp_path):
    (tmp_path / "three.toml").write_text('count = 3\nnames = ["eye", "nose", "chin"]\n[regions]\nall = "0-2"\n')
    make(tmp_path, f"{HEADER}\na.jpg,0,0,chin,1,2,\na.jpg,0,1,eye,3,4,\n")
    options = {"skeleton": str(tmp_path / "three.toml")}
    faces = load(f"csv-long:{tmp_path / 't.csv'}?skeleton={options['skeleton']}")
    read = LabelFiles(tmp_path / "t.csv", options, faces.skeleton).read(tmp_path / "a.jpg", 0)
    np.testing.assert_array_equal(read, [[3, 4], [np.nan, np.nan], [1, 2]])
    np.testing.assert_array_equal(read, faces.annotations[0].keypoints)


def test_points_keep_their_places_where_rows_of_faces_alternate(tmp_path):
    rows = ("0,0,eye,1,2", "1,0,chin,3,4", "0,1,nose,5,6", "0,2,chin,7,8")
    faces = make(tmp_path, "\n".join([HEADER, *(f"a.jpg,{row}," for row in rows)]))
    read = LabelFiles(tmp_path / "t.csv", {}, faces.skeleton).read(tmp_path / "a.jpg", 0)
    np.testing.assert_array_equal(read, faces.annotations[0].keypoints)


def test_numbers_are_the_packaged_points(tmp_path):
    assert load(make_csv_long(tmp_path, shape(68))).skeleton.name == "ibug-68"
