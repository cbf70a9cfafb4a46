"""All measurements by name; what cannot be measured is left out or NaN, and the names are those of the schema."""

import json

import numpy as np
import pytest

from measure.measured_faces import IBUG, face_of, projected, with_hidden
from nasion.measure.definitions import default_definitions
from nasion.measure.pose import pose
from nasion.measure.table import POSE_UNITS, measurement_rows, measurements
from nasion.outputs.schema import MEASUREMENTS
from nasion.skeleton import load_skeleton


def test_names_are_those_of_the_schema_in_its_order():
    assert tuple(measurements(face_of(projected(20, -5, 10)))) == MEASUREMENTS


def test_numbers_are_those_of_the_face_and_have_errors():
    face = face_of(projected(20, -5, 10))
    found = measurements(face)
    assert found["yaw"] == face.pose.yaw
    assert found["head_scale"] == face.pose.scale
    assert found["left_eye_opening"] == face.eyes.left.ratio
    assert found["right_eye_opening_gap"] == face.eyes.right.gap
    assert found["mouth_opening_width"] == face.mouth.width
    assert (found["mouth_open"].value, found["left_eye_open"].value) == (0, face.eyes.left.is_open)
    assert str(face.measurements) == str(found)
    for name, each in found.items():
        assert np.isnan(each.error) if name.endswith("_open") else each.error > 0, name


def test_missing_points_are_nan():
    face = face_of(projected(20, -5, 10))
    face.keypoints[5:] = np.nan
    found = measurements(face)
    assert tuple(found) == MEASUREMENTS
    assert np.isnan([each.value for each in found.values()]).all()
    assert np.isnan([each.error for each in found.values()]).all()
    json.dumps([each.to_table() for each in found.values()], allow_nan=False)


def test_hidden_points_are_missing_where_they_are_needed():
    face = face_of(projected(20, -5, 10))
    known = {name for name, each in measurements(with_hidden(face, [37])).items() if np.isfinite(each.value)}
    lost = {"right_eye_opening", "right_eye_opening_gap", "right_eye_open", "asymmetry"}
    assert known == set(MEASUREMENTS) - lost
    assert np.isfinite([each.value for each in measurements(with_hidden(face, [37], 0.89)).values()]).all()
    rows = measurement_rows(with_hidden(face, [37]), default_definitions(IBUG))
    missing = {name for name, each in rows if not np.isfinite(each.value)}
    assert missing == lost | {"pupils"}


def test_units_do_not_depend_on_missing_points():
    assert {name: each.unit for name, each in pose(face_of(projected(0, 0, 0))).numbers().items()} == POSE_UNITS


def test_what_a_skeleton_does_not_allow_is_left_out():
    assert measurements(face_of(np.zeros((1, 2)), skeleton=load_skeleton("nose-1"))) == {}
    imm = face_of(np.random.default_rng(0).uniform(0, 100, (58, 2)), skeleton=load_skeleton("imm-58"))
    assert {"left_eye_opening", "asymmetry"} <= set(measurements(imm)) < set(MEASUREMENTS)
    assert not {"yaw", "mouth_opening"} & set(measurements(imm))


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


@pytest.mark.parametrize("skeleton", ["ibug-68", "imm-58", "nose-1", "wflw-98"])
def test_every_packaged_skeleton_can_be_measured(skeleton):
    known = load_skeleton(skeleton)
    face = face_of(np.random.default_rng(0).uniform(0, 100, (known.count, 2)), skeleton=known)
    assert set(measurements(face)) <= set(MEASUREMENTS)
