"""Keypoints are matched by name, and a known map between two faces is recovered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.pairs import face, scattered
from nasion.errors import SkeletonError
from nasion.geometry import Affine
from nasion.matching import MIN_POINTS, Match, match
from nasion.skeleton import from_table


@given(st.floats(-180, 180), st.floats(0.2, 5), st.floats(-300, 300), st.floats(-300, 300))
def test_known_similarity_is_recovered(angle, scale, dx, dy):
    a = scattered(58)
    there = Affine.translation(dx, dy) @ Affine.linear(scale * np.eye(2), [0, 0]) @ Affine.rotation(angle, [5, 9])
    matched = match(face(a), face(there(a)))
    assert matched.similarity(there(a)) == pytest.approx(a, abs=1e-6)
    assert matched.residual == pytest.approx(0, abs=1e-8)
    assert matched.similarity.scale == pytest.approx(1 / scale)
    assert np.cos(np.radians(matched.similarity.rotation_deg + angle)) == pytest.approx(1, abs=1e-9)


def test_points_are_matched_by_name_not_by_index():
    one = from_table("one", {"names": ["a", "b", "c", "d"], "regions": {"all": "0-3"}})
    two = from_table("two", {"names": ["d", "x", "b", "a", "c"], "regions": {"all": "0-4"}})
    places = {name: np.array(place, float) for name, place in zip("abcdx", scattered(5), strict=True)}
    matched = match(face([places[n] for n in one.names], one), face([places[n] + 7 for n in two.names], two))
    assert matched.names == ("a", "b", "c", "d")
    assert matched.a == pytest.approx(np.array([places[name] for name in "abcd"]))
    assert matched.b - matched.a == pytest.approx(np.full((4, 2), 7.0))


def test_points_missing_in_either_face_are_left_out():
    a, b = scattered(58), scattered(58)
    a[3] = np.nan
    b[7] = np.nan
    matched = match(face(a), face(b))
    names = face(a).skeleton.names
    assert matched.names == tuple(name for k, name in enumerate(names) if k not in (3, 7))
    assert matched.a == pytest.approx(np.delete(a, [3, 7], axis=0))
    assert matched.residual == pytest.approx(0, abs=1e-9)


def test_too_few_common_points_are_rejected():
    a, b = scattered(58), scattered(58)
    b[MIN_POINTS:] = np.nan
    assert len(match(face(a), face(b)).names) == MIN_POINTS
    b[MIN_POINTS - 1] = np.nan
    with pytest.raises(SkeletonError, match=r"have 2 points of the same name here.*use one model for both images"):
        match(face(a), face(b))


def test_skeletons_without_a_common_name_are_rejected():
    one = from_table("one", {"names": ["a", "b", "c"], "regions": {"all": "0-2"}})
    two = from_table("two", {"names": ["x", "y", "z"], "regions": {"all": "0-2"}})
    with pytest.raises(SkeletonError, match="one and two have 0 points"):
        match(face(scattered(3), one), face(scattered(3), two))


def square_match():
    """A's square of side 2; B's corners are off by 1, 2, 2 and 0 px after a map that doubles the scale."""
    a = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    off = np.array([[1.0, 0], [0, 2], [-2, 0], [0, 0]])
    return Match(("a", "b", "c", "d"), a, (a + off) / 2, Affine.linear(2 * np.eye(2), [0, 0]))


def test_residuals_are_distances_in_px_of_a():
    assert square_match().residuals == pytest.approx([1, 2, 2, 0])
    assert square_match().residual_px == pytest.approx(1.5)


def test_residual_is_relative_to_the_size_of_a():
    assert square_match().residual == pytest.approx(1.5 / np.sqrt(2))


@given(st.floats(0.1, 10))
def test_residual_does_not_depend_on_the_scale_of_the_image(scale):
    a, b = scattered(58, 1), scattered(58, 1) + np.random.default_rng(2).normal(0, 1, (58, 2))
    original, scaled = match(face(a), face(b)), match(face(scale * a), face(b))
    assert scaled.residual == pytest.approx(original.residual)
    assert scaled.residual_px == pytest.approx(scale * original.residual_px)
