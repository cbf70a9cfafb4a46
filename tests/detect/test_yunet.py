"""Boxes of faces: what is found, what a missing detector leads to, and what its download is proved by."""

import hashlib
import http.server
import threading

import numpy as np
import pooch
import pytest
from skimage import data

from nasion.detect import yunet as detect
from nasion.detect import Cascade, Detection, YuNet, best_detector, iou, non_max_suppression
from nasion.errors import DownloadError, ModelError

ASTRONAUT = np.array([176.0, 95.0, 275.0, 180.0])
"""About the box around the points of the astronaut's face, px."""


@pytest.fixture
def served(monkeypatch, tmp_path):
    """Return a function that serves bytes as the detector's file, with the cache in an empty folder."""
    monkeypatch.setattr(pooch, "os_cache", lambda _name: tmp_path / "cache")
    servers = []

    def serve(content, length=None, status=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(length or len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setattr(detect, "YUNET_URL", f"http://127.0.0.1:{server.server_port}/yunet.onnx")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


GOOD = b"weights" * 1000


def test_a_download_is_proved_and_kept(served, monkeypatch):
    monkeypatch.setattr(detect, "YUNET_SHA256", hashlib.sha256(GOOD).hexdigest())
    served(GOOD)
    path = detect._downloaded()
    assert path.read_bytes() == GOOD
    monkeypatch.setattr(detect, "YUNET_URL", "http://127.0.0.1:9/yunet.onnx")
    assert detect._downloaded() == path


@pytest.mark.parametrize(
    ("content", "length", "status"),
    [(GOOD[:500], 7000, 200), (b"<html>log in first</html>", None, 200), (b"gone", None, 404)],
    ids=["cut off", "a page", "not there"],
)
def test_a_bad_download_is_told_and_not_kept(served, monkeypatch, tmp_path, content, length, status):
    monkeypatch.setattr(detect, "YUNET_SHA256", hashlib.sha256(GOOD).hexdigest())
    served(content, length, status)
    with pytest.raises(DownloadError, match="--detector-weights"):
        detect._downloaded()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    notices = []
    assert best_detector(notice=notices.append).name == "OpenCV's cascade"
    assert len(notices) == 1
    assert "cascade takes its place" in notices[0]


def test_a_damaged_file_in_the_cache_is_fetched_again(served, monkeypatch):
    monkeypatch.setattr(detect, "YUNET_SHA256", hashlib.sha256(GOOD).hexdigest())
    served(GOOD)
    path = detect._downloaded()
    path.write_bytes(b"rotten")
    assert detect._downloaded().read_bytes() == GOOD


@pytest.mark.parametrize("content", [None, b"", b"<html>", b"\x08\x01" * 400])
def test_weights_that_are_none(tmp_path, content):
    path = tmp_path / "yunet.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"yunet\.onnx"):
        best_detector(path)


def test_the_cascade_finds_the_astronaut():
    found = Cascade()(data.astronaut())
    assert iou(found[0].box, ASTRONAUT) > 0.6
    assert 0 <= found[0].score <= 1


def test_yunet_finds_the_astronaut_alone_small_and_filling_the_picture(yunet):
    picture = data.astronaut()
    (found,) = yunet(picture)
    assert iou(found.box, ASTRONAUT) > 0.7
    assert found.score > 0.8
    wide = np.zeros((1500, 2500, 3), np.uint8)
    wide[100:612, 1900:2412] = picture
    (there,) = yunet(wide)
    assert iou(there.box, ASTRONAUT + np.array([1900, 100, 1900, 100])) > 0.6
    (tight,) = yunet(np.ascontiguousarray(picture[80:190, 165:285]))
    assert iou(tight.box, ASTRONAUT - np.array([165, 80, 165, 80])) > 0.6


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (480, 640, 3)])
def test_nothing_is_found_where_nothing_is(yunet, shape):
    for detector in (yunet, Cascade()):
        assert detector(np.full(shape, 90, np.uint8)) == []


def test_one_face_is_one_detection():
    near = Detection(np.array([1.0, 1, 11, 11]), 0.8)
    best = Detection(np.array([0.0, 0, 10, 10]), 0.9)
    far = Detection(np.array([40.0, 0, 50, 10]), 0.7)
    assert non_max_suppression([near, far, best]) == [best, far]


def test_no_faces_of_300w_are_lost(real, yunet):
    from nasion import load

    faces = load(f"ibug:{real('300w')}").of_split("train")
    for index in range(0, len(faces), 67):
        sample = faces.load(index)
        boxes = [found.box for found in yunet(sample.image)]
        assert max(iou(box, sample.annotation.points_box()) for box in boxes) > 0.5, sample.annotation.name


def test_the_file_is_the_one_that_the_download_is_proved_by(yunet_file):
    assert hashlib.sha256(yunet_file.read_bytes()).hexdigest() == detect.YUNET_SHA256
    assert isinstance(best_detector(yunet_file), YuNet)
