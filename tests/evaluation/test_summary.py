"""The sentences at the top of a report, on errors chosen by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from doubles import QUAD, quad_evaluation, quad_faces
from nasion.evaluation.summary import shown_normalizer, summarize


def evaluation_of(errors_px, subjects=(), skeleton=QUAD):
    """Return an evaluation of faces whose points are all off by `errors_px` (N,), with the subject of each face."""
    errors = np.asarray(errors_px, float)
    faces = quad_faces(len(errors))
    annotations = [
        replace(face, subject=subjects[k] if subjects else "", skeleton=skeleton)
        for k, face in enumerate(faces.annotations)
    ]
    true = faces.keypoints()
    return quad_evaluation(
        replace(faces, annotations=tuple(annotations)), pred_keypoints=true + errors[:, None, None] * [0.6, 0.8]
    )


def points_off(errors_px, regions):
    """Return an evaluation of two faces whose points are off by `errors_px` (4,), with these regions."""
    skeleton = replace(QUAD, regions=regions, names=("a", "b", "c", "d"))
    measured = evaluation_of([0.0, 0.0], skeleton=skeleton)
    pred = measured.true_keypoints + np.asarray(errors_px, float)[:, None] * [0.6, 0.8]
    return replace(measured, pred_keypoints=pred)


# --- the typical face


def test_few_faces_have_a_median_and_a_largest_error():
    assert (
        summarize(evaluation_of([3, 1, 5.04, 2, 4]))[0]
        == "The error of the median face is 3.0 px; the largest is 5.0 px."
    )


def test_many_faces_have_a_quantile():
    sentence = summarize(evaluation_of(np.arange(1, 22)))[0]
    assert sentence == "The error of the median face is 11.0 px; nine of ten faces are below 19.0 px."


def test_a_single_face_has_no_median():
    assert summarize(evaluation_of([2.5]))[0] == "The error of the only face is 2.5 px."


def test_unknown_errors_give_no_sentence():
    measured = evaluation_of([1, 2])
    assert summarize(replace(measured, true_keypoints=np.full((2, 4, 2), np.nan))) == []


# --- regions


@pytest.mark.parametrize(
    ("errors", "sentence"),
    [
        ([2, 2, 4, 4], "The error of the jaw is twice that of the nose (4.0 px and 2.0 px)."),
        ([1, 1, 3, 4], "The error of the jaw is 3.5 times that of the nose (3.5 px and 1.0 px)."),
        ([5, 5, 2, 2], "The error of the nose is 2.5 times that of the jaw (5.0 px and 2.0 px)."),
        ([2, 2, 2.3, 2.3], "The regions are similar: 2.0 px (nose) to 2.3 px (jaw)."),
        ([0, 0, 3, 3], "The regions are similar: 0.0 px (nose) to 3.0 px (jaw)."),
    ],
)
def test_the_worst_region_is_compared_with_the_best(errors, sentence):
    assert summarize(points_off(errors, {"nose": (0, 1), "jaw": (2, 3)}))[1] == sentence


def test_both_eyes_are_one_region():
    measured = points_off([1, 3, 5, 5], {"left_eye": (0,), "right_eye": (1,), "outer_lip": (2, 3)})
    assert summarize(measured)[1] == "The error of the outer lip is 2.5 times that of the eyes (5.0 px and 2.0 px)."


def test_one_side_alone_keeps_its_name():
    measured = points_off([1, 1, 5, 5], {"left_eye": (0, 1), "jaw": (2, 3)})
    assert summarize(measured)[1] == "The error of the jaw is 5.0 times that of the left eye (5.0 px and 1.0 px)."


def test_a_single_region_is_not_compared():
    assert len(summarize(points_off([1, 2, 3, 4], {"all": (0, 1, 2, 3)}))) == 2


def test_missing_points_do_not_count():
    measured = points_off([1, 1, 5, 7], {"nose": (0, 1), "jaw": (2,), "chin": (3,)})
    true = measured.true_keypoints.copy()
    true[:, 3] = np.nan
    assert summarize(replace(measured, true_keypoints=true))[1].startswith("The error of the jaw is 5.0 times")


# --- the worst faces


def test_a_person_with_the_worst_faces_is_named():
    measured = evaluation_of([*range(12, 0, -1)], ["07"] * 3 + [*"aaabbbccc"])
    assert summarize(measured)[2] == "Person 7 has the three worst faces."


def test_a_person_with_half_of_the_worst_faces_is_named():
    subjects = ["a", "b", "a", "c", "a", "b", "a", "c", "b", "c", "d", "d"]
    measured = evaluation_of([20, 19, 18, 17, 16, 15, 14, 13, 1, 1, 1, 1], subjects)
    assert summarize(measured)[2] == "Person a has four of the eight worst faces."


def test_a_person_with_half_of_all_faces_is_not_named():
    """Two of the four worst faces are what chance gives."""
    measured = evaluation_of([4, 3, 2, 1], [*"aabb"])
    assert "Person" not in summarize(measured)[2]


def test_failures_are_counted_if_no_person_stands_out():
    measured = evaluation_of([3, 1.7, 1, 1], ["a", "b", "b", "a"])  # 20 px between the eyes
    assert summarize(measured)[2] == "2 of 4 faces are failures (NME above 8 %); the worst is face0.png."


def test_photographs_are_not_people():
    """A subject in one image only is a photograph, even if it has several faces."""
    measured = evaluation_of([1.7, 1.5, 1, 1], ["x", "x", "y", "y"])
    faces = tuple(replace(face, image=Path(face.subject)) for face in measured.faces)
    assert summarize(replace(measured, faces=faces))[2] == "1 of 4 faces is a failure (NME above 8 %); the worst is x."


def test_all_faces_of_one_person_say_nothing_about_people():
    measured = evaluation_of([1, 1.5, 1], ["a", "a", "a"])
    assert summarize(measured)[2] == "No face is a failure (NME above 8 %); the worst is face1.png."


def test_faces_without_eyes_have_no_failures():
    measured = evaluation_of([1, 2, 3])
    assert len(summarize(replace(measured, lengths={"box_size": np.full(3, 20.0)}))) == 2
    assert len(summarize(replace(measured, lengths={}))) == 2


def test_the_shown_normalizer_is_the_first_known_distance_between_the_eyes():
    lengths = {"box_size": np.full(5, 9.0), "inter_ocular": np.full(5, np.nan), "inter_pupil": np.full(5, 50.0)}
    assert shown_normalizer(quad_evaluation(lengths=lengths)) == "inter_pupil"
    assert shown_normalizer(quad_evaluation(lengths={"box_size": np.full(5, 9.0)})) is None
