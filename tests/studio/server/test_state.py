"""Defaults and immutability of what the routes share."""

from dataclasses import FrozenInstanceError

import pytest

from nasion.studio.server.albums.open_albums import OpenAlbums
from nasion.studio.server.job_queue import JobQueue
from nasion.studio.server.loaded_models import LoadedModels
from nasion.studio.server.state import DEFAULT_SETTINGS, Server, ServerSettings


def test_by_default_no_token_is_required_and_bodies_are_limited():
    assert (
        ServerSettings(token=None, largest_body=40_000_000, largest_pixels=50_000_000, queue=32, timeout_s=60.0)
        == DEFAULT_SETTINGS
    )


def test_the_parts_of_a_server_cannot_be_replaced():
    queue = JobQueue(max_waiting=3, timeout_s=2.0)
    server = Server(DEFAULT_SETTINGS, LoadedModels(str, {}), queue, OpenAlbums(None, lambda: None))
    queue.close()
    assert server.albums.all == []
    with pytest.raises(FrozenInstanceError):
        server.albums = "another"


def test_routes_get_the_state_of_their_own_server(serve, album_client):
    with serve(extra={"mine": "tiny"}) as other:
        assert other.get("/v1/models").json()[0]["name"] == "mine"
        assert album_client.get("/v1/models").json()[0]["name"] == "default"
