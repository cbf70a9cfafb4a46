"""The shared predictor, and images as other packages accept them."""

import numpy as np
import pytest

from doubles import Fixed
from nasion import Predictor, compat
from nasion.compat import dlib, face_alignment, face_recognition, shared
from nasion.compat.shared import as_rgb
from nasion.errors import ConfigError, ImageError

RGB = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


def test_the_predictor_is_made_once_and_can_be_replaced(monkeypatch):
    monkeypatch.setattr(shared, "_current", [])
    first = shared.predictor()
    assert shared.predictor() is first
    assert first.backend.name == "default"
    other = Predictor("tiny")
    compat.use(other)
    assert shared.predictor() is other


def test_a_model_with_other_points_is_rejected():
    with pytest.raises(ConfigError, match=r"needs a model with the 68 points of ibug-68, not with those of imm-58"):
        compat.use(Predictor(Fixed((0, 0), "imm-58")))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (RGB, RGB),
        (RGB[..., 0], np.repeat(RGB[..., :1], 3, 2)),
        (RGB[..., :1], np.repeat(RGB[..., :1], 3, 2)),
        (np.dstack([RGB, RGB[..., 0]]), RGB),
        (RGB.astype(np.float32) + 0.25, RGB),
        (RGB.astype(np.int64), RGB),
        (RGB[:, ::-1], RGB[:, ::-1]),
    ],
)
def test_images_of_every_kind(image, expected):
    found = as_rgb(image)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert (found == expected).all()


def test_tensors_are_images():
    torch = pytest.importorskip("torch")
    assert (as_rgb(torch.from_numpy(RGB).float().requires_grad_()) == RGB).all()


def test_values_beyond_white_are_clipped():
    assert as_rgb(np.array([[-5.0, 300.0, np.nan]]))[0, :, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("image", [None, "a.jpg", np.zeros(3), np.zeros((4, 4, 2)), np.zeros((0, 4, 3)), [["a"]]])
def test_other_values_are_one_line(image):
    with pytest.raises(ImageError, match=r"an image is gray \(H, W\) or RGB \(H, W, 3\)"):
        as_rgb(image)


@pytest.mark.parametrize(
    ("module", "name"),
    [(dlib, "correlation_tracker"), (face_alignment, "utils"), (face_recognition, "face_encodings")],
)
def test_missing_names_are_explained(module, name):
    with pytest.raises(AttributeError, match=f"not {name}; for {name}, import {module.__name__.split('.')[-1]} itself"):
        getattr(module, name)
