"""Images in the form in which responses carry them."""

import base64
import io

from PIL import Image as PillowImage

from nasion.sample import Image

__all__ = ["data_uri", "encode_jpeg"]


def encode_jpeg(image: Image, quality: int) -> bytes:
    """Return an image (H, W, 3), uint8 RGB, as a JPEG file; `quality` is 1 to 95."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def data_uri(image: Image, quality: int) -> str:
    """Return an image (H, W, 3), uint8 RGB, as a data URI that holds a JPEG file; `quality` is 1 to 95."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(image, quality)).decode("ascii")
