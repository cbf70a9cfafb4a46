"""Soft light on the head: directions, bounds, and what lies in the shade."""

import numpy as np


def test_directions_are_spread_evenly():
    import pytest

    pytest.importorskip("numba")
    from nasion.datasets.rendered.drawing.transfer import directions

    found = directions()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert np.abs(found.mean(0)).max() < 0.02


def test_light_from_everywhere_is_at_most_one(assets):
    from nasion.datasets.rendered.drawing.transfer import light_transfer

    total = light_transfer(assets).sum(1)
    assert total.min() >= 0
    assert total.max() < 1.1
    crown, tip = assets.neutral[:11248, 1].argmax(), assets.neutral[:9409, 2].argmax()
    throat = ((assets.neutral[:9409] - [0, -8.6, 6]) ** 2).sum(1).argmin()
    assert total[crown] > 0.9
    assert total[tip] > 0.6
    assert total[throat] < 0.85 < total[crown]  # the chin and the neck shade it
