"""Light: plausible samples, and the map for reflections."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nasion.datasets.rendered.looks.light import MAP_SIZE, sample_light


@pytest.mark.parametrize("seed", range(15))
def test_light_is_finite_and_not_dark(seed):
    light = sample_light(np.random.default_rng(seed))
    assert np.linalg.norm(light.key) == pytest.approx(1)
    assert (light.mean_color() > 0.02).all()
    assert np.isfinite(light.reflection_map()).all()
    assert (light.reflection_map() >= 0).all()


def test_the_map_is_the_radiance_of_its_directions():
    light = sample_light(np.random.default_rng(2))
    picture, half = light.reflection_map(), MAP_SIZE // 2
    for (row, column), direction in {
        (half, half): [0, 0, -1],
        (half, -1): [1, 0, 0],
        (0, half): [0, -1, 0],
        (-1, half): [0, 1, 0],
        (0, 0): [0, 0, 1],
    }.items():
        np.testing.assert_allclose(picture[row, column], light.radiance(np.array([direction], float))[0], rtol=1e-5)
