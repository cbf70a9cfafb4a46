"""The differences between two backends by hand, and the crops on which exports are verified."""

import numpy as np
import pytest

from nasion.errors import ConfigError
from nasion.predict.crop import CropConfig
from nasion.train.config import AugmentConfig
from nasion.train.export import parity
from nasion.train.export.parity import face_crops, max_difference, mean_difference, synthetic_crops
from train.loop.tiny_runs import plain

CROPS = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
"""Three crops of one pixel each, whose value is the number of the face."""


class Known:
    """A backend of two keypoints whose outputs for face k are stored."""

    def __init__(self, keypoints=0.0, spread=0.0, anisotropy=0.0):
        self.outputs = [
            np.broadcast_to(np.asarray(value, float), shape).copy()
            for value, shape in ((keypoints, (3, 2, 2)), (spread, (3, 2)), (anisotropy, (3, 2, 2)))
        ]
        self.sizes = []

    def __call__(self, crops):
        self.sizes.append(len(crops))
        return tuple(output[crops[:, 0, 0, 0]].copy() for output in self.outputs)


def at(index, value, shape=(3, 2, 2)):
    array = np.zeros(shape)
    array[index] = value
    return array


# Largest difference


def test_equal_outputs_have_no_difference():
    assert max_difference(Known(7.0), Known(7.0), CROPS) == 0.0


@pytest.mark.parametrize(
    "other",
    [
        Known(keypoints=at((1, 1, 0), -2.5)),
        Known(keypoints=at((2, 0, 1), 2.5)),
        Known(spread=at((1, 0), 2.5, (3, 2))),
        Known(anisotropy=at((0, 1, 1), -2.5)),
    ],
)
def test_the_largest_difference_is_over_all_outputs_and_faces(other):
    other.outputs[0][0, 0, 0] += 1.25
    assert max_difference(Known(), other, CROPS) == 2.5
    assert max_difference(other, Known(), CROPS) == 2.5


def test_a_face_alone_is_measured_too():
    first, second = Known(), Known()

    class OnlyTogether(Known):
        def __call__(self, crops):
            outputs = super().__call__(crops)
            return outputs if len(crops) > 1 else tuple(output + 0.75 for output in outputs)

    assert max_difference(first, OnlyTogether(), CROPS) == 0.75
    assert max_difference(first, second, CROPS) == 0.0
    assert second.sizes == [3, 1]


def test_values_that_both_lack_are_skipped():
    missing = at((1, 0), np.nan, (3, 2))
    assert max_difference(Known(spread=missing), Known(spread=missing), CROPS) == 0.0
    assert max_difference(Known(spread=missing), Known(spread=missing + 0.5), CROPS) == 0.5
    assert max_difference(Known(spread=np.nan), Known(spread=np.nan), CROPS) == 0.0


@pytest.mark.parametrize("index", [(0, 0), (2, 1)])
def test_values_that_only_one_lacks_give_nan(index):
    missing = at(index, np.nan, (3, 2))
    assert np.isnan(max_difference(Known(spread=missing), Known(), CROPS))
    assert np.isnan(max_difference(Known(), Known(spread=missing), CROPS))


# Mean difference


def test_the_mean_difference_is_the_mean_distance_of_the_keypoints():
    offsets = np.zeros((3, 2, 2))
    offsets[0, 0], offsets[1, 1], offsets[2, 0] = (3, 4), (0, -1), (6, 8)
    other = Known(keypoints=offsets, spread=99.0)  # spreads are not compared
    assert mean_difference(Known(), other, CROPS) == pytest.approx((5 + 1 + 10) / 6)
    assert mean_difference(other, Known(), CROPS) == pytest.approx(16 / 6)
    assert other.sizes == [1] * 6  # one face at a time


def test_a_missing_keypoint_makes_the_mean_nan():
    assert np.isnan(mean_difference(Known(), Known(keypoints=at((0, 0), np.nan)), CROPS))


# Crops


@pytest.mark.parametrize("box", ["points", "image"])
@pytest.mark.parametrize("channels", [1, 3])
def test_synthetic_crops_have_the_form_of_the_configuration(box, channels):
    crops = synthetic_crops(CropConfig(height=24, width=40, channels=channels, box=box))
    assert crops.shape == (parity.FACES, 24, 40, channels)
    assert crops.dtype == np.uint8
    assert len(np.unique(crops.reshape(len(crops), -1), axis=0)) == parity.FACES
    assert crops.std() > 10


def test_faces_fill_more_of_a_crop_around_their_points():
    close, far = (synthetic_crops(CropConfig(height=32, width=32, channels=3, box=box)) for box in ("points", "image"))
    assert not np.array_equal(close, far)


def test_calibration_crops_are_augmented_and_validation_crops_are_not():
    varied = plain(augment={"photo": {"brightness": 1.0}})
    calibration, crops = face_crops(varied)
    plain_calibration, plain_crops = face_crops(plain())
    assert calibration.shape == crops.shape == (6, 32, 32, 1)
    assert calibration.dtype == crops.dtype == np.uint8
    assert np.array_equal(crops, plain_crops)
    assert not np.array_equal(calibration, plain_calibration)
    assert not np.array_equal(plain_calibration, plain_crops)  # they are of other faces
    assert np.array_equal(face_crops(varied)[0], calibration)
    assert not np.array_equal(face_crops(varied.model_copy(update={"seed": 1}))[0], calibration)


def test_without_validation_faces_training_faces_are_measured():
    config = plain(data={"sources": ["synthetic:4"], "skeleton": "imm-58", "validation_share": 0})
    calibration, crops = face_crops(config)
    assert len(crops) == 4
    assert np.array_equal(calibration, crops)


@pytest.mark.parametrize(("limit", "chosen"), [(2, [0, 3]), (3, [0, 2, 4]), (4, [0, 1, 2, 3]), (6, [0, 1, 2, 3, 4, 5])])
def test_a_limited_number_of_evenly_spread_faces_is_used(monkeypatch, limit, chosen):
    every = face_crops(plain())[0]
    monkeypatch.setattr(parity, "CALIBRATION_CROPS", limit)
    assert np.array_equal(face_crops(plain())[0], every[chosen])


def test_data_that_cannot_be_read_names_the_alternative():
    config = plain(data={"sources": ["imm:/nowhere/faces"], "validation_share": 0.1})
    with pytest.raises(ConfigError, match=r"own faces, which cannot be read: .*nowhere.*export with --precision half"):
        face_crops(config)


def test_the_default_augmentation_varies_nothing():
    assert plain().augment == AugmentConfig()
