"""The mean of the labels follows the face: rotated, scaled and moved."""

import numpy as np
import pytest

from nasion.datasets.drawn import render_face
from nasion.errors import ConfigError
from nasion.geometry import Affine
from nasion.studio.albums.starting_shape import Example, matched, starting_points

FACE = render_face(5, 0, 0, "ibug-68").keypoints
OWN = FACE[[36, 45, 30]]


def test_points_follow_a_similarity():
    turned = Affine.rotation(25, (50, 40)) @ Affine.linear(np.eye(2) * 1.7, (0, 0))
    start = starting_points([Example(FACE, OWN), Example(FACE + 9, OWN + 9)], turned(FACE))
    np.testing.assert_allclose(start, turned(OWN), atol=1e-9)


def test_differences_between_examples_are_averaged_and_missing_points_left_out():
    missing = OWN + 2
    missing[1] = np.nan
    start = starting_points([Example(FACE, OWN), Example(FACE, missing)], FACE)
    np.testing.assert_allclose(start, OWN + [[1], [0], [1]], atol=1e-9)


def test_a_point_follows_the_part_of_the_face_that_it_is_on():
    """Between two people, or an open and a closed mouth, parts move against each other."""
    other = render_face(5, 3, 0, "ibug-68").keypoints
    start = starting_points([Example(FACE, OWN)], other)
    size = np.ptp(other, axis=0).max()
    assert np.linalg.norm(start - other[[36, 45, 30]], axis=1).max() < 0.02 * size


def test_without_an_example_there_is_no_start():
    with pytest.raises(ConfigError, match="click the points of the first face yourself"):
        starting_points([], FACE)


class Found:
    def __init__(self, keypoints):
        self.keypoints = keypoints


def test_labels_belong_to_the_face_around_them():
    faces = [Found(FACE + 500), Found(FACE), Found(FACE * 1.2)]
    assert matched(OWN, faces) is faces[1].keypoints
    assert matched(OWN + 2000, faces) is None
