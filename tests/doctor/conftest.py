from dataclasses import replace

import pytest


@pytest.fixture(scope="session")
def drawn(drawn):
    """Return the synthetic faces of `tests/conftest.py`, each rendered only once."""
    rendered = {}

    def open_image(face):
        if face.image not in rendered:
            rendered[face.image] = drawn.open_image(face)
        return rendered[face.image]

    return replace(drawn, open_image=open_image)
