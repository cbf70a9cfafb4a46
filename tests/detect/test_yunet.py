"""YuNet: its search with a network whose answer is known, and the real network where its file is available."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage import data

import nasion
from nasion.detect import YUNET_SHA256, YUNET_URL, YuNet, iou
from nasion.detect.search import MIN_SIDE, PADDED_SIDE
from nasion.detect.yunet import MIN_SCORE
from nasion.errors import ModelError
from nasion.geometry import Affine
from nasion.images import warp

ASTRONAUT = np.array([176.0, 95.0, 275.0, 180.0])
"""The box around the keypoints of the astronaut's face, px, roughly."""


class FakeNetwork:
    """A session that answers with `rows(image)`, one row per cell.

    A row has x, y, width, height, px of the input, a score, and optionally ten coordinates of landmarks, px.
    """

    def __init__(self, rows):
        self.rows, self.seen = rows, []

    def run(self, names, inputs):
        (batch,) = inputs.values()
        image = batch[0].transpose(1, 2, 0)
        self.seen.append(image)
        height, width = image.shape[:2]
        assert height % 32 == width % 32 == 0
        outputs = {}
        for stride in (8, 16, 32):
            cells = height * width // stride**2
            outputs |= {f"{kind}_{stride}": np.zeros((1, cells, 1), np.float32) for kind in ("cls", "obj")}
            outputs[f"bbox_{stride}"] = np.zeros((1, cells, 4), np.float32)
            outputs[f"kps_{stride}"] = np.zeros((1, cells, 10), np.float32)
        for cell, (x, y, w, h, score, *marks) in enumerate(self.rows(image) or []):
            stride = (8, 16, 32)[cell % 3]
            row, column = divmod(cell, width // stride)
            center = (x + w / 2) / stride - column, (y + h / 2) / stride - row
            outputs[f"cls_{stride}"][0, cell], outputs[f"obj_{stride}"][0, cell] = score**2 / 0.9, 0.9
            outputs[f"bbox_{stride}"][0, cell] = [*center, np.log(w / stride), np.log(h / stride)]
            if marks:
                outputs[f"kps_{stride}"][0, cell] = np.array(marks) / stride - [column, row] * 5
        return [outputs[name] for name in names]


@pytest.fixture
def fake():
    """Return a function that makes a YuNet around a `FakeNetwork`."""

    def make(rows):
        detector = YuNet.__new__(YuNet)
        detector.session = FakeNetwork(rows if callable(rows) else lambda _image: rows)
        return detector

    return make


def shapes(detector):
    return [image.shape[:2] for image in detector.session.seen]


def calibrated(*box):
    return YuNet.search.calibration.keypoints_box(np.array(box, float))


def test_small_image_is_searched_once_in_its_own_px(fake):
    detector = fake([[10, 20, 30, 40, 0.7]])
    (found,) = detector(np.zeros((240, 320, 3), np.uint8))
    assert shapes(detector) == [(256, 320)]
    assert_allclose(found.box, calibrated(10, 20, 40, 60))
    assert found.score == pytest.approx(0.7)


def test_large_image_without_a_face_is_searched_again_at_the_large_size(fake):
    # 2560 px become 1280, 2 px per searched px, pixel 0 is 0.5 px inside
    detector = fake(lambda image: [[10, 20, 30, 40, 0.7]] if image.shape[1] == 1280 else None)
    (found,) = detector(np.zeros((1920, 2560, 3), np.uint8))
    assert shapes(detector) == [(480, 640), (960, 1280)]
    assert_allclose(found.box, calibrated(20.5, 40.5, 80.5, 120.5))


def test_landmarks_are_returned_in_image_px_and_correct_the_box(fake):
    # 2560 px become 640, 4 px per searched px, pixel 0 is 1.5 px inside; an upright face in a box of 60 x 80 px
    marks = np.array([[122, 132], [148, 131], [136, 144], [125, 155], [146, 156.0]])
    face = [106, 100, 60, 80, 0.7, *marks.ravel()]
    detector = fake(lambda image: [[0, 0, 3, 4, 0.1], face] if image.shape[1] == 640 else None)
    (found,) = detector(np.zeros((1920, 2560, 3), np.uint8))
    assert_allclose(found.landmarks, 4 * marks + 1.5, atol=1e-3)
    box = calibrated(4 * 106 + 1.5, 4 * 100 + 1.5, 4 * 166 + 1.5, 4 * 180 + 1.5)
    assert_allclose(found.box, YuNet.correction.keypoints_box(box, found.landmarks), atol=1e-3)
    assert np.abs(found.box - box).max() > 1


LARGE_FACE = [100, 100, 200, 250, 0.9]
SMALL_FACE = [500, 100, 15, 20, 0.7]
WEAK_CANDIDATE = [500, 300, 15, 20, 0.3]
WEAK_NEIGHBOR = [110, 120, 190, 240, 0.3]


@pytest.mark.parametrize(
    ("rows", "searches"),
    [
        ([LARGE_FACE], 1),
        ([LARGE_FACE, SMALL_FACE], 2),  # where a face is small, others may be smaller
        ([LARGE_FACE, WEAK_CANDIDATE], 2),
        ([LARGE_FACE, WEAK_NEIGHBOR], 1),
        ([LARGE_FACE, [500, 300, 15, 20, 0.1]], 1),
        ([WEAK_CANDIDATE], 3),  # the last is padded
    ],
)
@pytest.mark.parametrize("size", [(1920, 2560), (480, 640)])
def test_image_is_searched_again_where_small_faces_may_be_missing(fake, rows, searches, size):
    detector = fake(rows)
    found = detector(np.zeros((*size, 3), np.uint8))
    assert len(shapes(detector)) == searches
    assert all(each.score > 0.6 for each in found)


def test_face_found_at_both_sizes_is_one(fake):
    detector = fake(lambda image: [[*np.array([10, 20, 15, 20]) * image.shape[1] / 640, 0.6 + image.shape[1] / 1e4]])
    (found,) = detector(np.zeros((1920, 2560, 3), np.uint8))
    assert shapes(detector) == [(480, 640), (960, 1280)]
    assert found.score == pytest.approx(0.728)


@pytest.mark.parametrize(
    ("width", "searched"),
    [
        (300, [(32, 320)]),
        (321, [(32, 320), (32, 352)]),
        (640, [(32, 320), (32, 640)]),
        (641, [(32, 640), (32, 672)]),
        (1281, [(32, 640), (32, 1280)]),
    ],
)
def test_image_is_never_enlarged(fake, width, searched):
    detector = fake([[1, 2, 3, 4, 0.9]])
    detector(np.zeros((32, width, 3), np.uint8))
    assert shapes(detector) == searched


def test_long_strip_keeps_at_least_one_pixel(fake):
    detector = fake([[1, 0, 3, 1, 0.9]])
    detector(np.zeros((MIN_SIDE, 30_000, 3), np.uint8))
    assert shapes(detector) == [(32, 640), (32, 1280)]
    detector = fake([[0, 1, 1, 3, 0.9]])
    detector(np.zeros((30_000, MIN_SIDE, 3), np.uint8))
    assert shapes(detector) == [(640, 32), (1280, 32)]


def test_image_without_faces_is_searched_again_with_padding(fake):
    # half of each side is added on each side: the face is found in an image twice as large, half a side further
    detector = fake(lambda image: [[60, 50, 30, 40, 0.7]] if image.shape[:2] == (96, 128) else None)
    image = np.full((40, 60, 3), 200, np.uint8)
    (found,) = detector(image)
    assert shapes(detector) == [(64, 64), (96, 128)]
    assert_allclose(found.box, calibrated(30, 30, 60, 70))
    padded = detector.session.seen[1]
    assert (padded[20:60, 30:90] == 200).all()
    assert padded[:20].max() == padded[60:].max() == padded[:, :30].max() == padded[:, 90:].max() == 0


def test_padding_is_within_the_search_side(fake):
    detector = fake(None)
    assert detector(np.zeros((400, 600, 3), np.uint8)) == []
    assert shapes(detector) == [(224, 320), (416, 608), (448, 640)]


def test_network_sees_bgr(fake):
    detector = fake([[1, 2, 3, 4, 0.9]])
    image = np.zeros((20, 30, 3), np.uint8)
    image[..., 0] = 250
    detector(image)
    assert detector.session.seen[0].max(axis=(0, 1)).tolist() == [0, 0, 250]


def test_infinite_detections_are_ignored(fake):
    detector = fake([[np.inf, 2, 3, 4, 0.9], [1, 2, np.inf, 4, 0.9], [1, 2, 3, 4, np.nan], [5, 6, 30, 40, 0.8]])
    (found,) = detector(np.zeros((50, 60, 3), np.uint8))
    assert_allclose(found.box, calibrated(5, 6, 35, 46), atol=1e-4)


@pytest.mark.parametrize("shape", [(MIN_SIDE - 1, 700, 3), (700, MIN_SIDE - 1, 3)])
def test_narrow_strips_are_not_searched(fake, shape):
    detector = fake([[1, 2, 3, 4, 0.9]])
    assert detector(np.zeros(shape, np.uint8)) == []
    assert shapes(detector) == []


def test_smallest_side_is_searched(fake):
    assert len(fake([[1, 2, 3, 4, 0.9]])(np.zeros((MIN_SIDE, 99, 3), np.uint8))) == 1


def test_faces_are_sorted_by_score(fake):
    detector = fake([[1, 2, 30, 40, 0.7], [200, 2, 30, 40, 0.9], [100, 2, 30, 40, 0.8]])
    assert [round(each.score, 3) for each in detector(np.zeros((300, 320, 3), np.uint8))] == [0.9, 0.8, 0.7]


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


@pytest.mark.parametrize("folder", ["dlib_faces", "imm_face_db", "300w/helen/trainset", "300w/afw"])
def test_real_network_finds_what_opencv_finds(real, yunet, yunet_file, folder):
    if not hasattr(cv2, "FaceDetectorYN"):
        pytest.skip("this OpenCV has no FaceDetectorYN")
    paths = sorted(real(folder).glob("*.jpg"))
    for path in paths[:: max(1, len(paths) // 12)]:
        image = nasion.read(path)
        scale = min(1.0, PADDED_SIDE / max(image.shape[:2]))
        size = round(image.shape[0] * scale), round(image.shape[1] * scale)
        affine = Affine.resize(image.shape[:2], size)
        small = np.ascontiguousarray(warp(image, affine, size, cv2.BORDER_CONSTANT)[..., ::-1])
        rows = cv2.FaceDetectorYN.create(str(yunet_file), "", size[::-1], MIN_SCORE).detect(small)[1]
        expected = (
            []
            if rows is None
            else [affine.inverse()(calibrated(x, y, x + w, y + h).reshape(2, 2)).ravel() for x, y, w, h in rows[:, :4]]
        )
        candidates = yunet.search.at(image, yunet.candidates, PADDED_SIDE)  # not yet corrected
        found = [each.box for each in candidates if each.score >= MIN_SCORE]
        assert len(found) == len(expected), path.name
        for box in expected:
            assert iou(box, np.array(found)).max() > 0.95, path.name


def test_real_network_answers_alike_in_eight_threads(yunet):
    images = [np.roll(data.astronaut(), 40 * k, axis=1)[: 480 - 20 * k] for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for alone, together in zip(map(yunet, images), pool.map(yunet, images), strict=True):
            assert [each.score for each in alone] == [each.score for each in together]


def test_file_has_the_checksum_that_the_download_verifies(yunet_file):
    assert hashlib.sha256(yunet_file.read_bytes()).hexdigest() == YUNET_SHA256
    assert YUNET_URL.endswith(yunet_file.name)
