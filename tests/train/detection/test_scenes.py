"""Composed scenes: repeatable, and the boxes lie around the faces."""

import numpy as np
import pytest

from nasion import datasets, images
from nasion.train.config import AugmentConfig
from nasion.train.detection import scenes as module
from nasion.train.detection.scenes import Scenes, cutouts


@pytest.fixture
def plain(monkeypatch):
    """Leave the pixels of scenes as they are, on black ground."""
    monkeypatch.setattr(module, "PHOTO", AugmentConfig())
    monkeypatch.setattr(Scenes, "_background", lambda self, _random: np.zeros((self.side, self.side, 3), np.uint8))


def red(image):
    return (image[..., 0] > 150) & (image[..., 1] < 90)


def ground_truth(scene):
    """Return which pixels are in a box or a doubtful box, with a margin of 2 px."""
    inside = np.zeros(scene.image.shape[:2], bool)
    for x0, y0, x1, y1 in np.concatenate([scene.boxes, scene.doubtful]):
        inside[max(round(y0) - 2, 0) : max(round(y1) + 3, 0), max(round(x0) - 2, 0) : max(round(x1) + 3, 0)] = True
    return inside


@pytest.mark.parametrize("transparent", [True, False])
def test_faces_lie_in_their_boxes_and_fill_them(plain, blob, transparent):
    compose = Scenes([[blob(f"face-{transparent}", transparent=transparent)]], [], 160, 3)
    boxes = 0
    for number in range(40):
        scene = compose(number)
        seen = red(scene.image)
        assert not (seen & ~ground_truth(scene)).any(), number
        if len(scene.boxes) == 1 and not len(scene.doubtful):
            boxes += 1
            rows, columns = np.nonzero(seen)
            shown = np.clip(scene.boxes[0], 0, 159)
            size = (scene.boxes[0, 2:] - scene.boxes[0, :2]).max()
            extent = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
            assert np.abs(extent - shown).max() < 2 + 0.06 * size, number
    assert boxes > 5


def test_a_scene_is_determined_by_its_number(blob):
    face = blob("same", transparent=True)
    first, second = (Scenes([[face]], [], 96, 5) for _ in range(2))
    for number in range(6):
        np.testing.assert_array_equal(first(number).image, second(number).image)
        np.testing.assert_array_equal(first(number).boxes, second(number).boxes)
    assert any((first(number).image != first(number + 1).image).any() for number in range(3))


def test_there_are_scenes_without_and_with_many_faces(plain, blob):
    compose = Scenes([[blob("many", transparent=True)]], [], 160, 0)
    counts = [len(scene.boxes) + len(scene.doubtful) for scene in map(compose, range(80))]
    assert min(counts) == 0
    assert max(counts) > 6


def test_covered_and_tiny_faces_are_doubtful(plain, blob):
    compose = Scenes([[blob("covered", transparent=True)]], [], 160, 1)
    every = [compose(number) for number in range(60)]
    assert any(len(scene.doubtful) for scene in every)
    for scene in every:
        for box in scene.boxes:
            assert (box[2:] - box[:2]).max() >= module.SMALLEST * 0.9
            left, top, right, bottom = np.clip(np.rint(box), 0, 159).astype(int)
            part = red(scene.image)[top : bottom + 1, left : right + 1]
            assert part.mean() > 0.3


def test_backgrounds_are_photographs_and_invented(blob, tmp_path):
    images.write(tmp_path / "green.png", np.full((50, 70, 3), [0, 200, 0], np.uint8))
    compose = Scenes([[blob("ground", transparent=True)]], [tmp_path / "green.png"], 64, 0)
    random = np.random.default_rng(0)
    green = [bool((compose._background(random) == [0, 200, 0]).all()) for _ in range(30)]
    assert 5 < sum(green) < 25


def test_faces_of_a_data_set_have_boxes_around_their_points():
    faces = datasets.load("synthetic:4")
    found = cutouts(faces)
    assert len(found) == 4
    np.testing.assert_allclose(found[0].box, faces.annotations[0].points_box())
