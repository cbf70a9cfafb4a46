"""Keypoints are drawn where they are, in their color and size, and only those that are present."""

from math import hypot

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion import draw
from nasion.sample import Prediction
from nasion.skeleton import from_table

BLACK = np.zeros((120, 160, 3), np.uint8)
LINE = from_table("line", {"names": ["a", "b", "c"], "regions": {"all": "0-2"}})
RED = (255, 0, 0)
NAN = [np.nan, np.nan]
SOFT = 0.5
"""How much OpenCV's antialiasing adds to the radius of a shape, px."""


def points(*pairs):
    return np.array(pairs, float)


def prediction(keypoints, spread=0.0, anisotropy=(0.0, 0.0), box=(0.0, 0, 100, 100), skeleton=LINE):
    count = len(keypoints)
    return Prediction(
        keypoints, np.full(count, float(spread)), np.tile(anisotropy, (count, 1)), np.array(box, float), 0.9, skeleton
    )


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
    assert (drawn[..., 0] / 255).sum() == pytest.approx(np.pi * (5.8 + SOFT) ** 2, rel=0.04)  # disk and rim
    assert is_color(drawn, RED).sum() == pytest.approx(np.pi * 5**2, rel=0.06)  # the disk
    assert centroid(inked(drawn)) == pytest.approx((60, 40), abs=0.05)


@given(st.floats(20, 140), st.floats(20, 100))
def test_point_is_centered_between_pixels(x, y):
    weight = draw.draw_points(BLACK, points([x, y]), (255, 255, 255), radius_px=4).astype(float)[..., 0]
    ys, xs = np.mgrid[:120, :160]
    assert ((xs * weight).sum() / weight.sum(), (ys * weight).sum() / weight.sum()) == pytest.approx((x, y), abs=0.25)


def test_image_is_not_changed():
    image = BLACK.copy()
    draw.draw_points(image, points([60.0, 40], [20, 20], [30, 80]), RED, LINE)
    draw.draw_predictions(image, [prediction(points([60.0, 40], [20, 20], [30, 80]), 4)], with_spread=True)
    draw.face_view(image, points([60.0, 40]), points([61.0, 40]), np.array([20.0, 20, 60, 60]))
    assert not image.any()


def test_lines_join_neighbors_of_the_skeleton():
    drawn = draw.draw_points(BLACK, points([20.0, 20], [100, 20], [100, 90]), RED, LINE, radius_px=4)
    assert drawn[20, 60].tolist() == [255, 0, 0]
    assert drawn[55, 100].tolist() == [255, 0, 0]
    assert not drawn[55, 60].any()  # the region is not closed
    assert not draw.draw_points(BLACK, points([20.0, 20], [100, 20], [100, 90]), RED)[20, 60].any()


def test_lines_are_half_as_thick_as_points_are_wide():
    ends = points([20.0, 50], [140, 50], NAN)
    widths = [(draw.draw_points(BLACK, ends, RED, LINE, radius)[:, 80, 0] / 255).sum() for radius in (6, 10, 18)]
    assert np.diff(widths) == pytest.approx([2, 4], abs=0.3)  # 3, 5 and 9 px, and antialiased edges
    assert draw.draw_points(BLACK, ends, RED, LINE, 0.4)[50, 80].any()


def test_missing_points_and_their_lines_are_left_out():
    drawn = draw.draw_points(BLACK, points([20.0, 20], NAN, [100, 90]), RED, LINE)
    expected = draw.draw_points(draw.draw_points(BLACK, points([20.0, 20]), RED), points([100.0, 90]), RED)
    assert np.array_equal(drawn, expected)


@pytest.mark.parametrize(("box", "radius"), [((0, 0, 300, 400), 2.0), ((0, 0, 9, 9), 1.2), ((0, 0, 9000, 9000), 12)])
def test_points_of_a_face_are_scaled_to_its_box(box, radius):
    keypoints = points([60.0, 40], [20, 20], [30, 80])
    drawn = draw.draw_face(BLACK, prediction(keypoints, box=box))
    assert np.array_equal(drawn, draw.draw_points(BLACK, keypoints, draw.PREDICTED, LINE, radius))


def test_name_is_written_above_the_face():
    keypoints = points([40.0, 80], [90, 100], [60, 110])
    face = prediction(keypoints, box=(0, 0, 400, 300))
    plain, named = draw.draw_face(BLACK, face), draw.draw_face(BLACK, face, "7")
    text = inked(named) & ~inked(plain)
    assert text.any()
    ys, xs = np.nonzero(text)
    assert ys.max() < 80
    assert 36 <= xs.min() < 60
    assert is_color(named, draw.PREDICTED)[:80].any()


def test_face_without_points_has_no_name():
    assert not draw.draw_face(BLACK, prediction(points(NAN, NAN, NAN)), "7").any()


def test_several_faces_are_numbered_from_zero_and_one_face_is_not():
    one, two = (prediction(points([x, 80.0], [x + 20, 90], [x, 100])) for x in (20.0, 90.0))
    assert np.array_equal(draw.draw_predictions(BLACK, [one]), draw.draw_face(BLACK, one))
    expected = draw.draw_face(draw.draw_face(BLACK, one, "0"), two, "1")
    assert np.array_equal(draw.draw_predictions(BLACK, [one, two]), expected)
    assert not draw.draw_predictions(BLACK, []).any()


def ellipse_mask(spread, anisotropy):
    face = prediction(points([80.0, 60], NAN, NAN), spread, anisotropy)
    image = draw.draw_predictions(BLACK, [face], with_spread=True)
    return image[..., 1] > draw.SPREAD[1] * 0.45 / 2  # half of the opacity, at the middle of the antialiased edge


def test_circle_of_uncertainty_has_a_radius_of_two_spreads():
    assert ellipse_mask(10, (0.0, 0.0)).sum() == pytest.approx(np.pi * (20 + SOFT) ** 2, rel=0.03)


def test_ellipse_of_uncertainty_has_the_half_axes_and_the_angle_of_the_prediction():
    anisotropy = (0.4, 0.5)
    (long, short, angle_deg), *_ = prediction(points([80.0, 60], NAN, NAN), 10, anisotropy).ellipses
    mask = ellipse_mask(10, anisotropy)
    ys, xs = np.nonzero(mask)
    offsets = np.stack([xs - 80, ys - 60])
    values, vectors = np.linalg.eigh(np.cov(offsets))
    assert 2 * np.sqrt(values) == pytest.approx([2 * short, 2 * long], rel=0.05)
    axis = vectors[:, 1] * np.sign(vectors[0, 1])
    assert np.degrees(np.arctan2(axis[1], axis[0])) % 180 == pytest.approx(angle_deg, abs=2)


def test_ellipses_are_translucent_and_below_the_points():
    gray = np.full_like(BLACK, 100)
    drawn = draw.draw_face(gray, prediction(points([80.0, 60], NAN, NAN), 10), with_spread=True)
    assert drawn[60, 95] == pytest.approx(np.array(draw.SPREAD) * 0.45 + 100 * 0.55, abs=1)
    assert drawn[60, 80].tolist() == list(draw.PREDICTED)
    assert drawn[10, 10].tolist() == [100, 100, 100]


@pytest.mark.parametrize("spread", [np.nan, np.inf])
def test_unknown_uncertainty_draws_no_ellipse(spread):
    face = prediction(points([80.0, 60], [20, 20], NAN), spread)
    assert np.array_equal(draw.draw_face(BLACK, face, with_spread=True), draw.draw_face(BLACK, face))


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
