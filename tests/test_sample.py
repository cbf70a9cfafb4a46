"""Annotations, predictions and data sets, by hand."""

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

import doubles
from doubles import QUAD
from nasion.errors import AnnotationError, SkeletonError
from nasion.predict.writers import ResultWriter
from nasion.sample import Annotation, DataSet, Prediction, Problem, Sample
from nasion.skeleton import load_skeleton, parse

FIVE = parse(
    "five",
    """
count = 5
[regions]
eyes = "0-1"
nose = "2"
mouth = "3-4"
[normalizers]
inter_ocular = ["0", "1"]
""",
)
PAIR = parse("pair", 'count = 2\n[regions]\nends = "0-1"\n[from]\nfive = "4 2"\n')
ONE = parse("one", 'count = 1\n[regions]\nnose = "0"\n[from]\nfive = "2"\npair = "1"\n')
POINTS = np.array([[10.0, 20], [16, 28], [13, 24], [11, 30], [15, 36]])


def annotation(points=POINTS, name="a.jpg", **fields):
    points = np.array(points, float)
    return Annotation(Path("folder") / name, points, FIVE, np.arange(len(points)) != 1, **fields)


def data_set(*annotations, name="csv:a.csv", skeleton=FIVE, **fields):
    return DataSet(name, skeleton, annotations, lambda face: np.full((4, 6, 3), len(face.name), np.uint8), **fields)


def prediction(points):
    points = np.array(points, float)
    return Prediction(points, np.ones(len(points)), np.zeros((len(points), 2)), np.array([0.0, 0, 9, 9]), 1.0, FIVE)


def test_the_name_is_the_file_and_the_number_of_a_further_face():
    assert annotation().name == "a.jpg"
    assert annotation(face=2).name == "a.jpg#2"


def test_an_annotation_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        annotation().split = "test"


def test_the_bounding_box_leaves_missing_points_out():
    points = POINTS.copy()
    points[4] = np.nan
    assert annotation().points_box().tolist() == [10, 20, 16, 36]
    assert annotation(points).points_box().tolist() == [10, 20, 16, 30]


@pytest.mark.parametrize("axis", [0, 1])
def test_points_on_a_horizontal_or_vertical_line_have_no_box(axis):
    points = POINTS.copy()
    points[:, axis] = 7
    with pytest.raises(AnnotationError, match=r"a\.jpg#3: its points have no extent"):
        annotation(points, face=3).points_box()


def test_a_face_without_points_has_no_box():
    with pytest.raises(AnnotationError, match=r"a\.jpg: every point is missing"):
        annotation(np.full((5, 2), np.nan)).points_box()


def test_normalizer_lengths_by_hand():
    lengths = annotation().normalizer_lengths()
    assert lengths == pytest.approx(
        {"inter_ocular": 10.0, "box_size": np.sqrt(6 * 16), "box_diagonal": np.hypot(6, 16)}
    )


def test_a_normalizer_of_a_missing_point_is_nan_and_the_others_remain():
    points = POINTS.copy()
    points[0] = np.nan
    lengths = annotation(points).normalizer_lengths()
    assert np.isnan(lengths["inter_ocular"])
    assert lengths["box_diagonal"] == pytest.approx(np.hypot(5, 12))


def test_a_single_point_has_no_normalizer_lengths():
    face = Annotation(Path("a.jpg"), np.array([[3.0, 4.0]]), ONE, np.array([True]))
    assert face.normalizer_lengths() == {}


def test_a_reduced_face_has_the_points_of_the_other_skeleton_in_its_order():
    face = annotation(split="val", box=np.array([1.0, 2, 3, 4]))
    pair = face.reduced_to(PAIR)
    assert pair.keypoints.tolist() == [[15, 36], [13, 24]]
    assert pair.visible.tolist() == [True, True]
    assert (pair.skeleton, pair.split, pair.full_face) == (PAIR, "val", face)
    assert face.keypoints.shape == (5, 2)


def test_a_reduced_face_keeps_the_box_and_lengths_of_the_full_face_through_two_reductions():
    face = annotation()
    one = face.reduced_to(PAIR).reduced_to(ONE)
    assert one.keypoints.tolist() == [[13, 24]]
    assert one.full_face is face
    assert one.points_box().tolist() == [10, 20, 16, 36]
    assert one.normalizer_lengths() == face.normalizer_lengths()


def test_reducing_to_the_same_points_only_replaces_the_skeleton():
    renamed = replace(FIVE, name="renamed")
    same = annotation().reduced_to(renamed)
    assert same.skeleton is renamed
    assert same.full_face is None
    assert np.array_equal(same.keypoints, POINTS)


def test_reducing_to_unknown_points_is_rejected_even_for_an_empty_set():
    with pytest.raises(SkeletonError):
        annotation().reduced_to(replace(PAIR, sources={}))
    with pytest.raises(SkeletonError):
        data_set().reduced_to(replace(PAIR, sources={}))


def test_ellipses_of_a_prediction():
    face = replace(prediction([[0, 0], [5, 5]]), spread=np.array([2.0, 3.0]), anisotropy=np.array([[0, 0], [0, 2.0]]))
    assert face.ellipses == pytest.approx(np.array([[2, 2, 0], [3 * np.e, 3 / np.e, 45]]))


def test_keypoints_of_a_data_set_are_stacked_in_order():
    faces = data_set(annotation(), annotation(POINTS + 1), annotation(POINTS - 2))
    assert len(faces) == 3
    assert faces.keypoints().shape == (3, 5, 2)
    assert faces.keypoints()[2].tolist() == (POINTS - 2).tolist()


def test_a_face_is_loaded_with_its_own_image():
    faces = data_set(annotation(), annotation(name="long.jpg"))
    sample = faces.load(1)
    assert isinstance(sample, Sample)
    assert sample.annotation is faces.annotations[1]
    assert (sample.image == len("long.jpg")).all()


def test_a_subset_keeps_everything_else():
    faces = data_set(annotation(), annotation(face=1), problems=(Problem("b.jpg", "damaged"),), note="a note")
    part = faces.subset(faces.annotations[1:])
    assert [face.name for face in part.annotations] == ["a.jpg#1"]
    assert (part.name, part.problems, part.note) == (faces.name, faces.problems, "a note")
    assert len(faces) == 2


def test_a_split_is_selected_by_name():
    faces = data_set(annotation(split="train"), annotation(split="test", face=1), annotation(face=2))
    assert [face.name for face in faces.of_split("test").annotations] == ["a.jpg#1"]
    assert faces.of_split("all") is faces


def test_a_missing_split_names_the_splits_of_the_data():
    faces = data_set(annotation(split="train"), annotation(split="test"), annotation())
    with pytest.raises(AnnotationError, match='no faces of the split "val"; use --split test, train, all'):
        faces.of_split("val")
    with pytest.raises(AnnotationError, match="use --split all"):
        data_set(annotation()).of_split("val")


def test_joined_sets_open_each_image_with_their_own_opener():
    other = replace(FIVE, name="other", title="same points")
    first = data_set(annotation(name="a.jpg"), name="csv:a.csv", problems=(Problem("x", "1"),))
    second = DataSet(
        "coco:b.json",
        other,
        (replace(annotation(name="b.jpg"), skeleton=other),),
        lambda _face: np.zeros((4, 6, 3), np.uint8),
        (Problem("y", "2"),),
    )
    both = first.joined(second)
    assert both.name == "csv:a.csv + coco:b.json"
    assert [face.name for face in both.annotations] == ["a.jpg", "b.jpg"]
    assert {face.skeleton.name for face in both.annotations} == {"five"}
    assert [problem.name for problem in both.problems] == ["x", "y"]
    assert (both.load(0).image == 5).all()
    assert (both.load(1).image == 0).all()


def test_an_image_in_both_joined_sets_is_opened_by_the_first():
    first = data_set(annotation())
    second = DataSet("coco:b", FIVE, (annotation(face=1),), lambda _face: np.zeros((4, 6, 3), np.uint8))
    assert (first.joined(second).load(1).image == len("a.jpg#1")).all()


def test_sets_with_different_points_cannot_be_joined():
    with pytest.raises(SkeletonError, match=r"csv:a\.csv has the points of five, csv:b those of pair"):
        data_set(annotation()).joined(data_set(name="csv:b", skeleton=PAIR))


def test_a_reduced_set_has_reduced_faces():
    faces = data_set(annotation(), annotation(POINTS + 1)).reduced_to(PAIR)
    assert faces.skeleton is PAIR
    assert faces.keypoints().tolist() == [[[15, 36], [13, 24]], [[16, 37], [14, 25]]]
    assert all(face.skeleton is PAIR for face in faces.annotations)


def test_a_name_is_one_line_whatever_the_file_is_called():
    face = Annotation(Path("f") / "a\nb\x1b.jpg", np.zeros((4, 2)), QUAD, np.ones(4, bool), face=2)
    assert face.name == "a\\nb\\x1b.jpg#2"


def test_keypoint_is_found_by_its_name():
    face = doubles.prediction([[1, 2], [3, 4], [5, 6], [7, 8]])
    assert face[doubles.QUAD.names[2]].tolist() == [5, 6]
    with pytest.raises(SkeletonError, match=f'{doubles.QUAD.name} has no point "elbow"'):
        face["elbow"]


def test_face_is_shown_in_one_line():
    face = doubles.prediction(
        [[1, 2], [3, 4], [5, 6], [7, 8]], spread=[1.5, 2.25, np.nan, 3.0], box=(10.004, 20, 30.006, 40)
    )
    assert repr(face) == (
        f"<Prediction: 4 points of {doubles.QUAD.name}, box (10, 20, 30, 40), score {face.score:.2f}, spread 2.2 px>"
    )
    assert "spread" not in repr(doubles.prediction([[1, 2], [3, 4], [5, 6], [7, 8]], spread=np.nan))


def test_dictionary_of_a_face_is_its_entry_in_the_written_file(tmp_path):
    points = [[1.00049, 2], [np.nan, np.nan], [5, 6], [7, 8]]
    faces = [doubles.prediction(points, spread=spread, score=0.87654) for spread in (np.nan, [1.5, 2.25, np.nan, 3.0])]
    image = np.zeros((9, 9, 3), np.uint8)
    with ResultWriter(tmp_path, "json", [Path("a.jpg")], doubles.QUAD) as writer:
        writer.add(Path("a.jpg"), (9, 9), faces, writer.draw(Path("a.jpg"), image, faces))
    (written,) = json.loads(writer.files[0].read_text("utf-8"))["images"]
    numbered = [{"face": k} | face.to_dict() for k, face in enumerate(faces)]
    assert json.loads(json.dumps(numbered)) == written["faces"]
    assert "face" not in faces[1].to_dict()
    assert list(faces[1].to_dict()["keypoints"][0]) == [1.0, 2.0]


def test_face_is_drawn_on_a_copy():
    image = np.full((60, 60, 3), 90, np.uint8)
    drawn = doubles.prediction([[10, 20], [30, 40], [50, 20], [30, 10]], spread=3.0).draw(image, spread=True)
    assert drawn.shape == image.shape
    assert (image == 90).all()
    assert (drawn != 90).any()


def test_face_is_measured_where_its_skeleton_allows_it():
    ibug = load_skeleton("ibug-68")
    points = np.array(ibug.head)[:, :2] * [10, -10] + 150
    face = Prediction(points, np.ones(68), np.zeros((68, 2)), np.array([0.0, 0, 300, 300]), 1.0, ibug)
    assert abs(face.pose.yaw.value) < 0.1
    assert face.eyes.left.is_open
    assert face.mouth.is_open is False
    crop = face.crop(np.full((300, 300, 3), 9, np.uint8), "ffhq", 64, "replicate")
    assert crop.image.shape == (64, 64, 3)
    with pytest.raises(SkeletonError, match="no points in three dimensions"):
        _ = doubles.prediction([[1, 2], [3, 4], [5, 6], [7, 8]]).pose


def test_reprs_are_one_short_line():
    face = annotation(split="val")
    assert repr(face) == f'<Annotation: {face.name}, 5 points of {FIVE.name}, split "val">'
    points = POINTS.copy()
    points[:2] = np.nan
    assert "5 points of five, 2 missing>" in repr(annotation(points)).replace(FIVE.name, "five")
    sample = Sample(np.zeros((6, 8, 3), np.uint8), face)
    assert repr(sample) == f"<Sample: image of 8 x 6 px, {face!r}>"
    faces = data_set()
    assert repr(faces).startswith(f"<DataSet: {faces.name}, {len(faces)} face")
    assert repr(replace(faces, problems=[1, 2])).endswith(", 2 skipped>")


@pytest.mark.parametrize("index", [0, slice(2), (1, 2)])
def test_points_are_not_chosen_by_index(index):
    with pytest.raises(SkeletonError, match=r"chosen by its name, such as face\[.*face\.keypoints has all points"):
        prediction([[1, 2], [3, 4], [5, 6], [7, 8]])[index]
