import numpy as np

from nasion.matching.largest import largest
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton


def prediction(points):
    points = np.array(points, float)
    spread, anisotropy, box = np.ones(len(points)), np.zeros((len(points), 2)), np.array([0.0, 0, 9, 9])
    return Prediction(points, spread, anisotropy, box, 1.0, load_skeleton("ibug-68"))


def test_the_largest_face_is_that_with_the_largest_bounding_box():
    small, wide, high = (prediction([[0, 0], [x, y], [1, 1]]) for x, y in ((5, 5), (12, 3), (2, 15)))
    assert largest([small, wide, high]) == 1
    assert largest([high, small]) == 0
    assert largest([small, high]) == 1


def test_the_largest_face_ignores_missing_points():
    partial = prediction([[0, 0], [4, 4], [np.nan, np.nan]])
    assert largest([prediction([[0, 0], [3, 3]]), partial]) == 1


def test_a_face_without_points_has_area_zero():
    absent = prediction(np.full((5, 2), np.nan))
    assert largest([absent, prediction([[0, 0], [1, 1]])]) == 1
    assert largest([prediction([[0, 0], [1, 1]]), absent]) == 0
    assert largest([absent]) == 0
    assert largest([absent, absent]) == 0


def test_equally_large_faces_return_the_first():
    same = [prediction([[0, 0], [2, 6]]), prediction([[0, 0], [6, 2]]), prediction([[9, 9], [12, 13]])]
    assert largest(same) == 0
