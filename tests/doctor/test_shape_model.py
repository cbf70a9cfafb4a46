"""Unusual shapes and single points."""

from dataclasses import replace

import numpy as np
import pytest

from doctor.faces import changed, first
from nasion.doctor import shape_model, sides
from nasion.doctor.checks import MIN_FACES
from nasion.geometry import Affine
from nasion.skeleton import load_skeleton


def test_faces_with_few_points_are_not_compared(drawn):
    keypoints = drawn.annotations[3].keypoints.copy()
    keypoints[2:] = np.nan
    sparse = changed(drawn, 3, keypoints=keypoints)
    assert sides.left_and_right(sparse).verdict == "good"
    assert sides.order_of_points(sparse).verdict == "good"
    assert np.isnan(shape_model.shape_residuals(sparse)[3])


def test_shape_residuals_ignore_position_size_and_rotation(drawn):
    base = shape_model.shape_residuals(drawn)
    move = Affine.translation(50, -20) @ Affine.rotation(30, [0, 0]) @ Affine.linear(np.eye(2) * 1.7, [0, 0])
    moved = changed(drawn, 7, keypoints=move(drawn.annotations[7].keypoints))
    assert base.shape == (24,)
    assert (base > 0).all()
    assert shape_model.shape_residuals(moved) == pytest.approx(base, abs=1e-4)


def test_shape_residuals_are_shares_of_the_face_size(drawn):
    larger = drawn.subset([replace(face, keypoints=3 * face.keypoints) for face in drawn.annotations])
    assert shape_model.shape_residuals(larger) == pytest.approx(shape_model.shape_residuals(drawn))


def test_residuals_of_single_points_are_shares_of_the_largest_distance(drawn):
    faces = first(drawn.reduced_to(load_skeleton("nose-1")), 3)
    for index, x in enumerate((10.0, 12.0, 17.0)):
        faces = changed(faces, index, keypoints=np.array([[x, 5.0]]))
    assert shape_model.shape_residuals(faces).tolist() == [0.4, 0, 1]


def test_equal_single_points_have_residual_zero(drawn):
    faces = first(drawn.reduced_to(load_skeleton("nose-1")), 3)
    faces = faces.subset([replace(face, keypoints=np.array([[1.0, 2.0]])) for face in faces.annotations])
    assert shape_model.shape_residuals(faces).tolist() == [0, 0, 0]


def test_outliers_exceed_a_multiple_of_the_median(drawn):
    residuals = np.full(24, 0.02)
    residuals[[3, 9]] = 0.0801, 0.5
    finding = shape_model.unusual_shapes(drawn, residuals)
    a, b = (drawn.annotations[i].name for i in (9, 3))
    assert finding.verdict == "check"
    assert finding.text == (
        f"a typical face is 2.0 % of the face size from the mean face; 2 of 24 faces exceed 4 times that: "
        f"{a} (50 %), {b} (8 %)"
    )


def test_faces_at_the_limit_and_unknown_residuals_are_not_outliers(drawn):
    residuals = np.full(24, 0.25)
    residuals[3], residuals[4] = 1.0, np.nan
    assert shape_model.unusual_shapes(drawn, residuals).verdict == "good"


def test_outliers_need_enough_faces(drawn):
    few = first(drawn, MIN_FACES - 1)
    assert shape_model.unusual_shapes(few, shape_model.shape_residuals(few)).verdict == "unknown"


def test_the_points_of_good_labels_fit_each_other(many):
    found = shape_model.single_points(many)
    assert (found.verdict, found.suspects) == ("good", ())


def test_a_misplaced_point_is_named_with_its_expected_place(many):
    keypoints = many.annotations[7].keypoints.copy()
    keypoints[20] += [24.0, -18.0]
    found = shape_model.single_points(changed(many, 7, keypoints=keypoints))
    assert found.verdict == "check"
    (suspect,) = found.suspects
    assert (suspect.face.name, suspect.points) == (many.annotations[7].name, (20,))
    assert np.linalg.norm(suspect.expected[20] - many.annotations[7].keypoints[20]) < 10


def test_distances_of_points_agree_with_a_computation_by_hand():
    """For two coordinates with correlation r, the residual is x - r y, with variance 1 - r^2."""
    covariance = np.eye(4)
    covariance[0, 2] = covariance[2, 0] = 0.8
    covariance[1, 3] = covariance[3, 1] = 0.8
    distribution = shape_model._Distribution(np.zeros(4), covariance)
    distances, places = distribution.compare(np.array([[[2.0, 0.0], [1.0, 0.0]]]))
    assert places[0] == pytest.approx(np.array([[0.8, 0.0], [1.6, 0.0]]))
    assert distances[0] == pytest.approx(np.array([1.2, 0.6]) / 0.6)


def test_missing_points_are_left_out_of_the_comparison(many):
    keypoints = many.annotations[7].keypoints.copy()
    keypoints[[3, 30]] = np.nan
    distances, places = shape_model.point_distances(changed(many, 7, keypoints=keypoints))
    assert distances[7, [3, 30]].tolist() == [0, 0]
    assert np.isnan(places[7, [3, 30]]).all()
    assert np.isfinite(np.delete(places[7], [3, 30], axis=0)).all()


def test_single_points_need_enough_faces(many):
    assert shape_model.single_points(first(many, 39)).verdict == "unknown"
    assert shape_model.single_points(many.reduced_to(load_skeleton("nose-1"))).verdict == "unknown"
