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


def test_other_files_are_rejected(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "a.parquet").write_text("a diary")
    with pytest.raises(AnnotationError, match=r"a\.parquet: not a Parquet file: "):
        load(f"parquet:{tmp_path / 'a.parquet'}")
