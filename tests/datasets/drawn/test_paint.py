"""The painter: exact fills, soft patches, blending, and features where the curves are."""

from dataclasses import astuple, replace

import numpy as np
import pytest

from nasion.datasets.drawn.head import Head, Shot, project_curves
from nasion.datasets.drawn.paint import (
    HAIRS,
    SKINS,
    Appearance,
    _background,
    _blend,
    _camera_effects,
    _disc,
    _fill,
    _patch,
    _pushed_outward,
    _scaled_color,
    _shade,
    _stroke,
    paint,
    sample_appearance,
)

SIZE = (480, 640)
HEAD = Head(1, 1, 2.5, 1, 0.0, 1, 1, 1, 1, 1, 1, 1)
SHOT = Shot(
    yaw=0, pitch=0, roll=0, smile=0, open=0, lids=1, brows=0, unit_px=110, origin=(320, 220), light=(0, 0, 1), ambient=1
)
LOOKS = Appearance(
    skin=(214, 164, 130),
    hair=(38, 28, 24),
    iris=(70, 84, 96),
    lips=(180, 90, 90),
    shirt=(40, 60, 200),
    long_hair=False,
    bald=False,
    beard=0.0,
    brow_width=0.05,
)
SQUARE = np.array([[10.0, 20], [30, 20], [30, 35], [10, 35]])


def canvas(value=0, size=(60, 80)):
    return np.full((*size, 3), value, np.uint8)


def painted(appearance=LOOKS, shot=SHOT, seed=0):
    """Return an image and its curves; the seed decides background and camera."""
    curves = project_curves(HEAD, shot)
    return paint(curves, appearance, shot, np.random.default_rng(seed), SIZE).astype(float), curves


def color_at(image, point, radius=2):
    x, y = np.rint(point).astype(int)
    return image[y - radius : y + radius + 1, x - radius : x + radius + 1].mean((0, 1))


# --------------------------------------------------------------------------------------------------------- appearance


def appearances(count=300):
    return [sample_appearance(np.random.default_rng([7, k])) for k in range(count)]


def test_appearance_is_reproducible():
    assert sample_appearance(np.random.default_rng(4)) == sample_appearance(np.random.default_rng(4))
    assert sample_appearance(np.random.default_rng(4)) != sample_appearance(np.random.default_rng(5))


def test_colors_are_bytes_near_their_palettes():
    for appearance in appearances():
        colors = np.array(astuple(appearance)[:5])
        assert (colors >= 10).all()
        assert (colors <= 250).all()
        assert np.abs(np.array(SKINS) - appearance.skin).max(1).min() < 30
        assert np.abs(np.array(HAIRS) - appearance.hair).max(1).min() < 40


def test_hair_styles_occur_and_exclude_each_other():
    found = appearances()
    assert 0.35 < np.mean([a.long_hair for a in found]) < 0.55
    assert 0.02 < np.mean([a.bald for a in found]) < 0.2
    assert 0.1 < np.mean([a.beard > 0 for a in found]) < 0.4
    assert not [a for a in found if a.long_hair and (a.bald or a.beard)]
    assert all(0.2 <= a.beard <= 0.8 for a in found if a.beard)
    assert all(0.035 <= a.brow_width <= 0.065 for a in found)


# ------------------------------------------------------------------------------------------------------------- shapes


def test_fill_covers_the_polygon_and_nothing_else():
    image = canvas()
    _fill(image, SQUARE, (10, 20, 30))
    assert (image[21:35, 11:30] == (10, 20, 30)).all()
    outside = image.copy()
    outside[18:38, 8:33] = 0
    assert not outside.any()


def test_fill_places_edges_between_pixels():
    """The left edge at 10.5 px leaves pixel 10 about half covered."""
    image = canvas()
    _fill(image, SQUARE + [0.5, 0], (200, 200, 200))
    assert 40 < image[28, 10, 0] < 160
    assert image[28, 9, 0] < 40
    assert image[28, 12, 0] == 200


def stroke(width_px):
    image = canvas()
    _stroke(image, np.array([[10.0, 30], [60, 30]]), (255, 255, 255), width_px)
    return image


def test_stroke_is_as_wide_as_asked():
    """Smooth edges add the same to every width, so differences of widths are compared."""
    heights = {width: stroke(width)[:, 35, 0].astype(float).sum() / 255 for width in (3, 5, 9)}
    assert heights[5] - heights[3] == pytest.approx(2, abs=0.1)
    assert heights[9] - heights[5] == pytest.approx(4, abs=0.1)
    assert (stroke(5.0)[29:32, 35] == 255).all()
    assert not stroke(5.0)[:, 70:].any()


def test_stroke_width_is_rounded_and_at_least_one_pixel():
    assert np.array_equal(stroke(3.4), stroke(3))
    assert np.array_equal(stroke(3.6), stroke(4))
    assert np.array_equal(stroke(0.2), stroke(1))
    assert stroke(0.2)[30, 35, 0] > 200


def test_sharp_patch_is_the_filled_polygon():
    patch = _patch((60, 80), [SQUARE])
    full = np.zeros((60, 80), np.float32)
    full[patch.part] = patch.weight
    assert (full[21:35, 11:30] == 1).all()
    assert not full[:19].any()
    assert not full[:, 32:].any()
    assert patch.weight.size < 60 * 80 / 4  # computed in a part of the image only


def test_soft_patch_keeps_its_area_and_fades():
    hard, soft = _patch((60, 80), [SQUARE]), _patch((60, 80), [SQUARE], blur_px=2.0)
    assert soft.weight.sum() == pytest.approx(hard.weight.sum(), rel=0.02)
    full = np.zeros((60, 80), np.float32)
    full[soft.part] = soft.weight
    row = full[27, 20:45]
    assert (np.diff(row) <= 1e-6).all()
    assert 0.3 < full[27, 30] < 0.7
    assert full[27, 20] > 0.98


def test_patch_covers_several_outlines():
    patch = _patch((60, 80), [SQUARE, SQUARE + [35, 10]])
    full = np.zeros((60, 80), np.float32)
    full[patch.part] = patch.weight
    assert full[28, 20] == full[38, 55] == 1
    assert full[28, 55] == full[38, 8] == 0


@pytest.mark.parametrize("shift", [[-200, 0], [0, -200], [300, 0], [0, 300], [-20, -25]])
def test_patch_at_or_beyond_the_edge_stays_inside_the_image(shift):
    patch = _patch((60, 80), [SQUARE + shift], blur_px=1.5)
    rows, columns = patch.part
    assert 0 <= rows.start < rows.stop <= 60
    assert 0 <= columns.start < columns.stop <= 80
    assert patch.weight.shape == (rows.stop - rows.start, columns.stop - columns.start)


def test_patch_within_skin():
    skin = np.zeros((60, 80), np.float32)
    skin[:, 20:] = 0.5
    patch = _patch((60, 80), [SQUARE]).within(skin)
    full = np.zeros((60, 80), np.float32)
    full[patch.part] = patch.weight
    assert full[28, 25] == 0.5
    assert not full[:, :20].any()


@pytest.mark.parametrize(("strength", "expected"), [(0.0, (100, 100, 100)), (1.0, (200, 0, 50)), (0.25, (125, 75, 88))])
def test_blend_mixes_by_strength(strength, expected):
    image = canvas(100)
    _blend(image, _patch((60, 80), [SQUARE]), (200, 0, 50), strength)
    assert tuple(image[28, 20]) == expected
    assert tuple(image[5, 5]) == (100, 100, 100)


def test_scaled_color():
    assert _scaled_color((100, 50, 20), 0.5) == (50, 25, 10)


def test_disc():
    disc = _disc(np.array([7.0, -3.0]), 2.5)
    assert np.linalg.norm(disc - [7, -3], axis=1) == pytest.approx(np.full(33, 2.5))
    assert disc[0] == pytest.approx(disc[-1])


def test_curve_is_pushed_away_from_the_center_of_the_head():
    curves = project_curves(HEAD, SHOT)
    center = np.concatenate([curves["jaw"], curves["skull"]]).mean(0)
    before = np.linalg.norm(curves["skull"] - center, axis=1)
    after = np.linalg.norm(_pushed_outward(curves["skull"], curves, 9) - center, axis=1)
    assert after - before == pytest.approx(np.full(len(before), 9.0))


# -------------------------------------------------------------------------------------------------------------- light


@pytest.mark.parametrize(
    ("light", "bright", "dark"),
    [((1, 0, 0.2), (30, 60), (30, 20)), ((-1, 0, 0.2), (30, 20), (30, 60)), ((0, -1, 0.2), (12, 40), (48, 40))],
)
def test_skin_is_brighter_towards_the_light(light, bright, dark):
    image = canvas(120)
    outline = np.array([[10.0, 5], [70, 5], [70, 55], [10, 55]])
    _shade(image, _patch((60, 80), [outline]), outline, replace(SHOT, light=light, ambient=0.3))
    assert image[bright][0] > image[dark][0] + 30


def test_full_ambient_light_is_even_and_length_of_the_light_is_irrelevant():
    outline = np.array([[10.0, 5], [70, 5], [70, 55], [10, 55]])
    face = _patch((60, 80), [outline])
    images = []
    for light in ((1, 2, 2), (10, 20, 20)):
        images.append(canvas(120))
        _shade(images[-1], face, outline, replace(SHOT, light=light, ambient=0.4))
    assert np.array_equal(*images)
    even = canvas(120)
    _shade(even, face, outline, replace(SHOT, light=(1, 0, 0.2), ambient=1.15))
    assert np.ptp(even[20:40, 20:60].astype(int)) <= 1
    assert (even[:3] == 120).all()  # outside the face


# --------------------------------------------------------------------------------------------------------- background


def test_background_is_smooth_and_reproducible():
    one, again = (_background(np.random.default_rng(3), (90, 120)) for _ in range(2))
    assert one.shape == (90, 120, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert np.abs(np.diff(one.astype(int), axis=1)).max() < 60
    assert not np.array_equal(one, _background(np.random.default_rng(4), (90, 120)))


def test_camera_makes_some_images_gray():
    flat = np.broadcast_to(np.array([200, 100, 50], np.uint8), (20, 30, 3)).copy()
    effects = [_camera_effects(flat, np.random.default_rng(k)).astype(float) for k in range(160)]
    gray = [np.ptp(image, axis=-1).max() <= 1 for image in effects]
    assert 0.05 < np.mean(gray) < 0.22
    assert all(image.std(axis=(0, 1)).max() > 0.5 for image in effects)  # grain
    assert flat[0, 0].tolist() == [200, 100, 50]


# -------------------------------------------------------------------------------------------------------------- faces


def test_image_is_complete():
    curves = project_curves(HEAD, SHOT)
    image = paint(curves, LOOKS, SHOT, np.random.default_rng(0), SIZE)
    assert image.shape == (*SIZE, 3)
    assert image.dtype == np.uint8


def test_size_is_height_and_width():
    assert paint(project_curves(HEAD, SHOT), LOOKS, SHOT, np.random.default_rng(0), (300, 420)).shape == (300, 420, 3)


def test_features_have_their_colors_where_the_curves_are():
    image, curves = painted()
    forehead = curves["hairline"].mean(0) * [1, 0] + [0, curves["left_brow"].mean(0)[1] - 15]
    skin = color_at(image, forehead)
    for name in ("left_brow", "right_brow", "left_iris", "right_iris"):
        assert color_at(image, curves[name].mean(0)).mean() < skin.mean() - 40, name
    crown = curves["skull"][32] + [0, 12]
    assert color_at(image, crown).mean() < skin.mean() - 60
    lips = color_at(image, (curves["lower_lip"][32] + curves["lower_inner"][32]) / 2)
    assert lips[0] - lips[1] > skin[0] - skin[1] + 10  # redder
    shirt = color_at(image, curves["jaw"][32] * [1, 0] + [180, 460])
    assert shirt[2] > shirt[0] + 60


def test_bald_head_shows_skin_instead_of_hair():
    hair, curves = painted()
    bald, _ = painted(replace(LOOKS, bald=True))
    crown = curves["skull"][32] + [0, 12]
    assert color_at(bald, crown).mean() > color_at(hair, crown).mean() + 60


def test_long_hair_reaches_below_the_ears():
    short, curves = painted()
    long, _ = painted(replace(LOOKS, long_hair=True))
    beside = curves["left_ear"].mean(0) + [-6, 70]
    hair = 0.8 * np.array(LOOKS.hair)
    assert color_at(long, beside) == pytest.approx(hair, abs=25)
    assert color_at(short, beside) != pytest.approx(hair, abs=25)


def test_beard_darkens_the_chin():
    shaved, curves = painted()
    bearded, _ = painted(replace(LOOKS, beard=0.8))
    chin = curves["jaw"][32] - [0, 14]
    assert color_at(bearded, chin).mean() < color_at(shaved, chin).mean() - 40


def test_open_mouth_is_dark_with_teeth():
    opened, curves = painted(shot=replace(SHOT, open=1.0))
    upper, lower = curves["upper_inner"][32], curves["lower_inner"][32]
    assert color_at(opened, upper + [0, 5], radius=1).mean() > 130
    assert color_at(opened, 0.3 * upper + 0.7 * lower, radius=1).mean() < 80


def test_light_from_the_right_brightens_the_right_cheek():
    shot = replace(SHOT, light=(0.9, -0.2, 0.8), ambient=0.3)
    image, curves = painted(shot=shot)
    left, right = (curves[f"{side}_lower_lid"].mean(0) + [0, 25] for side in ("left", "right"))
    assert color_at(image, right, 4).mean() > color_at(image, left, 4).mean() + 20
