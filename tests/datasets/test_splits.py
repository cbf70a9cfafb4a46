"""Validation faces: whole groups, evenly spread, and the same in every run."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.datasets.splits import with_validation, without_part
from nasion.errors import ConfigError
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

SKELETON = Skeleton(name="two", title="two", names=("a", "b"), regions={"points": (0, 1)})


def data_set(*faces):
    """Return a set with a face for each (subject, split)."""
    annotations = [
        Annotation(Path(f"{k}.png"), np.zeros((2, 2)), SKELETON, np.ones(2, bool), subject=subject, split=split)
        for k, (subject, split) in enumerate(faces)
    ]
    return DataSet("set", SKELETON, tuple(annotations), lambda _face: np.zeros((3, 4, 3), np.uint8))


def subjects(faces, split):
    return {face.subject for face in faces.annotations if face.split == split}


def splits(faces):
    return [face.split for face in faces.annotations]


@pytest.mark.parametrize(
    ("groups", "share", "chosen"),
    [
        ("abcdefghij", 0.2, "ch"),  # the middles of the parts abcde and fghij
        ("abcdefghijkl", 0.25, "cgk"),  # abcd, efgh, ijkl
        ("abcdefghi", 0.3, "beh"),  # 2.7 groups are rounded up
        ("abcde", 0.25, "c"),  # 1.25 groups are rounded down
        ("abcdefg", 0.01, "d"),  # at least one
        ("ab", 0.15, "b"),
        ("abcd", 0.5, "bd"),
    ],
)
def test_validation_groups_are_evenly_spread(groups, share, chosen):
    assert subjects(with_validation(data_set(*((g, "train") for g in groups)), share), "val") == set(chosen)


def test_groups_are_spread_over_sorted_names_in_any_order_of_faces():
    faces = [(f"{k:02}", "train") for k in range(12)] * 2
    random.Random(4).shuffle(faces)
    assert subjects(with_validation(data_set(*faces), 0.25), "val") == {"02", "06", "10"}


def test_all_faces_of_a_group_move_together_and_keep_their_places():
    faces = with_validation(data_set(("c", ""), ("a", ""), ("b", ""), ("c", ""), ("b", ""), ("a", "")), 0.3)
    assert splits(faces) == ["train", "train", "val", "train", "val", "train"]
    assert [face.image.name for face in faces.annotations] == [f"{k}.png" for k in range(6)]


def test_faces_without_a_split_train_and_test_faces_stay():
    faces = with_validation(data_set(("a", ""), ("b", "train"), ("c", ""), ("d", "test"), ("e", "test")), 0.34)
    assert splits(faces) == ["train", "val", "train", "test", "test"]


def test_test_groups_do_not_count():
    """Ten training groups at 0.2 give two; with the ten test groups it would be four."""
    train, test = [(f"a{k}", "train") for k in range(10)], [(f"b{k}", "test") for k in range(10)]
    faces = with_validation(data_set(*train, *test), 0.2)
    assert subjects(faces, "val") == {"a2", "a7"}
    assert splits(faces).count("test") == 10


def test_test_faces_of_a_chosen_group_stay_test_faces():
    faces = with_validation(data_set(("a", "train"), ("b", "train"), ("b", "test"), ("c", "train")), 0.3)
    assert splits(faces) == ["train", "val", "test", "train"]


def test_existing_validation_faces_are_kept_and_no_others_are_taken():
    faces = with_validation(data_set(("a", "val"), ("b", "train"), ("c", ""), ("d", "train")), 0.5)
    assert splits(faces) == ["val", "train", "train", "train"]


def test_share_of_zero_takes_none():
    assert splits(with_validation(data_set(("a", ""), ("b", "train"), ("c", "test")), 0)) == ["train", "train", "test"]


@pytest.mark.parametrize(("faces", "count"), [([("a", "")] * 3, 1), ([("a", "test"), ("b", "test")], 0)])
def test_fewer_than_two_groups_cannot_give_validation_faces(faces, count):
    message = rf"set: {count} training group cannot give validation faces; use --set data\.validation_share=0"
    with pytest.raises(ConfigError, match=message):
        with_validation(data_set(*faces), 0.15)


def test_one_group_trains_if_no_validation_is_needed():
    assert splits(with_validation(data_set(("a", ""), ("a", "")), 0)) == ["train", "train"]
    assert splits(with_validation(data_set(("a", ""), ("b", "val")), 0.15)) == ["train", "val"]


def test_input_is_not_changed():
    faces = data_set(("a", ""), ("b", ""), ("c", "test"))
    with_validation(faces, 0.5)
    assert splits(faces) == ["", "", "test"]


@given(count=st.integers(2, 60), share=st.floats(0.01, 0.99))
def test_share_is_met_and_both_sides_have_groups(count, share):
    names = [f"{k:03}" for k in range(count)]
    faces = with_validation(data_set(*((name, "") for name in names)), share)
    chosen = sorted(names.index(name) for name in subjects(faces, "val"))
    assert 1 <= len(chosen) < count
    assert abs(len(chosen) - share * count) <= 1
    gaps = np.diff(chosen)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def test_each_part_lacks_other_training_groups():
    faces = data_set(*((group, "train") for group in "abccd"), ("e", "val"), ("b", "test"))
    parts = [without_part(faces, part, 3) for part in (1, 2, 3)]
    assert ["".join(face.subject for face in each.annotations) for each in parts] == ["bcceb", "accdeb", "abdeb"]
    assert splits(parts[2]) == ["train"] * 3 + ["val", "test"]
    assert without_part(faces, 0, 3) is faces


@pytest.mark.parametrize(("part", "parts"), [(0, 1), (0, 5), (4, 3)])
def test_too_many_or_too_few_parts_are_rejected(part, parts):
    faces = data_set(*((group, "train") for group in "abcd"), ("e", "test"))
    with pytest.raises(ConfigError, match=rf"data\.cross_fit = {parts} cannot divide 4 training people or photographs"):
        without_part(faces, part, parts)
