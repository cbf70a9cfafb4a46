"""OpenCV's face cascade."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage import data

from nasion.detect import cascade as cascade_module
from nasion.detect.cascade import SEARCH_SIDE, Cascade
from nasion.detect.nms import iou
from nasion.errors import ModelError

ASTRONAUT = np.array([176.0, 95, 275, 180])
"""The box around the keypoints of the astronaut's face, px, roughly."""


class FakeCascade:
    """An OpenCV cascade that returns the same windows (x, y, width, height), px, and records its input."""

    def __init__(self, windows, weights):
        self.windows, self.weights, self.seen = windows, weights, []

    def detectMultiScale3(self, gray, scale, neighbors, **options):
        self.seen.append((gray, scale, neighbors, options))
        return self.windows, [20] * len(self.windows), self.weights


@pytest.fixture
def fake(cascade):
    """Return a function that puts a `FakeCascade` into the detector."""

    def make(windows, weights):
        cascade.cascade = FakeCascade(windows, weights)
        return cascade

    return make


def test_astronaut_is_found(cascade):
    found = cascade(data.astronaut())
    assert iou(found[0].box, ASTRONAUT) > 0.6
    assert 0 <= found[0].score <= 1


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (48, 64, 3)])
def test_empty_image_has_no_face(cascade, shape):
    assert cascade(np.full(shape, 90, np.uint8)) == []


def test_windows_of_a_small_image_are_in_its_px(fake):
    detector = fake([[10, 20, 40, 40]], [4.0])
    image = np.zeros((480, 600, 3), np.uint8)
    image[..., 0] = 255
    (found,) = detector(image)
    assert_allclose(found.box, Cascade.calibration.keypoints_box(np.array([10.0, 20, 50, 60])))
    gray, scale, neighbors, options = detector.cascade.seen[0]
    assert gray.shape == (480, 600)
    assert (gray == 76).all()  # red as gray: blue would be 29
    assert (scale, neighbors) == (1.08, 4)
    assert options == {"minSize": (24, 24), "outputRejectLevels": True}


def test_large_image_is_reduced_and_its_windows_enlarged(fake):
    # 1920 px become 640: 3 px per reduced px, and the center of pixel 0 is 1 px inside
    detector = fake([[9, 19, 40, 40]], [4.0])
    (found,) = detector(np.zeros((960, 1920, 3), np.uint8))
    assert detector.cascade.seen[0][0].shape == (320, SEARCH_SIDE)
    assert_allclose(found.box, Cascade.calibration.keypoints_box(np.array([28.0, 58, 148, 178])))


@pytest.mark.parametrize(("weight", "score"), [(0.0, 0.0), (-3.0, 0.0), (4.0, 1 - np.exp(-1)), (8.0, 1 - np.exp(-2))])
def test_score_grows_with_the_weight_of_the_last_stage(fake, weight, score):
    (found,) = fake([[10, 20, 40, 40]], [weight])(np.zeros((480, 600, 3), np.uint8))
    assert found.score == pytest.approx(score)


def test_faces_are_sorted_and_duplicates_are_dropped(fake):
    windows = [[10, 20, 40, 40], [200, 20, 40, 40], [202, 21, 40, 40]]
    found = fake(windows, np.array([[1.0], [2.0], [3.0]]))(np.zeros((480, 600, 3), np.uint8))
    assert [round(each.score, 3) for each in found] == [round(1 - np.exp(-w / 4), 3) for w in (3, 1)]
    assert found[0].box[0] > 200 > found[1].box[0]


NO_CASCADE = r'^OpenCV [45]\.\S+ has no face cascade; pip install "opencv-python-headless<5", or use YuNet$'


def test_opencv_without_the_class_is_reported(monkeypatch):
    monkeypatch.delattr(cascade_module.cv2, "CascadeClassifier", raising=False)
    with pytest.raises(ModelError, match=NO_CASCADE):
        Cascade()


def test_opencv_without_the_file_is_reported_and_prints_nothing(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(cascade_module.cv2, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(ModelError, match=NO_CASCADE):
        Cascade()
    assert capfd.readouterr() == ("", "")


def test_cascade_of_this_opencv_is_loaded(cascade):
    assert not cascade.cascade.empty()
    assert cascade.name == "OpenCV's cascade"


def test_a_copy_for_another_process_finds_the_same_faces(cascade):
    image = data.astronaut()
    original = cascade
    copy = pickle.loads(pickle.dumps(original))
    assert [found.box.tolist() for found in copy(image)] == [found.box.tolist() for found in original(image)]
