"""What the network sees: each face's unvaried crop and several variations, with the keypoints it learns."""

import cv2
import numpy as np

from nasion import draw
from nasion.geometry import Affine
from nasion.sample import DataSet, Image, Problem
from nasion.train.config import RunConfig
from nasion.train.data.batches import CropSource, EpochPlan
from nasion.train.data.faces import with_skeleton

__all__ = ["crops_sheet"]

VARIATIONS = 5
"""Variations of each face, as in as many epochs."""

MIN_SIDE = 180
"""A crop is enlarged by a whole factor to at least this side, px, so that its pixels stay visible."""


def crops_sheet(config: RunConfig, faces: DataSet, count: int) -> tuple[Image, list[Problem]]:
    """Return a sheet (H, W, 3) uint8 RGB, px, with the unvaried crop and variations of each face; and skipped faces."""
    faces = with_skeleton(faces, config)
    chosen = faces.subset([faces.annotations[index] for index in draw.evenly_spaced(faces, count)])
    source = CropSource(chosen, config.crop, varied=True, seed=config.seed)
    tiles: list[Image] = []
    for index, face in enumerate(source.faces):
        tiles.append(draw.caption(_tile(source, index, source.plain), face.annotation.name))
        for epoch in range(VARIATIONS):
            plan = EpochPlan(epoch, config.crop.size, config.augment)
            variation, full_image = source.variation(index, plan)
            words = ["mirrored"] * variation.mirror + ["full image"] * full_image
            text = f"epoch {epoch}: {', '.join(words) or 'varied'}"
            tiles.append(draw.caption(_tile(source, index, plan), text))
    height, width = config.crop.size
    title = f"crops of {width} x {height} px: the unvaried crop, then {VARIATIONS} variations"
    legend = [(title, None), ("keypoints as the network learns them", draw.TRUE)]
    return draw.legend(draw.sheet(tiles, columns=1 + VARIATIONS), legend), source.problems


def _tile(source: CropSource, index: int, plan: EpochPlan) -> Image:
    crop, keypoints, _ = source.crop_at(index, plan)
    if crop.shape[2] == 1:
        crop = np.repeat(crop, 3, axis=2)
    factor = max(1, -(-MIN_SIDE // max(crop.shape[:2])))
    large = np.asarray(cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8)
    enlarged = Affine.resize(crop.shape[:2], large.shape[:2])(keypoints)
    return draw.draw_points(large, enlarged, draw.TRUE, source.skeleton, 2.0)
