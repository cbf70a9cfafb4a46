"""Masks and noise of skin."""

import numpy as np
import pytest


def at(assets, masks, vertex):
    from nasion.datasets.rendered.looks.masks import uv_of_vertices

    u, v = (uv_of_vertices(assets)[vertex] * masks.shape[0]).astype(int)
    return masks[v, u] / 255


def test_masks_are_where_their_names_say(assets):
    from nasion.datasets.rendered.ibug import IBUG_VERTICES
    from nasion.datasets.rendered.looks.masks import CHANNELS, skin_masks

    masks = skin_masks(assets)
    assert masks.shape == (512, 512, len(CHANNELS))
    strongest = {"lips": 57, "nose": 30, "brow": 19, "beard": 8, "moustache": 51, "rim": 37}
    for name, point in strongest.items():
        value = at(assets, masks, IBUG_VERTICES[point])[CHANNELS.index(name)]
        assert value > 0.2, name
    forehead = at(assets, masks, assets.neutral[:9409, 2].argmax())  # the tip of the nose
    assert forehead[CHANNELS.index("lips")] == 0
    assert forehead[CHANNELS.index("beard")] == 0


def test_noise_tiles():
    pytest.importorskip("numba")
    from nasion.datasets.rendered.looks.masks import noise_texture

    noise = noise_texture().astype(int)
    assert noise.shape == (512, 512, 4)
    for channel in (1, 2):  # the step across the edge is like those inside
        inside = np.abs(np.diff(noise[..., channel], axis=0)).mean()
        assert np.abs(noise[0, :, channel] - noise[-1, :, channel]).mean() < 2 * inside
