"""Points move exactly with the picture, whatever is drawn."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasion import images
from nasion.geometry import Affine
from nasion.train.config import AugmentConfig, PhotoConfig
from nasion.train.data.augment import Augmentation, sample_augmentation

SIZE = (48, 64)

PHOTO = PhotoConfig(brightness=0.2, contrast=0.3, gamma=0.3, color=0.2, gray=0.3, blur=0.5, noise=0.5, occlude=0.5)
STRONG = AugmentConfig(flip=0.5, rotation_deg=40, scale=0.3, shift=0.1, stretch=0.2, shear=0.2, photo=PHOTO)

seeds = st.integers(0, 2**31)


def blob(point, size=(96, 128), sigma=4.0):
    y, x = np.mgrid[: size[0], : size[1]]
    spot = 255 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * sigma**2))
    return np.rint(spot).astype(np.uint8)[..., None].repeat(3, -1)


def centroid(image):
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_a_blob_follows_its_point(seed):
    random = np.random.default_rng(seed)
    variation = sample_augmentation(STRONG, random)
    true = np.array([64.0, 48.0]) + random.uniform(-8, 8, 2)
    affine = variation.affine((96, 128)) @ Affine.resize((96, 128), (96, 128))
    seen = images.warp(blob(true), affine, (96, 128), border=cv2.BORDER_CONSTANT)
    assert np.linalg.norm(centroid(seen) - affine(true)) < 0.1


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_mirror_twice_is_nothing(seed):
    image = np.random.default_rng(seed).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    mirror = Augmentation(mirror=True).affine(SIZE)
    once = images.warp(image, mirror, SIZE)
    assert np.array_equal(once, image[:, ::-1])
    assert np.array_equal(images.warp(once, mirror, SIZE), image)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_same_numbers_give_the_same_variation(seed):
    first, again = (sample_augmentation(STRONG, np.random.default_rng(seed)) for _ in range(2))
    assert first == again
    crop = np.random.default_rng(seed).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    assert np.array_equal(first.colors(crop), again.colors(crop))


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_limits_are_kept(seed):
    variation = sample_augmentation(STRONG, np.random.default_rng(seed))
    assert abs(variation.rotation_deg) <= 40
    assert 1 / 1.3 - 1e-9 <= variation.scale <= 1.3 + 1e-9
    assert max(map(abs, variation.shift)) <= 0.1
    if variation.patch:
        x0, y0, x1, y1, _ = variation.patch
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        assert max(x1 - x0, y1 - y0) <= 0.4


@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_changes_nothing(channels):
    crop = np.random.default_rng(0).integers(0, 255, (*SIZE, channels)).astype(np.uint8)
    nothing = sample_augmentation(AugmentConfig(), np.random.default_rng(3))
    assert replace(nothing, noise=(0.0, 0)) == Augmentation()
    assert np.array_equal(nothing.colors(crop), crop)
    assert np.allclose(nothing.affine(SIZE).matrix, np.eye(2, 3))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "variation",
    [
        Augmentation(gray=True),
        Augmentation(gain=(1.2, 0.9, 1.0), offset=0.1, gamma=1.3),
        Augmentation(blur_px=1.5),
        Augmentation(noise=(9.0, 5)),
        Augmentation(patch=(0.1, 0.2, 0.5, 0.6, 0.5)),
    ],
)
def test_colors_keep_the_shape_and_do_not_touch_the_original(channels, variation):
    crop = np.random.default_rng(0).integers(0, 255, (*SIZE, channels)).astype(np.uint8)
    before = crop.copy()
    varied = variation.colors(crop)
    assert varied.shape == crop.shape
    assert varied.dtype == np.uint8
    assert np.array_equal(crop, before)
    assert (channels == 1 and variation.gray) or not np.array_equal(varied, crop)


def test_rotation_by_hand():
    # a quarter turn about the middle of a square of 5 px takes its right edge to its bottom
    assert Augmentation(rotation_deg=90).affine((5, 5))([4.0, 2.0]) == pytest.approx([2.0, 4.0])
