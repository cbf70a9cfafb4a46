"""Corruptions: their strength, that they move no point, and that they are repeatable."""

from pathlib import Path

import numpy as np
import pytest

from nasion.audit.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from nasion.datasets.drawn import render_face

NAMES = [each.name for each in CORRUPTIONS]
BOX = np.array([30.0, 20, 130, 140])


def scene():
    """Return an image (180, 170, 3) of medium brightness with structures of all sizes, px."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:180, :170]
    waves = 128 + 40 * np.sin(x / 5) + 30 * np.cos(y / 9) + 20 * np.sin((x + y) / 20)
    return np.clip(waves[..., None] + random.normal(0, 3, (180, 170, 3)), 0, 255).astype(np.uint8)


def kinds():
    return pytest.mark.parametrize("kind", range(len(CORRUPTIONS)), ids=NAMES)


def test_there_are_fifteen_different_kinds_with_five_different_strengths():
    assert len(set(NAMES)) == 15
    for each in CORRUPTIONS:
        steps = np.diff(each.values)
        assert (steps > 0).all() or (steps < 0).all()


@kinds()
def test_images_keep_their_shape_and_change_more_with_each_severity(kind):
    image = scene()
    before = image.copy()
    changes = []
    for severity in SEVERITIES:
        found = corrupt(image, kind, severity, BOX, "a.jpg")
        assert (found.shape, found.dtype) == (image.shape, np.uint8)
        changes.append(float(np.abs(found.astype(float) - image).mean()))
    assert (image == before).all()
    assert changes[0] > 0
    assert changes == sorted(changes)


@kinds()
def test_the_same_face_gets_the_same_image_and_another_face_another_one(kind):
    image = scene()
    first, again, other = (corrupt(image, kind, 3, BOX, key) for key in ("a.jpg", "a.jpg", "b.jpg"))
    assert (first == again).all()
    is_random = NAMES[kind] not in (
        *("Gaussian blur", "defocus", "low resolution", "JPEG", "dark", "bright", "contrast"),
    )
    assert (first == other).all() != is_random


@pytest.mark.parametrize("name", ["Gaussian blur", "defocus", "motion blur", "low resolution"])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_blur_and_low_resolution_move_no_point(name, severity):
    y, x = np.mgrid[:180, :170]
    spot = 200 * np.exp(-((x - 83.3) ** 2 + (y - 76.6) ** 2) / 50)
    image = np.repeat(spot[..., None], 3, -1).astype(np.uint8)
    found = corrupt(image, NAMES.index(name), severity, BOX, "a.jpg")[..., 0].astype(float)
    center = [(found * axis).sum() / found.sum() for axis in (x, y)]
    assert center == pytest.approx([83.3, 76.6], abs=0.2)


@pytest.mark.parametrize("name", ["patches", "bars"])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_occlusion_covers_the_stated_share_of_the_face(name, severity):
    kind = NAMES.index(name)
    image = np.full((400, 400, 3), 90, np.uint8)
    box = np.array([100.0, 100, 300, 300])
    shares = []
    for key in "abcdefgh":
        changed = (corrupt(image, kind, severity, box, key) != image).any(-1)
        shares.append(changed[100:301, 100:301].mean())
    wanted = CORRUPTIONS[kind].values[severity - 1]
    assert np.mean(shares) == pytest.approx(wanted, abs=0.03)


def test_a_higher_severity_hides_what_a_lower_one_hides():
    kind, image = NAMES.index("patches"), scene()
    low, high = ((corrupt(image, kind, severity, BOX, "a") != image).any(-1) for severity in (2, 4))
    assert (high | ~low).all()


@pytest.mark.parametrize(("name", "deviation"), [("Gaussian noise", 28), ("shot noise", 255 * np.sqrt(0.5 / 45))])
def test_noise_has_the_stated_deviation(name, deviation):
    image = np.full((200, 200, 3), 127, np.uint8)
    found = corrupt(image, NAMES.index(name), 3, BOX, "a").astype(float)
    assert found.std() == pytest.approx(deviation, rel=0.05)
    assert found.mean() == pytest.approx(127, abs=1)


def test_a_face_smaller_than_the_low_resolution_is_unchanged():
    image = scene()
    assert (corrupt(image, NAMES.index("low resolution"), 1, np.array([30.0, 30, 70, 70]), "a") == image).all()


def test_blur_grows_with_the_face():
    image = scene()
    small, large = (
        corrupt(image, NAMES.index("Gaussian blur"), 3, np.array([0, 0, side, side], float), "a") for side in (50, 150)
    )
    assert large.std() < small.std()


@kinds()
def test_boxes_beyond_the_image_and_tiny_images_are_accepted(kind):
    for image, box in (
        (render_face(0, 0, 0, "ibug-68").image, np.array([-50.0, -60, 500, 400])),
        (np.full((3, 2, 3), 7, np.uint8), np.array([5.0, 5, 9, 9])),
    ):
        assert corrupt(image, kind, 5, box, "ä\udcff").shape == image.shape


def test_the_documentation_states_all_strengths():
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "audit.md").read_text("utf-8")
    for each in CORRUPTIONS:
        row = " | ".join([each.name, each.unit, *(f"{value:g}" for value in each.values)])
        assert f"| {row} |\n" in text
