"""Keypoints are drawn where they are, in their color and size, and only those that are present."""

from math import hypot

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion import draw
from nasion.skeleton import from_table

BLACK = np.zeros((120, 160, 3), np.uint8)
LINE = from_table("line", {"names": ["a", "b", "c"], "regions": {"all": "0-2"}})
RED = (255, 0, 0)
NAN = [np.nan, np.nan]


def points(*pairs):
    return np.array(pairs, float)


def inked(image):
    return image.any(-1)


def centroid(mask):
    ys, xs = np.nonzero(mask)
    return xs.mean(), ys.mean()


def is_color(image, color):
    return (image == color).all(-1)


def test_subpixels_are_sixteenths():
    assert draw.to_subpixels(points([1.0, 2.5], [0.03, -1.0], [0.04, 7.97])) == [[16, 40], [0, -16], [1, 128]]


def test_point_is_a_disk_with_a_white_rim():
    drawn = draw.draw_points(BLACK, points([60.0, 40]), RED, radius_px=5)
    assert drawn[40, 60].tolist() == [255, 0, 0]
    assert (drawn[..., 0] / 255).sum() == pytest.approx(np.pi * 7**2, rel=0.04)  # disk and rim
    assert is_color(drawn, RED).sum() == pytest.approx(np.pi * 4.5**2, rel=0.06)  # the disk without its edge
    assert centroid(inked(drawn)) == pytest.approx((60, 40), abs=0.05)


@given(st.floats(20, 140), st.floats(20, 100))
def test_point_is_centered_between_pixels(x, y):
    weight = draw.draw_points(BLACK, points([x, y]), (255, 255, 255), radius_px=4).astype(float)[..., 0]
    ys, xs = np.mgrid[:120, :160]
    assert ((xs * weight).sum() / weight.sum(), (ys * weight).sum() / weight.sum()) == pytest.approx((x, y), abs=0.25)


def test_image_is_not_changed():
    image = BLACK.copy()
    draw.draw_points(image, points([60.0, 40], [20, 20], [30, 80]), RED, LINE)
    draw.face_view(image, points([60.0, 40]), points([61.0, 40]), np.array([20.0, 20, 60, 60]))
    assert not image.any()


def test_lines_join_neighbors_of_the_skeleton():
    drawn = draw.draw_points(BLACK, points([20.0, 20], [100, 20], [100, 90]), RED, LINE, radius_px=4)
    assert drawn[20, 60].tolist() == [255, 0, 0]
    assert drawn[55, 100].tolist() == [255, 0, 0]
    assert not drawn[55, 60].any()  # the region is not closed
    assert not draw.draw_points(BLACK, points([20.0, 20], [100, 20], [100, 90]), RED)[20, 60].any()


@pytest.mark.parametrize("radius", [0.2, 0.4, 0.8, 1.5, 2.9, 3.0, 5.0, 20.0])
def test_marks_of_any_size_scale_with_the_radius(radius):
    """OpenCV alone draws no circle below a pixel, and no line thinner than one."""
    disk = draw.draw_points(BLACK, points([60.3, 40.8]), RED, radius_px=radius)
    assert (disk[..., 0] / 255).sum() == pytest.approx(np.pi * (1.4 * radius) ** 2, rel=0.05)
    assert (disk[..., 1] / 255).sum() == pytest.approx(np.pi * radius**2 * (1.4**2 - 1), rel=0.05)  # the white rim
    line = draw.draw_points(BLACK, points([20.0, 50], [140, 50], NAN), RED, LINE, radius)
    assert (line[:, 80, 0] / 255).sum() == pytest.approx(0.85 * radius, rel=0.22)


def test_each_point_and_the_line_that_starts_there_may_have_a_color():
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    drawn = draw.draw_points(BLACK, points([20.0, 20], [100, 20], [100, 90]), colors, LINE, radius_px=4)
    assert [drawn[y, x].tolist() for x, y in [(20, 20), (100, 20), (100, 90)]] == [list(color) for color in colors]
    assert (drawn[20, 60].tolist(), drawn[55, 100].tolist()) == ([255, 0, 0], [0, 255, 0])


def test_missing_points_and_their_lines_are_left_out():
    drawn = draw.draw_points(BLACK, points([20.0, 20], NAN, [100, 90]), RED, LINE)
    expected = draw.draw_points(draw.draw_points(BLACK, points([20.0, 20]), RED), points([100.0, 90]), RED)
    assert np.array_equal(drawn, expected)


def test_view_shows_the_box_with_its_margin():
    image = BLACK.copy()
    image[40:60, 50:70] = 200
    view = draw.face_view(image, None, None, np.array([49.5, 39.5, 69.5, 59.5]), side=90, margin=1.5)
    assert view.shape == (90, 90, 3)
    ys, xs = np.nonzero(view[..., 0] > 100)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (15, 74, 15, 74)  # 20 px at 3 times the size, centered


def test_view_of_a_wide_box_is_square_around_its_center():
    image = BLACK.copy()
    image[40:60, 50:70] = 200
    view = draw.face_view(image, None, None, np.array([39.5, 44.5, 79.5, 54.5]), side=80, margin=1.0)
    ys, xs = np.nonzero(view[..., 0] > 100)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (20, 59, 20, 59)


def test_view_is_black_outside_the_image():
    view = draw.face_view(np.full((120, 160, 3), 200, np.uint8), None, None, np.array([-40.5, 0, 39.5, 80]), 80, 1.0)
    assert not view[:, :39].any()
    assert (view[1:-1, 41:] == 200).all()


def test_view_shows_true_points_orange_and_predicted_ones_blue():
    box = np.array([0.0, 0, 100, 100]) - 0.5
    view = draw.face_view(BLACK, points([20.0, 30]), points([70.0, 80]), box, side=200, margin=1.0)
    assert centroid(is_color(view, draw.TRUE)) == pytest.approx((40.5, 60.5), abs=0.6)
    assert centroid(is_color(view, draw.PREDICTED)) == pytest.approx((140.5, 160.5), abs=0.6)
    assert view[110, 90].min() > 120  # the white line between them


def test_view_joins_only_points_that_are_in_both():
    box = np.array([0.0, 0, 100, 100]) - 0.5
    view = draw.face_view(BLACK, points([20.0, 30], [10, 10]), points(NAN, [10, 90]), box, side=100, margin=1.0)
    assert view[50, 10].min() > 120
    assert not view[30, 25:].any()


@pytest.mark.parametrize("which", [0, 1])
def test_view_with_one_kind_of_points_has_no_lines(which):
    box = np.array([0.0, 0, 100, 100]) - 0.5
    given = [points([20.0, 30]) if k == which else None for k in range(2)]
    view = draw.face_view(BLACK, *given, box, side=100, margin=1.0)
    color, other = (draw.TRUE, draw.PREDICTED)[:: 1 if which == 0 else -1]
    assert view[30, 20].tolist() == list(color)
    assert not is_color(view, other).any()
    assert inked(view).sum() < 30


def test_view_box_is_the_bounding_box_of_several_points():
    assert draw.view_box(points([20.0, 30], NAN, [50, 90]), (120, 160)).tolist() == [20, 30, 50, 90]
    assert draw.view_box(points([20.0, 30], [20, 90]), (120, 160)).tolist() == [20, 30, 20, 90]


def test_view_box_of_a_single_point_is_a_share_of_the_image():
    assert draw.view_box(points([70.0, 50]), (120, 160), 0.5).tolist() == [40, 20, 100, 80]
    assert draw.view_box(points([70.0, 50]), (200, 80), 0.25).tolist() == [60, 40, 80, 60]


def test_colors_are_distinct():
    colors = [draw.TRUE, draw.PREDICTED, draw.SPREAD, draw.PAPER, draw.INK]
    apart = [hypot(*np.subtract(a, b)) for k, a in enumerate(colors) for b in colors[:k]]
    assert min(apart) > 100
    apart = [hypot(*np.subtract(a, b)) for k, a in enumerate(draw.REGIONS) for b in draw.REGIONS[:k]]
    assert min(apart) > 60
