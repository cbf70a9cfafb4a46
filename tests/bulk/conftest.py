"""A predictor with a known answer, a folder of images, and a model for other processes."""

import numpy as np
import pytest

from doubles import BrightSpot
from nasion import images
from nasion.bulk import BulkPredictor

SIZE = 60, 80
"""(height, width) of the images, px."""


@pytest.fixture
def spot_image():
    """Return a function that draws a bright square around a place (x, y), px."""

    def draw(x, y):
        image = np.zeros((*SIZE, 3), np.uint8)
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
        return image

    return draw


@pytest.fixture
def folder(tmp_path, spot_image):
    """Return a folder with three images and a broken one."""
    pytest.importorskip("pyarrow")
    for number, x in enumerate((20, 40, 60)):
        images.write(tmp_path / "photos" / f"{number}.png", spot_image(x, 30))
    (tmp_path / "photos" / "3.png").write_bytes(b"not an image")
    return tmp_path / "photos"


@pytest.fixture
def bulk():
    """Return a predictor of full images that finds the bright square."""
    pytest.importorskip("pyarrow")
    return BulkPredictor(BrightSpot((0, 0), box="image"), retry_s=0.0)
