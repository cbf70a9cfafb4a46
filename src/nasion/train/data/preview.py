"""What the loader yields: each face's plain crop, and several variations of it, with the points that go with them."""

import cv2
import numpy as np

from nasion.draw import points as draw
from nasion.draw.sheets import evenly_spaced
from nasion.geometry import Affine
from nasion.sample import DataSet, Image, Problem
from nasion.train.config import RunConfig
from nasion.train.data.batches import CropSource
from nasion.train.loop.fit import with_skeleton

__all__ = ["crops_sheet"]

VARIATIONS = 5

LEAST_SIDE = 180
"""A crop is shown at least this large, px, in whole multiples, so that its pixels stay visible."""


def crops_sheet(config: RunConfig, faces: DataSet, count: int) -> tuple[Image, list[Problem]]:
    """Return a row a face, its plain crop, then variations as five epochs would see them; and what was skipped."""
    faces = with_skeleton(faces, config)
    chosen = faces.subset([faces.annotations[index] for index in evenly_spaced(faces, count)])
    plain = CropSource(chosen, config.crop, None, config.seed)
    varied = CropSource(chosen, config.crop, config.augment, config.seed)
    tiles: list[Image] = []
    for index in range(len(plain)):
        name = plain.faces[index].annotation.name
        tiles.append(draw.caption(_tile(plain, index, 0), name))
        for epoch in range(VARIATIONS):
            variation, whole = varied.variation(index, epoch)
            words = ["mirrored"] * variation.mirror + ["whole picture"] * whole
            tiles.append(draw.caption(_tile(varied, index, epoch), f"epoch {epoch}: {', '.join(words) or 'varied'}"))
    sheet = draw.sheet(tiles, columns=1 + VARIATIONS)
    height, width = config.crop.size
    title = f"crops of {width} x {height} px: first the plain one, then {VARIATIONS} variations"
    return draw.legend(sheet, [(title, None), ("points as the network learns them", draw.TRUE)]), plain.problems


def _tile(crops: CropSource, index: int, epoch: int) -> Image:
    crop, keypoints, _ = crops.crop_at(index, epoch)
    if crop.shape[2] == 1:
        crop = np.repeat(crop, 3, axis=2)
    factor = max(1, -(-LEAST_SIDE // max(crop.shape[:2])))
    large = np.asarray(cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8)
    moved = Affine.resize(crop.shape[:2], large.shape[:2])(keypoints)
    return draw.draw_points(large, moved, draw.TRUE, crops.skeleton, 2.0)
