"""YuNet: its search with a network whose answer is known, and the real network where its file is available."""

import hashlib
from threading import Lock

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage import data

from nasion.detect import YUNET_SHA256, YUNET_URL, YuNet, iou
from nasion.detect import yunet as yunet_module
from nasion.detect.yunet import MIN_SIDE
from nasion.errors import ModelError

ASTRONAUT = np.array([176.0, 95.0, 275.0, 180.0])
"""The box around the keypoints of the astronaut's face, px, roughly."""


class FakeNetwork:
    """An OpenCV detector that answers with `rows(image)`: (x, y, width, height, ..., score) each, px of its input."""

    def __init__(self, rows):
        self.rows, self.size, self.seen = rows, None, []

    def setInputSize(self, size):
        self.size = tuple(size)

    def detect(self, image):
        assert self.size == image.shape[1::-1]
        self.seen.append(image)
        rows = self.rows(image)
        return 1, None if rows is None else np.array([[*row[:4], *[7.0] * 10, row[4]] for row in rows], np.float32)


@pytest.fixture
def fake():
    """Return a function that makes a YuNet around a `FakeNetwork`."""

    def make(rows):
        detector = YuNet.__new__(YuNet)
        detector._lock = Lock()
        detector.network = FakeNetwork(rows if callable(rows) else lambda _image: rows)
        return detector

    return make


def shapes(detector):
    return [image.shape[:2] for image in detector.network.seen]


def calibrated(*box):
    return YuNet.calibration.keypoints_box(np.array(box, float))


def test_small_image_is_searched_once_in_its_own_px(fake):
    detector = fake([[10, 20, 30, 40, 0.7]])
    (found,) = detector(np.zeros((480, 640, 3), np.uint8))
    assert shapes(detector) == [(480, 640)]
    assert_allclose(found.box, calibrated(10, 20, 40, 60))
    assert found.score == pytest.approx(0.7)


def test_large_image_is_searched_at_two_sizes(fake):
    # a face is found only at the large size: 2560 px become 1280, 2 px per searched px, pixel 0 is 0.5 px inside
    detector = fake(lambda image: [[10, 20, 30, 40, 0.7]] if image.shape[1] == 1280 else None)
    (found,) = detector(np.zeros((1920, 2560, 3), np.uint8))
    assert shapes(detector) == [(480, 640), (960, 1280)]
    assert_allclose(found.box, calibrated(20.5, 40.5, 80.5, 120.5))


def test_face_found_at_both_sizes_is_one(fake):
    detector = fake(lambda image: [[*np.array([10, 20, 30, 40]) * image.shape[1] / 640, 0.6 + image.shape[1] / 1e4]])
    (found,) = detector(np.zeros((1920, 2560, 3), np.uint8))
    assert found.score == pytest.approx(0.728)


@pytest.mark.parametrize(
    ("width", "searched"), [(640, [(32, 640)]), (641, [(32, 640), (32, 641)]), (1281, [(16, 640), (32, 1280)])]
)
def test_image_is_enlarged_at_no_size(fake, width, searched):
    detector = fake([[1, 2, 3, 4, 0.9]])
    detector(np.zeros((32, width, 3), np.uint8))
    assert shapes(detector) == searched


def test_long_strip_keeps_at_least_one_pixel(fake):
    detector = fake([[1, 0, 3, 1, 0.9]])
    detector(np.zeros((MIN_SIDE, 30_000, 3), np.uint8))
    assert shapes(detector) == [(1, 640), (1, 1280)]
    detector = fake([[0, 1, 1, 3, 0.9]])
    detector(np.zeros((30_000, MIN_SIDE, 3), np.uint8))
    assert shapes(detector) == [(640, 1), (1280, 1)]


def test_image_without_faces_is_searched_again_with_padding(fake):
    # half of each side is added on each side: the face is found in an image twice as large, half a side further
    detector = fake(lambda image: [[60, 50, 30, 40, 0.7]] if image.shape[:2] == (80, 120) else None)
    image = np.full((40, 60, 3), 200, np.uint8)
    (found,) = detector(image)
    assert shapes(detector) == [(40, 60), (80, 120)]
    assert_allclose(found.box, calibrated(30, 30, 60, 70))
    padded = detector.network.seen[1]
    assert (padded[20:60, 30:90] == 200).all()
    assert padded[:20].max() == padded[60:].max() == padded[:, :30].max() == padded[:, 90:].max() == 0


def test_padding_is_within_the_search_side(fake):
    detector = fake(None)
    assert detector(np.zeros((400, 600, 3), np.uint8)) == []
    assert shapes(detector) == [(400, 600), (427, 640)]


def test_network_sees_bgr(fake):
    detector = fake([[1, 2, 3, 4, 0.9]])
    image = np.zeros((20, 30, 3), np.uint8)
    image[..., 0] = 250
    detector(image)
    assert detector.network.seen[0].max(axis=(0, 1)).tolist() == [0, 0, 250]


def test_infinite_detections_are_ignored(fake):
    detector = fake([[np.inf, 2, 3, 4, 0.9], [1, 2, 3, 4, np.nan], [5, 6, 30, 40, 0.8]])
    (found,) = detector(np.zeros((50, 60, 3), np.uint8))
    assert_allclose(found.box, calibrated(5, 6, 35, 46))


@pytest.mark.parametrize("shape", [(MIN_SIDE - 1, 700, 3), (700, MIN_SIDE - 1, 3)])
def test_narrow_strips_are_not_searched(fake, shape):
    detector = fake([[1, 2, 3, 4, 0.9]])
    assert detector(np.zeros(shape, np.uint8)) == []
    assert shapes(detector) == []


def test_smallest_side_is_searched(fake):
    assert len(fake([[1, 2, 3, 4, 0.9]])(np.zeros((MIN_SIDE, 99, 3), np.uint8))) == 1


def test_faces_are_sorted_by_score(fake):
    detector = fake([[1, 2, 30, 40, 0.7], [200, 2, 30, 40, 0.9], [100, 2, 30, 40, 0.8]])
    assert [round(each.score, 3) for each in detector(np.zeros((300, 400, 3), np.uint8))] == [0.9, 0.8, 0.7]


def test_network_is_opened_with_its_limits(tmp_path, monkeypatch):
    opened = []

    class Network(FakeNetwork):
        @staticmethod
        def create(*given):
            opened.append(given)
            return FakeNetwork(lambda _image: None)

    monkeypatch.setattr(yunet_module.cv2, "FaceDetectorYN", Network)
    (tmp_path / "a.onnx").write_bytes(b"abc")
    YuNet(tmp_path / "a.onnx")
    kind, content, config, size, score = opened[0]
    assert (kind, content.tobytes(), config.size, size, score) == ("onnx", b"abc", 0, (640, 640), 0.6)


def test_missing_file_is_rejected(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: cannot read the detector's file \(No such file or directory\)"):
        YuNet(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x08\x01" * 400])
def test_damaged_file_is_rejected(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.onnx: damaged, or not YuNet's file"):
        YuNet(tmp_path / "a.onnx")


def test_real_network_finds_the_astronaut_alone_small_and_filling_the_image(yunet):
    image = data.astronaut()
    (found,) = yunet(image)
    assert iou(found.box, ASTRONAUT) > 0.7
    assert found.score > 0.8
    wide = np.zeros((1500, 2500, 3), np.uint8)
    wide[100:612, 1900:2412] = image
    (there,) = yunet(wide)
    assert iou(there.box, ASTRONAUT + np.array([1900, 100, 1900, 100])) > 0.6
    (tight,) = yunet(np.ascontiguousarray(image[80:190, 165:285]))
    assert iou(tight.box, ASTRONAUT - np.array([165, 80, 165, 80])) > 0.6


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (480, 640, 3)])
def test_real_network_finds_no_face_in_an_empty_image(yunet, shape):
    assert yunet(np.full(shape, 90, np.uint8)) == []


def test_real_network_finds_the_faces_of_300w(real, yunet):
    from nasion import load

    faces = load(f"ibug:{real('300w')}").of_split("train")
    for index in range(0, len(faces), 67):
        sample = faces.load(index)
        boxes = [found.box for found in yunet(sample.image)]
        assert max(iou(box, sample.annotation.points_box()) for box in boxes) > 0.5, sample.annotation.name


def test_file_has_the_checksum_that_the_download_verifies(yunet_file):
    assert hashlib.sha256(yunet_file.read_bytes()).hexdigest() == YUNET_SHA256
    assert YUNET_URL.endswith(yunet_file.name)
