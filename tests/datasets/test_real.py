"""Counts and facts of the real sets; skipped where they are not there."""

import numpy as np
import pytest

from nasion.datasets import load


@pytest.mark.parametrize(
    ("spec", "count", "skeleton"),
    [
        ("imm:imm_face_db", 240, "imm-58"),
        ("ibug:300w", 2236, "ibug-68"),
        ("ibug:300w/lfpw/testset", 224, "ibug-68"),
        ("dlib:dlib_faces/training_with_face_landmarks.xml", 18, "ibug-68"),
        ("dlib:dlib_faces/testing_with_face_landmarks.xml", 25, "ibug-68"),
        ("csv:youtube_faces/keypoints.csv?images=youtube_faces/images", 4232, "ibug-68"),
    ],
)
def test_counts(real, spec, count, skeleton):
    form, _, rest = spec.partition(":")
    source, _, images = rest.partition("?images=")
    faces = load(f"{form}:{real(source)}" + (f"?images={real(images)}" if images else ""))
    assert (len(faces), len(faces.problems), faces.skeleton.name) == (count, 0, skeleton)


def test_imm_facts(real):
    faces = load(f"imm:{real('imm_face_db')}")
    first = faces.annotations[0]
    assert first.name == "01-1m.jpg"
    assert first.keypoints[0] == pytest.approx([0.35763609 * 640, 0.64077979 * 480])
    assert faces.load(0).image.shape == (480, 640, 3)
    assert {a.split: 0 for a in faces.annotations} == {"train": 0, "test": 0}
    assert sum(a.split == "test" for a in faces.annotations) == 48


def test_afw_keeps_the_faces_of_a_photograph_together(real):
    faces = load(f"ibug:{real('300w/afw')}")
    assert len({a.subject for a in faces.annotations}) == 185


def test_points_are_where_the_faces_are(real):
    faces = load(f"ibug:{real('300w/helen')}")
    inside = [np.all((a.keypoints > -20) & (a.keypoints < 900)) for a in faces.annotations[:50]]
    assert all(inside)


def test_the_doctor_knows_the_danes_whose_eye_points_begin_elsewhere(real):
    from nasion.doctor.checks import order_of_points

    found = order_of_points(load(f"imm:{real('imm_face_db')}"))
    assert "left_eye in 1 faces: 06-5m.jpg; right_eye in 8 faces: 10-4m.jpg, 18-4m.jpg" in found.text
