"""Clothes cover the shoulders and leave the face alone."""

import numpy as np


def test_clothes_begin_at_the_collar(assets):
    from nasion.datasets.rendered.looks.clothes import clothes

    for seed in range(8):
        pieces = clothes(np.random.default_rng(seed), assets.neutral, -12.0)
        body = pieces[0].points
        assert body[:, 1].max() <= -11.9
        assert np.abs(body[:, 0]).max() > 15
        assert max(piece.points[:, 1].max() for piece in pieces) < -4  # scarves and collars stay below the chin


def test_tucked_shoulders_are_narrower_and_the_face_is_unchanged(assets):
    from nasion.datasets.rendered.looks.clothes import tucked

    moved = tucked(assets.neutral, -12.0)
    above = assets.neutral[:, 1] > -12
    np.testing.assert_array_equal(moved[above], assets.neutral[above])
    low = (assets.neutral[:11248, 1] < -15) & (np.abs(assets.neutral[:11248, 0]) > 8)
    assert np.abs(moved[:11248][low, 0]).max() < 8
