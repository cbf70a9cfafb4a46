"""Brows, lashes and beards are where they grow, and move with the face."""

import numpy as np


def test_brows_lie_on_the_brow_points(assets):
    from nasion.datasets.rendered.ibug import IBUG_VERTICES
    from nasion.datasets.rendered.looks.fur import grow_brows

    normals = assets.normals(assets.neutral)
    parts = grow_brows(np.random.default_rng(0), assets, assets.neutral, normals, np.full(3, 0.05))
    assert len(parts) == 2
    assert not any(part.covers for part in parts)
    points = assets.neutral[list(IBUG_VERTICES[17:27])]
    roots = np.concatenate([part.points[:, 0] for part in parts])
    assert np.sqrt(((roots[:, None] - points) ** 2).sum(-1)).min(1).max() < 1.5
    assert (roots[:, 0] > 0).any()
    assert (roots[:, 0] < 0).any()


def test_lashes_follow_the_lids(assets):
    from nasion.datasets.rendered.looks.fur import grow_lashes

    k = assets.expressions.index("eyeBlink_L")
    closed = assets.neutral + assets.expression[k].reshape(-1, 3)
    (before,) = grow_lashes(np.random.default_rng(0), assets, assets.neutral, 0.5)
    (after,) = grow_lashes(np.random.default_rng(0), assets, closed, 0.5)
    left = before.points[:, 0, 0] > 0
    assert (after.points[left, -1, 1] - before.points[left, -1, 1]).min() < -0.3
    np.testing.assert_allclose(after.points[~left], before.points[~left], atol=1e-3)


def test_beards_grow_below_the_nose(assets):
    from nasion.datasets.rendered.head import _beard_masks
    from nasion.datasets.rendered.looks.fur import grow_beard

    normals = assets.normals(assets.neutral)
    for seed in range(6):
        parts = grow_beard(
            np.random.default_rng(seed), assets, assets.neutral, normals, np.full(3, 0.05), _beard_masks(assets)
        )
        for part in parts:
            roots = part.points[:, 0]
            assert np.median(roots[:, 1]) < -1.0
            assert (roots[np.abs(roots[:, 0]) < 4, 1] < 0).all()
