"""The public names of the studio."""

import pytest

from nasion import studio
from nasion.studio.albums.opening import open_album
from nasion.studio.server.app import ServerSettings, build


def test_public_names_are_those_of_their_modules():
    assert (studio.open_album, studio.build, studio.ServerSettings) == (open_album, build, ServerSettings)
    assert set(studio.__all__) == set(studio._HOMES)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'none'"):
        _ = studio.none
