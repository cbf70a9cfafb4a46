"""serve: addresses, tokens, models and ports."""

import socket

import pytest

from nasion.cli import studio
from nasion.errors import ConfigError, ModelError
from nasion.predict.predictor import Predictor


@pytest.fixture
def served(monkeypatch):
    """Replaces the server: records the application and the settings."""
    import uvicorn

    seen = []

    class Server:
        def __init__(self, settings):
            self.settings = settings

        def run(self, sockets):
            seen.append((self.settings, sockets[0].getsockname()))
            sockets[0].close()

    monkeypatch.setattr(uvicorn, "Server", Server)
    return seen


def test_local_server_needs_no_token(nasion, served):
    code, out, error = nasion("serve", "--port", 0)
    assert (code, error) == (0, "")
    settings, (host, port) = served[0]
    assert host == "127.0.0.1"
    assert f"studio: http://127.0.0.1:{port}/ " in out
    assert f"HTTP API: http://127.0.0.1:{port}/docs" in out
    assert "token" not in out
    assert settings.timeout_keep_alive == settings.timeout_graceful_shutdown == studio.TIMEOUT_S
    assert settings.limit_concurrency > studio.MAX_CONNECTIONS


def test_other_hosts_get_a_token(nasion, served):
    _, first, warning = nasion("serve", "--port", 0, "--host", "0.0.0.0")
    assert warning == "nasion: images and token are not encrypted: use a network you trust, or a proxy with TLS\n"
    assert f"studio: http://{socket.gethostname()}:" in first  # 127.0.0.1 would be of no use to another machine
    second = nasion("serve", "--port", 0, "--host", "0.0.0.0")[1]
    assert "/?token=" in first
    assert first.split("token=")[1].split()[0] != second.split("token=")[1].split()[0]
    assert "/?token=mine" in nasion("serve", "--port", 0, "--token", "mine")[1]


def test_folder_is_opened(nasion, served, tmp_path):
    code, _, error = nasion("serve", "nowhere", "--port", 0)
    assert code == 2
    assert "nowhere" in error
    assert not served


def test_port_in_use_is_one_line(nasion, served):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, error = nasion("serve", "--port", taken.getsockname()[1])
    assert code == 2
    assert "choose another --port or --host" in error
    assert error.count("\n") == 1


def test_address_of_another_machine_is_one_line(nasion, served):
    code, _, error = nasion("serve", "--host", "192.0.2.1", "--port", 0)
    assert code == 2
    assert "cannot listen on 192.0.2.1" in error


def test_models_are_named_by_folder_file_or_name(tmp_path):
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    assert studio._names(["tiny", str(run), "models/net.onnx"]) == {
        "tiny": "tiny",
        "mine": str(run),
        "net": "models/net.onnx",
    }


def test_two_models_of_one_name_are_rejected():
    with pytest.raises(ConfigError, match=r'two models have the name "net": a/net\.onnx and b/net\.onnx'):
        studio._names(["a/net.onnx", "b/net.onnx"])
    assert studio._names(["a/net.onnx", "a/net.onnx"]) == {"net": "a/net.onnx"}


def test_missing_model_is_reported_before_the_server_starts(nasion, served):
    code, _, error = nasion("serve", "--model", "nowhere.onnx", "--port", 0)
    assert code == 2
    assert "nowhere.onnx" in error
    assert not served


def test_a_short_token_is_accepted_on_this_machine_only(nasion, served):
    code, _, error = nasion("serve", "--port", 0, "--host", "0.0.0.0", "--token", "abc")
    assert (code, len(served)) == (2, 0)
    assert "--token has 3 characters; give at least 16, or omit it for a random one" in error
    assert nasion("serve", "--port", 0, "--token", "abc")[0] == 0
    assert nasion("serve", "--port", 0, "--host", "0.0.0.0", "--token", "a" * 16)[0] == 0


def test_without_arguments_the_application_is_loaded_in_the_background(nasion, monkeypatch):
    """An error that appears only then ends the server, and the command with it."""
    import uvicorn

    class Server:
        should_exit = False

        def __init__(self, settings):
            self.app = settings.app

        def run(self, sockets):
            sockets[0].close()
            self.app.error = ModelError("default.onnx: damaged")
            self.app.on_error()
            assert self.should_exit

    def load(*arguments):
        pytest.fail("loaded before the server starts")

    monkeypatch.setattr(uvicorn, "Server", Server)
    monkeypatch.setattr(studio, "_application", load)
    code, _, error = nasion("serve", "--port", 0)
    assert (code, error) == (2, "nasion: default.onnx: damaged\n")


def test_given_models_are_loaded_once(monkeypatch):
    made = []

    def make(name):
        made.append(name)
        return Predictor(name)

    app = studio._application(None, make, {"small": "tiny"}, None, None)
    models = app.app.state.server.models
    assert (made, models.predictor().backend.name) == (["tiny"], "tiny")
    models.predictor()
    assert made == ["tiny"]
    models.fresh()
    assert made == ["tiny", "tiny"]
