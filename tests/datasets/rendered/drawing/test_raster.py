"""The z-buffer: coverage, depth order, culling, and neighbors without gaps."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nasion.datasets.rendered.drawing.raster import EMPTY, rasterize

SQUARE = np.array([[1.5, 1.5], [6.5, 1.5], [6.5, 5.5], [1.5, 5.5]], np.float32)
HALVES = np.array([[0, 2, 1], [0, 3, 2]], np.int32)


def draw(xy, z, triangles, one_sided=0):
    return rasterize(np.asarray(xy, np.float32), (1 / np.asarray(z, np.float32)), triangles, one_sided, (8, 10))


def test_a_square_covers_the_pixels_whose_centers_it_contains():
    numbers, depth = draw(SQUARE, np.full(4, 5.0), HALVES)
    expected = np.zeros((8, 10), bool)
    expected[2:6, 2:7] = True
    np.testing.assert_array_equal(numbers != EMPTY, expected)
    np.testing.assert_allclose(depth[expected], 0.2, rtol=1e-5)
    assert (depth[~expected] == 0).all()


def test_the_nearer_triangle_is_seen_in_either_order():
    xy = np.concatenate([SQUARE, SQUARE])
    z = np.array([9.0] * 4 + [4.0] * 4)
    for triangles in (np.concatenate([HALVES, HALVES + 4]), np.concatenate([HALVES + 4, HALVES])):
        numbers, depth = draw(xy, z, triangles.astype(np.int32))
        assert depth[3, 3] == pytest.approx(0.25)
        assert triangles[numbers[3, 3]].min() >= 4


def test_depth_is_that_of_a_tilted_plane():
    z = np.array([4.0, 8.0, 8.0, 4.0])
    _, depth = draw(SQUARE, z, HALVES)
    share = (np.arange(2, 7) - 1.5) / 5
    np.testing.assert_allclose(depth[3, 2:7], 0.25 + share * (0.125 - 0.25), rtol=1e-5)


def test_one_sided_triangles_are_seen_from_one_side():
    assert (draw(SQUARE, np.full(4, 5.0), HALVES, 2)[0] != EMPTY).any()
    assert (draw(SQUARE, np.full(4, 5.0), HALVES[:, ::-1].copy(), 2)[0] == EMPTY).all()


def test_points_behind_the_camera_are_left_out():
    numbers, _ = rasterize(SQUARE, np.array([0, 0.2, 0.2, 0.2], np.float32), HALVES, 0, (8, 10))
    assert (numbers == EMPTY).all()


def test_a_fan_of_thin_triangles_has_no_gaps():
    angle = np.linspace(0, 2 * np.pi, 200)
    xy = np.concatenate([[[31.3, 30.7]], np.stack([31.3 + 25 * np.cos(angle), 30.7 + 25 * np.sin(angle)], 1)])
    triangles = np.stack([np.zeros(199), np.arange(1, 200), np.arange(2, 201)], 1).astype(np.int32)
    numbers, _ = rasterize(xy.astype(np.float32), np.full(201, 0.1, np.float32), triangles, 0, (64, 64))
    y, x = np.mgrid[:64, :64]
    assert (numbers[np.hypot(x - 31.3, y - 30.7) < 24] != EMPTY).all()
