"""Skin and eyes: ranges of the shader's values."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nasion.datasets.rendered.looks.skin import linear, sample_eyes, sample_skin


def test_values_are_in_range():
    random = np.random.default_rng(0)
    for place in np.linspace(0, 1, 40):
        skin = sample_skin(random, place, np.full(3, 0.1), 0.5, 0.3, 0.4)
        values = skin.values()
        assert values.shape == (36,)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert (skin.tone > 0.003).all()
        assert (skin.tone < 1).all()
        assert skin.tone[0] > skin.tone[2]  # skin is warmer than gray
        iris = sample_eyes(random)
        assert iris[4] < iris[3] < 0.5


def test_tones_go_from_light_to_dark():
    tones = [sample_skin(np.random.default_rng(1), place, np.zeros(3), 0, 0, 0).tone.mean() for place in (0, 0.5, 1)]
    assert tones[0] > 2 * tones[1] > 4 * tones[2]


def test_linear_light():
    np.testing.assert_allclose(linear([0, 255, 127.5]), [0, 1, 0.5**2.2])
