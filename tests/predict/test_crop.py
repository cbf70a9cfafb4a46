"""What a network sees of an image."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from nasion.predict.crop import CropConfig, face_box, to_channels


def test_size_is_height_then_width():
    assert CropConfig(height=48, width=64).size == (48, 64)


def test_defaults():
    crop = CropConfig(height=48, width=64)
    assert (crop.channels, crop.box, crop.margin, crop.full_image_share, crop.refine) == (3, "points", 1.4, 0.0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"channels": 2},
        {"box": "picture"},
        {"height": 7},
        {"width": 1025},
        {"margin": 0.99},
        {"margin": 4.01},
        {"full_image_share": 1.01},
        {"full_image_share": -0.01},
        {"refine": 4},
        {"refine": -1},
        {"unknown": 1},
    ],
)
def test_values_out_of_range_are_rejected(change):
    with pytest.raises(ValidationError):
        CropConfig(**{"height": 48, "width": 64, **change})


@pytest.mark.parametrize(
    "change",
    [{"height": 8}, {"width": 1024}, {"margin": 1.0}, {"margin": 4.0}, {"full_image_share": 1.0}, {"refine": 3}],
)
def test_limits_of_values_are_accepted(change):
    assert CropConfig(**{"height": 48, "width": 64, **change})


def test_box_of_points_gets_margin_and_aspect():
    # 20 x 30 px times 1.5 is 30 x 45; a crop twice as wide as high widens it to 90 x 45 about the center (20, 35)
    crop = CropConfig(height=40, width=80, margin=1.5)
    assert_allclose(face_box(np.array([10.0, 20, 30, 50]), (999, 777), crop), [-25, 12.5, 65, 57.5])


def test_network_for_full_images_takes_a_box_without_margin():
    crop = CropConfig(height=40, width=80, margin=1.5, box="image")
    assert_allclose(face_box(np.array([10.0, 20, 30, 50]), (999, 777), crop), [-10, 20, 50, 50])


@pytest.mark.parametrize("box", ["points", "image"])
def test_no_box_is_the_full_image_widened_to_the_aspect(box):
    # an image of 100 x 30 px (width x height) in crops with the aspect 2 : 1 is widened to 100 x 50
    crop = CropConfig(height=40, width=80, margin=3.0, box=box)
    assert_allclose(face_box(None, (30, 100), crop), [-0.5, -10.5, 99.5, 39.5])


def test_three_channels_are_unchanged():
    crop = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert to_channels(crop, 3) is crop


def test_one_channel_is_the_luma_of_rgb():
    crop = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]], [[255, 255, 255], [0, 0, 0]]], np.uint8)
    gray = to_channels(crop, 1)
    assert gray.shape == (3, 2, 1)
    assert gray.dtype == np.uint8
    assert gray[..., 0].tolist() == [[76, 150], [29, 9], [255, 0]]  # 0.299 R + 0.587 G + 0.114 B
