"""A photo of one face, and the packaged model that predicts in a known box."""

import numpy as np
import pytest

from doubles import FixedDetector
from nasion import Predictor, compat, images
from nasion.compat import shared

collect_ignore_glob = ["programs/*"]  # they import other packages

FACE = (180.0, 88, 272, 178)
"""The box around the keypoints of the astronaut's face, image px."""


@pytest.fixture(scope="session")
def photo():
    """The astronaut, (512, 512, 3) uint8 RGB."""
    data = pytest.importorskip("skimage.data", reason="the photo is in scikit-image; pip install scikit-image")
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="session")
def _model():
    return Predictor("default", FixedDetector(FACE))


@pytest.fixture
def found(_model, monkeypatch):
    """The shared predictor, which finds the astronaut's face in every image."""
    monkeypatch.setattr(shared, "_current", [])
    compat.use(_model)
    return _model


@pytest.fixture
def no_face(_model, monkeypatch):
    """A shared predictor that finds no face."""
    monkeypatch.setattr(shared, "_current", [])
    compat.use(Predictor(_model.backend, FixedDetector()))


@pytest.fixture
def file(photo, tmp_path):
    """The photo as a file, alone in its folder."""
    path = tmp_path / "photos" / "a.png"
    path.parent.mkdir()
    images.write(path, photo)
    return path
