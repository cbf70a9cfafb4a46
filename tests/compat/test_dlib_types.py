"""Points, rectangles and faces behave as those of dlib; the values were compared with dlib 20.0."""

import pickle

import numpy as np
import pytest

from nasion.compat.dlib_types import full_object_detection, point, points, rectangle


def test_points():
    at = point(1, 2)
    assert (repr(at), str(at), at == point(1, 2), hash(at) == hash(point(1, 2))) == (
        "point(1, 2)",
        "(1, 2)",
        True,
        True,
    )
    assert (at + point(3, 4), point(3, 4) - at) == (point(4, 6), point(2, 2))
    at.x = 5
    assert str(at) == "(5, 2)"
    assert point(1.6, np.float32(2.4)) == point(2, 2)


def test_missing_keypoints_are_parts_that_are_not_present():
    assert point.of_keypoint(np.array([np.nan, np.nan])) == point(0x7FFFFFFF, 0x7FFFFFFF)
    assert point.of_keypoint(np.array([1.6, -0.4])) == point(2, 0)


def test_rectangles_contain_their_last_pixel():
    box = rectangle(1, 2, 3, 4)
    assert (box.width(), box.height(), box.area(), box.is_empty()) == (3, 3, 9, False)
    assert (repr(box), str(box)) == ("rectangle(1,2,3,4)", "[(1, 2) (3, 4)]")
    assert (box.tl_corner(), box.tr_corner(), box.bl_corner(), box.br_corner()) == (
        *(point(1, 2), point(3, 2)),
        *(point(1, 4), point(3, 4)),
    )
    assert rectangle(left=1, top=2, right=3, bottom=4) == box
    assert hash(rectangle(1, 2, 3, 4)) == hash(box)


@pytest.mark.parametrize(
    ("box", "center"), [((1, 2, 3, 4), (2, 3)), ((10, 20, 109, 139), (60, 80)), ((0, 0, 1, 1), (1, 1))]
)
def test_centers(box, center):
    assert rectangle(*box).center() == point(*center)


def test_empty_rectangle():
    assert repr(rectangle()) == "rectangle(0,0,-1,-1)"
    assert rectangle().is_empty()
    assert (rectangle().area(), rectangle(5, 0, 3, 9).width()) == (0, 0)
    assert rectangle() + rectangle(1, 2, 3, 4) == rectangle(1, 2, 3, 4) == rectangle(1, 2, 3, 4) + rectangle()


def test_what_a_rectangle_contains():
    box = rectangle(1, 2, 3, 4)
    assert box.contains(3, 4)
    assert not box.contains(4, 4)
    assert box.contains(point(1, 2))
    assert box.contains(rectangle(2, 3, 3, 4))
    assert not box.contains(rectangle(2, 3, 4, 4))
    assert box.intersect(rectangle(2, 1, 9, 3)) == rectangle(2, 2, 3, 3)
    assert box + rectangle(2, 1, 9, 3) == rectangle(1, 1, 9, 4)


def test_faces():
    face = full_object_detection(rectangle(0, 0, 9, 9), [point(1, 2), point(3, 4)])
    assert (face.num_parts, face.part(1), face.rect) == (2, point(3, 4), rectangle(0, 0, 9, 9))
    assert isinstance(face.parts(), points)
    assert face.prediction is None
    for index in (2, -1):
        with pytest.raises(IndexError, match="index out of range"):
            face.part(index)
    copy = pickle.loads(pickle.dumps(face))
    assert (copy.parts(), copy.rect) == (face.parts(), face.rect)
