"""All measurements as JSON values and rows; what cannot be measured is left out."""

import json

import numpy as np

from measure.measured_faces import IBUG, face_of, projected
from nasion.measure.definitions import default_definitions
from nasion.measure.table import measurement_rows, measurements_table
from nasion.skeleton import load_skeleton


def test_tables_are_json_with_an_error_for_each_number():
    face = face_of(projected(20, -5, 10))
    table = json.loads(json.dumps(measurements_table(face), allow_nan=False))
    assert set(table) == {"pose", "eyes", "mouth", "asymmetry"}
    assert table["pose"]["yaw"]["value"] == round(face.pose.yaw.value, 4)
    assert table["pose"]["yaw"]["error"] > 0
    assert table["eyes"]["left"]["opening"]["value"] == round(face.eyes.left.ratio.value, 4)
    assert table["mouth"]["open"] is False


def test_unknown_values_are_none():
    face = face_of(projected(20, -5, 10), np.nan)
    face.keypoints[5:] = np.nan
    table = json.loads(json.dumps(measurements_table(face), allow_nan=False))
    assert table["pose"] is None
    assert table["mouth"]["opening"] == {"value": None, "error": None, "unit": ""}
    assert table["mouth"]["open"] is None
    nose = face_of(np.zeros((1, 2)), skeleton=load_skeleton("nose-1"))
    assert measurements_table(nose) == {"pose": None, "eyes": None, "mouth": None, "asymmetry": None}


def test_rows_name_every_number_once_per_unit():
    face = face_of(projected(20, -5, 10))
    rows = measurement_rows(face, default_definitions(IBUG), {"pupils": 63.0})
    keys = [(name, each.unit) for name, each in rows]
    assert len(set(keys)) == len(keys)
    assert {("yaw", "°"), ("left_eye_opening", ""), ("asymmetry", "inter-ocular"), ("outer_mouth_width", "mm")} <= set(
        keys
    )
    nose = load_skeleton("nose-1")
    assert measurement_rows(face_of(np.zeros((1, 2)), skeleton=nose), default_definitions(nose)) == []
