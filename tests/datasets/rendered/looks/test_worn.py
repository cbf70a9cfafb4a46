"""Hats sit on the head, and glasses before the eyes."""

import numpy as np
import pytest


@pytest.mark.parametrize("kind", ["beanie", "cap", "brim", "headscarf", "hood", "headphones", "headband"])
def test_hats_lie_outside_the_head(assets, kind):
    from nasion.datasets.rendered.looks.strands import Outline
    from nasion.datasets.rendered.looks.worn import HATS, hat

    assert kind in HATS
    outline = Outline(assets.neutral)
    for seed in range(3):
        for piece in hat(np.random.default_rng(seed), kind, outline, 0.3):
            assert np.isfinite(piece.points).all()
            high = piece.points[piece.points[:, 1] > 6]
            radius, head = outline.radius(high.astype(np.float32))
            assert not len(high) or (radius > head - 0.6).mean() > 0.95
            eyes = (np.abs(piece.points[:, 0]) < 5) & (np.abs(piece.points[:, 1] - 3.5) < 1) & (piece.points[:, 2] > 5)
            assert not eyes.any() or kind == "brim"


@pytest.mark.parametrize("dark", [False, True])
def test_glasses_are_before_the_eyes(assets, dark):
    from nasion.datasets.rendered.looks.worn import glasses

    for seed in range(6):
        frame, lenses = glasses(np.random.default_rng(seed), assets.neutral, dark=dark)
        assert (lenses.opacity > 0.6) == dark
        middle = lenses.points[lenses.points[:, 0] > 0].mean(0)
        eye = assets.neutral[21458]
        assert np.abs(middle[:2] - eye[:2]).max() < 1.5
        assert middle[2] > eye[2]
        assert frame.points[:, 2].min() < 1  # the temples reach the ears
