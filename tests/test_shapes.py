"""Mean shapes and flip maps of shapes whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.datasets import load
from nasion.geometry import Affine
from nasion.shapes import _pairs, infer_flip_map, mean_shape

TRIANGLE = np.array([[0.0, 0], [30, 0], [12, 18], [5, 40]])
FACE = np.array([[0.0, 0], [10, 0], [5, 4], [2, 8], [8, 8]])
FLIP = (1, 0, 2, 4, 3)


def moved(shape, degrees=0.0, scale=1.0, shift=(0.0, 0.0)):
    return (Affine.translation(*shift) @ Affine.rotation(degrees, [0, 0]) @ Affine.linear(np.eye(2) * scale, [0, 0]))(
        shape
    )


@given(st.floats(-180, 180), st.floats(0.2, 5), st.tuples(st.floats(-90, 90), st.floats(-90, 90)))
def test_the_mean_of_moved_copies_is_the_first_shape(degrees, scale, shift):
    copies = np.stack([TRIANGLE, moved(TRIANGLE, degrees, scale, shift), moved(TRIANGLE, 20, 1.5)])
    assert mean_shape(copies) == pytest.approx(TRIANGLE, abs=1e-6)


def test_the_reference_is_the_first_face_with_the_most_points():
    partial = moved(TRIANGLE, 10, 3.0)
    partial[3] = np.nan
    full, other = moved(TRIANGLE, 50, 0.5, (7, 8)), moved(TRIANGLE, 1, 2.0)
    assert mean_shape([partial, full, other]) == pytest.approx(full, abs=1e-6)


def test_missing_points_do_not_shift_the_mean():
    partial = moved(TRIANGLE, 33, 2.0, (5, 6))
    partial[1] = np.nan
    assert mean_shape([TRIANGLE, partial]) == pytest.approx(TRIANGLE, abs=1e-6)


def test_faces_with_fewer_than_two_points_are_left_out():
    single = np.full((4, 2), np.nan)
    single[2] = [1000, 1000]
    assert mean_shape([single, TRIANGLE]) == pytest.approx(TRIANGLE, abs=1e-6)


def test_a_point_that_no_face_has_stays_missing():
    partial = TRIANGLE.copy()
    partial[2] = np.nan
    mean = mean_shape([partial, moved(partial, 40)])
    assert np.isnan(mean[2]).all()
    assert mean[[0, 1, 3]] == pytest.approx(TRIANGLE[[0, 1, 3]], abs=1e-6)


def test_the_mean_lies_between_two_shapes():
    wide = TRIANGLE * [1.1, 1.0]
    mean = mean_shape([TRIANGLE, wide])
    ratio = np.ptp(mean, axis=0)[0] / np.ptp(mean, axis=0)[1]
    assert 30 / 40 < ratio < 33 / 40
    assert ratio == pytest.approx(31.5 / 40, abs=0.01)


def test_the_size_does_not_drift_over_many_rounds():
    noisy = TRIANGLE + np.random.default_rng(0).normal(0, 2, (25, 4, 2))
    assert np.ptp(mean_shape(noisy, rounds=200)) == pytest.approx(np.ptp(mean_shape(noisy, rounds=5)), rel=1e-3)


def test_a_mean_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least two points"):
        mean_shape(np.full((3, 4, 2), np.nan))
    with pytest.raises(ValueError, match="at least two points"):
        mean_shape(np.empty((0, 4, 2)))


@given(st.permutations(range(5)))
def test_the_flip_map_follows_the_order_of_the_points(order):
    flip, residual = infer_flip_map(FACE[None, order])
    renamed = tuple(order.index(FLIP[k]) for k in order)
    assert flip == renamed
    assert residual == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("degrees", [-12, 9])
def test_the_flip_map_of_turned_faces(degrees):
    assert infer_flip_map(moved(FACE, degrees)[None])[0] == FLIP


def test_the_flip_map_is_its_own_inverse_even_for_faces_without_symmetry():
    shapes = np.random.default_rng(3).normal(size=(6, 9, 2))
    flip, residual = infer_flip_map(shapes)
    assert [flip[k] for k in flip] == list(range(9))
    assert residual > 0.05


def test_the_residual_is_a_share_of_the_face_size():
    bent = FACE.copy()
    bent[4, 1] += 1
    one, scaled = infer_flip_map(bent[None])[1], infer_flip_map(7 * bent[None])[1]
    assert scaled == pytest.approx(one)
    assert 0.01 < one < 0.1


def test_the_flip_map_of_synthetic_faces_is_that_of_their_skeleton(drawn):
    flip, residual = infer_flip_map(drawn.keypoints())
    assert flip == drawn.skeleton.flip
    assert residual < 0.01


@pytest.mark.parametrize(("folder", "form"), [("imm_face_db", "imm"), ("300w/afw", "ibug")])
def test_the_flip_map_of_real_faces_is_that_of_their_skeleton(real, folder, form):
    faces = load(f"{form}:{real(folder)}")
    assert infer_flip_map(faces.keypoints())[0] == faces.skeleton.flip


def test_a_pair_must_be_close_in_both_directions():
    """Mirrored point 0 is closest to point 1, but mirrored point 1 is far from point 0; 0 and 2 fit both ways."""
    mirrored = np.array([[0.0, 0], [100, 0], [0, 45]])
    mean = np.array([[0.0, 50], [0, 0.1], [0, 5]])
    assert _pairs(mirrored, mean) == (2, 1, 0)


def test_faces_that_share_too_few_points_with_the_mean_are_left_out():
    face = np.array([[0.0, 0], [10, 0], [5, 4], [2, 8], [8, 8]])
    others = np.full((2, 5, 2), np.nan)
    others[0, :2] = [[1.0, 1], [7, 3]]
    without = face.copy()
    without[:1] = np.nan
    mean = mean_shape([without, others[0], without + 3, np.full((5, 2), 4.0)])
    assert np.isnan(mean[0]).all()
    assert mean[1:] == pytest.approx(without[1:], abs=1e-9)


def test_a_mean_shape_needs_two_places():
    with pytest.raises(ValueError, match="two points in different places"):
        mean_shape(np.full((3, 5, 2), 7.0))
