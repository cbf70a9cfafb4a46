"""Drawing: what is in front, coverage, lenses, and shadows."""

import dataclasses

import numpy as np


def test_the_drawing_has_the_head_in_the_middle(frontal, scene):
    from nasion.datasets.rendered.drawing.scene import draw

    drawing = draw(scene, frontal.size)
    assert drawing.image.shape == (96, 96, 4)
    assert drawing.distance.shape == (192, 192)
    assert np.isfinite(drawing.image).all()
    assert drawing.image[48, 48, 3] == 1
    assert drawing.image[2, 2, 3] == 0
    assert 180 < drawing.distance[96, 96] < 200  # the nose is before the head's origin
    assert drawing.skin[48, 48] == 1


def test_lenses_let_the_face_through(frontal, scene):
    from nasion.datasets.rendered.drawing.scene import draw
    from nasion.datasets.rendered.looks.worn import glasses

    bare = dataclasses.replace(scene, strands=[], pieces=[])
    distances = {}
    for dark in (False, True):
        _, lens = glasses(np.random.default_rng(5), scene.vertices, dark=dark)
        with_lens = dataclasses.replace(bare, pieces=[lens])
        distances[dark] = draw(with_lens, frontal.size, with_color=False).distance
    without = draw(bare, frontal.size, with_color=False).distance
    np.testing.assert_array_equal(distances[False], without)
    assert (distances[True] < without).sum() > 50


def test_a_thing_casts_a_shadow(frontal, scene):
    from nasion.datasets.rendered.assets import CLOTH
    from nasion.datasets.rendered.drawing.scene import draw
    from nasion.datasets.rendered.looks.solids import ball

    light = dataclasses.replace(
        scene.light, key=np.array([0.0, -0.7071, -0.7071]), key_color=np.ones(3) * 3, softness=0.3
    )
    bare = dataclasses.replace(scene, strands=[], pieces=[], light=light)
    above = ball(np.array([0.0, 16.0, 28.0]), np.full(3, 3.0), np.ones(3), CLOTH)  # between the light and the face
    shaded = dataclasses.replace(bare, pieces=[above])
    face = np.s_[40:60, 40:56, :3]
    assert draw(shaded, 96).image[face].mean() < 0.9 * draw(bare, 96).image[face].mean()
