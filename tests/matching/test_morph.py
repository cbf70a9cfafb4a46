"""A morph begins at one face and ends at the other; means and level shapes are what their names say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.pairs import scattered, synthetic
from nasion import images
from nasion.geometry import Affine, box_around
from nasion.matching import match
from nasion.matching.morph import CANVAS, Pair, level_shape, mean_face, to_canvas
from nasion.skeleton import from_table, load_skeleton


@pytest.fixture(scope="module")
def pair():
    a, b = synthetic(0), synthetic(1, 2)
    return Pair(a.image, b.image, match(a.face, b.face))


@given(st.floats(0.1, 20), st.floats(-500, 500))
def test_face_fills_the_canvas_up_to_the_margin(scale, shift):
    points = scattered(30) * scale + [shift, 2 * shift]
    box = box_around(to_canvas(points)(points))
    assert (box[2:] - box[:2]).max() == pytest.approx(480 / 1.7)
    assert (box[2:] + box[:2]) / 2 == pytest.approx([239.5, 239.5])


def test_both_faces_are_in_the_pose_of_a(pair):
    a, b = synthetic(0), synthetic(1, 2)
    matched, a_map = match(a.face, b.face), to_canvas(a.face.keypoints)
    assert pair.a_points[:-8] == pytest.approx(a_map(matched.a))
    assert pair.b_points[:-8] == pytest.approx(a_map(matched.similarity(matched.b)))
    assert pair.a_points[-8:] == pytest.approx(pair.b_points[-8:])
    assert pair.a.shape == pair.b.shape == (*CANVAS, 3)
    assert np.array_equal(pair.a, images.warp(a.image, a_map, CANVAS))


def test_morph_begins_at_a_and_ends_at_b(pair):
    assert np.abs(pair.at(0.0).astype(int) - pair.a).mean() < 0.5
    assert np.abs(pair.at(1.0).astype(int) - pair.b).mean() < 0.5
    assert np.abs(pair.a.astype(int) - pair.b).mean() > 5


def test_blend_has_the_mean_of_both_colors():
    a, b = synthetic(0), synthetic(1)
    dark, bright = np.full_like(a.image, 40), np.full_like(b.image, 200)
    uniform = Pair(dark, bright, match(a.face, b.face))
    for share, level in ((0.0, 40), (0.25, 80), (0.5, 120), (1.0, 200)):
        assert (uniform.at(share) == level).all()


def test_blend_has_the_shape_between_both():
    """A white dot on the chin of each face lands between both positions."""
    a, b = synthetic(0), synthetic(1)
    pair = Pair(a.image, b.image, match(a.face, b.face))
    for name in ("a", "b"):
        image = np.zeros((*CANVAS, 3), np.uint8)
        x, y = np.rint(getattr(pair, f"{name}_points")[8]).astype(int)
        image[y - 3 : y + 4, x - 3 : x + 4] = 255
        setattr(pair, name, image)
    for share in (0.25, 0.5):
        ys, xs = np.nonzero(pair.at(share)[..., 0] > 128 * max(share, 1 - share))
        expected = (1 - share) * pair.a_points[8] + share * pair.b_points[8]
        assert (xs.mean(), ys.mean()) == pytest.approx(expected, abs=1.5)


def test_frames_run_from_a_to_b_with_smaller_steps_at_the_ends(pair, monkeypatch):
    monkeypatch.setattr(pair, "at", lambda share: share)
    assert list(pair.frames(5)) == pytest.approx([0, 0.5 - 0.5**1.5, 0.5, 0.5 + 0.5**1.5, 1])
    assert list(pair.frames(2)) == pytest.approx([0, 1])
    assert list(pair.frames(1)) == [0]


def test_mean_of_one_face_is_that_face_on_the_canvas():
    chosen = synthetic(3)
    points = chosen.face.keypoints
    mean = mean_face(iter([(chosen.image, points)]), points)
    expected = images.warp(chosen.image, to_canvas(points), CANVAS)
    assert np.abs(mean.astype(int) - expected).mean() < 1


def test_mean_of_faces_has_the_mean_of_their_colors():
    shape = synthetic(0).face.keypoints
    faces = [
        (np.full((480, 640, 3), level, np.uint8), synthetic(k).face.keypoints) for k, level in enumerate([10, 40, 190])
    ]
    assert (mean_face(iter(faces), shape) == 80).all()


def test_mean_face_warps_each_face_onto_the_mean_shape():
    shape = synthetic(0).face.keypoints
    moved = Affine.translation(-30, 12) @ Affine.rotation(20, [320, 240]) @ Affine.linear(0.7 * np.eye(2), [300, 200])
    image = np.zeros((480, 640, 3), np.uint8)
    x, y = np.rint(moved(shape)[30]).astype(int)
    image[y - 2 : y + 3, x - 2 : x + 3] = 255
    ys, xs = np.nonzero(mean_face(iter([(image, moved(shape))]), shape)[..., 0] > 128)
    assert (xs.mean(), ys.mean()) == pytest.approx(to_canvas(shape)(shape)[30], abs=2)


def test_mean_of_no_face_is_black():
    assert not mean_face(iter(()), synthetic(0).face.keypoints).any()


SYMMETRIC = from_table("three", {"names": ["l", "r", "m"], "regions": {"all": "0-2"}, "flip": "1 0 2"})


@given(st.floats(-85, 85))
def test_tilted_symmetric_shape_is_rotated_back_about_its_center(angle):
    shape = np.array([[0.0, 0], [10, 0], [5, 9]])
    tilted = Affine.rotation(angle, shape.mean(0))(shape)
    assert level_shape(tilted, SYMMETRIC) == pytest.approx(shape, abs=1e-6)


def test_eyes_of_a_face_are_level():
    skeleton = load_skeleton("ibug-68")
    mean = synthetic(2).face.keypoints
    level = level_shape(mean, skeleton)
    outer_left, outer_right = level[[36, 45]]
    assert abs(outer_right[1] - outer_left[1]) < 0.05 * abs(outer_right[0] - outer_left[0])
    assert level_shape(Affine.rotation(35, mean.mean(0))(mean), skeleton) == pytest.approx(level, abs=1e-6)


def test_shape_without_a_flip_map_is_unchanged():
    skeleton = from_table("three", {"names": ["l", "r", "m"], "regions": {"all": "0-2"}})
    shape = np.array([[0.0, 0], [10, 7], [5, 9]])
    assert level_shape(shape, skeleton) is shape
