"""What several tests share: real data where it is there, drawn faces everywhere."""

import os
from pathlib import Path

import pytest

from nasion import datasets

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("NASION_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real():
    """Return a function that gives a path inside the real data, or skips with what is missing."""

    def path(name: str) -> Path:
        if not (DATA / name).exists():
            pytest.skip(f"real data is not there: {DATA / name}; set NASION_DATA to its folder")
        return DATA / name

    return path


@pytest.fixture(scope="session")
def drawn():
    """Return 24 drawn faces of four people with 58 points."""
    return datasets.load("synthetic:24")
