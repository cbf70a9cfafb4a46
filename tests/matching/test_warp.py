"""Triangles cover the canvas without overlap, and a warp moves each point exactly onto its target."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.pairs import SIZE, scattered
from nasion.geometry import Affine
from nasion.matching import warp
from nasion.matching.warp import BORDER_SHARE, border_points, clamp_to_canvas, piecewise_warp, triangles


def with_border(points, size=SIZE):
    return np.concatenate([points, border_points(size)])


def noise(size=SIZE):
    return np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)


def areas(corners):
    (x1, y1), (x2, y2) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    return np.abs(x1 * y2 - x2 * y1) / 2


def test_border_is_a_quarter_of_the_sides_away():
    assert BORDER_SHARE == 0.25
    left, center, right = -0.5 - 20, 39.5, 79.5 + 20
    top, middle, bottom = -0.5 - 15, 29.5, 59.5 + 15
    expected = [
        [left, top], [center, top], [right, top], [left, middle], [right, middle], [left, bottom], [center, bottom],
        [right, bottom],
    ]  # fmt: skip
    assert border_points(SIZE).tolist() == expected


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=2))
def test_clamped_points_are_the_nearest_ones_on_the_canvas(pairs):
    points = np.array(pairs)
    clamped = clamp_to_canvas(points, SIZE)
    assert (clamped >= 0).all()
    assert (clamped <= [79, 59]).all()
    inside = ((points >= 0) & (points <= [79, 59])).all(1)
    assert np.array_equal(clamped[inside], points[inside])


@pytest.mark.parametrize(("count", "low", "high"), [(3, 12, 48), (20, 12, 48), (68, 12, 48), (20, 0, 59)])
def test_triangles_cover_the_box_of_the_border_once(count, low, high):
    outside = clamp_to_canvas(scattered(9, 1, -50, 150), SIZE)
    points = with_border(np.concatenate([scattered(count, 0, low, high), outside]))
    total = areas(points[triangles(points, SIZE)]).sum()
    assert total == pytest.approx((1 + 2 * BORDER_SHARE) ** 2 * SIZE[0] * SIZE[1], rel=1e-5)


def test_every_point_is_a_corner_and_no_triangle_holds_another_point():
    points = with_border(scattered(20))
    found = triangles(points, SIZE)
    assert set(found.ravel()) == set(range(28))
    for triangle in found:
        a, b, c = points[triangle]
        weights = np.linalg.solve(np.vstack([np.stack([a, b, c]).T, np.ones(3)]), np.vstack([points.T, np.ones(28)]))
        inside = (weights > 1e-6).all(0)
        assert not inside.any()


def test_triangles_satisfy_the_delaunay_condition():
    points = with_border(scattered(15))
    for triangle in triangles(points, SIZE):
        a, b, c = points[triangle]
        center = np.linalg.solve(2 * np.stack([b - a, c - a]), [b @ b - a @ a, c @ c - a @ a])
        radius = np.linalg.norm(a - center)
        others = np.delete(points, triangle, axis=0)
        assert (np.linalg.norm(others - center, axis=1) > radius * (1 - 1e-4)).all()


def test_coinciding_points_count_once():
    points = with_border(np.repeat(scattered(4), 3, axis=0))
    used = set(triangles(points, SIZE).ravel())
    assert used == {0, 3, 6, 9, *range(12, 20)}
    assert piecewise_warp(noise(), points, points, SIZE).shape == (*SIZE, 3)


def test_warp_onto_itself_changes_nothing():
    points = with_border(scattered(20))
    assert np.abs(piecewise_warp(noise(), points, points, SIZE).astype(int) - noise()).max() <= 1


def test_warp_by_an_affine_map_is_that_map():
    image = cv2.GaussianBlur(noise(), (0, 0), 2)
    move = Affine.translation(4, -3) @ Affine.rotation(10, [40, 30])
    source = with_border(scattered(20))
    warped = piecewise_warp(image, move.inverse()(source), source, SIZE)
    expected = cv2.warpAffine(image, move.matrix, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(warped.astype(int) - expected).max() <= 3


def test_bands_do_not_change_the_result(monkeypatch):
    source, target = with_border(scattered(9, 2)), with_border(scattered(9, 2) + scattered(9, 3, -3, 3))
    whole = piecewise_warp(noise(), source, target, SIZE)
    monkeypatch.setattr(warp, "BAND_ROWS", 7)
    assert np.array_equal(piecewise_warp(noise(), source, target, SIZE), whole)


def test_canvas_may_differ_from_the_image_in_size():
    canvas = (30, 50)
    scale = Affine(np.array([[80 / 50, 0, 0.3], [0, 2, 0.5]]))
    target = with_border(scattered(9, 2, 5, 25), canvas)
    warped = piecewise_warp(noise(), scale(target), target, canvas)
    expected = cv2.warpAffine(
        noise(),
        scale.matrix,
        canvas[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    assert warped.shape == (30, 50, 3)
    assert np.abs(warped.astype(int) - expected).max() <= 12  # OpenCV rounds positions to 1/32 px


def test_blob_moves_with_its_point():
    size = (240, 320)
    source = np.array([[80.0, 60], [230, 70], [150, 170], [160, 110]])
    target = source + np.array([[12, -9], [-15, 11], [8, 14], [-6, -10]])
    y, x = np.mgrid[: size[0], : size[1]]
    for k in range(len(source)):
        blob = 255 * np.exp(-((x - source[k, 0]) ** 2 + (y - source[k, 1]) ** 2) / 18)
        image = np.repeat(np.rint(blob).astype(np.uint8)[..., None], 3, -1)
        warped = piecewise_warp(image, with_border(source, size), with_border(target, size), size)[..., 0].astype(float)
        peak = np.unravel_index(warped.argmax(), warped.shape)[::-1]
        assert np.abs(np.array(peak) - target[k]).max() <= 1
        assert cv2.GaussianBlur(warped, (0, 0), 1)[tuple(np.rint(target[k]).astype(int)[::-1])] > 150
