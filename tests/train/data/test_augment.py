"""Variations: limits, determinism, and every change of geometry and pixels by hand."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasion import images
from nasion.geometry import Affine
from nasion.train.config import AugmentConfig, PhotoConfig
from nasion.train.data.augment import NOISE_ROOM, Augmentation, sample_augmentation
from train.data.memory_faces import blob, blob_center

SIZE = (48, 64)
CENTER = np.array([31.5, 23.5])
RIGHT, BELOW = CENTER + [10, 0], CENTER + [0, 8]

PHOTO = PhotoConfig(
    brightness=0.2,
    contrast=0.3,
    gamma=0.4,
    color=0.25,
    gray=0.3,
    blur=0.5,
    noise=0.6,
    occlude=0.7,
    dark=0.2,
    small=0.4,
    jpeg=0.8,
)
STRONG = AugmentConfig(flip=0.5, rotation_deg=40, scale=0.3, shift=0.1, stretch=0.2, shear=0.15, photo=PHOTO)

seeds = st.integers(0, 2**31)


def sample(config, seed):
    return sample_augmentation(config, np.random.default_rng(seed))


def crop_of(channels, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (*SIZE, channels)).astype(np.uint8)


# The map of the crop


def test_default_changes_nothing():
    assert Augmentation().affine(SIZE).matrix == pytest.approx(np.eye(2, 3))
    for channels in (1, 3):
        assert np.array_equal(Augmentation().change_pixels(crop_of(channels)), crop_of(channels))


@pytest.mark.parametrize(
    ("variation", "right", "below"),
    [
        (Augmentation(rotation_deg=90), [0, 10], [-8, 0]),  # x turns towards y
        (Augmentation(scale=1.5), [15, 0], [0, 12]),
        (Augmentation(stretch=1.25), [12.5, 0], [0, 6.4]),  # wider and as much lower
        (Augmentation(shear=0.5), [10, 0], [4, 8]),  # lower rows move to the right
        (Augmentation(shift=(0.25, 0.125)), [26, 6], [16, 14]),  # 16 px of 64, 6 px of 48
        (Augmentation(mirror=True), [-10, 0], [0, 8]),
        (Augmentation(mirror=True, rotation_deg=90), [0, -10], [-8, 0]),  # the mirror comes first
        (Augmentation(scale=2.0, rotation_deg=90), [0, 20], [-16, 0]),
        (Augmentation(stretch=1.25, rotation_deg=90), [0, 12.5], [-6.4, 0]),  # the stretch is along the face's axes
    ],
)
def test_maps_by_hand(variation, right, below):
    """Offsets from the crop's center, of points 10 px to the right of it and 8 px below it."""
    affine = variation.affine(SIZE)
    assert affine([RIGHT, BELOW]) - CENTER == pytest.approx(np.array([right, below], float))


def test_mirror_maps_the_first_column_to_the_last():
    assert Augmentation(mirror=True).affine(SIZE)([0.0, 5.0]) == pytest.approx([63.0, 5.0])


def test_stretch_keeps_the_area():
    assert Augmentation(stretch=1.3).affine(SIZE).scale == pytest.approx(1)
    assert Augmentation(scale=0.8).affine(SIZE).scale == pytest.approx(0.8)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_mirroring_twice_is_the_identity(seed):
    image = crop_of(3, seed)
    mirror = Augmentation(mirror=True).affine(SIZE)
    once = images.warp(image, mirror, SIZE)
    assert np.array_equal(once, image[:, ::-1])
    assert np.array_equal(images.warp(once, mirror, SIZE), image)
    assert (mirror @ mirror).matrix == pytest.approx(np.eye(2, 3))


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_blob_follows_its_point(seed):
    random = np.random.default_rng(seed)
    variation = sample_augmentation(STRONG, random)
    point = np.array([64.0, 48.0]) + random.uniform(-8, 8, 2)
    affine = variation.affine((96, 128)) @ Affine.identity()
    shown = images.warp(blob(point, (96, 128), 4.0), affine, (96, 128), border=cv2.BORDER_REPLICATE)
    assert np.linalg.norm(blob_center(shown) - affine(point)) < 0.1


# Sampling


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_equal_generators_give_equal_variations(seed):
    first, again = sample(STRONG, seed), sample(STRONG, seed)
    assert first == again
    assert np.array_equal(first.change_pixels(crop_of(3)), again.change_pixels(crop_of(3)))


@pytest.mark.parametrize("part", ["rotation_deg", "scale", "stretch", "shear"])
def test_ranges_are_filled_symmetrically_and_not_exceeded(part):
    limit = getattr(STRONG, part)
    values = np.array([getattr(sample(STRONG, seed), part) for seed in range(400)])
    if part == "scale":  # a factor of 1 + limit, or its inverse
        values, limit = np.log(values), np.log1p(limit)
    if part == "stretch":  # the aspect ratio changes by stretch squared
        values, limit = 2 * np.log(values), np.log1p(limit)
    assert 0.95 * limit < values.max() <= limit + 1e-12
    assert -0.95 * limit > values.min() >= -limit - 1e-12
    assert abs(values.mean()) < 0.15 * limit


def test_shift_varies_along_both_axes():
    shifts = np.array([sample(STRONG, seed).shift for seed in range(400)])
    assert (shifts.max(0) <= 0.1).all()
    assert (shifts.max(0) > 0.09).all()
    assert (shifts.min(0) < -0.09).all()
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("happens", "probability"),
    [
        (lambda v: v.mirror, 0.5),
        (lambda v: v.gray, 0.3),
        (lambda v: v.blur_px > 0, 0.5),
        (lambda v: v.noise[0] > 0, 0.6),
        (lambda v: v.patch is not None, 0.7),
        (lambda v: v.shrink < 1, 0.4),
        (lambda v: v.jpeg > 0, 0.8),
    ],
    ids=["flip", "gray", "blur", "noise", "occlude", "small", "jpeg"],
)
def test_probabilities_are_kept(happens, probability):
    assert np.mean([happens(sample(STRONG, seed)) for seed in range(600)]) == pytest.approx(probability, abs=0.07)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_probabilities_of_0_and_1_are_certain(chance):
    photo = PhotoConfig(gray=chance, blur=chance, noise=chance, occlude=chance, dark=chance, small=chance, jpeg=chance)
    for seed in range(30):
        variation = sample(AugmentConfig(flip=chance, photo=photo), seed)
        found = (variation.mirror, variation.gray, variation.blur_px > 0, variation.noise[0] > 0, bool(variation.patch))
        bad = (variation.gain[0] < 1, variation.shrink < 1, variation.jpeg > 0)
        assert found + bad == (bool(chance),) * 8


def test_all_numbers_are_independent():
    """Samples that share a random number would always occur together."""
    photo = PhotoConfig(
        brightness=0.2, gamma=0.4, blur=0.5, noise=0.5, occlude=0.5, gray=0.5, dark=0.5, small=0.5, jpeg=0.5
    )
    config = STRONG.model_copy(update={"photo": photo})
    rows = []
    for v in (sample(config, seed) for seed in range(800)):
        bad = (v.gain[0] < 1, v.shrink < 1, v.jpeg > 0)
        chances = (v.mirror, v.gray, v.blur_px > 0, v.noise[0] > 0, v.patch is not None, *bad)
        rows.append((*chances, v.rotation_deg, v.scale, v.stretch, v.shear, *v.shift, v.gamma))
    correlation = np.corrcoef(np.array(rows, float).T)
    assert np.abs(correlation - np.eye(len(correlation))).max() < 0.15


def test_limits_of_blur_and_noise_are_kept():
    photo = PhotoConfig(blur=1.0, blur_px=2.5, noise=1.0, noise_level=8.0)
    variations = [sample(AugmentConfig(photo=photo), seed) for seed in range(200)]
    assert 2.3 < max(each.blur_px for each in variations) <= 2.5
    assert 7.5 < max(each.noise[0] for each in variations) <= 8.0
    assert min(min(each.blur_px, each.noise[0]) for each in variations) >= 0
    assert len({each.noise[1] for each in variations}) == 200


def test_patches_lie_in_the_crop_and_keep_their_largest_side():
    photo = PhotoConfig(occlude=1.0, occlude_side=0.5)
    patches = np.array([sample(AugmentConfig(photo=photo), seed).patch for seed in range(300)])
    x0, y0, x1, y1, gray = patches.T
    for low, high in ((x0, x1), (y0, y1)):
        assert low.min() >= 0
        assert high.max() <= 1
        assert low.min() < 0.05
        assert high.max() > 0.95
        assert 0.05 <= (high - low).min() < 0.08
        assert 0.47 < (high - low).max() <= 0.5
    assert 0 <= gray.min() < 0.1 < 0.9 < gray.max() <= 1


def test_limits_of_bad_photographs_are_kept():
    photo = PhotoConfig(dark=1.0, dark_gain=0.2, small=1.0, small_scale=0.1, jpeg=1.0, jpeg_quality=30)
    variations = [sample(AugmentConfig(photo=photo), seed) for seed in range(300)]
    for values, low, high in (
        ([v.gain[0] for v in variations], 0.2, 1.0),
        ([v.shrink for v in variations], 0.1, 1.0),
        ([v.jpeg for v in variations], 30, 95),
    ):
        room = 0.1 * (high - low)
        assert low <= min(values) < low + room
        assert high - room < max(values) <= high


def test_darkness_keeps_black():
    for seed in range(20):
        variation = sample(AugmentConfig(photo=PhotoConfig(dark=1.0, brightness=0.3, contrast=0.3)), seed)
        light = sample(AugmentConfig(photo=PhotoConfig(brightness=0.3, contrast=0.3)), seed)
        assert variation.offset / light.offset == pytest.approx(variation.gain[0] / light.gain[0])


def test_contrast_keeps_mid_gray():
    for seed in range(20):
        variation = sample(AugmentConfig(photo=PhotoConfig(contrast=0.4)), seed)
        assert len(set(variation.gain)) == 1
        assert 1 / 1.4 <= variation.gain[0] <= 1.4
        assert variation.gain[0] * 0.5 + variation.offset == pytest.approx(0.5)


def test_color_varies_the_channels_independently():
    gains = np.array([sample(AugmentConfig(photo=PhotoConfig(color=0.25)), seed).gain for seed in range(200)])
    assert gains.max() <= 1.25
    assert (gains.max(0) > 1.2).all()
    assert (gains.min(0) < 1 / 1.2).all()
    assert np.abs(np.corrcoef(gains.T) - np.eye(3)).max() < 0.25


def test_brightness_and_gamma_are_within_their_limits():
    variations = [sample(AugmentConfig(photo=PhotoConfig(brightness=0.2, gamma=0.5)), seed) for seed in range(200)]
    offsets, gammas = (np.array([getattr(each, name) for each in variations]) for name in ("offset", "gamma"))
    assert 0.19 < offsets.max() <= 0.2
    assert -0.2 <= offsets.min() < -0.19
    assert 1.45 < gammas.max() <= 1.5
    assert 1 / 1.5 <= gammas.min() < 1 / 1.45


@pytest.mark.parametrize("changed", [{"flip": 0.0}, {"rotation_deg": 0.0}, {"shear": 0.9}, {"photo": PhotoConfig()}])
def test_one_setting_does_not_change_the_other_samples(changed):
    """Runs that differ in one setting stay comparable, because the others' random numbers are the same."""
    part = {"flip": "mirror", "photo": None}.get(*changed, next(iter(changed)))
    before, after = sample(STRONG, 5), sample(STRONG.model_copy(update=changed), 5)
    geometry = ["mirror", "rotation_deg", "scale", "stretch", "shear", "shift"]
    pixels = [field.name for field in fields(Augmentation) if field.name not in geometry]
    for name in geometry if part is None else {*geometry, *pixels} - {part}:
        assert getattr(before, name) == getattr(after, name)


def test_no_variation_samples_the_default():
    nothing = sample(AugmentConfig(), 3)
    assert replace(nothing, noise=(0.0, 0)) == Augmentation()
    assert nothing.noise[0] == 0


# The pixels


def pixel(*values):
    """Return a crop (2, 3, C) of one color."""
    return np.tile(np.array(values, np.uint8), (2, 3, 1))


def test_gray_is_the_luma():
    shown = Augmentation(gray=True).change_pixels(pixel(200, 100, 50))
    assert np.unique(shown).tolist() == [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)]
    assert shown.shape == (2, 3, 3)


def test_gray_leaves_gray_crops():
    assert np.array_equal(Augmentation(gray=True).change_pixels(pixel(77)), pixel(77))


@pytest.mark.parametrize(
    ("variation", "expected"),
    [
        (Augmentation(gain=(1.5, 1.0, 0.5)), (150, 100, 50)),
        (Augmentation(offset=0.2), (151, 151, 151)),
        (Augmentation(offset=-0.5), (0, 0, 0)),  # clipped
        (Augmentation(gain=(3.0, 2.0, 1.0)), (255, 200, 100)),
        (Augmentation(gamma=2.0), (39, 39, 39)),  # 255 (100 / 255)^2
        (Augmentation(gamma=2.0, gain=(2.0, 1.0, 1.0), offset=0.1), (104, 65, 65)),  # gamma, then gain, then offset
    ],
)
def test_light_by_hand(variation, expected):
    assert variation.change_pixels(pixel(100, 100, 100))[1, 2].tolist() == list(expected)


def test_gray_crops_use_the_first_gain():
    assert Augmentation(gain=(1.5, 9.0, 9.0)).change_pixels(pixel(100)).tolist() == pixel(150).tolist()


def test_patch_covers_the_points_in_it():
    variation = Augmentation(patch=(0.25, 0.5, 0.5, 0.75, 0.4))  # columns 16 to 31, rows 24 to 35 of 64 x 48
    points = np.array([[15.4, 30], [15.6, 30], [31.4, 30], [31.6, 30], [20, 23.4], [20, 23.6], [20, 35.4], [20, 35.6]])
    assert variation.covers(points, SIZE).tolist() == [False, True, True, False, False, True, True, False]
    assert not variation.covers(np.full((2, 2), np.nan), SIZE).any()
    assert not Augmentation().covers(points, SIZE).any()


def test_patch_hides_its_part_alone():
    crop = crop_of(3)
    shown = Augmentation(patch=(0.25, 0.5, 0.5, 0.75, 0.4)).change_pixels(crop)
    hidden = np.zeros(SIZE, bool)
    hidden[24:36, 16:32] = True
    assert (shown[hidden] == 102).all()
    assert np.array_equal(shown[~hidden], crop[~hidden])


def test_blur_spreads_a_line_by_its_standard_deviation():
    crop = np.zeros((17, 51, 3), np.uint8)
    crop[:, 25] = 255
    weight = Augmentation(blur_px=2.0).change_pixels(crop)[8, :, 0].astype(float)
    offsets = np.arange(51) - 25
    assert np.sqrt((weight * offsets**2).sum() / weight.sum()) == pytest.approx(2.0, rel=0.05)


def test_patch_is_blurred_and_noise_is_not():
    """A patch in front of the camera is out of focus too; noise arises in the camera."""
    dark = np.zeros((*SIZE, 3), np.uint8)
    patch = (0.25, 0.25, 0.75, 0.75, 1.0)
    edge = Augmentation(patch=patch, blur_px=1.5).change_pixels(dark)[24, :, 0]
    assert ((edge > 20) & (edge < 235)).sum() >= 4
    noise = [Augmentation(noise=(9.0, 4), blur_px=blur).change_pixels(pixel_field(128)) for blur in (0.0, 1.5)]
    assert np.array_equal(*noise)


def pixel_field(value, channels=3):
    return np.full((*SIZE, channels), value, np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_has_its_standard_deviation_and_no_bias(channels):
    shown = Augmentation(noise=(9.0, 1234)).change_pixels(pixel_field(128, channels)).astype(float) - 128
    assert shown.std() == pytest.approx(9.0, rel=0.05)
    assert abs(shown.mean()) < 0.6


def test_noise_depends_on_its_seed():
    seeds = (0, 1, NOISE_ROOM, NOISE_ROOM**2 - 1)
    shown = [Augmentation(noise=(9.0, seed)).change_pixels(pixel_field(128)) for seed in seeds]
    assert len({each.tobytes() for each in shown}) == len(seeds)
    again = Augmentation(noise=(9.0, NOISE_ROOM**2)).change_pixels(pixel_field(128))
    assert np.array_equal(again, shown[0])  # the offsets repeat


def test_noise_of_channels_is_independent():
    shown = Augmentation(noise=(20.0, 7)).change_pixels(pixel_field(128)).reshape(-1, 3).astype(float)
    assert np.abs(np.corrcoef(shown.T) - np.eye(3)).max() < 0.06


def test_noise_is_clipped():
    shown = Augmentation(noise=(12.0, 3)).change_pixels(pixel_field(254))
    assert shown.max() == 255
    assert shown.min() > 180  # no value wrapped around


def test_a_small_crop_has_few_pixels_and_keeps_its_points():
    crop = blob(np.array([64.3, 47.1]), (96, 128), 9.0)
    shown = Augmentation(shrink=0.125).change_pixels(crop)
    assert np.linalg.norm(blob_center(shown) - blob_center(crop)) < 0.1
    noisy = Augmentation(shrink=0.125).change_pixels(crop_of(3)).astype(float)
    fine = crop_of(3).astype(float)
    assert np.abs(np.diff(noisy, axis=1)).mean() < 0.1 * np.abs(np.diff(fine, axis=1)).mean()


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_changes_pixels_little_and_colors_keep_their_order(channels):
    crop = np.tile(np.array([200, 120, 40], np.uint8)[:channels], (32, 48, 1))
    shown = Augmentation(jpeg=40).change_pixels(crop)
    assert np.abs(shown.astype(int) - crop).max() <= 6
    fine = crop_of(channels)
    worse, better = (np.abs(Augmentation(jpeg=q).change_pixels(fine).astype(int) - fine).mean() for q in (10, 90))
    assert 0 < better < worse


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "variation",
    [
        Augmentation(gray=True),
        Augmentation(shrink=0.1),
        Augmentation(shrink=0.01, noise=(9.0, 5), jpeg=15),
        Augmentation(jpeg=15),
        Augmentation(gain=(1.2, 0.9, 1.0), offset=0.1, gamma=1.3),
        Augmentation(blur_px=1.5),
        Augmentation(noise=(9.0, 5)),
        Augmentation(patch=(0.1, 0.2, 0.5, 0.6, 0.5)),
        Augmentation(gain=(1.1, 1.2, 1.3), blur_px=1.0, noise=(4.0, 1), patch=(0.0, 0.0, 0.3, 0.2, 0.9)),
    ],
)
def test_pixels_keep_their_shape_and_the_original_is_not_changed(channels, variation):
    crop = crop_of(channels)
    before = crop.copy()
    varied = variation.change_pixels(crop)
    assert varied.shape == crop.shape
    assert varied.dtype == np.uint8
    assert np.array_equal(crop, before)
    assert (channels == 1 and variation.gray) or not np.array_equal(varied, crop)
