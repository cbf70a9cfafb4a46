"""Crops show what their matrices say, in both directions, with errors that sampling confirms."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from measure.measured_faces import face_of, projected, with_hidden
from nasion.errors import ConfigError, MeasurementError
from nasion.measure.crops import align, crop
from nasion.measure.templates import available, corners

FACE = face_of(projected(20, -10, 15, 12.0), 1.5, (0.4, -0.3))
IMAGE = np.random.default_rng(0).integers(0, 256, (360, 420, 3), np.uint8)
IMAGE = cv2.GaussianBlur(IMAGE, (0, 0), 6)


@pytest.mark.parametrize("name", available())
def test_maps_in_both_directions_are_inverse(name):
    found = crop(FACE, IMAGE, name, 96)
    assert found.image.shape == (96, 96, 3)
    points = np.random.default_rng(1).uniform(-200, 600, (50, 2))
    assert np.abs(found.to_image(found.to_crop(points)) - points).max() < 1e-9
    table = found.to_table()
    there, back = np.array(table["image_to_crop"]), np.array(table["crop_to_image"])
    returned = (points @ there[:, :2].T + there[:, 2]) @ back[:, :2].T + back[:, 2]
    assert np.abs(returned - points).max() < 0.01
    assert (table["template"], table["size"]) == (name, 96)


def test_crop_is_opencvs_warp_with_the_matrix():
    found = crop(FACE, IMAGE, "arcface", 224)
    expected = cv2.warpAffine(IMAGE, found.to_crop.matrix, (224, 224), borderValue=0)
    assert np.abs(found.image.astype(int) - expected).max() <= 1
    assert len(crop(FACE, IMAGE).image) == 112


def test_borders_beyond_the_image():
    far = replace(FACE, keypoints=FACE.keypoints - [190, 170])
    shown = {border: crop(far, IMAGE, "ffhq", 64, border).image for border in ("black", "replicate", "reflect")}
    assert not shown["black"][:8, :8].any()
    assert (shown["replicate"][:8, :8] == shown["replicate"][0, 0]).all()
    assert (shown["reflect"][:8, :8].std((0, 1)) > 1).all()


@pytest.mark.parametrize("name", available())
def test_errors_of_the_corners_agree_with_sampling(name):
    rng, covariance = np.random.default_rng(2), np.linalg.cholesky(_covariance())
    affine, error = align(FACE, name, 112)
    edges, moved = affine.inverse()(corners(112)), []
    for _ in range(800):
        noise = (covariance @ rng.normal(size=(68, 2, 1)))[..., 0]
        other, _ = align(replace(FACE, keypoints=FACE.keypoints + noise), name, 112)
        moved.append(other(edges) - corners(112))
    assert error == pytest.approx(np.sqrt((np.array(moved) ** 2).sum(-1).mean()), rel=0.08)


def _covariance():
    from nasion.uncertainty import covariances

    return covariances(FACE.spread, FACE.anisotropy)


def test_missing_points_and_points_in_one_place_are_rejected():
    keypoints = FACE.keypoints.copy()
    keypoints[30] = np.nan
    with pytest.raises(MeasurementError, match='"arcface" needs points that are missing'):
        align(face_of(keypoints))
    crop(face_of(keypoints), IMAGE, "ffhq")  # which does not use the nose
    for name in available():
        with pytest.raises(MeasurementError, match="all in one place"):
            align(face_of(np.full((68, 2), 7.0)), name)


def test_crops_use_hidden_points_and_their_error_is_then_unknown():
    found, plain = crop(with_hidden(FACE, [30]), IMAGE), crop(FACE, IMAGE)
    assert np.array_equal(found.to_crop.matrix, plain.to_crop.matrix)
    assert np.isnan(found.corner_error_px)
    assert crop(with_hidden(FACE, [30]), IMAGE, "ffhq").corner_error_px > 0  # which does not use the nose


def test_without_uncertainty_only_the_error_is_unknown():
    found = crop(face_of(FACE.keypoints, np.nan), IMAGE)
    assert np.isnan(found.corner_error_px)
    assert found.to_table()["corner_error_px"] is None


def test_bad_sizes_and_borders_are_rejected():
    for size in (0, -3, 100_000):
        with pytest.raises(ConfigError, match="a side of 1 to 8192 px"):
            crop(FACE, IMAGE, size=size)
    with pytest.raises(ConfigError, match='unknown border "mirror"'):
        crop(FACE, IMAGE, border="mirror")
    with pytest.raises(ConfigError, match="no template"):
        crop(FACE, IMAGE, "arc")
