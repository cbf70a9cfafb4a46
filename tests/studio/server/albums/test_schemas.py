"""What clients may send about folders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nasion.studio.server.albums.schemas import ImageUpdate, points_array


def update(points, **values):
    return ImageUpdate.model_validate({"name": "a.png", "seen": "new", "faces": [{"keypoints": points}]} | values)


def test_an_image_is_to_do_and_changed_unless_the_update_says_otherwise():
    given = update([[1, 2.5], None])
    assert (given.faces[0].keypoints, given.faces[0].origin) == ([(1.0, 2.5), None], None)
    assert (given.seen, given.state, given.changed) == ("new", "todo", True)
    np.testing.assert_array_equal(points_array(given.faces[0].keypoints), [[1, 2.5], [np.nan, np.nan]])
    assert points_array([]).shape == (0, 2)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_all_finite_coordinates_up_to_the_limit_are_accepted(x, y):
    assert update([(x, y)]).faces[0].keypoints == [(x, y)]


@pytest.mark.parametrize("value", [1e6 + 1, -1e6 - 1, np.inf, -np.inf, np.nan, "x", None])
def test_other_coordinates_are_rejected(value):
    for point in ((value, 1.0), (1.0, value)):
        with pytest.raises(ValidationError):
            update([point])


@pytest.mark.parametrize("point", [(1.0,), (1.0, 2.0, 3.0), 7])
def test_points_that_are_no_pairs_are_rejected(point):
    with pytest.raises(ValidationError):
        update([point])


def test_numbers_and_lengths_are_limited():
    assert len(update([None] * 1000).faces[0].keypoints) == 1000
    for points, values in (
        ([None] * 1001, {}),
        ([], {"seen": "x" * 101}),
        ([], {"state": "x"}),
        ([], {"name": "x" * 5000}),
    ):
        with pytest.raises(ValidationError):
            update(points, **values)
    with pytest.raises(ValidationError):
        update([], faces=[{"keypoints": []}] * 1001)
