"""Weak labels: faces of another skeleton, whose points are means of the trained points."""

from dataclasses import replace

import numpy as np
import pytest

from nasion import datasets
from nasion.errors import SkeletonError
from nasion.skeleton import Skeleton
from nasion.train.config import DataConfig, load
from nasion.train.data.batches import CropSource, EpochPlan
from nasion.train.data.faces import load_faces
from nasion.train.data.weak import WeakAnnotation, is_weak, with_weak_labels
from nasion.train.runs.run_folder import describe_data
from train.data.memory_faces import POINTS, SKELETON, blob, blob_center, data_set, face

THREE = Skeleton(
    name="three",
    title="three",
    names=("image_right_eye", "image_left_eye", "between"),
    regions={"all": (0, 1, 2)},
    flip=(1, 0, 2),
    means={"five": ((1,), (0,), (3, 4))},
)
"""The eyes in another order, and the center of the mouth."""

LABELS = np.array([POINTS[1], POINTS[0], POINTS[3:].mean(0)])


def weak_face(name="w.png", labels=LABELS, split="", skeleton=THREE):
    return face(name, labels, split, skeleton=skeleton)


def weak_set(*faces, skeleton=THREE, images=None):
    return replace(data_set(*faces, name="weak", images=images), skeleton=skeleton)


def plan(config):
    return EpochPlan(0, config.crop.size, config.augment)


def test_weak_faces_have_labels_and_a_box_from_the_mean_face():
    both = with_weak_labels(data_set(face()), [weak_set(weak_face())])
    weak = both.annotations[1]
    assert isinstance(weak, WeakAnnotation)
    assert (weak.split, weak.skeleton) == ("train", SKELETON)
    assert np.isnan(weak.keypoints).all()
    np.testing.assert_array_equal(weak.labels, LABELS)
    np.testing.assert_allclose(weak.points_box(), face().points_box())
    np.testing.assert_allclose(weak.points.weights @ POINTS, LABELS)


def test_points_that_the_trained_skeleton_lacks_are_left_out():
    other = replace(THREE, name="other", means={"five": ((1,), (), (3, 4))})
    another = weak_set(weak_face("x.png", skeleton=other), skeleton=other)
    both = with_weak_labels(data_set(face()), [weak_set(weak_face()), another])
    first, second = both.annotations[1:]
    np.testing.assert_array_equal(np.isnan(first.labels[:, 0]), [False, False, False, True, True])
    np.testing.assert_array_equal(second.labels[3:], LABELS[[0, 2]])
    assert first.points is second.points
    assert first.points.flip.tolist() == [1, 0, 2, -1, 4]  # the mirror of the only eye is not known


def test_test_faces_of_a_weak_set_and_faces_without_labels_are_left_out():
    nothing = np.full((3, 2), np.nan)
    faces = [
        weak_face("a.png", split="test"),
        weak_face("b.png", split="val"),
        weak_face("c.png", nothing),
        weak_face(),
    ]
    both = with_weak_labels(data_set(face()), [weak_set(*faces)])
    assert [each.name for each in both.annotations] == ["a.png", "w.png"]


def test_only_means_of_other_skeletons_are_weak():
    assert is_weak(THREE, SKELETON)
    assert not is_weak(SKELETON, SKELETON)
    assert not is_weak(replace(THREE, means={}), SKELETON)
    assert not is_weak(THREE, replace(SKELETON, sources={"three": (0, 1, 2, 2, 2)}))  # it takes its points from there


def test_a_source_with_means_adds_weakly_labeled_faces(monkeypatch):
    table = {"first": data_set(face(), face("v.png", split="val")), "weak": weak_set(weak_face(), weak_face("x.png"))}
    monkeypatch.setattr(datasets, "load", table.__getitem__)
    config = load("nose").model_copy(update={"data": DataConfig(sources=("first", "weak"))})
    faces = load_faces(config)
    assert describe_data(replace(faces, annotations=faces.annotations[:0]))["faces"] == {}
    assert [type(each) is WeakAnnotation for each in faces.annotations] == [False, False, True, True]
    table["weak"] = weak_set(weak_face(), skeleton=replace(THREE, means={}))
    with pytest.raises(SkeletonError, match=r"add a section \[means\] with five = "):
        load_faces(config)


@pytest.mark.parametrize("seed", range(6))
def test_labels_follow_the_pixels_of_varied_crops(seed):
    spot = LABELS[2]
    config = load("danes")
    config = config.model_copy(update={"augment": config.augment.model_copy(update={"flip": 0.5})})
    faces = with_weak_labels(data_set(face()), [weak_set(weak_face(), images={"w.png": blob(spot)})])
    faces = faces.subset(faces.annotations[1:])
    source = CropSource(faces, config.crop, varied=True, seed=seed)
    batch = source.batch([0], plan(config))
    assert batch.target.isnan().all()
    assert batch.weak.shape == (1, 3, 2)
    size = np.array(config.crop.size[::-1])
    label = (batch.weak[0, 2].numpy() + 1) * size / 2 - 0.5
    crop = batch.crops[0].permute(1, 2, 0).numpy()
    assert np.linalg.norm(label - blob_center(crop)) < 1.5


def test_mirrored_labels_change_their_places():
    config = load("danes")
    flipped = config.augment.model_copy(update={"flip": 1.0, "rotation_deg": 0.0, "shear": 0.0})
    faces = with_weak_labels(data_set(face()), [weak_set(weak_face())])
    source = CropSource(faces.subset(faces.annotations[1:]), config.crop, varied=True)
    eyes = source.batch([0], EpochPlan(0, config.crop.size, flipped)).weak[0, :2, 0]
    assert eyes[0] > eyes[1]  # the first point is still the eye at the right of the image


def test_sets_without_weak_labels_have_none():
    source = CropSource(data_set(face()), load("danes").crop)
    assert source.weak is None
    assert source.batch([0], source.plain).weak.shape == (1, 0, 2)


def test_uncertain_labels_count_less():
    size = np.sqrt(32 * 30)
    uncertain = replace(face(), spread=np.array([0.0, 0.02, 0.04, 0.02, np.nan]) * size)
    source = CropSource(data_set(uncertain, face("b.png")), load("danes").crop)
    weight = source.batch([0, 1], source.plain).weight
    np.testing.assert_allclose(weight[0], [1, 0.5, 0.2, 0.5, 1], rtol=1e-5)
    np.testing.assert_array_equal(weight[1], np.ones(5))
    np.testing.assert_allclose(source.weights_of(0, mirror=True), [0.5, 1, 0.2, 1, 0.5])
