"""The page is served before the rest of the server can be imported."""

import asyncio
import subprocess
import sys
import threading

import pytest

from nasion.errors import ConfigError, ModelError
from nasion.studio import build
from nasion.studio.server.access import SECURITY_HEADERS
from nasion.studio.server.page.starting import Starting

HOME = "http://127.0.0.1:8008"


@pytest.fixture
def testing():
    return pytest.importorskip("starlette.testclient")


def test_the_page_is_served_while_the_application_is_loaded(testing, make):
    gate = threading.Event()

    def load():
        assert gate.wait(60)
        return build(make=make)

    with testing.TestClient(Starting(load, None), base_url=HOME) as client:
        page = client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert SECURITY_HEADERS.items() <= dict(page.headers).items()
        assert client.get("/pages/main.js").status_code == 200
        gate.set()
        assert client.get("/healthz").json()["ok"] is True
        assert client.get("/pages/none.js").status_code == 404
        assert client.post("/").status_code == 405


def test_the_page_is_behind_access_control(testing, make):
    with testing.TestClient(Starting(lambda: build(make=make), "sesame"), base_url=HOME) as client:
        assert client.get("/").status_code == 401
        assert client.get("/?token=sesame", follow_redirects=False).status_code == 303
        assert client.get("/").status_code == 200  # with the cookie
    with testing.TestClient(Starting(lambda: build(make=make), None), base_url="http://evil.example") as client:
        assert client.get("/").status_code == 421
    with pytest.raises(ConfigError, match="a token consists of letters"):
        Starting(lambda: build(make=make), "my token")


def test_the_lifespan_of_the_application_is_run(testing, make):
    app = build(make=make)
    with testing.TestClient(Starting(lambda: app, None), base_url=HOME) as client:
        client.get("/healthz")
    with pytest.raises(RuntimeError):  # the queue is closed
        app.app.state.server.queue._pool.submit(print)


def test_an_application_that_cannot_be_loaded_is_an_error(testing):
    def load():
        raise ModelError("the model is damaged")

    called = threading.Event()
    app = Starting(load, None)
    app.on_error = called.set
    with testing.TestClient(app, base_url=HOME) as client:
        response = client.get("/healthz")
        assert (response.status_code, response.json()) == (503, {"error": "the model is damaged"})
        assert called.wait(60)
    assert isinstance(app.error, ModelError)


def test_it_is_loaded_once_and_in_advance_on_request(make):
    loaded = []

    def load():
        loaded.append(build(make=make))
        return loaded[-1]

    app = Starting(load, None)
    app.load()
    app.load()
    assert len(loaded) == 1
    assert asyncio.run(app._loaded()) is loaded[0]


def test_no_slow_package_is_imported():
    code = (
        "import sys, nasion.studio.server.page.starting; "
        "print({'fastapi', 'starlette', 'cv2', 'numpy', 'onnxruntime', 'pydantic'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
