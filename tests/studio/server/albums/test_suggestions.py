"""Suggestions of a model that knows less than the mean of the labels are replaced by the mean."""

from types import SimpleNamespace

import numpy as np
import pytest

from nasion.datasets.drawn import render_face
from nasion.skeleton import load_skeleton
from nasion.studio.server.albums.suggestions import Suggestions

FACE = render_face(5, 0, 0, "ibug-68").keypoints
OWN = FACE[[36, 45, 30]]
IMAGE = np.zeros((9, 7, 3), np.uint8)


class FakePredictor:
    def __init__(self, name, faces):
        self.skeleton, self.given = SimpleNamespace(names=(name,)), faces

    def __call__(self, image):
        return self.given

    def predict_boxes(self, images, boxes):
        return self.given[: len(boxes)]


def face(keypoints, spread):
    box = np.concatenate([FACE.min(0), FACE.max(0)])
    return SimpleNamespace(keypoints=keypoints, spread=np.full(len(keypoints), spread), box=box)


@pytest.mark.parametrize(("spread", "start"), [(1.0, "model"), (200.0, "mean_shape")])
def test_a_doubtful_model_gives_way_to_the_mean(spread, start):
    album = SimpleNamespace(
        skeleton=SimpleNamespace(names=("own",)),
        labeled={0},
        faces=lambda _number: [OWN],
        read_image=lambda _number: IMAGE,
    )
    reference = FakePredictor("ibug", [face(FACE, 1.0)])
    model = FakePredictor("own", [face(OWN + 40, spread)])
    (suggestion,), found = Suggestions(album).faces(1, model, reference)
    assert found == start
    expected = OWN + 40 if start == "model" else OWN
    np.testing.assert_allclose(suggestion.keypoints, expected, atol=1e-6)
    placed, found = Suggestions(album).face_in(1, model.given[0].box, model, reference)
    assert found == start
    np.testing.assert_allclose(placed.keypoints, expected, atol=1e-6)


def test_without_labels_a_doubtful_model_is_used():
    album = SimpleNamespace(
        skeleton=load_skeleton("ibug-68"), labeled=set(), faces=lambda _number: None, read_image=lambda _number: IMAGE
    )
    model = FakePredictor("x", [face(FACE, 200.0)])
    model.skeleton = album.skeleton
    (suggestion,), start = Suggestions(album).faces(0, model, model)
    assert (start, suggestion.prediction) == ("model", model.given[0])
