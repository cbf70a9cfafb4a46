"""Training through HTTP: commands, counts of labels, names, errors and views of held-out faces. No training runs."""

import base64
import io
import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image as PillowImage

from nasion import images
from nasion.datasets.drawn import render_face
from nasion.predict.model_zoo import available
from nasion.skeleton import load_skeleton
from nasion.studio import open_album
from nasion.studio.albums.label_store import Face
from nasion.studio.comparison import FaceErrors, Measurement
from nasion.studio.training_process import TrainingProcess


@pytest.fixture
def labeled(tmp_path):
    """Return a folder with twelve labeled images; of them, one was corrected and two were accepted."""
    folder = tmp_path / "faces"
    for k in range(12):
        face = render_face(5, k, 0, "ibug-68")
        images.write(folder / f"{k:02d}.png", face.image)
        lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
        (folder / f"{k:02d}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    progress = {"done": ["00.png", "05.png", "06.png"], "changed": ["00.png"]}
    (folder / "nasion-progress.json").write_text(json.dumps(progress))
    return folder


@pytest.fixture
def client(serve, labeled):
    with serve(album=open_album(str(labeled), load_skeleton("ibug-68"))) as client:
        yield client


@pytest.fixture
def idle(client, monkeypatch):
    """Return a client whose trainings start no process."""
    training = client.app.app.state.server.albums.get(None).training
    monkeypatch.setattr(training, "_launch", lambda _arguments: training.runs.mkdir(exist_ok=True))
    return client


def wait_for(client, condition):
    end = time.monotonic() + 60
    while not condition(info := client.get("/v1/train").json()):
        assert time.monotonic() < end, info
        time.sleep(0.1)
    return info


def test_corrected_and_accepted_faces_are_counted_separately(client):
    labels = client.get("/v1/train").json()["labels"]
    assert labels == {"faces": 12, "images": 12, "corrected": 1, "accepted": 2}


def test_the_initial_model_is_measured_when_a_training_starts(idle):
    started = idle.post("/v1/train?minutes=1&name=mine")
    assert started.status_code == 200
    assert started.json()["model"] == "mine"
    info = wait_for(idle, lambda info: not info["measuring"])
    assert info["problem"] == ""
    errors = info["errors"]
    assert (errors["model"], errors["faces"], errors["after_px"], errors["enough"]) == ("default", 1, None, False)
    assert errors["accepted"] == 1  # 06.png is the one that is held out
    assert 0 < errors["before_px"] < 30


def test_views_of_held_out_faces_show_them_before_and_after(idle):
    assert idle.get("/v1/train/comparison").status_code == 404
    idle.post("/v1/train?minutes=1&name=mine")
    wait_for(idle, lambda info: info["errors"])
    (face,) = idle.get("/v1/train/comparison").json()["faces"]
    assert (face["name"], face["after_px"]) == ("06.png", None)
    for key in ("before", "after"):
        kind, _, data = face[key].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert PillowImage.open(io.BytesIO(base64.b64decode(data))).size == (320, 320)


@pytest.mark.parametrize("name", ["default", "tiny", "../x"])
def test_names_of_other_models_and_of_other_folders_are_rejected(idle, name):
    answer = idle.post("/v1/train", params={"minutes": 1, "name": name})
    assert answer.status_code == 422
    assert "name" in answer.json()["error"]


def measurement(after, count=25):
    faces = [
        FaceErrors(
            image=f"{k}.png",
            face=0,
            name=f"{k}.png",
            group=str(k),
            labels=[(1.0, 2.0)],
            before=None,
            before_px=3.0,
            after_px=None if after is None else after + 0.1 * (-1) ** k,
        )
        for k in range(count)
    ]
    return Measurement(model="default", accepted=0, faces=faces)


@pytest.mark.parametrize(("count", "enough"), [(19, False), (20, True)])
def test_errors_state_the_interval_of_the_change(client, labeled, count, enough):
    run = labeled / "nasion-runs" / "mine"
    training = client.app.app.state.server.albums.get(None).training
    training.run = run
    run.mkdir(parents=True)
    (run / "comparison.json").write_text(measurement(2.0, count).model_dump_json())
    errors = client.get("/v1/train").json()["errors"]
    assert (errors["before_px"], errors["enough"]) == (3.0, enough)
    assert errors["after_px"] == pytest.approx(2, abs=0.01)
    assert -1.1 < errors["low_px"] < -1 < errors["high_px"] < -0.9


def test_a_folder_without_labels_is_not_trained(serve, folder):
    with serve(album=open_album(str(folder), load_skeleton("ibug-68"))) as client:
        assert client.get("/v1/train").json()["labels"]["faces"] == 0
        assert "no image of this folder has labels" in client.post("/v1/train?minutes=1").json()["error"]


def test_the_number_of_faces_is_that_of_all_images(serve, tmp_path):
    face = render_face(5, 0, 0, "ibug-68")
    images.write(tmp_path / "two" / "a.png", np.concatenate([face.image, face.image], axis=1))
    with serve(album=open_album(str(tmp_path / "two"), load_skeleton("ibug-68"))) as client:
        seen = client.get("/v1/album/images/0").json()["version"]
        shift = np.array([face.image.shape[1], 0])
        faces = [{"keypoints": (face.keypoints + k * shift).tolist()} for k in range(2)]
        update = {"name": "a.png", "faces": faces, "seen": seen, "state": "done", "changed": True}
        assert client.put("/v1/album/images/0", json=update).status_code == 200
        labels = client.get("/v1/train").json()["labels"]
        assert labels == {"faces": 2, "images": 1, "corrected": 2, "accepted": 0}


# --- commands, report and models

POINTS = np.arange(136.0).reshape(68, 2)


@pytest.fixture
def labeled_client(album_client):
    """Return a client whose folder has a labeled face."""
    album_client.app.app.state.server.albums.get(None).album.save(0, [Face(POINTS)], "new")
    return album_client


def test_a_training_needs_labels(album_client):
    status = album_client.get("/v1/train").json()
    assert list(status) == [
        *("possible", "state", "model", "activity", "elapsed_s", "epochs", "curve", "left_s", "resumable", "report"),
        *("usable", "error", "run", "labels", "errors", "measuring", "problem"),
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


def test_a_training_starts_from_the_chosen_model(labeled_client, training):
    assert labeled_client.post("/v1/train").json()["state"] == "none"
    labeled_client.post("/v1/train?minutes=0.5&model=tiny")
    assert training == [("start", 10.0, "default", ""), ("start", 0.5, "tiny", "")]


@pytest.mark.parametrize("query", ["minutes=0.09", "minutes=10001", "minutes=x", "model=/etc/passwd"])
def test_a_training_with_invalid_settings_is_rejected(labeled_client, training, query):
    assert labeled_client.post(f"/v1/train?{query}").status_code == 422
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
    assert finished.get("/v1/train").json()["run"] == "nasion-runs/mine"
    assert models.source("mine") == str(folder / "nasion-runs" / "mine")


def test_a_model_whose_training_resumes_is_loaded_again(finished, training):
    models = finished.app.app.state.server.models
    finished.get("/v1/train")
    finished.post("/v1/train/resume")
    assert "mine" not in models.names


def test_models_of_earlier_servers_are_listed_with_their_terms_and_broken_ones_are_named(serve, folder, write_run):
    """One folder is open from the start, the other one is opened later; both have a model of the same name."""
    for run in ("nasion-runs/mine", "nasion-runs/broken", "inside/deep/nasion-runs/mine"):
        write_run(folder / run)
    (folder / "nasion-runs" / "broken" / "run.json").write_text("{")
    with serve(album=open_album(str(folder), load_skeleton("ibug-68"))) as client:
        *_, mine, broken = client.get("/v1/models").json()
        assert (mine["name"], mine["skeleton"]["name"], mine["card"]) == ("mine", "ibug-68", {})
        assert mine["terms"].startswith("trained from default: research only")
        assert broken["name"] == "broken"
        assert broken["error"].startswith("its run.json is damaged")
        client.get("/v1/album?folder=inside/deep")
        models = client.app.app.state.server.models
        assert models.names[-2:] == ["mine", "mine 2"]
        assert models.source("mine 2") == str(folder / "inside" / "deep" / "nasion-runs" / "mine")


def test_models_below_the_root_are_listed_before_a_folder_is_open(serve, tmp_path, write_run):
    for run in ("root/nasion-runs/a", "root/one/nasion-runs/b", "root/one/two/nasion-runs/c", "outside/nasion-runs/d"):
        write_run(tmp_path / run)
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with serve(root=tmp_path / "root") as client:
        names = [model["name"] for model in client.get("/v1/models").json()]
        assert names == [*available(), "a", "b"]
        client.get("/v1/album?folder=one")
        assert client.app.app.state.server.models.names == names


def test_a_model_outside_the_root_is_not_listed(serve, folder, tmp_path, write_run):
    write_run(tmp_path / "outside" / "mine")
    (folder / "nasion-runs").symlink_to(tmp_path / "outside")
    with serve(album=open_album(str(folder), load_skeleton("ibug-68"))) as client:
        last = client.get("/v1/models").json()[-1]
        assert last["name"] == "mine"
        assert "through a link" in last["error"]
        assert client.get("/v1/train").json()["state"] == "none"
        assert client.post("/v1/predict?model=mine", content=b"x").status_code == 422


def test_a_model_that_was_removed_while_the_server_runs_is_named(serve, folder, write_run):
    run = write_run(folder / "nasion-runs" / "mine")
    with serve(album=open_album(str(folder), load_skeleton("ibug-68"))) as client:
        shutil.rmtree(run)
        assert client.get("/v1/models").json()[-1] == {"name": "mine", "error": "it has no run.json"}


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
