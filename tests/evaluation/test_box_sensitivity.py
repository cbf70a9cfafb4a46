"""The error against shifted and scaled boxes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from doubles import QUAD, QUAD_FACE, Fixed, RecordingReporter, quad_faces
from nasion.errors import ConfigError, SkeletonError
from nasion.evaluation.box_sensitivity import SCALES, SHIFTS, BoxSensitivity, box_sensitivity
from nasion.predict.predictor import Predictor
from nasion.skeleton import Skeleton

FACES = quad_faces(3)
ANGLES = np.random.default_rng(0).uniform(0, 2 * np.pi, 3)
"""Directions of the shifts of three faces, radians."""


def test_shifts_and_scales_contain_the_true_box():
    assert SHIFTS[0] == 0
    assert 1.0 in SCALES


def test_center_of_the_box_follows_shifts_but_not_scales():
    # the box of each face is 20 x 30 px about (30 + k, 35), and each point is predicted at its center
    measured = box_sensitivity(Predictor(Fixed([31.5, 23.5], QUAD, margin=1.0)), FACES)
    assert measured.normalizer == "inter_ocular"

    def nme(shift):
        moves = shift * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]) * [20, 30]
        return np.mean([np.linalg.norm(QUAD_FACE - [30, 35] - move, axis=1).mean() / 20 for move in moves])

    assert_allclose(measured.shifted, [nme(shift) for shift in SHIFTS])
    assert_allclose(measured.scaled, np.full(len(SCALES), nme(0)))
    assert measured.shifted[-1] != pytest.approx(measured.shifted[0], rel=1e-3)


def test_points_that_scale_with_the_box_err_by_its_scale():
    # the true points in a crop of the true box, which is 40 x 30 px after the aspect: 1.6 crop px per image px
    place = (QUAD_FACE - [30, 35]) * 1.6 + [31.5, 23.5]
    measured = box_sensitivity(Predictor(Fixed(place, QUAD, margin=1.0)), FACES)
    distance = np.linalg.norm(QUAD_FACE - [30, 35], axis=1).mean() / 20
    assert_allclose(measured.scaled, [distance * abs(scale - 1) for scale in SCALES], atol=1e-9)
    assert measured.shifted[0] == pytest.approx(0, abs=1e-9)
    assert (np.diff(measured.shifted) > 0).all()


def test_faces_without_eyes_are_divided_by_the_size_of_their_box():
    plain = Skeleton("plain", "four points", QUAD.names, QUAD.regions)
    faces = FACES.reduced_to(plain)
    measured = box_sensitivity(Predictor(Fixed([31.5, 23.5], plain, margin=1.0)), faces)
    assert measured.normalizer == "box_size"
    expected = np.linalg.norm(QUAD_FACE - [30, 35], axis=1).mean() / np.sqrt(600)
    assert measured.shifted[0] == pytest.approx(expected)


def test_progress_is_reported_per_change_of_the_boxes():
    reporter = RecordingReporter()
    box_sensitivity(Predictor(Fixed([31.5, 23.5], QUAD)), FACES, reporter)
    assert reporter.tasks == [{"title": "changing boxes", "total": 10, "steps": 10}]


def test_text_names_every_value():
    measured = BoxSensitivity("inter_ocular", np.array([0.03, 0.031, 0.035, 0.04, 0.05]), np.full(5, 0.0301))
    assert str(measured) == (
        "NME inter_ocular, boxes shifted by 0 %: 3.00 %, 5 %: 3.10 %, 10 %: 3.50 %, 15 %: 4.00 %, 20 %: 5.00 %; "
        "scaled by x 0.8: 3.01 %, x 0.9: 3.01 %, x 1: 3.01 %, x 1.1: 3.01 %, x 1.2: 3.01 %"
    )


def test_model_for_full_images_is_rejected():
    with pytest.raises(ConfigError, match="fixed was trained on full images"):
        box_sensitivity(Predictor(Fixed([31.5, 23.5], QUAD, box="image")), FACES)


def test_faces_with_other_points_are_rejected():
    with pytest.raises(SkeletonError):
        box_sensitivity(Predictor(Fixed([31.5, 23.5], "ibug-68")), FACES)
