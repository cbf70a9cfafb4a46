"""Things before a face are near it."""

import numpy as np
import pytest


@pytest.mark.parametrize("kind", ["hand", "mask", "cup", "microphone", "phone", "thing"])
def test_things_are_near_the_face(assets, kind):
    from nasion.datasets.rendered.looks.cover import COVERS, cover
    from nasion.datasets.rendered.looks.strands import Outline

    assert kind in COVERS
    outline = Outline(assets.neutral)
    for seed in range(5):
        pieces = cover(np.random.default_rng(seed), kind, assets.neutral, outline)
        points = np.concatenate([piece.points for piece in pieces])
        assert np.isfinite(points).all()
        assert points[:, 2].max() > 6
        assert np.abs(points - [0, 0, 8]).sum(1).min() < 14
        assert all(np.linalg.norm(piece.normals, axis=1).max() < 1.01 for piece in pieces)


def test_a_mask_covers_the_mouth(assets):
    from nasion.datasets.rendered.looks.cover import cover
    from nasion.datasets.rendered.looks.strands import Outline

    pieces = cover(np.random.default_rng(1), "mask", assets.neutral, Outline(assets.neutral))
    cloth, lips = pieces[0].points, assets.neutral[5695]
    before = cloth[(np.abs(cloth[:, :2] - lips[:2]) < 1).all(1)]
    assert len(before)
    assert before[:, 2].max() > lips[2]
