"""The shader: light adds up, and surfaces keep their color."""

import dataclasses

import numpy as np
import pytest


@pytest.fixture
def dull(scene):
    """Return a bare head in even white light, without a key light."""
    white = dataclasses.replace(
        scene.light, up=np.ones(3), down=np.ones(3), colors=np.zeros_like(scene.light.colors), key_color=np.zeros(3)
    )
    return dataclasses.replace(scene, strands=[], pieces=[], light=white)


def test_twice_the_light_is_twice_as_bright(dull):
    from nasion.datasets.rendered.drawing.scene import draw

    once = draw(dull, 64).image[..., :3]
    light = dataclasses.replace(dull.light, up=np.full(3, 0.5), down=np.full(3, 0.5))
    half = draw(dataclasses.replace(dull, light=light), 64).image[..., :3]
    shown = once.sum(-1) > 0.1
    assert np.median(once[shown] / half[shown]) == pytest.approx(2, rel=0.1)


def test_skin_has_its_tone(dull):
    from nasion.datasets.rendered.drawing.scene import draw

    skin = dull.skin.copy()
    skin[3:14] = 0  # no pores, redness, lines or stubble
    skin[33] = 0  # no gloss
    drawing = draw(dataclasses.replace(dull, skin=skin, scalp=np.zeros_like(dull.scalp)), 96)
    cheek = drawing.image[52:58, 62:66, :3].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(cheek / cheek.sum(), skin[:3] / skin[:3].sum(), atol=0.03)
    assert 0.3 < cheek[0] / skin[0] <= 1.1


def test_the_key_light_only_adds(dull):
    from nasion.datasets.rendered.drawing.scene import draw

    light = dataclasses.replace(dull.light, key=np.array([0.0, 0.0, -1.0]), key_color=np.ones(3))
    lit = draw(dataclasses.replace(dull, light=light), 64).image
    assert (lit[..., :3] >= draw(dull, 64).image[..., :3] - 1e-4).all()
