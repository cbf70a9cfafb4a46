"""Faces as JSON values: rounded, with None for unknown values."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from doubles import QUAD, prediction
from nasion.outputs.records import (
    PREDICTED,
    Content,
    ellipse_values,
    face_values,
    file_version,
    header_values,
    point_values,
    predicted_faces,
)

PARTIAL = prediction(
    [[1.00049, 2], [np.nan, np.nan], [5.5, 6.25], [7, 8]],
    score=0.87654,
    spread=[1.5, 2.25, np.nan, 3.00049],
    anisotropy=(0.0, math.log(4.0)),
    box=(10.004, 20, 30.006, 40),
)


def of(face):
    return predicted_faces("a.jpg", [face])[0]


def test_face_values_are_rounded_and_unknown_values_are_none():
    assert face_values(3, of(PARTIAL)) == {
        "face": 3,
        "score": 0.8765,
        "box": [10.0, 20.0, 30.01, 40.0],
        "keypoints": [(1.0, 2.0), None, (5.5, 6.25), (7.0, 8.0)],
        "spread_px": [1.5, 2.25, None, 3.0],
        # the axes are twice and half the spread, turned by 45 degrees
        "ellipses": {
            "semi_major_px": [3.0, 4.5, None, 6.001],
            "semi_minor_px": [0.75, 1.125, None, 1.5],
            "angle_deg": [45.0, 45.0, None, 45.0],
        },
    }
    json.dumps(face_values(3, of(PARTIAL)), allow_nan=False)


def test_a_model_without_uncertainty():
    face = of(prediction([[1, 2], [3, 4], [5, 6], [7, 8]], spread=np.nan))
    assert (face.spread, face.ellipses) == (None, None)
    assert face_values(0, face)["spread_px"] is None
    assert face_values(0, face)["ellipses"] is None
    assert ellipse_values(None) is None


def test_labels_have_what_their_contents_name():
    face = replace(of(PARTIAL), visible=np.array([True, True, False, True]), subject="anna", split="val")
    assert not {"hidden_probability", "subject", "split"} & face_values(0, face).keys()
    values = face_values(0, face, PREDICTED | {Content.VISIBILITY, Content.SUBJECTS, Content.SPLITS})
    assert values["hidden_probability"] == [0.0, None, 1.0, 0.0]
    assert (values["subject"], values["split"]) == ("anna", "val")
    values = face_values(0, replace(face, score=None, box=None, split=""), frozenset({Content.SPLITS}))
    assert (values["score"], values["box"]) == (None, None)
    assert "split" not in values


def test_predictions_become_labels_of_their_image():
    first, second = predicted_faces("x/a.jpg", [PARTIAL, PARTIAL])
    assert (first.image.as_posix(), first.face, second.face, first.score) == ("x/a.jpg", 0, 1, 0.87654)
    assert first.visible.all()
    assert np.array_equal(first.keypoints, PARTIAL.keypoints, equal_nan=True)


def test_the_header_names_versions_and_points():
    import nasion

    assert file_version() == {"schema_version": 1, "nasion_version": nasion.__version__}
    header = header_values(QUAD, None)
    assert (header["model"], header["skeleton"], header["point_names"]) == (None, "quad", list(QUAD.names))


def test_points_are_rounded_to_thousandths_and_missing_ones_are_none():
    points = np.array([[1.23449, -2.0], [np.nan, np.nan], [3.0, np.nan], [0.0, 7.0004]])
    assert point_values(points) == [(1.234, -2.0), None, None, (0.0, 7.0)]


def test_no_points_are_an_empty_list():
    assert point_values(np.zeros((0, 2))) == []


def test_contents_are_words_for_users():
    assert [str(each) for each in (Content.VISIBILITY, Content.SEVERAL)] == ["visibility", "several faces per image"]
    with pytest.raises(ValueError, match="hidden"):
        Content("hidden")
