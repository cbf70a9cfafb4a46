"""The JSON Schema accepts what nasion writes and rejects everything else."""

import copy
import json

import numpy as np
import pytest

from doubles import QUAD, prediction
from nasion import json_schema
from nasion.outputs.names import ELLIPSE_FIELDS, MEASUREMENTS
from nasion.outputs.records import face_values, header_values, predicted_faces
from nasion.outputs.schema import Ellipses, KeypointsFile, Measurements, Schema

jsonschema = pytest.importorskip("jsonschema")

FACE = prediction([[1, 2], [np.nan, np.nan], [5.5, 6.25], [7, 8]], spread=[1.5, 2, np.nan, 3])


def document():
    faces = [face_values(number, face) for number, face in enumerate(predicted_faces("", [FACE]))]
    images = [{"image": "a.jpg", "width": 50, "height": 40, "faces": faces}]
    return json.loads(json.dumps({**header_values(QUAD, "mine"), "images": images}))


def test_a_file_of_predictions_is_valid():
    jsonschema.validate(document(), json_schema())
    assert KeypointsFile.model_validate(document()).images[0].faces[0].keypoints[1] is None


@pytest.mark.parametrize(
    "values",
    [
        {"hidden_probability": [0.25, None, 1.0, 0.0]},
        {"subject": "anna", "split": "test"},
    ],
)
def test_optional_fields_are_valid(values):
    full = document()
    full["images"][0]["faces"][0] |= values
    jsonschema.validate(full, json_schema())
    assert KeypointsFile.model_validate(full).images[0].faces[0].model_dump().items() >= values.items()


def test_measurements_have_a_value_and_an_error_each():
    full = document()
    full["images"][0]["faces"][0]["measurements"] = {
        "yaw": {"value": 10.5, "error": 1.25, "unit": "°"},
        "mouth_open": {"value": 1.0, "error": None, "unit": ""},
    }
    jsonschema.validate(full, json_schema())
    found = KeypointsFile.model_validate(full).images[0].faces[0].measurements
    assert (found.yaw.error, found.mouth_open.error, found.pitch) == (1.25, None, None)


def test_names_of_fields_are_those_of_files():
    assert tuple(Measurements.model_fields) == MEASUREMENTS
    assert tuple(Ellipses.model_fields) == ELLIPSE_FIELDS


def changed(change):
    full = copy.deepcopy(document())
    change(full, full["images"][0]["faces"][0])
    return full


@pytest.mark.parametrize(
    "change",
    [
        lambda file, face: file.pop("point_names"),
        lambda file, face: file.update(schema_version=2),
        lambda file, face: file.update(other=1),
        lambda file, face: face.pop("box"),
        lambda file, face: face.update(keypoints=[[1, 2, 3]]),
        lambda file, face: face.update(keypoints=[["1", "2"]]),
        lambda file, face: face.update(ellipses=[[3.0, 0.75, 45.0]]),
        lambda file, face: face.update(split="training"),
        lambda file, face: face.update(measurements={"yaw": 1}),
        lambda file, face: face.update(measurements={"turn": {"value": 1, "error": 1, "unit": ""}}),
    ],
)
def test_other_files_are_invalid(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(change), json_schema())


def test_not_a_number_is_not_accepted():
    class Number(Schema):
        value: float

    with pytest.raises(ValueError, match="finite"):
        Number(value=float("nan"))
