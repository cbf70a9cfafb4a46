"""Synthetic faces: reproducible, complete, and with keypoints on what is painted."""

import numpy as np
import pytest

from nasion.datasets.drawn import SIZE, SKELETONS, render_face
from nasion.skeleton import load_skeleton

HEIGHT, WIDTH = SIZE


@pytest.mark.parametrize("name", SKELETONS)
def test_shapes_and_types(name):
    face = render_face(0, 1, 2, name)
    assert face.image.shape == (HEIGHT, WIDTH, 3)
    assert face.image.dtype == np.uint8
    assert face.keypoints.shape == (load_skeleton(name).count, 2)
    assert face.keypoints.dtype == np.float64


def test_keypoints_are_the_same_without_rendering():
    full, bare = render_face(3, 1, 4, "ibug-68"), render_face(3, 1, 4, "ibug-68", render=False)
    assert np.array_equal(full.keypoints, bare.keypoints)
    assert bare.image.shape == (0, 0, 3)


def test_image_does_not_depend_on_the_skeleton():
    assert np.array_equal(render_face(3, 1, 4, "ibug-68").image, render_face(3, 1, 4, "imm-58").image)


def test_same_arguments_give_the_same_face():
    one, again = render_face(5, 2, 1, "imm-58"), render_face(5, 2, 1, "imm-58")
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.keypoints, again.keypoints)


@pytest.mark.parametrize("other", [(6, 2, 1), (5, 3, 1), (5, 2, 0)])
def test_each_argument_changes_the_face(other):
    one = render_face(5, 2, 1, "imm-58", render=False).keypoints
    assert not np.allclose(one, render_face(*other, "imm-58", render=False).keypoints, atol=1)


def test_one_person_keeps_the_shape_in_all_views():
    """The distance of the eyes over the length of the nose varies more between people than between views."""

    def ratio(person, view):
        keypoints = render_face(0, person, view, "ibug-68", render=False).keypoints
        return np.linalg.norm(keypoints[36] - keypoints[45]) / np.linalg.norm(keypoints[27] - keypoints[30])

    ratios = np.array([[ratio(person, view) for view in (0, 1, 4)] for person in range(20)])
    assert ratios.std(axis=1).mean() < ratios.mean(axis=1).std()


def test_both_skeletons_are_on_the_same_face():
    imm, ibug = (render_face(0, 1, 2, name, render=False).keypoints for name in ("imm-58", "ibug-68"))
    same = {
        6: 8,  # chin
        13: 45,  # corners of the eyes
        17: 42,
        21: 36,
        25: 39,
        29: 22,  # ends of the brows
        33: 26,
        34: 21,
        38: 17,
        39: 48,  # mouth
        41: 51,
        43: 54,
        45: 57,
        52: 33,  # base of the nose
    }
    for a, b in same.items():
        assert np.linalg.norm(imm[a] - ibug[b]) < 0.5, (a, b)


@pytest.mark.parametrize("name", SKELETONS)
def test_points_are_distinct_and_inside_the_image(name):
    for person in range(5):
        keypoints = render_face(0, person, 0, name, render=False).keypoints
        gaps = np.linalg.norm(keypoints[:, None] - keypoints[None], axis=-1) + np.eye(len(keypoints)) * 9
        assert gaps.min() > 0.05  # the inner edges of the lips almost touch when the mouth is closed
        assert (keypoints > 0).all()
        assert (keypoints < [WIDTH, HEIGHT]).all()


@pytest.mark.parametrize("name", SKELETONS)
@pytest.mark.parametrize("person", [0, 1])
def test_points_of_the_eyes_surround_the_dark_iris(name, person):
    face = render_face(0, person, 0, name)
    for eye in ("left_eye", "right_eye"):
        x, y = np.rint(face.keypoints[list(load_skeleton(name).regions[eye])].mean(0)).astype(int)
        iris = face.image[y - 1 : y + 2, x - 1 : x + 2].mean()
        assert iris < face.image[y + 22 : y + 26, x - 2 : x + 3].mean()


@pytest.mark.parametrize("name", SKELETONS)
def test_mirrored_points_are_near_their_partners(name):
    """The flip map of the skeleton fits the points: a frontal face is almost symmetric."""
    keypoints = render_face(0, 3, 0, name, render=False).keypoints
    partners = keypoints[list(load_skeleton(name).flip)]
    middle = (keypoints + partners) / 2
    assert np.ptp(middle[:, 0]) < 0.25 * np.ptp(keypoints[:, 0])
