"""How far the keypoints of an exported file are from torch's, and the crops on which this is measured."""

import numpy as np
from numpy.typing import NDArray

from nasion import images
from nasion.datasets.drawn import SIZE, render_face
from nasion.errors import ConfigError, NasionError
from nasion.geometry import Affine, box_around
from nasion.predict.backends.backend import Backend
from nasion.predict.crop import CropConfig, face_box, to_channels
from nasion.train.config import AugmentConfig, RunConfig
from nasion.train.data.batches import CropSource, EpochPlan
from nasion.train.data.faces import load_faces

__all__ = ["face_crops", "max_difference", "mean_difference", "synthetic_crops"]

FACES = 5
"""Synthetic faces on which the largest difference is measured."""

CALIBRATION_CROPS = 256
"""Training crops on which int8 ranges are measured, and validation crops on which the mean difference is measured."""


def synthetic_crops(crop: CropConfig) -> NDArray[np.uint8]:
    """Return crops (N, H, W, C) uint8 of synthetic faces."""
    crops: list[NDArray[np.uint8]] = []
    for person in range(FACES):
        face = render_face(seed=1, person=person, view=1, skeleton="ibug-68")
        box = box_around(face.keypoints) if crop.box == "points" else None
        affine = Affine.crop(face_box(box, SIZE, crop), crop.size)
        crops.append(to_channels(images.warp(face.image, affine, crop.size), crop.channels))
    return np.stack(crops)


def face_crops(config: RunConfig) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return augmented training crops (N, H, W, C) of a run's own data, and unvaried validation crops, both uint8.

    Raises:
        ConfigError: the data cannot be read.
    """
    try:
        faces = load_faces(config)
    except NasionError as error:
        raise ConfigError(
            f"int8 and mirrored crops are measured on the run's own faces, which cannot be read: {error}; "
            "restore the data, or export with --precision half and without --mirrored"
        ) from None
    splits = {face.split for face in faces.annotations}

    def crops(split: str, augment: AugmentConfig | None) -> NDArray[np.uint8]:
        chosen = faces.of_split(split)
        step = max(1, len(chosen) // CALIBRATION_CROPS)
        chosen = chosen.subset(chosen.annotations[::step][:CALIBRATION_CROPS])
        source = CropSource(chosen, config.crop, augment not in (None, AugmentConfig()), config.seed)
        plan = EpochPlan(0, config.crop.size, augment)
        return np.stack([source.crop_at(index, plan)[0] for index in range(len(source))])

    return crops("train", config.augment), crops("val" if "val" in splits else "train", None)


def max_difference(a: Backend, b: Backend, crops: NDArray[np.uint8]) -> float:
    """Return the largest difference, crop px, between two backends' outputs for crops (N, H, W, C) uint8.

    It is measured on all crops together and on one alone; NaN if only one of the two outputs is NaN.
    """
    largest = 0.0
    for part in (crops, crops[:1]):
        for first, second in zip(a(part), b(part), strict=True):
            known = ~np.isnan(first)
            if (np.isnan(second) == known).any():
                return float("nan")
            largest = max(largest, float(np.abs(first - second)[known].max(initial=0.0)))
    return largest


def mean_difference(a: Backend, b: Backend, crops: NDArray[np.uint8]) -> float:
    """Return the mean distance, crop px, between two backends' keypoints for crops (N, H, W, C) uint8."""
    first = np.concatenate([a(crops[k : k + 1])[0] for k in range(len(crops))])
    second = np.concatenate([b(crops[k : k + 1])[0] for k in range(len(crops))])
    return float(np.linalg.norm(first - second, axis=-1).mean())
