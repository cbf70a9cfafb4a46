"""A skeleton made by clicking is a file that training reads."""

import numpy as np
import pytest

from nasion import images
from nasion.datasets.drawn import render_face
from nasion.errors import ConfigError, SkeletonError
from nasion.skeleton import load_skeleton
from nasion.studio.albums.label_store import Face
from nasion.studio.albums.opening import open_album
from nasion.studio.albums.skeletons import create_skeleton, propose_pairs

IBUG = load_skeleton("ibug-68")
NAMES = ["right_eye", "left_eye", "nose"]


@pytest.fixture
def album(tmp_path):
    images.write(tmp_path / "a.png", np.full((60, 80, 3), 90, np.uint8))
    return open_album(str(tmp_path), IBUG)


def test_a_skeleton_is_written_and_used(album, tmp_path):
    created = create_skeleton(album, "mine", NAMES, [1, 0, 2])
    assert (created.names, created.flip) == (tuple(NAMES), (1, 0, 2))
    assert load_skeleton(str(tmp_path / "mine.toml")).normalizers
    again = open_album(str(tmp_path), IBUG)
    assert again.skeleton.names == album.skeleton.names == tuple(NAMES)
    again.save(0, [Face(np.array([[1.0, 2], [3, 4], [5, 6]]))], "new")
    assert again.source.endswith("mine.toml")


@pytest.mark.parametrize("name", ["", "../up", "a b", "ibug-68", "a" * 61, "-x", "x.toml"])
def test_names_that_are_no_file_names_or_taken_are_refused(album, tmp_path, name):
    with pytest.raises(ConfigError):
        create_skeleton(album, name, NAMES, [1, 0, 2])
    assert not list(tmp_path.glob("*.toml"))


@pytest.mark.parametrize(
    ("names", "flip"), [(["a", "a"], [1, 0]), ([], []), (["a", ""], [1, 0]), (["a", "b"], [0, 0]), (["a"], [3])]
)
def test_contradictions_are_refused(album, tmp_path, names, flip):
    with pytest.raises(SkeletonError):
        create_skeleton(album, "mine", names, flip)
    assert not list(tmp_path.glob("*.toml"))


def test_a_labeled_folder_keeps_its_skeleton(album):
    album.save(0, [Face(render_face(5, 0, 0, "ibug-68").keypoints)], "new")
    with pytest.raises(ConfigError, match="labeled with ibug-68"):
        create_skeleton(album, "mine", NAMES, [1, 0, 2])


def test_pairs_come_from_names_or_from_symmetry():
    points = render_face(5, 0, 0, "ibug-68").keypoints[[36, 45, 30, 48, 54]]
    assert propose_pairs(["a_left", "a_right", "b", "c", "d"], points) == [1, 0, 2, 3, 4]
    assert propose_pairs(list("abcde"), points) == [1, 0, 2, 4, 3]
    assert propose_pairs(["a", "b"], points[:2]) == [0, 1]
    assert propose_pairs(list("abc"), np.array([[1.0, 2], [np.nan, np.nan], [3, 4]])) == [0, 1, 2]
    assert propose_pairs(["left_eye", "right_eye"], points[:2]) == [1, 0]
