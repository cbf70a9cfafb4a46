"""Wide tables: pairs of columns, and rows for images without a face."""

import pytest

from made_files import picture
from nasion.datasets import load
from nasion.datasets.formats._tables import number, point_names
from nasion.errors import AnnotationError


def test_pairs_are_found_by_name(tmp_path):
    header = ["note_x", "nose_y", "image", "nose_x", "x5", "x", "xylo", "y5", "x_6", "y7"]
    assert point_names(tmp_path, header) == {"nose": ("nose_x", "nose_y"), "point_5": ("x5", "y5")}


def test_columns_without_names_are_numbered(tmp_path):
    names = point_names(tmp_path, ["image", *(f"{axis}{k}" for k in range(68) for axis in "xy")])
    assert list(names.values()) == [(f"x{k}", f"y{k}") for k in range(68)]
    assert list(names) == [f"point_{k}" for k in range(68)]


def test_a_long_table_names_its_format(tmp_path):
    with pytest.raises(AnnotationError, match="it has one row per point: read it as csv-long:FILE"):
        point_names(tmp_path, ["image", "face", "point", "name", "x", "y", "spread"])


def make(folder, text):
    picture(folder / "a.jpg")
    (folder / "t.csv").write_text(text)
    return load(f"csv:{folder / 't.csv'}")


def test_a_row_without_number_and_points_is_an_image_without_a_face(tmp_path):
    faces = make(tmp_path, "image,face,score,x0,y0,x1,y1\na.jpg,0,0.5,1,2,3,4\nb.jpg,,,,,,\n")
    assert (len(faces), faces.problems) == (1, ())
    assert faces.empty_images == (tmp_path / "b.jpg",)
    assert faces.annotations[0].score == 0.5


def test_a_row_that_ends_before_its_image_is_a_problem(tmp_path):
    faces = make(tmp_path, "face,x0,y0,image\n0,1,2,a.jpg\n,\n")
    assert (len(faces), [problem.name for problem in faces.problems]) == (1, ["row 3"])


def test_empty_points_without_a_column_of_numbers_are_a_problem(tmp_path):
    faces = make(tmp_path, "image,x0,y0,x1,y1\na.jpg,1,2,3,4\na.jpg,,,,\n")
    assert (len(faces), faces.empty_images) == (1, ())
    assert "every point is missing" in faces.problems[0].reason


def test_a_face_with_a_number_but_without_points_is_a_problem(tmp_path):
    faces = make(tmp_path, "image,face,x0,y0\na.jpg,0,1,2\na.jpg,1,,\n")
    assert (len(faces), len(faces.problems), faces.empty_images) == (1, 1, ())


@pytest.mark.parametrize("score", ["good", "nan", "-inf"])
def test_scores_of_other_programs_are_ignored(tmp_path, score):
    assert make(tmp_path, f"image,score,x0,y0\na.jpg,{score},1,2\n").annotations[0].score is None


def test_cells_are_numbers_or_empty():
    assert (number("2.5"), number(2.5)) == (2.5, 2.5)
    assert number(" ") != number(" ")
    with pytest.raises(ValueError, match="the row ends"):
        number(None)
