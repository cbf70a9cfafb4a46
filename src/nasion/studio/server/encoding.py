"""Images and points in the form in which responses carry them."""

import base64
import io

import numpy as np
from PIL import Image as PillowImage

from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["data_uri", "encode_jpeg", "point_list"]

DECIMALS = 3


def encode_jpeg(image: Image, quality: int) -> bytes:
    """Return an image (H, W, 3), uint8 RGB, as a JPEG file; `quality` is 1 to 95."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def data_uri(image: Image, quality: int) -> str:
    """Return an image (H, W, 3), uint8 RGB, as a data URI that holds a JPEG file; `quality` is 1 to 95."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(image, quality)).decode("ascii")


def point_list(keypoints: FloatArray) -> list[tuple[float, float] | None]:
    """Return keypoints (K, 2), image px, as pairs rounded to 0.001 px; None for missing points.

    >>> point_list(np.array([[1.23456, 2.0], [np.nan, np.nan]]))
    [(1.235, 2.0), None]
    """
    pairs = np.round(keypoints, DECIMALS).tolist()
    return [None if np.isnan((x, y)).any() else (x, y) for x, y in pairs]
