"""The synthetic format: people, splits, seeds and wrong requests."""

import numpy as np
import pytest

from nasion.datasets import load
from nasion.datasets.drawn import SIZE, render_face
from nasion.errors import ConfigError
from nasion.skeleton import load_skeleton


def test_same_seed_gives_the_same_faces_for_every_count():
    first, again = load("synthetic:3"), load("synthetic:9?seed=0")
    for k in range(3):
        assert np.array_equal(first.annotations[k].keypoints, again.annotations[k].keypoints)
        assert np.array_equal(first.load(k).image, again.load(k).image)
        assert first.annotations[k].image == again.annotations[k].image


def test_other_seed_gives_other_faces():
    one, other = load("synthetic:2"), load("synthetic:2?seed=1")
    assert not np.array_equal(one.annotations[0].keypoints, other.annotations[0].keypoints)
    assert not np.array_equal(one.load(0).image, other.load(0).image)
    assert one.annotations[0].image != other.annotations[0].image


@pytest.mark.parametrize(("index", "person", "view"), [(0, 0, 0), (5, 0, 5), (6, 1, 0), (16, 2, 4)])
def test_people_have_six_images_each(index, person, view):
    faces = load("synthetic:17?seed=3&skeleton=ibug-68")
    face = faces.annotations[index]
    assert face.image.name == f"synthetic-3-{person:04}-{view + 1}.png"
    assert face.subject == f"{person:04}"
    expected = render_face(3, person, view, "ibug-68")
    assert np.array_equal(face.keypoints, expected.keypoints)
    assert np.array_equal(faces.load(index).image, expected.image)


def test_faces_are_complete():
    faces = load("synthetic:2?skeleton=ibug-68")
    assert faces.skeleton == load_skeleton("ibug-68")
    assert (faces.name, len(faces.problems)) == ("synthetic:2", 0)
    assert faces.load(0).image.shape == (*SIZE, 3)
    assert faces.annotations[0].visible.tolist() == [True] * 68
    assert load("synthetic:2").skeleton == load_skeleton("imm-58")


@pytest.mark.parametrize(
    ("count", "test_people"),
    [
        (1, []),
        (12, []),  # two people: both train
        (13, ["0002"]),  # the third person has one image
        (36, ["0005"]),
        (66, ["0010"]),  # eleven people: a sixth is rounded down
        (72, ["0010", "0011"]),
    ],
)
def test_last_sixth_of_the_people_tests(count, test_people):
    faces = load(f"synthetic:{count}")
    assert len(faces) == count
    assert sorted({face.subject for face in faces.annotations if face.split == "test"}) == test_people
    assert {face.split for face in faces.annotations if face.subject not in test_people} == {"train"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("synthetic:0", r"the count of faces is a whole number from 1 to 100,000, not \"0\""),
        ("synthetic:100001", "count of faces"),
        ("synthetic:x", "count of faces"),
        ("synthetic:-4", "count of faces"),
        ("synthetic:1.5", "count of faces"),
        ("synthetic:²", "the count of faces is a whole number"),
        ("synthetic:" + "9" * 5000, "the count of faces is a whole number"),
        ("synthetic:3?seed=a", "the seed is a whole number from 0 to"),
        ("synthetic:3?seed=-1", "the seed"),
        (f"synthetic:3?seed={2**31 + 1}", "the seed"),
        ("synthetic:3?skeleton=wflw-98", r'synthetic faces have no points of "wflw-98".* ibug-68, imm-58'),
    ],
)
def test_wrong_requests_are_explained(spec, message):
    with pytest.raises(ConfigError, match=message):
        load(spec)


KNOWN = {
    ("imm-58", 0): [[185.761139, 287.132644], [307.00889, 188.624938], [287.741922, 217.812322]],
    ("imm-58", 7): [[225.431953, 282.351589], [330.465351, 214.520217], [312.369831, 240.484169]],
    ("ibug-68", 0): [[180.398559, 216.510528], [276.76865, 265.368075], [277.143394, 323.118734]],
    ("ibug-68", 11): [[206.129259, 204.012887], [323.141073, 284.850261], [319.787887, 334.102881]],
}
"""Points 0, 30 and 57 of some faces, px."""


@pytest.mark.parametrize(("skeleton", "index"), KNOWN)
def test_keypoints_do_not_change_between_versions(skeleton, index):
    """Recipes and reports rely on these faces."""
    face = load(f"synthetic:12?skeleton={skeleton}").annotations[index]
    assert face.keypoints[[0, 30, 57]] == pytest.approx(np.array(KNOWN[skeleton, index]), abs=1e-5)


@pytest.mark.parametrize(
    ("index", "color"), [(0, [110.45, 78.60, 80.83]), (7, [104.92, 106.45, 107.03]), (11, [127.84, 120.91, 133.39])]
)
def test_images_do_not_change_between_versions(index, color):
    """The mean color; other versions of OpenCV may round a few pixels differently."""
    assert load("synthetic:12").load(index).image.mean((0, 1)) == pytest.approx(color, abs=0.1)
