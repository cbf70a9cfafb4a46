"""Hairs: roots on the skin, growth, and the outline of the head."""

import numpy as np


def test_roots_lie_on_the_skin(assets):
    from nasion.datasets.rendered.looks.strands import outer_skin, sample_roots

    skin = outer_skin(assets)
    high = (skin.centers[:, 1] > 10).astype(float)
    normals = assets.normals(assets.neutral)
    roots = sample_roots(np.random.default_rng(0), assets, assets.neutral, normals, high, 300)
    assert roots.position.shape == (300, 3)
    np.testing.assert_allclose(roots.position, roots.neutral, atol=1e-5)
    assert roots.position[:, 1].min() > 9
    np.testing.assert_allclose(np.linalg.norm(roots.normal, axis=1), 1, atol=1e-4)
    none = sample_roots(np.random.default_rng(0), assets, assets.neutral, normals, 0 * high, 300)
    assert none.position.shape == (0, 3)


def test_hair_has_its_length_and_falls(assets):
    from nasion.datasets.rendered.looks.strands import grow

    roots, start = np.zeros((2, 3)), np.array([[1.0, 0, 0], [0, 1, 0]])
    length = np.array([10.0, 5.0])
    points = grow(roots, start, length, 20, gravity=0.4, stiffness=0.0, outline=None)
    steps = np.linalg.norm(np.diff(points, axis=1), axis=2)
    np.testing.assert_allclose(steps.sum(1), length, rtol=1e-3)
    assert points[0, -1, 1] < -4
    straight = grow(roots, start, length, 20, gravity=0.0, stiffness=0.5, outline=None)
    np.testing.assert_allclose(straight[0, -1], [10, 0, 0], atol=1e-3)


def test_hair_stays_outside_the_head(assets):
    from nasion.datasets.rendered.looks.strands import Outline

    outline = Outline(assets.neutral)
    points = np.random.default_rng(1).normal(0, 4, (500, 3)).astype(np.float32) + Outline.CENTER
    moved = outline.push_out(points, 0.5)
    radius, head = outline.radius(moved)
    assert (radius >= head + 0.45).all()
    crown = assets.neutral[assets.neutral[:9409, 1].argmax()][None]
    radius, head = outline.radius(crown.astype(np.float32))
    np.testing.assert_allclose(radius, head, atol=0.4)


def test_curls_start_at_the_root(assets):
    from nasion.datasets.rendered.looks.strands import Wave

    offsets = Wave(0.6, 0.5).offsets(np.random.default_rng(0), np.arange(7) // 3, np.full(7, 8.0), 12)
    assert offsets.shape == (7, 12, 3)
    np.testing.assert_allclose(offsets[:, 0], 0)
    assert 0.3 < np.abs(offsets[:, -1]).max() <= 0.6
