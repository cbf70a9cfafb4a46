"""Pseudo-labels: what a network labels, how weak labels move its predictions, and which faces are left out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from nasion import datasets
from nasion.errors import NasionError
from nasion.geometry import Affine, box_around, box_size, similarity_between
from nasion.predict.predictor import Predictor
from nasion.sample import Prediction
from nasion.shapes import mean_shape
from nasion.skeleton import load_skeleton
from nasion.train.data.pseudo import constraint, face_hashes, pseudo_labels, unlabeled_faces
from nasion.train.data.weak import with_weak_labels

POINTS = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 40.0], [40.0, 40.0]]) + 10
"""The size of this face is 40 px, so that a weak label is wrong by 0.4 px."""


def prediction(spread, points=POINTS):
    skeleton = replace(
        load_skeleton("nose-1"), names=tuple("abcd"), regions={"all": (0, 1, 2, 3)}, flip=None, sources={}
    )
    box = np.array([0.0, 0.0, 60.0, 60.0])
    return Prediction(points, np.full(4, float(spread)), np.zeros((4, 2)), box, 1.0, skeleton)


def test_certain_labels_move_an_uncertain_prediction_onto_them():
    true = Affine.rotation(7, (20, 30)) @ Affine.translation(3, -2)
    moved = constraint(prediction(400), POINTS[:2], true(POINTS[:2]))
    np.testing.assert_allclose(moved(POINTS), true(POINTS), atol=1e-2)


def test_a_certain_prediction_stays():
    moved = constraint(prediction(1e-3), POINTS[:3], POINTS[:3] + 2)
    np.testing.assert_allclose(moved(POINTS), POINTS, atol=1e-3)


def test_equally_certain_labels_and_predictions_meet_in_the_middle():
    """Four points count as four independent ones, and there are four labels."""
    moved = constraint(prediction(0.4), POINTS, POINTS + [2, 0])
    np.testing.assert_allclose(moved(POINTS), POINTS + [1, 0], atol=1e-9)


def test_missing_labels_do_not_count():
    labels = np.array([*POINTS[:2] + 5, [np.nan, np.nan], [np.nan, np.nan]])
    both = constraint(prediction(0.4), POINTS, labels)
    np.testing.assert_allclose(both(POINTS), constraint(prediction(0.4), POINTS[:2], labels[:2])(POINTS))


def test_labels_without_uncertainty_are_as_exact_as_weak_ones():
    unknown = replace(prediction(1), spread=np.full(4, np.nan))
    moved = constraint(unknown, POINTS, POINTS + [2, 0])
    np.testing.assert_allclose(moved(POINTS), POINTS + [1, 0], atol=1e-9)


@pytest.fixture(scope="module")
def drawn():
    return datasets.load("synthetic:14?skeleton=ibug-68")


@pytest.fixture(scope="module")
def predictor():
    return Predictor("tiny")


class Exact(Predictor):
    """Predicts the labels of drawn faces."""

    def __init__(self, drawn):
        super().__init__("tiny")
        self.known = {drawn.load(k).image.tobytes(): face.keypoints for k, face in enumerate(drawn.annotations)}

    def predict_boxes(self, images, boxes):
        faces = super().predict_boxes(images, boxes)
        points = (self.known[image.tobytes()] for image in images)
        return [replace(a, keypoints=b, spread=np.ones(68)) for a, b in zip(faces, points, strict=True)]


def weak(drawn, offset=0.0):
    """Return the drawn faces with 14 of their points as weak labels.

    They lie further down in the frame of the face, by `offset` of the size of the face.
    """
    shared = load_skeleton("imm-58")
    known, there = np.array(shared.shared["ibug-68"]).T
    mean = mean_shape(drawn.keypoints())
    faces = []
    for face in drawn.annotations:
        down = similarity_between(mean, face.keypoints).matrix[:, 1] * offset * box_size(box_around(mean))
        labels = np.full((58, 2), np.nan)
        labels[known] = face.keypoints[there] + down
        faces.append(replace(face, keypoints=labels, visible=np.ones(58, bool), skeleton=shared, split=""))
    return replace(drawn, annotations=tuple(faces), skeleton=shared)


def labels_of(predictor, drawn, others, held_out=None):
    labeled = drawn.subset([replace(face, split="train") for face in drawn.annotations])
    both = with_weak_labels(labeled, [others])
    unlabeled = both.subset(both.annotations[len(drawn) :])
    return pseudo_labels(predictor, unlabeled, np.empty((0, 255), bool) if held_out is None else held_out)


def errors(found, drawn):
    true = {face.image.name: face.keypoints for face in drawn.annotations}
    return np.array([np.linalg.norm(face.keypoints - true[face.image.name], axis=1).mean() for face in found.faces])


def test_weak_labels_correct_predictions(drawn, predictor):
    found = labels_of(predictor, drawn, weak(drawn))
    assert len(found.faces) + found.rejected == len(drawn)
    assert len(found.faces) > len(drawn) / 2
    assert {face.split for face in found.faces} == {"train"}
    assert all(face.spread is not None for face in found.faces)
    names = [face.image.name for face in drawn.annotations]
    before = [
        predictor.predict_boxes([drawn.load(k).image], [drawn.annotations[k].points_box()])[0].keypoints
        for k in (names.index(face.image.name) for face in found.faces)
    ]
    plain = replace(found, faces=[replace(a, keypoints=b) for a, b in zip(found.faces, before, strict=True)])
    assert errors(found, drawn).mean() < errors(plain, drawn).mean()


def test_a_constant_distance_between_two_definitions_moves_nothing(drawn):
    found = labels_of(Exact(drawn), drawn, weak(drawn, 0.1))
    assert len(found.faces) == len(drawn)
    for labeled, true in zip(found.faces, drawn.annotations, strict=True):
        assert np.abs(labeled.keypoints - true.keypoints).max() < 0.005 * box_size(true.points_box())


def test_held_out_faces_are_left_out(drawn):
    predictor = Exact(drawn)
    held_out = drawn.subset([replace(face, split="val") for face in drawn.annotations[:3]])
    hashes = face_hashes(held_out, predictor)
    assert hashes.shape == (3, 255)
    found = labels_of(predictor, drawn, weak(drawn), hashes)
    names = {face.image.name for face in held_out.annotations}
    assert not names & {face.image.name for face in found.faces}
    assert found.duplicates == 3


def test_training_faces_have_no_hashes(drawn, predictor):
    train = drawn.subset([replace(face, split="train") for face in drawn.annotations])
    assert face_hashes(train, predictor).shape == (0, 255)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("/nowhere", "no such file or folder, and no data set"),
        ("synthetic:3?skeleton=imm-58", "the points of imm-58 are not known as means of those of nose-1"),
    ],
)
def test_sources_that_cannot_be_labeled_are_rejected(source, message):
    with pytest.raises(NasionError, match=message):
        unlabeled_faces(source, datasets.load("synthetic:3").reduced_to(load_skeleton("nose-1")))


def test_a_folder_of_images_is_labeled_by_the_detector(tmp_path, drawn, predictor, monkeypatch):
    face = drawn.load(0)
    cv2.imwrite(str(tmp_path / "a.png"), face.image[..., ::-1])
    cv2.imwrite(str(tmp_path / "b.png"), np.full((80, 80, 3), 128, np.uint8))
    (tmp_path / "c.png").write_bytes(b"not an image")
    box = face.annotation.points_box()
    monkeypatch.setattr(
        Predictor, "__call__", lambda self, image: [] if image.std() == 0 else self.predict_boxes([image], [box])
    )
    paths = unlabeled_faces(str(tmp_path), drawn)
    found = pseudo_labels(predictor, paths, np.empty((0, 255), bool))
    assert [each.image for each in found.faces] == [tmp_path / "a.png"]
    assert found.sizes == {tmp_path / "a.png": face.image.shape[:2]}
    assert (found.rejected, found.unreadable, found.duplicates) == (1, 1, 0)
