"""Faces whose points carry labels."""

import numpy as np
import pytest

from made_files import picture
from nasion.datasets.formats._labels import LabeledFace, labeled_dataset
from nasion.datasets.formats._reading import Collector
from nasion.errors import AnnotationError
from nasion.skeleton import load_skeleton


@pytest.fixture
def image(tmp_path):
    picture(tmp_path / "a.jpg")
    return tmp_path / "a.jpg"


def dataset(faces, options=None):
    return labeled_dataset("tool:x", "x", Collector(), faces, options or {}, "a note")


def test_points_are_ordered_by_their_first_use_and_missing_ones_are_nan(image):
    first = LabeledFace("one", image, {"nose": (1.0, 2.0), "chin": (3.0, 4.0)}, {"chin"}, (0.0, 0.0, 9.0, 9.0))
    second = LabeledFace("two", image, {"chin": (5.0, 6.0)}, spread={"chin": 1.5}, score=0.5, split="val")
    faces = dataset([first, second])
    assert (faces.skeleton.names, faces.note) == (("nose", "chin"), "a note")
    a, b = faces.annotations
    assert (a.face, b.face, b.split, b.score, a.score) == (0, 1, "val", 0.5, None)
    assert (a.visible.tolist(), a.box.tolist()) == ([True, False], [0, 0, 9, 9])
    assert np.isnan(b.keypoints[0]).all()
    assert b.keypoints[1].tolist() == [5, 6]
    assert (np.isnan(b.spread[0]), b.spread[1], a.spread) == (True, 1.5, None)
    assert a.subject == str(image.with_suffix(""))


def test_packaged_names_in_any_order_are_that_skeleton(image):
    ibug = load_skeleton("ibug-68")
    points = {name: (float(k), float(k) + 0.5) for k, name in enumerate(ibug.names)}
    face = LabeledFace("one", image, dict(reversed(points.items())))
    faces = dataset([face])
    assert faces.skeleton == ibug
    assert faces.annotations[0].keypoints[:, 0].tolist() == list(range(68))


def test_numbers_are_sorted_by_value(image):
    face = LabeledFace("one", image, {str(k): (float(k), 0.0) for k in reversed(range(1, 69))})
    faces = dataset([face])
    assert faces.skeleton.name == "ibug-68"
    assert faces.annotations[0].keypoints[:, 0].tolist() == list(range(1, 69))


def test_names_of_the_options_skeleton_are_found(image):
    face = LabeledFace("one", image, {"jaw_3": (7.0, 8.0)})
    faces = dataset([face], {"skeleton": "ibug-68"})
    assert faces.annotations[0].keypoints[3].tolist() == [7, 8]
    with pytest.raises(AnnotationError, match='the label "snout" is not a point of ibug-68'):
        dataset([LabeledFace("one", image, {"snout": (7.0, 8.0)})], {"skeleton": "ibug-68"})


def test_no_label_gives_no_face():
    assert len(dataset([])) == 0


def test_a_label_is_used_once_in_a_face(image):
    face = LabeledFace("a.jpg#0", image)
    face.add("nose", 1, 2)
    with pytest.raises(AnnotationError, match=r'a\.jpg#0 has two points with the label "nose"; group the points'):
        face.add("nose", 3, 4)
