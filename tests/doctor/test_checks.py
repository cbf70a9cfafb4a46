"""Each fault is put into good labels, and its check must find it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nasion.doctor import checks
from nasion.doctor.checks import MIN_FACES, Finding, ReadFace
from nasion.errors import ImageError
from nasion.geometry import Affine
from nasion.sample import Annotation, Problem
from nasion.skeleton import load_skeleton


def changed(faces, index, **fields):
    """Return the data set with other fields of one annotation."""
    annotations = list(faces.annotations)
    annotations[index] = replace(annotations[index], **fields)
    return faces.subset(annotations)


def first(faces, count):
    return faces.subset(faces.annotations[:count])


def read(name="a.png", digest="1", points=((3.0, 4.0),), size=(48, 64), subject="", split=""):
    """Return a face with one point per entry of `points`, as if its image had been read."""
    points = np.array(points)
    face = Annotation(Path(name), points, load_skeleton("nose-1"), np.ones(len(points), bool), None, subject, split)
    return ReadFace(face, size, digest)


def test_a_face_is_read_with_the_size_and_digest_of_its_image(drawn):
    one, other = checks.read_face(drawn, 0), checks.read_face(drawn, 1)
    assert one.face is drawn.annotations[0]
    assert one.size == (480, 640)
    assert one.digest != other.digest
    assert one.digest == checks.read_face(drawn, 0).digest


def test_an_unreadable_image_is_a_problem(drawn):
    def broken(_face):
        raise ImageError("damaged")

    problem = checks.read_face(replace(drawn, open_image=broken), 3)
    assert problem == Problem(drawn.annotations[3].name, "damaged")


def test_counts_by_hand(drawn):
    text = checks.counts(drawn).text
    assert text.startswith("24 faces in 24 images of 4 subjects; train: 18, test: 6")
    assert text.endswith("; points exact by construction")
    same_image = changed(drawn, 1, image=drawn.annotations[0].image, subject="", split="")
    assert "24 faces in 23 images of 4 subjects; train: 17, no split: 1, test: 6" in checks.counts(same_image).text


def test_skipped_faces_are_named_with_the_first_reason():
    assert checks.skipped([]) == Finding("readable", "good", "every label and image")
    problems = [Problem(f"{name}.asf", f"reason {name}") for name in "abcde"]
    assert checks.skipped(problems) == Finding(
        "readable", "wrong", "5 skipped: a.asf, b.asf, c.asf, d.asf and 1 more; the first: reason a"
    )
    assert "more" not in checks.skipped(problems[:4]).text


def test_files_with_equal_pixels_are_duplicates():
    faces = [read("x/b.png", "1"), read("x/a.png", "1"), read("x/c.png", "2")]
    assert checks.duplicates(faces) == Finding(
        "duplicates", "check", "1 images are in more than one file: a.png = b.png"
    )
    assert checks.duplicates(faces[1:]).verdict == "good"


def test_two_faces_of_one_image_are_not_duplicates():
    assert checks.duplicates([read("a.png", "1"), read("a.png", "1")]).verdict == "good"


@pytest.mark.parametrize(("point", "px"), [((-7.5, 20), 7.0), ((20, -1.5), 1.0), ((65.5, 20), 2.0), ((20, 50.5), 3.0)])
def test_a_point_beyond_an_edge_is_outside(point, px):
    finding = checks.outside([read(points=[(20, 20), point]), read("b.png")])
    assert finding.verdict == "check"
    assert finding.text == f"1 points of 1 faces lie outside: a.png by {px} px"


def test_points_on_the_edges_and_missing_points_are_inside():
    edges = [(-0.5, -0.5), (63.5, 47.5), (np.nan, np.nan)]
    assert checks.outside([read(points=edges)]) == Finding("inside the image", "good", "every point")


def test_the_farthest_faces_outside_come_first():
    faces = [read("near.png", points=[(-1.5, 0)]), read("far.png", points=[(-9.5, 0), (0, -2.5)])]
    assert "3 points of 2 faces lie outside: far.png by 9.0 px, near.png by 1.0 px" in checks.outside(faces).text


def test_missing_and_hidden_points_are_counted(drawn):
    keypoints, visible = drawn.annotations[2].keypoints.copy(), np.ones(58, bool)
    keypoints[[4, 9]] = np.nan
    visible[[4, 5, 6, 7]] = False  # point 4 is missing, and so not hidden
    finding = checks.missing(changed(drawn, 2, keypoints=keypoints, visible=visible))
    assert finding.text == "2 points missing in 1 faces, 3 marked as hidden"


def test_a_correct_flip_map_is_good(drawn):
    finding = checks.flip_map(drawn)
    assert finding.verdict == "good"
    assert finding.text.startswith("the mean face and its mirror image differ by 0.")


def test_a_wrong_flip_map_is_wrong(drawn):
    wrong = replace(drawn, skeleton=replace(drawn.skeleton, flip=tuple(range(58))))
    assert checks.flip_map(wrong).verdict == "wrong"


def test_the_point_that_differs_most_is_named(drawn):
    shift = np.zeros((58, 2))
    shift[15] = 30
    moved = drawn.subset([replace(face, keypoints=face.keypoints + shift) for face in drawn.annotations])
    pair = {drawn.skeleton.names[15], drawn.skeleton.names[drawn.skeleton.flip[15]]}
    named = checks.flip_map(moved).text.split("most at ")[1].split(" (")[0]
    assert named in pair


def test_a_missing_flip_map_is_suggested(drawn):
    finding = checks.flip_map(replace(drawn, skeleton=replace(drawn.skeleton, flip=None)))
    assert finding.verdict == "check"
    assert f'flip = "{" ".join(map(str, drawn.skeleton.flip))}"' in finding.text


def test_faces_with_the_right_sides_are_good(drawn):
    assert checks.left_and_right(drawn).verdict == "good"


def test_an_exchanged_face_is_named(drawn):
    flip = list(drawn.skeleton.flip)
    finding = checks.left_and_right(changed(drawn, 3, keypoints=drawn.annotations[3].keypoints[flip]))
    assert finding.verdict == "wrong"
    assert finding.text == f"1 exchanged: {drawn.annotations[3].name} (all points)"


@pytest.mark.parametrize(("share", "verdict"), [(0.55, "good"), (0.85, "wrong")])
def test_a_face_is_exchanged_only_if_the_exchange_fits_twice_as_well(drawn, share, verdict):
    """The face lies between the labels and the exchanged labels, nearer to the latter."""
    keypoints = drawn.annotations[3].keypoints
    mixed = (1 - share) * keypoints + share * keypoints[list(drawn.skeleton.flip)]
    assert checks.left_and_right(changed(drawn, 3, keypoints=mixed)).verdict == verdict


def test_exchanged_eyes_are_named(drawn):
    keypoints = drawn.annotations[6].keypoints.copy()
    flip = np.array(drawn.skeleton.flip)
    eyes = [*drawn.skeleton.regions["left_eye"], *drawn.skeleton.regions["right_eye"]]
    keypoints[eyes] = keypoints[flip[eyes]]
    finding = checks.left_and_right(changed(drawn, 6, keypoints=keypoints))
    assert finding.text == f"1 exchanged: {drawn.annotations[6].name} (left_eye)"


def test_faces_with_few_points_are_not_compared(drawn):
    keypoints = drawn.annotations[3].keypoints.copy()
    keypoints[2:] = np.nan
    sparse = changed(drawn, 3, keypoints=keypoints)
    assert checks.left_and_right(sparse).verdict == "good"
    assert checks.order_of_points(sparse).verdict == "good"
    assert np.isnan(checks.shape_residuals(sparse)[3])


@pytest.mark.parametrize("change", [lambda eye: eye[::-1], lambda eye: eye[4:] + eye[:4]])
def test_an_eye_with_another_order_is_named(drawn, change):
    keypoints = drawn.annotations[5].keypoints.copy()
    eye = list(drawn.skeleton.regions["right_eye"])
    keypoints[eye] = keypoints[change(eye)]
    finding = checks.order_of_points(changed(drawn, 5, keypoints=keypoints))
    assert finding.verdict == "check"
    assert finding.text.startswith(f"right_eye in 1 face: {drawn.annotations[5].name};")


def test_an_open_region_may_be_reversed_but_not_rotated(drawn):
    brow = list(drawn.skeleton.regions["left_brow"])
    verdicts = []
    for order in (brow[::-1], brow[2:] + brow[:2]):
        keypoints = drawn.annotations[5].keypoints.copy()
        keypoints[brow] = keypoints[order]
        verdicts.append(checks.order_of_points(changed(drawn, 5, keypoints=keypoints)).text.startswith("left_brow"))
    assert verdicts == [True, False]


def test_the_usual_order_is_good(drawn):
    assert checks.order_of_points(drawn).verdict == "good"


def test_shape_residuals_ignore_position_size_and_rotation(drawn):
    base = checks.shape_residuals(drawn)
    move = Affine.translation(50, -20) @ Affine.rotation(30, [0, 0]) @ Affine.linear(np.eye(2) * 1.7, [0, 0])
    moved = changed(drawn, 7, keypoints=move(drawn.annotations[7].keypoints))
    assert base.shape == (24,)
    assert (base > 0).all()
    assert checks.shape_residuals(moved) == pytest.approx(base, abs=1e-4)


def test_shape_residuals_are_shares_of_the_face_size(drawn):
    larger = drawn.subset([replace(face, keypoints=3 * face.keypoints) for face in drawn.annotations])
    assert checks.shape_residuals(larger) == pytest.approx(checks.shape_residuals(drawn))


def test_residuals_of_single_points_are_shares_of_the_largest_distance(drawn):
    faces = first(drawn.reduced_to(load_skeleton("nose-1")), 3)
    for index, x in enumerate((10.0, 12.0, 17.0)):
        faces = changed(faces, index, keypoints=np.array([[x, 5.0]]))
    assert checks.shape_residuals(faces).tolist() == [0.4, 0, 1]


def test_equal_single_points_have_residual_zero(drawn):
    faces = first(drawn.reduced_to(load_skeleton("nose-1")), 3)
    faces = faces.subset([replace(face, keypoints=np.array([[1.0, 2.0]])) for face in faces.annotations])
    assert checks.shape_residuals(faces).tolist() == [0, 0, 0]


def test_outliers_exceed_a_multiple_of_the_median(drawn):
    residuals = np.full(24, 0.02)
    residuals[[3, 9]] = 0.0801, 0.5
    finding = checks.outliers(drawn, residuals)
    a, b = (drawn.annotations[i].name for i in (9, 3))
    assert finding.verdict == "check"
    assert finding.text == (
        f"a typical face is 2.0 % of the face size from the mean face; 2 of 24 faces exceed 4 times that: "
        f"{a} (50 %), {b} (8 %)"
    )


def test_faces_at_the_limit_and_unknown_residuals_are_not_outliers(drawn):
    residuals = np.full(24, 0.25)
    residuals[3], residuals[4] = 1.0, np.nan
    assert checks.outliers(drawn, residuals).verdict == "good"


def test_a_subject_in_two_splits_is_a_leak():
    faces = [read(digest=str(k), subject=s, split=p) for k, (s, p) in enumerate([("7", "train"), ("7", "test")])]
    assert checks.leaks(faces) == Finding("leaks between splits", "wrong", "1 in two splits: subject 7")


def test_an_image_in_two_splits_is_a_leak():
    faces = [read("a.png", "1", subject="1", split="train"), read("b.png", "1", subject="2", split="val")]
    assert checks.leaks(faces).text == "1 in two splits: image b.png"


def test_faces_without_split_or_subject_are_not_leaks():
    faces = [
        read("a.png", "1", subject="1", split="train"),
        read("b.png", "2", subject="1", split=""),
        read("c.png", "3", split="train"),
        read("d.png", "4", split="test"),
    ]
    assert checks.leaks(faces).verdict == "good"


def test_leaks_need_two_splits():
    faces = [read("a.png", "1", subject="1", split="train"), read("b.png", "1", subject="1")]
    assert checks.leaks(faces).verdict == "unknown"


@pytest.mark.parametrize("check", [checks.flip_map, checks.left_and_right, checks.order_of_points])
def test_shape_checks_need_enough_faces_and_points(drawn, check):
    assert check(first(drawn, MIN_FACES - 1)).verdict == "unknown"
    assert check(first(drawn, MIN_FACES)).verdict == "good"
    assert check(drawn.reduced_to(load_skeleton("nose-1"))).verdict == "unknown"


def test_outliers_need_enough_faces(drawn):
    few = first(drawn, MIN_FACES - 1)
    assert checks.outliers(few, checks.shape_residuals(few)).verdict == "unknown"


def test_sides_need_a_flip_map(drawn):
    without = replace(drawn, skeleton=replace(drawn.skeleton, flip=None))
    assert checks.left_and_right(without).verdict == "unknown"
