"""Clients of a server that runs in the test's own process."""

import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from nasion import images
from nasion.detect import Detection
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import build, open_album

HOME = "http://127.0.0.1:8008"
FACE = Detection(np.array([176.0, 95, 275, 180]), 0.9)


def detect_astronaut(image):
    """Return the astronaut's face; an image of one color has none."""
    return [FACE] if image.std() > 5 else []


@pytest.fixture(scope="session")
def to_jpeg():
    """Return a function that encodes an image (H, W, 3) as a JPEG file."""

    def encode(image):
        buffer = io.BytesIO()
        PillowImage.fromarray(image).save(buffer, "JPEG")
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def astronaut(to_jpeg):
    return to_jpeg(data.astronaut())


@pytest.fixture(scope="session")
def gray(to_jpeg):
    """An image of 80 x 60 px without a face."""
    return to_jpeg(np.full((60, 80, 3), 90, np.uint8))


@pytest.fixture(scope="session")
def make():
    """Return a function that makes the predictor of a model; it detects the astronaut's face only."""
    return lambda name: Predictor(OnnxBackend(resolve(name), threads=1), detect_astronaut)


@pytest.fixture(scope="session")
def serve(make):
    """Return a function that builds a server and returns its client, to be used in a `with` block."""
    testing = pytest.importorskip("starlette.testclient")

    def client(**arguments):
        return testing.TestClient(build(**{"make": make} | arguments), base_url=HOME)

    return client


@pytest.fixture(scope="module")
def client(serve):
    with serve() as client:
        yield client


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two images and no labels."""
    for name in ("a.png", "inside/a.png"):
        images.write(tmp_path / "faces" / name, data.astronaut())
    return tmp_path / "faces"


@pytest.fixture
def album_client(serve, folder):
    with serve(album=open_album(str(folder), load_skeleton("ibug-68"))) as client:
        yield client
