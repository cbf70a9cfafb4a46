"""Faces as a table of pandas."""

import sys

import numpy as np
import pytest

import nasion
from doubles import QUAD, prediction
from measure.measured_faces import face_of, projected
from nasion.errors import ConfigError

FACES = [
    prediction([[1, 2], [np.nan, np.nan], [5, 6], [7, 8]], score=0.9),
    prediction([[2, 3], [4, 5], [6, 7], [8, 9]], score=0.8, spread=np.nan),
]


def test_predictions_are_rows():
    pytest.importorskip("pandas")
    table = nasion.to_pandas(FACES)
    assert list(table.columns[:6]) == ["face", "score", "box_x0", "box_y0", "box_x1", "box_y1"]
    assert list(table.columns[-4:]) == [f"{name}_spread" for name in QUAD.names]
    assert table["face"].tolist() == [0, 1]
    assert table["score"].tolist() == [0.9, 0.8]
    assert np.isnan(table.loc[0, "eye_b_x"])
    assert table["nose_y"].tolist() == [6, 7]
    assert table["nose_spread"].isna().tolist() == [False, True]
    assert set(table.dtypes.astype(str)) == {"int64", "float64"}


def test_measurements_are_columns_on_request():
    pytest.importorskip("pandas")
    face = face_of(projected(20, -5, 10))
    table = nasion.to_pandas([face], measure=True)
    assert table.loc[0, "yaw"] == pytest.approx(20, abs=0.1)
    assert table.loc[0, "yaw_error"] == face.pose.yaw.error
    with pytest.raises(ConfigError, match="applies to predicted faces"):
        nasion.to_pandas(nasion.load("synthetic:2"), measure=True)


def test_data_sets_have_image_subject_and_split():
    pytest.importorskip("pandas")
    faces = nasion.load("synthetic:8")
    table = nasion.to_pandas(faces)
    assert len(table) == 8
    assert table["image"].tolist() == [str(face.image) for face in faces.annotations]
    assert table["subject"].tolist() == [face.subject for face in faces.annotations]
    assert table["nose_5_x"].to_numpy() == pytest.approx(faces.keypoints()[:, 52, 0])


def test_no_faces_are_an_empty_table():
    pytest.importorskip("pandas")
    table = nasion.to_pandas([])
    assert len(table) == 0
    assert {"face", "score", "box_x0"} <= set(table.columns)


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"to_pandas needs pandas .*; pip install pandas"):
        nasion.to_pandas(FACES)
