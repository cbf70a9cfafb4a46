"""Correcting a folder through HTTP, the background scan, and the training."""

import asyncio
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.errors import ConfigError
from nasion.geometry import box_size
from nasion.skeleton import load_skeleton
from nasion.studio import ServerSettings, open_album
from nasion.studio.server import album_routes
from nasion.studio.server.job_queue import JobQueue, JobTimeoutError, QueueFullError
from nasion.studio.server.state import Server
from nasion.studio.training_process import TrainingProcess

IBUG = load_skeleton("ibug-68")


def test_the_folder_is_described(album_client):
    album = album_client.get("/v1/album").json()
    assert list(album) == ["name", "form", "hides", "notice", "entries", "skeleton"]
    assert (album["name"], album["form"], album["hides"], album["notice"]) == ("faces", ".pts", False, "")
    assert album["skeleton"]["name"] == "ibug-68"
    entries = album["entries"]
    assert [list(entry) for entry in entries] == [["id", "name", "labeled", "done", "uncertainty", "broken"]] * 2
    assert [(entry["id"], entry["name"]) for entry in entries] == [(0, "a.png"), (1, "inside/a.png")]


def test_a_face_is_corrected_and_saved(album_client, folder):
    face = album_client.get("/v1/album/1").json()
    assert list(face) == ["version", "labeled", "keypoints", "model", "ellipses"]
    assert (face["version"], face["labeled"]) == ("new", False)
    assert face["keypoints"] == face["model"]
    assert len(face["ellipses"]["semi_major_px"]) == 68
    moved = [[x + 2, y - 3] for x, y in face["keypoints"]]
    response = album_client.put("/v1/album/1", json={"keypoints": moved, "seen": "new", "done": True})
    assert response.status_code == 200
    assert [entry["done"] for entry in album_client.get("/v1/album").json()["entries"]] == [False, True]
    saved = album_client.get("/v1/album/1").json()
    assert (saved["version"], saved["labeled"]) == (response.json()["version"], True)
    assert np.array(saved["keypoints"]) == pytest.approx(np.array(moved), abs=2e-3)
    assert (folder / "inside" / "a.pts").is_file()
    assert not (folder / "a.pts").exists()


def test_saving_on_labels_that_have_changed_is_a_conflict(album_client):
    face = album_client.get("/v1/album/0").json()
    update = {"keypoints": face["keypoints"], "seen": "new", "done": False}
    assert album_client.put("/v1/album/0", json=update).status_code == 200
    response = album_client.put("/v1/album/0", json=update)
    assert response.status_code == 409
    assert "have changed" in response.json()["error"]
    entry = album_client.get("/v1/album").json()["entries"][0]
    assert (entry["labeled"], entry["done"]) == (True, False)


def test_an_image_is_served_as_jpeg(album_client):
    response = album_client.get("/v1/album/0/picture")
    assert response.headers["content-type"] == "image/jpeg"
    image = images.decode(response.content, "the image")
    assert image.shape == (512, 512, 3)
    assert np.abs(image.astype(float) - data.astronaut()).mean() < 4


@pytest.mark.parametrize("path", ["/v1/album/2", "/v1/album/-1", "/v1/album/2/picture", "/v1/album/x"])
def test_other_numbers_are_rejected(album_client, path):
    assert album_client.get(path).status_code == 422


def test_a_face_is_a_number_and_never_a_path(album_client):
    assert album_client.get("/v1/album/..%2f..%2fetc").status_code in (404, 422)


@pytest.mark.parametrize("point", ['["x", 1]', "[1]", "[Infinity, 1]", "[NaN, 1]", "[1000001, 1]", "7"])
def test_invalid_points_are_not_saved(album_client, folder, point):
    body = f'{{"seen": "new", "keypoints": [{", ".join([point] * 68)}]}}'
    response = album_client.put("/v1/album/0", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert list(response.json()) == ["error"]
    assert not (folder / "a.pts").exists()


@pytest.mark.parametrize("points", [[], [None] * 68, [[1.0, 2.0]] * 67])
def test_points_that_do_not_fit_the_format_are_not_saved(album_client, folder, points):
    response = album_client.put("/v1/album/0", json={"keypoints": points, "seen": "new"})
    assert response.status_code == 422
    assert not (folder / "a.pts").exists()


def test_missing_points_are_saved_as_null(serve, tmp_path):
    images.write(tmp_path / "a.png", data.astronaut())
    row = ",".join(["a.png", *map(str, range(136))])
    header = "image," + ",".join(f"x{k},y{k}" for k in range(68))
    (tmp_path / "faces.csv").write_text(f"{header}\n{row}\n")
    with serve(album=open_album(f"csv:{tmp_path}/faces.csv", IBUG)) as client:
        face = client.get("/v1/album/0").json()
        points = [None, *face["keypoints"][1:]]
        assert client.put("/v1/album/0", json={"keypoints": points, "seen": face["version"]}).status_code == 200
        assert client.get("/v1/album/0").json()["keypoints"] == points


def test_nothing_is_saved_in_a_deleted_folder(album_client, folder):
    face = album_client.get("/v1/album/0").json()
    shutil.rmtree(folder)
    response = album_client.put("/v1/album/0", json={"keypoints": face["keypoints"], "seen": "new"})
    assert response.status_code == 422
    assert "its image is missing" in response.json()["error"]
    assert not folder.exists()
    assert album_client.get("/v1/album/0").status_code == 422
    assert album_client.get("/v1/album/0/picture").status_code == 422


def other_points(make):
    """Return a function that makes predictors with a skeleton that only has another name for each point."""

    def make_other(name):
        predictor = make(name)
        predictor.backend.skeleton = load_skeleton("imm-58")
        return predictor

    return make_other


def test_a_model_with_other_points_cannot_start_labels(serve, make, folder):
    with serve(make=other_points(make), album=open_album(str(folder), IBUG)) as client:
        response = client.get("/v1/album/0")
        assert response.status_code == 422
        assert "the model predicts imm-58, but this folder has ibug-68" in response.json()["error"]


def test_labels_are_shown_without_a_prediction_if_the_model_has_other_points(serve, make, folder):
    album = open_album(str(folder), IBUG)
    points = np.arange(136.0).reshape(68, 2)
    album.save(0, points, "new", done=False)
    with serve(make=other_points(make), album=album) as client:
        face = client.get("/v1/album/0").json()
    assert (face["labeled"], face["model"], face["ellipses"]) == (True, None, None)
    assert np.array(face["keypoints"]) == pytest.approx(points, abs=2e-3)


def test_each_of_two_labeled_faces_is_predicted_by_itself(serve, make, tmp_path):
    images.write(tmp_path / "two.png", np.concatenate([data.astronaut()] * 2, axis=1))
    found = make("default")(data.astronaut())[0].keypoints
    rows = [",".join(["two.png", *(f"{v:.3f}" for v in (found + [shift, 0]).ravel())]) for shift in (0, 512)]
    header = "image," + ",".join(f"x{k},y{k}" for k in range(68))
    (tmp_path / "faces.csv").write_text("\n".join([header, *rows]) + "\n")
    with serve(album=open_album(f"csv:{tmp_path}/faces.csv", IBUG)) as client:
        for k in range(2):
            face = client.get(f"/v1/album/{k}").json()
            assert np.array(face["model"]) == pytest.approx(np.array(face["keypoints"]), abs=3)


class FakePredictor:
    """A predictor with given faces; it notes its calls."""

    skeleton = IBUG

    def __init__(self, faces, spread=2.0):
        self.faces, self.spread, self.calls = faces, spread, []

    def __call__(self, image, boxes=None):
        self.calls.append("detect")
        return self.faces

    def predict_boxes(self, images, boxes):
        self.calls += [None if box is None else box.tolist() for box in boxes]
        return [face(0, 0, 8, 18, self.spread)]


def face(x0, y0, x1, y1, spread=2.0):
    """Return a prediction whose points span a box, and whose crop is twice as large."""
    keypoints = np.full((68, 2), (x0, y0), float)
    keypoints[1:] = (x1, y1)
    box = np.array([0.0, 0.0, 2 * (x1 - x0), 2 * (y1 - y0)])
    return SimpleNamespace(keypoints=keypoints, spread=np.full(68, spread), box=box)


IMAGE = np.zeros((9, 7, 3), np.uint8)


def test_a_labeled_face_is_predicted_in_the_box_of_its_labels():
    predictor = FakePredictor([])
    labels = np.array([[3.0, 4.0], [np.nan, np.nan], [10.0, 20.0]])
    album_routes._predict_face(IMAGE, predictor, labels)
    assert predictor.calls == [[3.0, 4.0, 10.0, 20.0]]


def test_without_labels_the_largest_face_is_used():
    faces = [face(0, 0, 3, 4), face(5, 5, 9, 9), face(1, 1, 4, 4)]
    assert album_routes._predict_face(IMAGE, FakePredictor(faces), None) is faces[1]


def test_if_no_face_is_detected_the_whole_image_is_used():
    predictor = FakePredictor([])
    album_routes._predict_face(IMAGE, predictor, None)
    assert predictor.calls == ["detect", None]


class FakeAlbum:
    """An album of faces whose labels are given; None has no labels, an exception is raised."""

    skeleton = IBUG

    def __init__(self, labels):
        self.labels, self.entries, self.uncertainty, self.broken = labels, labels, {}, set()

    def keypoints(self, number):
        if isinstance(self.labels[number], Exception):
            raise self.labels[number]
        return self.labels[number]

    def read_image(self, number):
        return IMAGE


def scan(album, predictor, queue=None):
    queue = queue or JobQueue(max_waiting=3, timeout_s=60)
    models = SimpleNamespace(predictor=lambda: predictor)
    asyncio.run(album_routes.scan_album(Server(ServerSettings(), models, queue), album))
    return album


def test_the_uncertainty_is_the_mean_spread_as_a_fraction_of_the_face():
    album = scan(FakeAlbum([None]), FakePredictor([face(0, 0, 8, 18, spread=3.0)]))
    assert album.uncertainty == {0: pytest.approx(3.0 / 24)}  # the box is 16 x 36 px, so its size is 24 px
    assert box_size(np.array([0.0, 0.0, 16.0, 36.0])) == 24


def test_the_distance_to_the_labels_counts_where_it_exceeds_the_spread():
    labels = face(0, 0, 8, 18).keypoints.copy()
    labels[:17] += (3.0, 4.0)  # 5 px, a quarter of the points
    album = scan(FakeAlbum([labels]), FakePredictor([], spread=2.0))
    assert album.uncertainty == {0: pytest.approx((5.0 / 4 + 2.0 * 3 / 4) / 24)}


def test_points_without_labels_count_with_their_spread():
    labels = face(0, 0, 8, 18).keypoints.copy()
    labels[34:] = np.nan
    labels[:34] += (3.0, 4.0)
    album = scan(FakeAlbum([labels]), FakePredictor([], spread=2.0))
    assert album.uncertainty == {0: pytest.approx((5.0 + 2.0) / 2 / 24)}


def test_labels_of_another_skeleton_are_not_compared():
    predictor = FakePredictor([], spread=2.0)
    predictor.skeleton = load_skeleton("imm-58")
    album = scan(FakeAlbum([face(50, 50, 58, 68).keypoints]), predictor)
    assert album.uncertainty == {0: pytest.approx(2.0 / 24)}


def test_a_model_without_spread_gives_no_uncertainty():
    album = scan(FakeAlbum([None]), FakePredictor([face(0, 0, 8, 18, spread=np.nan)]))
    assert (album.uncertainty, album.broken) == ({}, set())


def test_faces_that_cannot_be_read_are_broken_and_the_others_are_scanned():
    album = scan(FakeAlbum([None, ConfigError("gone"), None, ZeroDivisionError()]), FakePredictor([face(0, 0, 8, 18)]))
    assert album.broken == {1, 3}
    assert sorted(album.uncertainty) == [0, 2]


@pytest.mark.parametrize("error", [QueueFullError(), JobTimeoutError()])
def test_faces_that_the_queue_drops_are_not_broken(error):
    async def run(job):
        raise error

    album = scan(FakeAlbum([None, None]), FakePredictor([]), SimpleNamespace(unfinished=0, run=run))
    assert (album.uncertainty, album.broken) == ({}, set())


def test_the_scan_waits_until_the_queue_is_idle(monkeypatch):
    queue = SimpleNamespace(unfinished=3, seen=[])

    async def sleep(_seconds):
        queue.unfinished -= 1

    async def run(job):
        queue.seen.append(queue.unfinished)

    queue.run = run
    monkeypatch.setattr(album_routes.asyncio, "sleep", sleep)
    scan(FakeAlbum([None]), FakePredictor([]), queue)
    assert queue.seen == [0]


def test_the_scan_runs_in_the_background(serve, tmp_path):
    images.write(tmp_path / "z.png", data.astronaut())
    (tmp_path / "a.png").write_bytes(b"not an image")
    with serve(album=open_album(str(tmp_path), IBUG)) as client:
        end = time.monotonic() + 30
        while True:
            entries = client.get("/v1/album").json()["entries"]
            if entries[1]["uncertainty"] is not None or time.monotonic() > end:
                break
            time.sleep(0.02)
    assert (entries[0]["broken"], entries[0]["uncertainty"]) == (True, None)
    assert 0 < entries[1]["uncertainty"] < 0.2
    assert not entries[1]["broken"]


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


def test_a_training_starts_from_the_chosen_model(album_client, training):
    album = album_client.app.app.state.server.album
    album.labeled.add(0)
    assert album_client.post("/v1/train").json()["state"] == "none"
    album_client.post("/v1/train?minutes=0.5&model=tiny")
    assert training == [("start", 10.0, "default"), ("start", 0.5, "tiny")]


@pytest.mark.parametrize("query", ["minutes=0.09", "minutes=10001", "minutes=x", "model=/etc/passwd"])
def test_a_training_with_invalid_settings_is_rejected(album_client, training, query):
    album_client.app.app.state.server.album.labeled.add(0)
    assert album_client.post(f"/v1/train?{query}").status_code == 422
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
    album_client.app.app.state.server.training.run = run
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
