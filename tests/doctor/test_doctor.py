"""Each fault is put into good labels, and the doctor must find that one."""

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from nasion import doctor
from nasion.datasets import load
from nasion.doctor.origin import symmetry_offset
from nasion.sample import Problem

QUIET = Console(quiet=True)


def verdicts(faces):
    return {finding.check: finding for finding in doctor.examine(faces, QUIET).findings}


def changed(faces, index, **fields):
    annotations = list(faces.annotations)
    annotations[index] = replace(annotations[index], **fields)
    return faces.subset(annotations)


def test_good_labels_are_good(drawn):
    found = verdicts(drawn)
    assert {name for name, finding in found.items() if finding.verdict in ("look", "wrong")} == set()
    assert "24 faces in 24 pictures of 4" in found["count"].text


def test_exchanged_left_and_right(drawn):
    flip = list(drawn.skeleton.flip)
    found = verdicts(changed(drawn, 3, keypoints=drawn.annotations[3].keypoints[flip]))["left and right"]
    assert found.verdict == "wrong"
    assert drawn.annotations[3].name in found.text
    assert "all points" in found.text


def test_exchanged_eyes_alone(drawn):
    keypoints = drawn.annotations[6].keypoints.copy()
    flip = np.array(drawn.skeleton.flip)
    eyes = [*drawn.skeleton.regions["left_eye"], *drawn.skeleton.regions["right_eye"]]
    keypoints[eyes] = keypoints[flip[eyes]]
    found = verdicts(changed(drawn, 6, keypoints=keypoints))["left and right"]
    assert found.verdict == "wrong"
    assert "eye" in found.text


@pytest.mark.parametrize("change", [lambda eye: eye[::-1], lambda eye: eye[4:] + eye[:4]])
def test_an_eye_whose_points_begin_elsewhere(drawn, change):
    keypoints = drawn.annotations[5].keypoints.copy()
    eye = list(drawn.skeleton.regions["right_eye"])
    keypoints[eye] = keypoints[change(eye)]
    found = verdicts(changed(drawn, 5, keypoints=keypoints))["order of points"]
    assert found.verdict == "look"
    assert f"right_eye in 1 faces: {drawn.annotations[5].name}" in found.text


def test_a_wrong_flip_map(drawn):
    flip = list(range(58))
    wrong = replace(drawn, skeleton=replace(drawn.skeleton, flip=tuple(flip)))
    assert verdicts(wrong)["flip map"].verdict == "wrong"


def test_a_missing_flip_map_is_suggested(drawn):
    none = replace(drawn, skeleton=replace(drawn.skeleton, flip=None))
    found = verdicts(none)["flip map"]
    assert found.verdict == "look"
    assert " ".join(map(str, drawn.skeleton.flip)) in found.text


def test_a_point_outside(drawn):
    keypoints = drawn.annotations[2].keypoints.copy()
    keypoints[0] = [-7.5, 20]
    found = verdicts(changed(drawn, 2, keypoints=keypoints))["inside the picture"]
    assert found.verdict == "look"
    assert "7.0 px" in found.text


def test_a_person_on_both_sides(drawn):
    found = verdicts(changed(drawn, 0, split="test"))["leaks between splits"]
    assert found.verdict == "wrong"
    assert "0000" in found.text


def test_the_same_picture_twice(drawn):
    first, second = drawn.annotations[0], drawn.annotations[20]
    twice = replace(drawn, open_image=lambda face: drawn.open_image(first if face.image == second.image else face))
    found = verdicts(twice)
    assert found["duplicates"].verdict == "look"
    assert found["leaks between splits"].verdict == "wrong"


def test_skipped_faces_are_named(drawn):
    found = verdicts(replace(drawn, problems=(Problem("a.asf", "is no such file"),)))["readable"]
    assert found.verdict == "wrong"
    assert "a.asf" in found.text


def test_an_odd_face_is_named_and_drawn(drawn, tmp_path):
    keypoints = drawn.annotations[4].keypoints.copy()
    keypoints[10:30] += np.random.default_rng(0).normal(0, 200, (20, 2))
    examination = doctor.examine(changed(drawn, 4, keypoints=keypoints), QUIET)
    assert examination.worst[0][0].name == drawn.annotations[4].name
    assert next(f for f in examination.findings if f.check == "odd shapes").verdict == "look"
    from nasion import images

    assert images.read(doctor.draw_worst(examination, tmp_path)).shape[0] > 600


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_an_offset_of_the_labels_shows_in_the_faces_symmetry(drawn, shift):
    faces = drawn
    base, _ = symmetry_offset(faces)
    assert abs(base) < 0.5
    moved = faces.subset([replace(a, keypoints=a.keypoints + np.array([shift, 0])) for a in faces.annotations])
    assert symmetry_offset(moved)[0] - base == pytest.approx(shift, abs=0.25)


def test_origin_by_numbers(drawn):
    whole = drawn.subset([replace(a, keypoints=np.rint(a.keypoints)) for a in drawn.annotations])
    assert "whole numbers" in verdicts(whole)["origin, by numbers"].text
    half = drawn.subset([replace(a, keypoints=np.floor(a.keypoints) + 0.5) for a in drawn.annotations])
    assert verdicts(half)["origin, by numbers"].verdict == "look"
    keypoints = whole.annotations[0].keypoints.copy()
    keypoints[0] = [640, 300]
    edge = verdicts(changed(whole, 0, keypoints=keypoints))["origin, by numbers"]
    assert edge.verdict == "look"
    assert "1-based" in edge.text


def test_one_point_is_examined_too(drawn):
    from nasion.skeleton import load_skeleton

    found = verdicts(drawn.reduced_to(load_skeleton("nose-1")))
    assert found["flip map"].verdict == "unknown"


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [("ibug:300w/lfpw/trainset", False), ("ibug:300w/lfpw/trainset?origin=0", True), ("imm:imm_face_db", False)],
)
def test_real_origins(real, spec, wrong):
    form, _, rest = spec.partition(":")
    folder, question, options = rest.partition("?")
    faces = load(f"{form}:{real(folder)}{question}{options}")
    offset, error = symmetry_offset(faces)
    assert (abs(offset) - 2 * error > 0.75) == wrong
