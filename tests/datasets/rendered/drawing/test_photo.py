"""Cameras: the range of values, and exposure."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nasion.datasets.rendered.drawing.photo import develop


@pytest.mark.parametrize("seed", range(12))
def test_a_photograph_is_an_image(seed):
    scene = np.random.default_rng(0).uniform(0, 2, (40, 48, 3)).astype(np.float32)
    image = develop(np.random.default_rng(seed), scene, np.ones((40, 48)), np.ones(3))
    assert image.shape == (40, 48, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, develop(np.random.default_rng(seed), scene, np.ones((40, 48)), np.ones(3)))


def test_exposure_makes_dark_and_bright_scenes_alike():
    levels = [
        np.mean([develop(np.random.default_rng(s), np.full((32, 32, 3), v, np.float32), np.ones((32, 32)), np.ones(3))
                 for s in range(8)])
        for v in (0.02, 2.0)
    ]  # fmt: skip
    assert levels[0] > 50
    assert 1 < levels[1] / levels[0] < 2.5
