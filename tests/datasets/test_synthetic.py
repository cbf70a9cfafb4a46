import numpy as np
import pytest

from nasion.datasets import load
from nasion.datasets.drawn import SKELETONS, render_face
from nasion.errors import ConfigError
from nasion.skeleton import load_skeleton


def test_the_same_seed_draws_the_same_faces():
    first, again, other = (load(spec) for spec in ("synthetic:3", "synthetic:9", "synthetic:3?seed=1"))
    for k in range(3):
        assert np.array_equal(first.annotations[k].keypoints, again.annotations[k].keypoints)
        assert np.array_equal(first.load(k).image, again.load(k).image)
    assert not np.array_equal(first.annotations[0].keypoints, other.annotations[0].keypoints)


def test_both_skeletons_lie_on_the_same_face():
    imm, ibug = (render_face(0, 1, 2, name, render=False).keypoints for name in ("imm-58", "ibug-68"))
    same = {
        6: 8,
        13: 45,
        17: 42,
        21: 36,
        25: 39,
        29: 22,
        33: 26,
        34: 21,
        38: 17,
        39: 48,
        41: 51,
        43: 54,
        45: 57,
        52: 33,
    }
    for a, b in same.items():
        assert np.linalg.norm(imm[a] - ibug[b]) < 0.5, (a, b)


@pytest.mark.parametrize("name", SKELETONS)
def test_no_two_points_coincide_and_all_are_inside(name):
    for person in range(5):
        keypoints = render_face(0, person, 0, name, render=False).keypoints
        gaps = np.linalg.norm(keypoints[:, None] - keypoints[None], axis=-1) + np.eye(len(keypoints)) * 9
        assert gaps.min() > 0.05  # the inner lips of a closed mouth all but touch
        assert (keypoints > 0).all()
        assert (keypoints < [640, 480]).all()


@pytest.mark.parametrize("name", SKELETONS)
def test_points_lie_on_what_is_painted(name):
    """The iris is darker than what surrounds the eye: the points of the eyes stand around it."""
    points = load_skeleton(name)
    faces = load(f"synthetic:12?skeleton={name}")
    for k in (0, 6):
        sample = faces.load(k)
        for eye in ("left_eye", "right_eye"):
            place = np.rint(sample.annotation.keypoints[list(points.regions[eye])].mean(0)).astype(int)
            center = sample.image[place[1] - 1 : place[1] + 2, place[0] - 1 : place[0] + 2].mean()
            assert center < sample.image[place[1] + 22 : place[1] + 26, place[0] - 2 : place[0] + 3].mean()


def test_people_and_splits():
    faces = load("synthetic:36")
    assert len({a.subject for a in faces.annotations}) == 6
    assert {a.subject for a in faces.annotations if a.split == "test"} == {"0005"}


@pytest.mark.parametrize(
    "spec", ["synthetic:0", "synthetic:x", "synthetic:-4", "synthetic:3?seed=a", "synthetic:3?skeleton=wflw-98"]
)
def test_wrong_requests(spec):
    with pytest.raises(ConfigError, match="synthetic"):
        load(spec)
