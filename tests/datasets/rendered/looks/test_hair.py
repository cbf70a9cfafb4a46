"""Hair styles: where hair grows, how long it is, and what hats do to it."""

import numpy as np
import pytest


def styles(count=120, feminine=0.5):
    from nasion.datasets.rendered.looks.hair import sample_style

    random = np.random.default_rng(0)
    return [sample_style(random, random.random(), feminine) for _ in range(count)]


def grown(assets, style):
    from nasion.datasets.rendered.looks.hair import grow_hair
    from nasion.datasets.rendered.looks.strands import Outline

    normals = assets.normals(assets.neutral)
    color, outline = np.array([0.1, 0.05, 0.02]), Outline(assets.neutral)
    return grow_hair(np.random.default_rng(1), assets, assets.neutral, normals, style, color, outline)


@pytest.mark.parametrize("name", ["buzz", "short", "curls", "afro", "bob", "long", "tied"])
def test_every_style_grows_on_the_scalp(assets, name):
    style = next(each for each in styles(400) if each.name == name)
    (strands,) = grown(assets, style)
    assert strands.covers
    assert len(strands.points) > 1000
    roots = strands.points[:, 0]
    assert (roots[:, 1] > -6).all()
    face = (np.abs(roots[:, 0]) < 5) & (roots[:, 1] < 8.5) & (roots[:, 2] > 4)
    assert not face.any()
    length = np.linalg.norm(np.diff(strands.points, axis=1), axis=2).sum(1)
    assert np.median(length) < 2.2 * style.length + 2


def test_bald_heads_have_no_hair(assets):
    from nasion.datasets.rendered.looks.hair import scalp_share, without_top

    style = next(each for each in styles(400) if each.name == "bald")
    assert grown(assets, style) == []
    assert scalp_share(assets, style).max() == 0
    hidden = without_top(next(each for each in styles(400) if each.name == "long"), hidden=True)
    assert grown(assets, hidden) == []


def test_the_forehead_is_bare_skin(assets):
    from nasion.datasets.rendered.looks.hair import scalp_share

    style = next(each for each in styles() if each.name == "long")
    share = scalp_share(assets, style)
    front = assets.neutral[:, 2] > 8
    assert share[front & (assets.neutral[:, 1] < 9)].max() == 0
    assert share[:9409][assets.neutral[:9409, 1].argmax()] > 0.9


def test_long_hair_is_more_common_with_a_higher_value():
    pytest.importorskip("numba")
    long = [np.mean([each.length > 10 for each in styles(300, feminine)]) for feminine in (0.0, 1.0)]
    assert long[0] < 0.2 < 0.4 < long[1]


def test_dark_skin_rarely_has_light_hair():
    pytest.importorskip("numba")
    from nasion.datasets.rendered.looks.hair import hair_color

    random = np.random.default_rng(0)
    light = [np.mean([hair_color(random, 0.0, tone).mean() > 0.1 for _ in range(300)]) for tone in (0.0, 1.0)]
    assert light[1] < 0.1 < light[0]
