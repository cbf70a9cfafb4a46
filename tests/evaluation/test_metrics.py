"""Scores against values computed manually, properties, and independent references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nasion.evaluation import metrics

values = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)
quick = settings(max_examples=40, deadline=None)


def test_errors_of_two_points():
    errors = metrics.point_errors([[[3.0, 4.0], [0, 0]]], [[[0.0, 0.0], [0, 2]]])
    assert errors.tolist() == [[5, 2]]
    assert metrics.face_errors(errors, [7.0]).tolist() == [0.5]


def test_missing_point_changes_nothing():
    full = np.array([[1.0, 3.0], [2.0, 6.0]])
    more = np.column_stack([full, [np.nan, np.nan]])
    assert metrics.face_errors(more).tolist() == metrics.face_errors(full).tolist()
    assert np.isnan(metrics.face_errors(np.array([[np.nan]]))).all()


def test_one_missing_coordinate_makes_the_error_unknown():
    assert np.isnan(metrics.point_errors([[1.0, 2.0]], [[1.0, np.nan]])).all()


def test_faces_without_a_length_have_no_nme():
    nme = metrics.face_errors(np.array([[1.0], [2.0], [3.0], [4.0]]), [10.0, np.nan, 0.0, -1.0])
    assert_allclose(nme, [0.1, np.nan, np.nan, np.nan])
    assert metrics.failure_rate(nme, 0.08) == 1.0
    assert metrics.auc(nme, 0.2) == pytest.approx(0.5)


def test_threshold_itself_is_not_a_failure():
    assert metrics.failure_rate([0.08, 0.0800001, 0.01], 0.08) == pytest.approx(1 / 3)


def test_ced_counts_the_threshold_itself():
    assert_allclose(metrics.ced([0.25, 0.5, 0.75, np.nan], [0.0, 0.25, 0.5, 0.9]), [0, 1 / 3, 2 / 3, 1])


def test_scores_of_no_faces_are_unknown():
    nothing = np.full(3, np.nan)
    for score in (metrics.mean(nothing), metrics.median(nothing), metrics.auc(nothing, 0.1)):
        assert np.isnan(score)
    assert np.isnan(metrics.failure_rate(nothing, 0.1))
    assert np.isnan(metrics.share_within(nothing, 1.0))
    assert metrics.ced(nothing, [0.1, 0.2]).tolist() == [0, 0]


def test_mean_and_median_ignore_what_is_not_finite():
    array = [[1.0, np.nan, 2.0], [np.inf, 9.0, -np.inf]]
    assert metrics.mean(array) == 4
    assert metrics.median(array) == 2
    assert metrics.finite(array).tolist() == [1, 2, 9]


def test_share_within_counts_the_multiple_itself():
    assert metrics.share_within([[1.0, 2.0], [np.nan, 3.0]], 2.0) == pytest.approx(2 / 3)


@quick
@given(values, st.floats(0.01, 1))
def test_auc_is_the_integral_of_the_ced(nme, threshold):
    grid = np.linspace(0, threshold, 20001)
    integral = np.trapezoid(metrics.ced(nme, grid), grid) / threshold
    assert metrics.auc(nme, threshold) == pytest.approx(integral, abs=1e-3)


@quick
@given(values, st.floats(0.01, 1))
def test_failure_rate_is_the_complement_of_the_ced(nme, threshold):
    assert metrics.failure_rate(nme, threshold) == pytest.approx(1 - metrics.ced(nme, [threshold])[0])


@quick
@given(values, st.floats(0.1, 10))
def test_nme_is_inverse_to_the_length(errors, length):
    column = errors[:, None]
    assert_allclose(metrics.face_errors(column, np.full(len(errors), length)), errors / length)


def test_bootstrap_resamples_whole_groups():
    # two groups, equal values inside each: the mean can only be 0, 1/2 or 1, so the interval is the full range
    low, high = metrics.bootstrap([0.0] * 6 + [1.0] * 6, ["a"] * 6 + ["b"] * 6, np.mean)
    assert (low, high) == (0.0, 1.0)


def test_bootstrap_of_one_group_is_unknown():
    assert np.isnan(metrics.bootstrap([1.0, 2.0], ["a", "a"], np.mean)).all()


def test_bootstrap_of_unknown_values_is_unknown():
    assert np.isnan(metrics.bootstrap(np.full(4, np.nan), list("aabb"), metrics.mean)).all()


def test_bootstrap_interval_is_that_of_the_normal_distribution():
    array = np.random.default_rng(1).normal(5, 2, 400)
    groups = [str(k) for k in range(400)]
    low, high = metrics.bootstrap(array, groups, metrics.mean, rounds=600)
    error = array.std() / np.sqrt(400)
    assert_allclose([low, high], array.mean() + np.array([-1.96, 1.96]) * error, atol=0.03)
    narrow = metrics.bootstrap(array, groups, metrics.mean, rounds=600, level=0.5)
    assert_allclose(narrow, array.mean() + np.array([-0.674, 0.674]) * error, atol=0.03)


def test_bootstrap_is_reproducible_and_depends_on_its_seed():
    array, groups = np.arange(9.0) ** 2, list("abcdefghi")
    assert metrics.bootstrap(array, groups, np.mean) == metrics.bootstrap(array, groups, np.mean, seed=0)
    assert metrics.bootstrap(array, groups, np.mean) != metrics.bootstrap(array, groups, np.mean, seed=1)


def test_bootstrap_ignores_rounds_without_a_value():
    # rounds that draw only the group "a" have no finite value
    low, high = metrics.bootstrap([np.nan, 3.0], ["a", "b"], metrics.mean)
    assert (low, high) == (3.0, 3.0)
