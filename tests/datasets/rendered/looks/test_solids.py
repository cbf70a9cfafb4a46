"""Tubes, balls and sheets: normals, closed surfaces, merging."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nasion.datasets.rendered.assets import CLOTH, SKIN
from nasion.datasets.rendered.looks.solids import ball, grid, merged, tube


def volume(piece):
    a, b, c = (piece.points[piece.triangles[:, k]].astype(float) for k in range(3))
    return np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6


def test_a_ball_is_closed():
    piece = ball(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]), np.ones(3), CLOTH, detail=40)
    assert abs(volume(piece)) == pytest.approx(4 / 3 * np.pi * 24, rel=0.02)
    away = (piece.points - [1, 2, 3]) / [4, 9, 16]
    inner = np.abs(away[:, 1]) < 0.3
    alignment = (away * piece.normals).sum(1)[inner] / np.linalg.norm(away, axis=1)[inner]
    assert np.abs(alignment).min() > 0.97


def test_a_tube_has_its_radius():
    piece = tube(np.array([[0.0, 0, 0], [0, 5, 0], [0, 10, 0]]), 1.5, np.ones(3), CLOTH, sides=40)
    assert abs(volume(piece)) == pytest.approx(np.pi * 1.5**2 * 10, rel=0.02)
    assert np.hypot(*piece.points[:, [0, 2]].T).max() == pytest.approx(1.5)


def test_a_loop_is_a_torus():
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    piece = tube(
        np.stack([5 * np.cos(angle), 0 * angle, 5 * np.sin(angle)], 1), 1.0, np.ones(3), CLOTH, sides=30, loop=True
    )
    assert abs(volume(piece)) == pytest.approx(2 * np.pi**2 * 5, rel=0.02)


def test_pieces_of_skin_have_no_features():
    piece = ball(np.zeros(3), np.ones(3), np.full(3, 0.7), SKIN)
    assert (piece.color == 0).all()
    assert (piece.uv[:, 0] > 1).all()  # the back of the head


def test_merged_pieces_keep_their_triangles():
    a = grid(np.arange(12.0).reshape(2, 2, 3), np.ones(3), CLOTH)
    b = grid(np.arange(18.0).reshape(3, 2, 3) ** 2, np.zeros(3), CLOTH)
    both = merged([a, b])
    np.testing.assert_array_equal(both.points[both.triangles[len(a.triangles) :]], b.points[b.triangles])
    assert len(both.color) == len(both.points) == len(both.normals) == len(both.uv) == 10
