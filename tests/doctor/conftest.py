import pytest

from doctor.faces import opened_once
from nasion import datasets


@pytest.fixture(scope="session")
def drawn(drawn):
    """Return the synthetic faces of `tests/conftest.py`, each rendered only once."""
    return opened_once(drawn)


@pytest.fixture(scope="session")
def many():
    """Return 48 synthetic faces of eight people, each rendered only once."""
    return opened_once(datasets.load("synthetic:48"))
