"""The application as a whole: what it serves, what it starts and what it ends."""

import threading
import types
from concurrent.futures import ThreadPoolExecutor

import pytest

from nasion.errors import ConfigError
from nasion.skeleton import load_skeleton
from nasion.studio import ServerSettings, build, open_album
from nasion.studio.server.access import SECURITY_HEADERS
from nasion.studio.training_process import TrainingProcess

IBUG = load_skeleton("ibug-68")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1:8008", "sec-fetch-site": "same-origin"}, 200),
        ({"host": "[::1]:8008"}, 200),
    ],
)
def test_the_application_is_behind_access_control(client, headers, status):
    response = client.get("/healthz", headers=headers)
    assert response.status_code == status
    assert SECURITY_HEADERS.items() <= dict(response.headers).items()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/x", 404), ("DELETE", "/healthz", 405), ("GET", "/v1/album", 422), ("POST", "/v1/predict", 422)],
)
def test_errors_have_the_security_headers_too(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    assert SECURITY_HEADERS.items() <= dict(response.headers).items()
    assert list(response.json()) == ["error"]


def test_the_token_of_the_settings_is_required(serve):
    with serve(settings=ServerSettings(token="sesame")) as client:
        assert client.get("/healthz").status_code == 401
        assert client.get("/healthz", headers={"authorization": "Bearer sesame"}).status_code == 200
        opened = client.get("/?token=sesame&a=1", follow_redirects=False)
        assert (opened.status_code, opened.headers["location"]) == (303, "/?a=1")
        assert client.get("/").status_code == 200  # with the cookie


def test_an_unusable_token_is_rejected(make):
    with pytest.raises(ConfigError, match="a token consists of letters"):
        build(ServerSettings(token="my token"), make=make)


@pytest.mark.parametrize("has_length", [True, False])
def test_a_large_body_is_not_read(serve, has_length):
    def stream():
        for _ in range(50):
            yield b"x" * 100_000

    with serve(settings=ServerSettings(largest_body=500_000)) as client:
        response = client.post("/v1/predict", content=b"x" * 5_000_000 if has_length else stream())
    assert response.status_code == 413
    assert "more than 0 MB" in response.json()["error"]


def test_with_a_folder_there_is_an_album(album_client):
    info = album_client.get("/v1/studio").json()
    assert (info["album"], info["root"]) == (True, "faces")
    assert "/v1/album" in album_client.get("/openapi.json").json()["paths"]


def test_the_documentation_pages_of_fastapi_are_off(client):
    assert client.get("/redoc").status_code == 404
    assert "swagger" not in client.get("/docs").text


def test_twenty_simultaneous_requests_are_all_answered(client, gray):
    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda _: client.post("/v1/predict", content=gray).status_code, range(20)))
    assert codes == [200] * 20


class Gated:
    """A predictor that finds no face, and only once the gate is open."""

    skeleton, backend = load_skeleton("nose-1"), types.SimpleNamespace(name="gated")

    def __init__(self):
        self.gate, self.begun = threading.Event(), threading.Event()

    def __call__(self, image, boxes=None):
        self.begun.set()
        assert self.gate.wait(60)
        return []


def test_when_the_queue_is_full_clients_are_told_to_try_again(serve, gray):
    predictor = Gated()
    with (
        serve(settings=ServerSettings(queue=2), make=lambda name: predictor) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        requests = [pool.submit(client.post, "/v1/predict", content=gray) for _ in range(6)]
        rejected = threading.Semaphore(0)
        for request in requests:
            request.add_done_callback(lambda _: rejected.release())
        for _ in range(3):
            assert rejected.acquire(timeout=60)
        predictor.gate.set()
        responses = [request.result() for request in requests]
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 429, 429, 429]
    full = next(response for response in responses if response.status_code == 429)
    assert full.headers["retry-after"] == "2"


def test_a_prediction_that_takes_too_long_is_given_up(serve, gray):
    predictor = Gated()
    with serve(settings=ServerSettings(timeout_s=0.05), make=lambda name: predictor) as client:
        response = client.post("/v1/predict", content=gray)
        predictor.gate.set()
    assert response.status_code == 504
    assert "took too long" in response.json()["error"]


def test_the_end_of_the_server_ends_the_scan_the_queue_and_the_training(serve, folder, monkeypatch):
    closed, predictor = [], Gated()
    monkeypatch.setattr(TrainingProcess, "close", lambda training: closed.append(training.runs))
    album = open_album(str(folder), IBUG)
    client = serve(make=lambda name: predictor, album=album)
    server = client.app.app.state.server
    with client:
        assert predictor.begun.wait(60)  # the scan has begun with the first image
        predictor.gate.set()
    assert closed == [folder / "nasion-runs"]
    with pytest.raises(RuntimeError):
        server.queue._pool.submit(print)


def test_beyond_this_machine_a_token_is_generated(monkeypatch, capsys):
    """`nasion serve --host 0.0.0.0` generates a token; without it, no request is answered, whatever its host."""
    import uvicorn

    from nasion.cli.studio import serve

    testing = pytest.importorskip("starlette.testclient")
    seen = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: seen.append((server.config.app, sockets[0])))
    for host in ("127.0.0.1", "0.0.0.0"):
        serve(folder=None, model=None, host=host, port=0, token=None)
    (local, _), (shared, _) = seen
    for _, listener in seen:
        listener.close()
    address = capsys.readouterr().out.replace("\n", "").split("token=")
    token = address[1].split(" ")[0]
    assert len(address) == 2
    assert len(token) > 20
    home = "http://127.0.0.1:8008"
    assert testing.TestClient(local, base_url=home).get("/v1/studio").status_code == 200
    others = testing.TestClient(shared, base_url=home)
    assert others.get("/v1/studio").status_code == 401
    assert others.get("/v1/studio", headers={"authorization": f"Bearer {token}"}).status_code == 200
