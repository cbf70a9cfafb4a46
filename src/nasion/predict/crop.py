"""What a network sees of a picture: shared by training and prediction, so that they cannot differ."""

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
    """What the network sees of a picture."""

    height: int = Field(ge=8, le=1024, description="px")
    width: int = Field(ge=8, le=1024, description="px")
    channels: Literal[1, 3] = Field(3, description="1 is gray, 3 is RGB")
    box: Literal["picture", "points"] = Field("points", description="the whole picture, or a box around the face")
    margin: float = Field(1.4, ge=1, le=4, description="the face box is the points' box, this much larger")
    full_image_share: float = Field(
        0.0, ge=0, le=1, description='share of training crops cut from the whole picture although box is "points"'
    )
    refine: int = Field(0, ge=0, le=3, description="how often a crop is cut again from the points just found")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), px."""
        return self.height, self.width


def face_box(points_box: FloatArray | None, size: tuple[int, int], crop: CropConfig) -> FloatArray:
    """Return the box (4,) that fills a crop of a picture of `size`: around the points, or of the whole picture.

    A network of whole pictures takes a box as the part of the picture to look at, without a margin.

    Args:
        points_box: (4,) the box around a face's points, image px; None for the whole picture.
        size: the picture's (height, width).
        crop: its aspect and margin.
    """
    if points_box is None:
        return box_to_aspect(image_box(size), crop.size)
    margin = crop.margin if crop.box == "points" else 1.0
    return box_to_aspect(scale_box(points_box, margin), crop.size)


def to_channels(crop: Image, channels: int) -> NDArray[np.uint8]:
    """Return an RGB crop (H, W, 3) with `channels` channels, 1 or 3."""
    return crop if channels == 3 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
