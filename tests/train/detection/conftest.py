"""Faces for scenes: a red ellipse on transparent or gray ground, with the box around it."""

import cv2
import numpy as np
import pytest

from nasion import images
from nasion.train.detection.scenes import Cutout

pytest.importorskip("numba", reason="scenes need numba: pip install 'nasion[render]'")


@pytest.fixture(scope="session")
def blob(tmp_path_factory):
    """Return a function that writes an image of an ellipse and returns it as a face."""
    folder = tmp_path_factory.mktemp("blobs")

    def make(name, *, transparent):
        opacity = np.zeros((90, 80), np.uint8)
        cv2.ellipse(opacity, (40, 45), (20, 25), 0, 0, 360, 255, -1)
        color = np.full((90, 80, 3), 60, np.uint8)
        color[opacity > 0] = [250, 10, 10]
        path = folder / f"{name}.png"
        images.write(path, np.concatenate([color, opacity[..., None]], -1) if transparent else color)
        return Cutout(path, np.array([20.0, 20, 60, 70]))

    return make
