"""Groups of faces from the columns of a table."""

from dataclasses import replace
from pathlib import Path

import pytest

from doubles import quad_faces
from nasion.audit.columns import read_columns
from nasion.errors import AnnotationError, ConfigError


def faces_of(*names):
    faces = quad_faces(len(names)).annotations
    seen = {}
    found = []
    for face, name in zip(faces, names, strict=True):
        seen[name] = seen.get(name, -1) + 1
        found.append(replace(face, image=Path("/data") / name, face=seen[name]))
    return found


def table(folder, text):
    (folder / "t.csv").write_text(text, "utf-8")
    return folder / "t.csv"


def test_rows_are_found_by_the_end_of_the_path(tmp_path):
    path = table(tmp_path, "image,sex\na/1.jpg,f\nb/1.jpg,m\n/data/c/1.jpg,x\n2.jpg, f \n")
    faces = faces_of("a/1.jpg", "b/1.jpg", "c/1.jpg", "d/2.jpg", "e/1.jpg")
    assert read_columns(path, ["sex"], faces) == {"sex": ["f", "m", "x", "f", ""]}


def test_several_faces_of_an_image(tmp_path):
    faces = faces_of("1.jpg", "1.jpg", "2.jpg")
    in_order = table(tmp_path, "image,sex\n1.jpg,f\n1.jpg,m\n2.jpg,x\n")
    assert read_columns(in_order, ["sex"], faces)["sex"] == ["f", "m", "x"]
    numbered = table(tmp_path, "image,face,sex\n1.jpg,1,m\n1.jpg,0,f\n")
    assert read_columns(numbered, ["sex"], faces)["sex"] == ["f", "m", ""]


def test_many_numbers_are_divided_at_their_quartiles(tmp_path):
    names = [f"{k}.jpg" for k in range(12)]
    path = table(tmp_path, "image,age,glasses\n" + "".join(f"{k}.jpg,{10 + k},{k % 2}\n" for k in range(11)))
    found = read_columns(path, ["age", "glasses"], faces_of(*names))
    assert [found["age"].count(group) for group in dict.fromkeys(found["age"])] == [3, 2, 3, 3, 1]
    assert found["age"][0] == "10 to 12.5"
    assert found["age"][10] == "17.5 to 20"
    assert found["age"][11] == ""
    assert set(found["glasses"]) == {"0", "1", ""}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("image,sex\n1.jpg,f\n", ConfigError, 'no column "age"'),
        ("file,age\n1.jpg,3\n", AnnotationError, 'no column "image"'),
        ("image,age\n2.jpg,3\n", AnnotationError, "no row belongs to any of the 1 faces, such as 1.jpg"),
        ("image,age\n1.jpg,\n", ConfigError, 'the column "age" is empty for all of the 1 faces'),
        ("", ConfigError, 'no column "age"'),
    ],
)
def test_errors_are_one_line(tmp_path, text, error, words):
    with pytest.raises(error, match=words) as caught:
        read_columns(table(tmp_path, text), ["age"], faces_of("1.jpg"))
    assert "\n" not in str(caught.value)


def test_files_that_are_not_tables_are_errors(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\0\0")
    with pytest.raises(AnnotationError, match="cannot read"):
        read_columns(tmp_path / "t.csv", ["age"], faces_of("1.jpg"))
    with pytest.raises(AnnotationError, match="not a CSV table"):
        read_columns(table(tmp_path, "image," + "x" * 200_000), ["age"], faces_of("1.jpg"))
