"""The head model, one rendered head, and skips where the model's file or numba is missing."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def model_file(real):
    """Return the file with the head model."""
    pytest.importorskip("numba", reason="rendered heads need numba; pip install 'nasion[render]'")
    return real("ict_facekit.npz")


@pytest.fixture(scope="session")
def assets(model_file):
    """Return the head model."""
    from nasion.datasets.rendered.assets import load_assets

    return load_assets(model_file)


@pytest.fixture(scope="session")
def frontal(assets):
    """Return the mean head, 2 m before a camera that looks at its nose, in an image of 96 px."""
    from nasion.datasets.rendered.camera import Camera, rotation_of
    from nasion.datasets.rendered.head import Head
    from nasion.datasets.rendered.person import Shape

    rotation = rotation_of(np.zeros(3))
    camera = Camera(
        np.zeros(3), rotation, np.array([0, 0, 200.0]) - rotation @ [0, -1, 5], 700.0, np.array([47.5, 47.5])
    )
    shape = Shape(np.zeros(100), np.zeros(57), np.zeros((2, 2)))
    return Head(shape, assets.neutral, camera, 96)


@pytest.fixture(scope="session")
def scene(assets, frontal):
    """Return the mean head with a random look."""
    from nasion.datasets.rendered.head import sample_scene

    return sample_scene(assets, frontal, np.random.default_rng(4))
