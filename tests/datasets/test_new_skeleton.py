"""New skeletons: the text is read back, and the names give flip map, regions and normalizers."""

import pytest

from nasion.datasets.new_skeleton import FIVE_POINTS, skeleton_text
from nasion.errors import SkeletonError
from nasion.skeleton import load_skeleton, parse


def test_five_points_are_a_complete_skeleton():
    found = parse("mine", skeleton_text("mine"))
    assert found.names == FIVE_POINTS
    assert found.flip == (1, 0, 2, 4, 3)
    assert found.normalizers == {"inter_ocular": ((0,), (1,))}
    assert list(found.regions) == list(FIVE_POINTS)


def test_numbered_names_are_regions_and_the_mean_of_an_eye_is_its_pupil():
    names = ["left_eye_0", "left_eye_1", "chin", "right_eye_0", "right_eye_1", "left_eyebrow", "right_eyebrow"]
    found = parse("mine", skeleton_text("mine", names))
    assert found.regions["left_eye"] == (0, 1)
    assert found.regions["right_eye"] == (3, 4)
    assert found.flip == (3, 4, 2, 0, 1, 6, 5)
    assert found.normalizers == {"inter_pupil": ((3, 4), (0, 1))}


def test_names_without_sides_give_no_flip_map():
    found = parse("mine", skeleton_text("mine", ["nose", "chin"]))
    assert (found.flip, found.normalizers) == (None, {})
    assert parse("mine", skeleton_text("mine", ["left_eye", "chin"])).flip is None  # its mirror image is missing
    assert parse("mine", skeleton_text("mine", ["cleft", "chin"])).flip is None  # not the word "left"


@pytest.mark.parametrize("name", ['a "quoted" name', "Nasenwurzel ü", "a.b", "1"])
def test_any_name_is_read_back(name):
    assert parse("x", skeleton_text('file "x"', [name, "other"])).names == (name, "other")


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "needs 1 to"), (["a", ""], "needs 1 to"), (["a", "a"], "two points have the same name")],
)
def test_wrong_names_are_rejected(names, message):
    with pytest.raises(SkeletonError, match=message):
        skeleton_text("mine", names)


def test_the_regions_of_a_packaged_skeleton_are_found_again():
    ibug = load_skeleton("ibug-68")
    assert parse("mine", skeleton_text("mine", ibug.names)).regions == ibug.regions


def test_a_flip_map_can_be_given():
    assert parse("mine", skeleton_text("mine", ["a", "b", "nose"], [1, 0, 2])).flip == (1, 0, 2)
    with pytest.raises(SkeletonError, match="does not return"):
        skeleton_text("mine", ["a", "b", "c"], [1, 2, 0])
