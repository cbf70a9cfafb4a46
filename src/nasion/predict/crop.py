"""What a network sees of an image: shared by training and prediction, so that the two cannot differ."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nasion.geometry import FloatArray, box_to_aspect, image_box, scale_box
from nasion.sample import Image
from nasion.settings import Settings

__all__ = ["CropConfig", "face_box", "to_channels"]


class CropConfig(Settings):
    """What the network sees of an image."""

    height: int = Field(ge=8, le=1024, description="height of the crop, px")
    width: int = Field(ge=8, le=1024, description="width of the crop, px")
    channels: Literal[1, 3] = Field(default=3, description="color channels of the crop: 1 is gray, 3 is RGB")
    box: Literal["image", "points"] = Field(default="points", description="the full image, or a box around the face")
    margin: float = Field(default=1.4, ge=1, le=4, description="size of the face box relative to the points' box")
    full_image_share: float = Field(
        default=0.0, ge=0, le=1, description='share of training crops that show the full image although box is "points"'
    )
    refine: int = Field(
        default=0, ge=0, le=3, description="extra passes, each on a crop around the points just predicted"
    )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), px."""
        return self.height, self.width


def face_box(points_box: FloatArray | None, size: tuple[int, int], crop: CropConfig) -> FloatArray:
    """Return the box (4,), image px, that fills a crop: around the points, or of the full image.

    A network for full images uses a given box as the part of the image to crop, without a margin.

    Args:
        points_box: (4,) the box around a face's points, image px; None for the full image.
        size: the image's (height, width), px.
        crop: aspect and margin of the crop.
    """
    if points_box is None:
        return box_to_aspect(image_box(size), crop.size)
    margin = crop.margin if crop.box == "points" else 1.0
    return box_to_aspect(scale_box(points_box, margin), crop.size)


def to_channels(crop: Image, channels: int) -> NDArray[np.uint8]:
    """Return an RGB crop (H, W, 3) uint8 as (H, W, `channels`) uint8, with 1 or 3 channels."""
    return crop if channels == 3 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
