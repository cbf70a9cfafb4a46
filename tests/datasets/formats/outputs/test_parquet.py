"""Parquet files: typed columns, nulls, and files that are not Parquet."""

import sys

import numpy as np
import pytest

from made_files import make_parquet, shape
from nasion.datasets import load
from nasion.datasets.formats.outputs.parquet import LabelFiles, load_arrow
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import load_skeleton


def test_without_pyarrow_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'nasion\[tables\]'"):
        load_arrow()


def test_only_the_points_of_the_face_change(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    spec = make_parquet(tmp_path, shape(68))
    before = parquet.read_table(tmp_path / "a.parquet")
    moved = shape(68) + 1
    moved[3] = np.nan
    LabelFiles(tmp_path / "a.parquet", {}, load_skeleton("ibug-68")).write(tmp_path / "a.jpg", 0, moved)
    after = parquet.read_table(tmp_path / "a.parquet")
    assert after.schema.equals(before.schema)
    assert after.column("image").equals(before.column("image"))
    assert after.column("x3").to_pylist() == [None]
    np.testing.assert_allclose(load(spec).annotations[0].keypoints, moved)


@pytest.mark.parametrize(("column", "count"), [("subject", 1), ("split", 0)])
def test_columns_of_another_type_are_read_as_text_or_a_problem(tmp_path, column, count):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    make_parquet(tmp_path, shape(68))
    table = parquet.read_table(tmp_path / "a.parquet")
    rows = arrow.concat_tables([table, table])
    parquet.write_table(rows.append_column(column, arrow.array([None, 7])), tmp_path / "a.parquet")
    faces = load(f"parquet:{tmp_path / 'a.parquet'}")
    assert len(faces) == 1 + count
    assert all(isinstance(face.subject, str) for face in faces.annotations)
    assert [problem.reason for problem in faces.problems] == (
        [] if count else ['its split "7" is none of train, val, test']
    )


def test_other_files_are_rejected(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "a.parquet").write_text("a diary")
    with pytest.raises(AnnotationError, match=r"a\.parquet: not a Parquet file: "):
        load(f"parquet:{tmp_path / 'a.parquet'}")


@pytest.mark.parametrize("text", [b"image", b"a.jpg"])
def test_names_and_values_that_are_not_text_are_rejected(tmp_path, text):
    parquet = pytest.importorskip("pyarrow.parquet")
    spec = make_parquet(tmp_path, shape(68))
    path = tmp_path / "a.parquet"
    parquet.write_table(parquet.read_table(path), path, compression="none", store_schema=False)
    path.write_bytes(path.read_bytes().replace(text, b"\x8b" + text[1:]))
    with pytest.raises(AnnotationError, match=r"a\.parquet: not a Parquet file: ") as caught:
        load(spec)
    assert "\n" not in str(caught.value)


def test_many_equal_values_in_a_small_file_are_rejected(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    spec = make_parquet(tmp_path, shape(68))
    monkeypatch.setattr("nasion.datasets.formats.outputs.parquet.MAX_CELLS", 2 * 68 + 1)
    with pytest.raises(AnnotationError, match=r"a\.parquet is not read: it has more than 137 values"):
        load(spec)
