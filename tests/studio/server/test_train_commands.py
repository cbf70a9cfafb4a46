"""Starting, stopping and resuming a training through HTTP, and its report."""

import numpy as np
import pytest

from nasion.studio.albums.label_store import Face
from nasion.studio.training_process import TrainingProcess

POINTS = np.arange(136.0).reshape(68, 2)


@pytest.fixture
def labeled(album_client):
    """Return a client whose folder has a labeled face."""
    album_client.app.app.state.server.albums.get(None).album.save(0, [Face(POINTS)], "new")
    return album_client


def test_a_training_needs_labels(album_client):
    status = album_client.get("/v1/train").json()
    assert list(status) == [
        *("possible", "state", "model", "epochs", "curve", "left_s", "resumable", "report", "usable", "error")
    ]
    assert status["state"] == "none"
    response = album_client.post("/v1/train?minutes=1")
    assert response.status_code == 422
    assert "no image of this folder has labels yet" in response.json()["error"]


def test_without_a_training_there_is_no_report(album_client):
    assert album_client.get("/v1/train/report").status_code == 404


@pytest.fixture
def training(monkeypatch):
    """Replace the commands of `TrainingProcess`; return what was called."""
    calls = []
    for name in ("start", "stop", "resume"):
        monkeypatch.setattr(TrainingProcess, name, lambda *arguments, name=name: calls.append((name, *arguments[1:])))
    return calls


def test_a_training_starts_from_the_chosen_model(labeled, training):
    assert labeled.post("/v1/train").json()["state"] == "none"
    labeled.post("/v1/train?minutes=0.5&model=tiny")
    assert training == [("start", 10.0, "default"), ("start", 0.5, "tiny")]


@pytest.mark.parametrize("query", ["minutes=0.09", "minutes=10001", "minutes=x", "model=/etc/passwd"])
def test_a_training_with_invalid_settings_is_rejected(labeled, training, query):
    assert labeled.post(f"/v1/train?{query}").status_code == 422
    assert training == []


def test_a_training_is_stopped(album_client, training):
    assert album_client.post("/v1/train/stop").json()["state"] == "none"
    assert training == [("stop",)]


@pytest.mark.parametrize("path", ["/v1/train/resume", "/v1/train/go_on"])
def test_a_training_is_resumed_under_both_paths(album_client, training, path):
    assert album_client.post(path).status_code == 200
    assert training == [("resume",)]


def test_an_error_of_a_training_is_one_line(album_client):
    response = album_client.post("/v1/train/resume")
    assert response.status_code == 422
    assert response.json() == {"error": "there is no training to resume; start one"}


@pytest.fixture
def finished(album_client, folder):
    """Return a client whose training has written a usable model."""
    run = folder / "nasion-runs" / "mine"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "best.pt").touch()
    (run / "report.html").write_text("<!doctype html><p>é")
    album_client.app.app.state.server.albums.get(None).training.run = run
    return album_client


def test_a_finished_model_is_added_to_the_models(finished, folder):
    models = finished.app.app.state.server.models
    assert finished.get("/v1/train").json()["usable"] is True
    assert models.names[-1] == "mine"
    assert models.source("mine") == str(folder / "nasion-runs" / "mine")


def test_a_model_whose_training_resumes_is_loaded_again(finished, training):
    models = finished.app.app.state.server.models
    finished.get("/v1/train")
    finished.post("/v1/train/resume")
    assert "mine" not in models.names


def test_an_unusable_model_is_not_added(finished, folder):
    (folder / "nasion-runs" / "mine" / "checkpoints" / "best.pt").unlink()
    assert finished.get("/v1/train").json()["usable"] is False
    assert "mine" not in finished.app.app.state.server.models.names


def test_the_report_is_a_page_without_scripts(finished):
    response = finished.get("/v1/train/report")
    assert response.text == "<!doctype html><p>é"
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
    )


def test_curves_with_unknown_numbers_are_valid_json(finished, folder):
    (folder / "nasion-runs" / "mine" / "epochs.csv").write_text("epoch,seconds,val_error_px\n0,1.5,nan\n")
    assert finished.get("/v1/train").json()["curve"] == [{"epoch": 0, "seconds": 1.5, "val_error_px": None}]
