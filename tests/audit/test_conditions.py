"""The conditions of faces, and groups by them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from audit.perfect_system import drawn
from nasion.audit.conditions import CONDITIONS, bins, conditions_of
from nasion.audit.views import view_of
from nasion.measure.heads import head_of
from nasion.sample import Annotation, Prediction
from nasion.skeleton import load_skeleton

IBUG = load_skeleton("ibug-68")


def turned(degrees, count=68):
    """Return a labeled face whose mean head is turned, seen from far away."""
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    points = (head_of(IBUG).points @ rotation.T)[:, :2] * [10, -10] + [150, 160]
    return Annotation(Path("a.jpg"), points, IBUG, np.ones(68, bool))


def conditions(face, image=None, predicted=None):
    image = np.full((300, 300, 3), 90, np.uint8) if image is None else image
    return conditions_of(face, view_of(image, face, face.points_box()), predicted)


@pytest.mark.parametrize("degrees", [0, 20, -20, 40])
def test_yaw_comes_from_the_labels(degrees):
    assert conditions(turned(degrees))["yaw"] == pytest.approx(abs(degrees), abs=4)


def test_yaw_comes_from_the_prediction_if_the_labels_have_too_few_points():
    five = Annotation(
        Path("a.jpg"), turned(0).keypoints[[36, 45, 30, 48, 54]], load_skeleton("nose-1"), np.ones(5, bool)
    )
    assert np.isnan(conditions(five)["yaw"])
    points = turned(30).keypoints
    predicted = Prediction(points, np.full(68, np.nan), np.zeros((68, 2)), np.array([0.0, 0, 9, 9]), 1.0, IBUG)
    assert conditions(five, predicted=predicted)["yaw"] == pytest.approx(30, abs=5)


def test_brightness_sharpness_and_size():
    (face,) = drawn(1).annotations
    image = drawn(1).load(0).image
    found = conditions(face, image)
    assert set(found) == set(CONDITIONS)
    blurred = conditions(face, cv2.GaussianBlur(image, (0, 0), 3))
    assert blurred["sharpness"] < 0.7 * found["sharpness"]
    assert conditions(face, image // 2)["brightness"] == pytest.approx(found["brightness"] / 2, abs=1)
    width, height = np.ptp(face.keypoints, axis=0)
    assert found["size"] == pytest.approx(np.sqrt(width * height))
    assert np.isnan(conditions(face, np.full_like(image, 7))["sharpness"])


def test_every_known_face_is_in_one_group_of_each_condition():
    random = np.random.default_rng(0)
    values = {
        "yaw": np.array([0.0, 15, 44.9, 90, np.nan, 3]),
        "size": random.uniform(10, 300, 6),
        "sharpness": np.full(6, 0.5),
        "brightness": np.array([np.nan, *random.uniform(0, 255, 5)]),
        "hidden": np.array([0, 0, 0.25, 0.26, 1.0, 0.01]),
    }
    found = bins(values)
    for name, each in values.items():
        members = np.sum([group.members for group in found if group.condition == name], axis=0)
        assert members.tolist() == np.isfinite(each).astype(int).tolist()
    assert [group.text for group in found if group.condition == "yaw"] == [
        *("0 to 15°", "15 to 30°", "30 to 45°", "45° and more"),
    ]
    assert [group.text for group in found if group.condition == "hidden"] == ["none", "up to 25 %", "more than 25 %"]
    assert bins({"yaw": np.full(3, np.nan)}) == []
