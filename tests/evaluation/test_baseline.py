from dataclasses import replace

import numpy as np
import pytest

from doubles import quad_faces
from nasion.evaluation.baseline import mean_face_errors


def moved(faces, scale, shift):
    return [replace(face, keypoints=face.keypoints * scale + shift) for face in faces]


@pytest.fixture
def faces():
    return list(quad_faces().annotations)


def test_mean_face_in_its_box_ignores_place_and_size(faces):
    one = faces[:1]
    assert mean_face_errors(one, moved(one, 3.0, [10, -20]), in_boxes=True) == pytest.approx([0], abs=1e-9)
    assert mean_face_errors(one, moved(one, 1.0, [3, 4]), in_boxes=False) == pytest.approx([5])


def test_mean_is_taken_point_by_point(faces):
    first = faces[0]
    bent = replace(first, keypoints=first.keypoints + np.array([[0, 0]] * (len(first.keypoints) - 1) + [[2.0, 0]]))
    found = mean_face_errors([first, bent], [first, bent], in_boxes=False)
    assert found == pytest.approx([1 / len(first.keypoints)] * 2)


def test_missing_points_and_faces_without_a_box(faces):
    first = faces[0]
    points = first.keypoints.copy()
    points[0] = np.nan
    partial = replace(first, keypoints=points)
    assert mean_face_errors([partial], [first], in_boxes=False) == pytest.approx([0])
    nowhere = replace(first, keypoints=np.full_like(points, np.nan))
    assert np.isnan(mean_face_errors([first], [nowhere], in_boxes=True)).all()
