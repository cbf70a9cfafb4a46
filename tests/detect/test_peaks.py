"""nasion's detector: peaks of score maps as faces, and the packaged network."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage import data

from nasion.detect import PeakDetector, iou
from nasion.detect.peaks import MAX_GAIN, STRIDE, WEAK_SCORE, brightened, decode
from nasion.errors import ModelError

ASTRONAUT = np.array([176.0, 95.0, 275.0, 180.0])
"""The box around the keypoints of the astronaut's face, px, roughly."""


@pytest.fixture(scope="module")
def packaged():
    return PeakDetector()


def maps(*peaks):
    """Return maps of 6 x 8 cells with peaks (row, column, score, x, y, width, height), cells."""
    score, box = np.zeros((6, 8), np.float32), np.zeros((4, 6, 8), np.float32)
    for row, column, value, x, y, width, height in peaks:
        score[row, column] = value
        box[:, row, column] = x, y, np.log(width), np.log(height)
    return score, box


def test_a_peak_is_a_box_in_px():
    boxes, scores = decode(*maps((2, 3, 0.8, 0.25, -0.5, 2.0, 4.0)))
    # the center of cell (2, 3) lies at 3.5 and 2.5 cells, so at 27.5 and 19.5 px; then 2 px right, 4 px up
    assert_allclose(boxes, [[29.5 - 8, 15.5 - 16, 29.5 + 8, 15.5 + 16]], atol=1e-5)
    assert_allclose(scores, [0.8], rtol=1e-6)


def test_neighbors_of_a_peak_are_none():
    boxes, scores = decode(*maps((2, 3, 0.8, 0, 0, 1, 1), (2, 4, 0.7, 0, 0, 1, 1), (5, 7, 0.5, 0, 0, 1, 1)))
    assert_allclose(sorted(scores), [0.5, 0.8], rtol=1e-6)
    assert len(boxes) == 2


def test_weak_peaks_are_left_out():
    assert len(decode(*maps((2, 3, WEAK_SCORE / 2, 0, 0, 1, 1)))[0]) == 0


def test_sizes_are_limited():
    boxes, _ = decode(*maps((1, 1, 0.9, 0, 0, 1, 1)))
    score, box = maps((1, 1, 0.9, 0, 0, 1, 1))
    box[2:] = 1e9
    huge, _ = decode(score, box)
    assert np.isfinite(huge).all()
    assert (huge[0, 2] - huge[0, 0]) > (boxes[0, 2] - boxes[0, 0]) == STRIDE


def test_the_packaged_detector_is_most_certain_of_the_astronaut_small_and_filling_the_image(packaged):
    image = data.astronaut()
    found, *_ = packaged(image)
    assert iou(found.box, ASTRONAUT) > 0.6
    wide = np.zeros((1500, 2500, 3), np.uint8)
    wide[100:612, 1900:2412] = image
    there, *_ = packaged(wide)
    assert iou(there.box, ASTRONAUT + np.array([1900, 100, 1900, 100])) > 0.5
    tight, *_ = packaged(np.ascontiguousarray(image[80:190, 165:285]))
    assert iou(tight.box, ASTRONAUT - np.array([165, 80, 165, 80])) > 0.5


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (480, 640, 3)])
def test_the_packaged_detector_finds_no_face_in_an_empty_image(packaged, shape):
    assert packaged(np.full(shape, 90, np.uint8)) == []


def test_the_packaged_detector_answers_alike_in_eight_threads(packaged):
    images = [np.roll(data.astronaut(), 40 * k, axis=1)[: 480 - 20 * k] for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for alone, together in zip(map(packaged, images), pool.map(packaged, images), strict=True):
            assert [each.score for each in alone] == [each.score for each in together]


def test_a_copy_for_another_process_finds_the_same(packaged):
    copy = pickle.loads(pickle.dumps(packaged))
    assert [each.score for each in copy(data.astronaut())] == [each.score for each in packaged(data.astronaut())]


def test_missing_file_is_rejected(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: cannot read the detector's file \(No such file or directory\)"):
        PeakDetector(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x08\x01" * 400])
def test_damaged_file_is_rejected(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.onnx: damaged, or not a detector"):
        PeakDetector(tmp_path / "a.onnx")


def test_dark_faces_are_found(packaged):
    image = data.astronaut()
    dark = (image * 0.08).astype(np.uint8)
    ordinary, found = packaged(image)[0], packaged(dark)[0]
    assert iou(found.box, ordinary.box) > 0.7
    assert found.score > ordinary.score - 0.2


@pytest.mark.parametrize("highlight", [1, 4, 40, 127])
def test_the_highlights_of_dark_images_are_raised(highlight):
    image = np.zeros((600, 900, 3), np.uint8)
    image[:, :450] = highlight
    bright = brightened(image)
    assert bright.max() == min(128, round(MAX_GAIN * highlight))
    assert bright[:, 450:].max() == 0
    assert image.max() == highlight  # the image of the caller does not change


def test_bright_images_and_black_ones_stay_as_they_are():
    bright = np.full((8, 8, 3), 128, np.uint8)
    assert brightened(bright) is bright
    assert not brightened(np.zeros((8, 8, 3), np.uint8)).any()
