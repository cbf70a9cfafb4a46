"""Shared fixtures: synthetic faces everywhere, real data where it is present."""

import os
from pathlib import Path

import platformdirs
import pytest
from hypothesis import settings

from nasion import datasets
from nasion.detect import PeakDetector
from nasion.detect import yunet as yunet_module

settings.register_profile("untimed", deadline=None)  # a busy machine is no error
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]
MODELS = ROOT.parent / "shared" / "models"
DATA = Path(os.environ.get("NASION_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real():
    """Return a function that gives a path inside the real data, or skips with what is missing."""

    def path(name: str) -> Path:
        if not (DATA / name).exists():
            pytest.skip(f"real data is missing: {DATA / name}; set NASION_DATA to its folder")
        return DATA / name

    return path


@pytest.fixture(scope="session")
def stored_v1():
    """Return the folder of files that format version 1 wrote: two runs and a model."""
    return Path(__file__).parent / "stored_v1"


@pytest.fixture(scope="session")
def drawn():
    """Return 24 synthetic faces of four people with 58 points."""
    return datasets.load("synthetic:24")


@pytest.fixture(scope="session", autouse=True)
def _no_downloads(tmp_path_factory):
    """Make every download of the detector fail, so that tests without it use nasion's own."""
    patch = pytest.MonkeyPatch()
    cache = tmp_path_factory.mktemp("cache")
    patch.setattr(platformdirs, "user_cache_dir", lambda _name: cache)
    patch.setattr(yunet_module, "YUNET_URL", "http://127.0.0.1:9/yunet_n_640_640.onnx")
    yield
    patch.undo()


@pytest.fixture(scope="session")
def yunet_file():
    """Return the detector's file if it is present."""
    path = Path(os.environ.get("NASION_DETECTOR", MODELS / "yunet_n_640_640.onnx"))
    if not path.exists():
        pytest.skip(f"the detector's file is missing: {path}; set NASION_DETECTOR")
    return path


@pytest.fixture(scope="session")
def yunet(yunet_file):
    """Return the detector."""
    return yunet_module.YuNet(yunet_file)


@pytest.fixture(scope="session")
def packaged_detector():
    """Return nasion's own detector."""
    return PeakDetector()
