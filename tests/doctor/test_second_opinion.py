"""Labels with common mistakes against the predictions of an oracle."""

from dataclasses import replace

import numpy as np
import pytest

from doctor.faces import changed
from doctor.oracle import SPREAD_PX, Oracle
from nasion import doctor
from nasion.doctor import second_opinion
from nasion.doctor.comparison import compare
from nasion.doctor.reading import read_face
from nasion.geometry import Affine
from nasion.progress import SILENT
from nasion.skeleton import from_table


@pytest.fixture(scope="module")
def oracle(drawn):
    return Oracle(drawn)


def opinion(faces, oracle):
    """Return the comparison, the doubts and the findings on faces and on points."""
    read = [read_face(faces, k, oracle) for k in range(len(faces))]
    read = second_opinion.predict_in_other_boxes(faces, read, oracle, SILENT)
    comparison = compare(read, faces.skeleton, oracle)
    doubts = second_opinion.doubtful_faces(faces, read, comparison, oracle, SILENT)
    return (
        comparison,
        second_opinion.faces_finding(comparison, doubts, read, "oracle"),
        second_opinion.points_finding(comparison, doubts, read, "oracle"),
    )


def moved(faces, index, move):
    return changed(faces, index, keypoints=move(faces.annotations[index].keypoints))


def test_good_labels_agree(drawn, oracle):
    comparison, faces, points = opinion(drawn, oracle)
    assert (faces.verdict, points.verdict) == ("good", "good")
    assert comparison.distances.shape == (24, 58)
    # the median length of a two-dimensional normal error is 1.18 standard deviations
    assert np.median(comparison.distances) == pytest.approx(1.18, abs=0.1)


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        (lambda points: points * 2, "coordinates scaled by 2"),
        (lambda points: points / 2, "coordinates scaled by 0.5"),
        (lambda points: points * 0.7, "coordinates scaled by 0.70"),
        (lambda points: points[:, ::-1], "x and y exchanged"),
        (lambda points: [639, 479] - points, "labels of the image turned by 180°"),
    ],
)
def test_a_common_mistake_is_recognized(drawn, oracle, move, reason):
    _, found, _ = opinion(moved(drawn, 4, move), oracle)
    assert found.verdict == "wrong"
    (suspect,) = found.suspects
    assert (suspect.face.name, suspect.reason) == (drawn.annotations[4].name, reason)
    assert np.abs(suspect.expected - drawn.annotations[4].keypoints).mean() < 2 * SPREAD_PX


def test_exchanged_sides_are_recognized_in_one_face_and_in_all(drawn, oracle):
    flip = list(drawn.skeleton.flip)
    _, found, _ = opinion(moved(drawn, 4, lambda points: points[flip]), oracle)
    assert [each.reason.split(" or ")[0] for each in found.suspects] == ["left and right exchanged"]
    every = drawn
    for index in range(len(drawn)):
        every = moved(every, index, lambda points: points[flip])
    _, found, _ = opinion(every, oracle)
    assert found.verdict == "wrong"
    assert len(found.suspects) == 24


def test_exchanged_labels_of_two_files_are_named(drawn, oracle):
    a, b = drawn.annotations[2], drawn.annotations[21]
    faces = changed(changed(drawn, 2, keypoints=b.keypoints), 21, keypoints=a.keypoints)
    _, found, _ = opinion(faces, oracle)
    assert {each.face.name: each.reason for each in found.suspects} == {
        a.name: f"labels exchanged with {b.name}",
        b.name: f"labels exchanged with {a.name}",
    }


def test_labels_far_from_the_face_are_named_without_an_explanation(drawn, oracle):
    noise = np.random.default_rng(0).normal(0, 60, (58, 2))
    _, found, _ = opinion(moved(drawn, 4, lambda points: points + noise), oracle)
    assert found.verdict == "check"
    assert [each.face.name for each in found.suspects] == [drawn.annotations[4].name]


def test_all_labels_too_large_are_recognized(drawn, oracle):
    large = drawn
    for index in range(len(drawn)):
        large = moved(large, index, lambda points: points * 2)
    _, found, _ = opinion(large, oracle)
    assert found.text.startswith("24 of 24 faces: coordinates scaled by 2: ")


def test_a_misplaced_point_is_named(drawn, oracle):
    points = drawn.annotations[9].keypoints.copy()
    points[50] += [0.0, 15 * SPREAD_PX]
    _, faces, found = opinion(changed(drawn, 9, keypoints=points), oracle)
    assert (faces.verdict, found.verdict) == ("good", "check")
    (suspect,) = found.suspects
    assert suspect.points == (50,)
    assert suspect.reason.startswith("nose, 1")


def test_another_definition_of_a_point_is_not_an_error(drawn, oracle):
    faces = drawn
    for index in range(len(drawn)):
        points = faces.annotations[index].keypoints.copy()
        points[29:34] += [0.0, 8.0]
        faces = changed(faces, index, keypoints=points)
    comparison, found, single = opinion(faces, oracle)
    assert (found.verdict, single.verdict) == ("good", "good")
    assert np.linalg.norm(comparison.shift[29:34], axis=-1).min() > 0


def test_a_skeleton_that_shares_some_points_is_enough(drawn, oracle):
    table = {
        "names": ["chin", "eye_left", "eye_right", "tip"],
        "regions": {"points": "0-3"},
        "shared": {"imm-58": "0=6 1=13 2=21 3=52"},
    }
    other = from_table("four", table)
    annotations = [
        replace(face, keypoints=face.keypoints[[6, 13, 21, 52]], visible=np.ones(4, bool), skeleton=other)
        for face in drawn.annotations
    ]
    four = replace(drawn, skeleton=other, annotations=tuple(annotations))
    comparison, found, _ = opinion(four, oracle)
    assert comparison.there.tolist() == [6, 13, 21, 52]
    assert found.verdict == "good"
    exchanged = changed(four, 3, keypoints=four.annotations[3].keypoints[[0, 2, 1, 3]])
    _, found, _ = opinion(exchanged, oracle)
    assert [each.face.name for each in found.suspects] == [drawn.annotations[3].name]


def test_a_model_that_shares_no_point_has_no_opinion(drawn, oracle):
    other = from_table("two", {"names": ["a", "b"], "regions": {"points": "0-1"}})
    stranger = Oracle(drawn)
    stranger.skeleton = other
    found = {each.check: each for each in doctor.examine(drawn, predictor=stranger).findings}
    assert found["second opinion"].verdict == "unknown"
    assert "shares no point with imm-58" in found["second opinion"].text


def test_a_mirrored_image_without_its_labels_is_recognized(drawn, oracle):
    mirror = Affine.mirror(640)
    _, found, _ = opinion(moved(drawn, 4, lambda points: drawn.skeleton.mirrored(mirror(points))), oracle)
    assert "labels of the mirrored image" in found.suspects[0].reason
