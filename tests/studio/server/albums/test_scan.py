"""The scan in the background: uncertainty, number of faces, and errors of single images."""

import asyncio
import time
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.errors import ConfigError
from nasion.geometry import box_size
from nasion.skeleton import load_skeleton
from nasion.studio import ServerSettings, open_album
from nasion.studio.server.albums import scan as scan_module
from nasion.studio.server.albums.scan import scan_albums
from nasion.studio.server.albums.suggestions import Suggestions
from nasion.studio.server.job_queue import JobQueue, JobTimeoutError, QueueFullError
from nasion.studio.server.state import Server

IBUG = load_skeleton("ibug-68")
IMAGE = np.zeros((9, 7, 3), np.uint8)


class FakePredictor:
    """A predictor with given faces; it notes its calls."""

    skeleton = IBUG

    def __init__(self, faces, spread=2.0):
        self.faces, self.spread, self.calls = faces, spread, []

    def __call__(self, image, boxes=None):
        self.calls.append("detect")
        return self.faces

    def predict_boxes(self, images, boxes):
        self.calls += [box.tolist() for box in boxes]
        return [face(0, 0, 8, 18, self.spread) for _ in boxes]


def face(x0, y0, x1, y1, spread=2.0):
    """Return a prediction whose points span a box, and whose crop is twice as large."""
    keypoints = np.full((68, 2), (x0, y0), float)
    keypoints[1:] = (x1, y1)
    box = np.array([0.0, 0.0, 2 * (x1 - x0), 2 * (y1 - y0)])
    return SimpleNamespace(keypoints=keypoints, spread=np.full(68, spread), box=box)


class FakeAlbum:
    """An album of images whose faces are given; None has no labels, an exception is raised."""

    skeleton = IBUG

    def __init__(self, labels):
        self.given, self.entries, self.scans = labels, labels, {}

    def faces(self, number):
        if isinstance(self.given[number], Exception):
            raise self.given[number]
        return self.given[number]

    def read_image(self, number):
        return IMAGE

    def set_scan(self, number, scan):
        self.scans[number] = scan


def scan(album, predictor, queue=None):
    """Scan until all images are done or 50 rounds have passed; return the scans."""
    queue = queue or JobQueue(max_waiting=3, timeout_s=60)
    models = SimpleNamespace(predictor=lambda _name="": predictor, names=["m"])
    opened = SimpleNamespace(album=album, suggestions=Suggestions(album), model="")
    albums = SimpleNamespace(all=[opened])

    async def run():
        task = asyncio.ensure_future(scan_albums(Server(ServerSettings(), models, queue, albums)))
        end = time.monotonic() + 5
        while len(album.scans) < len(album.entries) and time.monotonic() < end:
            await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    return album.scans


def uncertainties(scans):
    return {number: each.uncertainty for number, each in scans.items()}


def test_the_uncertainty_is_the_mean_spread_as_a_fraction_of_the_face():
    scans = scan(FakeAlbum([None]), FakePredictor([face(0, 0, 8, 18, spread=3.0)]))
    assert uncertainties(scans) == {0: pytest.approx(3.0 / 24)}  # the box is 16 x 36 px, so its size is 24 px
    assert box_size(np.array([0.0, 0.0, 16.0, 36.0])) == 24


def test_the_most_uncertain_face_of_an_image_counts():
    scans = scan(FakeAlbum([None]), FakePredictor([face(0, 0, 8, 18, spread) for spread in (2.0, 4.0, 3.0)]))
    assert (scans[0].uncertainty, scans[0].faces) == (pytest.approx(4.0 / 24), 3)


def test_the_distance_to_the_labels_counts_where_it_exceeds_the_spread():
    labels = face(0, 0, 8, 18).keypoints.copy()
    labels[:17] += (3.0, 4.0)  # 5 px, a quarter of the points
    scans = scan(FakeAlbum([[labels]]), FakePredictor([], spread=2.0))
    assert uncertainties(scans) == {0: pytest.approx((5.0 / 4 + 2.0 * 3 / 4) / 24)}


def test_points_without_labels_count_with_their_spread():
    labels = face(0, 0, 8, 18).keypoints.copy()
    labels[34:] = np.nan
    labels[:34] += (3.0, 4.0)
    scans = scan(FakeAlbum([[labels]]), FakePredictor([], spread=2.0))
    assert uncertainties(scans) == {0: pytest.approx((5.0 + 2.0) / 2 / 24)}


def test_a_labeled_face_is_predicted_in_the_box_of_its_labels():
    predictor = FakePredictor([])
    labels = np.full((68, 2), np.nan)
    labels[[0, 5]] = [[3.0, 4.0], [10.0, 20.0]]
    scan(FakeAlbum([[labels]]), predictor)
    assert predictor.calls == [[3.0, 4.0, 10.0, 20.0]]


def test_images_of_another_skeleton_are_searched_for_faces_only():
    predictor = FakePredictor([face(0, 0, 3, 4), face(5, 5, 9, 9)])
    predictor.skeleton = load_skeleton("imm-58")
    scans = scan(FakeAlbum([[face(50, 50, 58, 68).keypoints]]), predictor)
    assert (scans[0].uncertainty, scans[0].faces) == (None, 2)


def test_an_image_without_a_face_is_known_as_such():
    scans = scan(FakeAlbum([None, []]), FakePredictor([]))
    assert [(each.faces, each.uncertainty) for each in scans.values()] == [(0, None), (0, None)]


def test_a_model_without_spread_gives_no_uncertainty():
    scans = scan(FakeAlbum([None]), FakePredictor([face(0, 0, 8, 18, spread=np.nan)]))
    assert uncertainties(scans) == {0: None}


def test_images_that_cannot_be_read_are_named_and_the_others_are_scanned():
    labels = [None, ConfigError("gone"), None, ZeroDivisionError()]
    scans = scan(FakeAlbum(labels), FakePredictor([face(0, 0, 8, 18)]))
    assert [each.error for each in scans.values()] == ["", "gone", "", "cannot be processed"]
    assert [each.faces for each in scans.values()] == [1, None, 1, None]


@pytest.mark.parametrize("error", [QueueFullError(), JobTimeoutError()])
def test_images_that_the_queue_drops_are_scanned_later(error):
    errors = [error, error]
    queue = JobQueue(max_waiting=3, timeout_s=60)

    async def run(job):
        if errors:
            raise errors.pop()
        return job()

    scans = scan(FakeAlbum([None]), FakePredictor([]), SimpleNamespace(unfinished=0, run=run))
    assert scans[0].error == ""
    queue.close()


def test_the_scan_waits_until_the_queue_is_idle(monkeypatch):
    queue = SimpleNamespace(unfinished=3, seen=[])
    monkeypatch.setattr(scan_module, "IDLE_CHECK_S", 0)

    async def run(job):
        queue.seen.append(queue.unfinished)
        return job()

    class Falling:
        def __bool__(self):
            queue.count -= 1
            return queue.count > 0

    queue.count, queue.unfinished, queue.run = 3, Falling(), run
    scan(FakeAlbum([None]), FakePredictor([]), queue)
    assert queue.count == 0


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
    assert "not an image" in entries[0]["error"]
    assert (entries[0]["uncertainty"], entries[0]["found"]) == (None, None)
    assert 0 < entries[1]["uncertainty"] < 0.2
    assert (entries[1]["error"], entries[1]["found"]) == ("", 1)
