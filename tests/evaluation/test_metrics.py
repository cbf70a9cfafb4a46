import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.evaluation import metrics

values = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)


def test_by_hand():
    errors = metrics.point_errors([[[3.0, 4.0], [0, 0]]], [[[0.0, 0.0], [0, 2]]])
    assert errors.tolist() == [[5, 2]]
    assert metrics.face_errors(errors, [7.0]).tolist() == [0.5]


def test_a_missing_point_changes_nothing():
    whole = np.array([[1.0, 3.0], [2.0, 6.0]])
    more = np.column_stack([whole, [np.nan, np.nan]])
    assert metrics.face_errors(more).tolist() == metrics.face_errors(whole).tolist()
    assert np.isnan(metrics.face_errors(np.array([[np.nan]]))).all()


def test_faces_without_a_length_are_left_out():
    nme = metrics.face_errors(np.array([[1.0], [2.0], [3.0]]), [10.0, np.nan, 0.0])
    assert metrics.failure_rate(nme, 0.08) == 1.0
    assert metrics.auc(nme, 0.2) == pytest.approx(0.5)


@given(values, st.floats(0.01, 1))
def test_auc_is_the_integral_of_the_ced(nme, threshold):
    grid = np.linspace(0, threshold, 20001)
    integral = np.trapezoid(metrics.ced(nme, grid), grid) / threshold
    assert metrics.auc(nme, threshold) == pytest.approx(integral, abs=1e-3)


@given(values, st.floats(0.01, 1))
def test_failure_rate_is_what_the_ced_leaves(nme, threshold):
    assert metrics.failure_rate(nme, threshold) == pytest.approx(1 - metrics.ced(nme, [threshold])[0])


def test_bootstrap_draws_whole_groups():
    # two groups, all alike inside: the mean can only be 0, 1/2 or 1, and its interval is the whole range
    low, high = metrics.bootstrap([0.0] * 6 + [1.0] * 6, ["a"] * 6 + ["b"] * 6, np.mean)
    assert (low, high) == (0.0, 1.0)
