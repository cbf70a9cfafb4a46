"""Sources, skeletons and splits: only the first source validates and tests; the others add training faces."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion import datasets
from nasion.errors import ConfigError, SkeletonError
from nasion.skeleton import Skeleton, load_skeleton
from nasion.train.config import DataConfig, load
from nasion.train.data.faces import limit_faces, load_faces, with_skeleton
from train.data.memory_faces import POINTS, SKELETON, data_set, face


def config(*sources, **data):
    plain = load("nose")
    return plain.model_copy(update={"data": DataConfig(sources=sources, **data)})


def names(faces, split):
    return [each.name for each in faces.annotations if each.split == split]


@pytest.fixture
def sources(monkeypatch):
    """Replace what `datasets.load` finds by a table of sets."""
    table = {}
    monkeypatch.setattr(datasets, "load", table.__getitem__)
    return table


def faces_with(prefix, splits):
    return data_set(*(face(f"{prefix}{k}.png", split=split) for k, split in enumerate(splits)), name=prefix)


def test_configuration_without_sources_is_rejected():
    with pytest.raises(ConfigError, match=r"^no data; add --data, such as"):
        load_faces(config())


def test_faces_without_a_split_train_and_some_of_them_validate(sources):
    sources["first"] = faces_with("a", [""] * 10)
    faces = load_faces(config("first", validation_share=0.2))
    assert names(faces, "val") == ["a2.png", "a7.png"]
    assert len(names(faces, "train")) == 8


def test_share_of_zero_leaves_no_validation(sources):
    sources["first"] = faces_with("a", [""] * 4)
    assert names(load_faces(config("first", validation_share=0.0)), "val") == []


def test_first_source_keeps_its_own_validation_and_test_faces(sources):
    sources["first"] = faces_with("a", ["train", "val", "test", ""])
    faces = load_faces(config("first", validation_share=0.5))
    assert names(faces, "train") == ["a0.png", "a3.png"]
    assert names(faces, "val") == ["a1.png"]
    assert names(faces, "test") == ["a2.png"]


def test_a_part_of_the_first_source_is_left_out(sources):
    sources["first"] = faces_with("a", ["train", "val", "train", "test", "train"])
    sources["second"] = faces_with("b", ["train"])
    whole, part = (load_faces(config("first", "second", cross_fit=3, left_out=k)) for k in (0, 3))
    assert names(whole, "val") == names(part, "val") == ["a1.png"]
    assert names(part, "train") == ["a0.png", "a2.png", "b0.png"]
    assert names(part, "test") == names(whole, "test") == ["a3.png"]
    with pytest.raises(ConfigError, match=r"data\.cross_fit = 4 cannot divide 3"):
        load_faces(config("first", "second", cross_fit=4))


def test_other_sources_add_training_faces_only(sources):
    sources["first"] = faces_with("a", ["train", "val"])
    sources["second"] = faces_with("b", ["", "val", "train", "test"])
    sources["third"] = faces_with("c", ["test", "", ""])
    faces = load_faces(config("first", "second", "third"))
    assert names(faces, "train") == ["a0.png", "b0.png", "b2.png", "c1.png", "c2.png"]
    assert names(faces, "val") == ["a1.png"]
    assert names(faces, "test") == []


def test_faces_know_the_number_of_their_source(sources):
    for name, count in (("first", 4), ("second", 1), ("third", 2)):
        sources[name] = faces_with(name[0], [""] * count)
    faces = load_faces(config("first", "second", "third", validation_share=0.25))
    assert [face.source for face in faces.annotations] == [0, 0, 0, 0, 1, 2, 2]


def test_other_sources_do_not_change_the_validation_faces(sources):
    sources["first"] = faces_with("a", [""] * 12)
    sources["second"] = faces_with("b", [""] * 30)
    alone, both = (load_faces(config(*given, validation_share=0.25)) for given in (("first",), ("first", "second")))
    assert names(alone, "val") == names(both, "val") == ["a4.png", "a8.png", "a10.png"]  # sorted as text


def test_all_sources_validate_on_request(sources):
    sources["first"] = faces_with("a", [""] * 4)
    sources["second"] = faces_with("b", ["", "", "", "", "test"])
    sources["third"] = faces_with("c", ["train", "val"])
    faces = load_faces(config("first", "second", "third", validation_share=0.25, validate_on="all"))
    assert names(faces, "val") == ["a2.png", "b2.png", "c1.png"]
    assert names(faces, "train") == ["a0.png", "a1.png", "a3.png", "b0.png", "b1.png", "b3.png", "c0.png"]
    assert names(faces, "test") == []


def test_limit_counts_the_training_faces_of_the_first_source(sources):
    sources["first"] = faces_with("a", [""] * 10)
    sources["second"] = faces_with("b", [""] * 3)
    faces = load_faces(config("first", "second", validation_share=0.2, faces=4))
    assert len([name for name in names(faces, "train") if name.startswith("a")]) == 4
    assert len([name for name in names(faces, "train") if name.startswith("b")]) == 3
    assert names(faces, "val") == ["a2.png", "a7.png"]  # as without a limit


def test_all_sources_get_the_configured_skeleton():
    faces = load_faces(config("synthetic:6", "synthetic:4?skeleton=ibug-68", skeleton="nose-1", validation_share=0))
    assert faces.skeleton.name == "nose-1"
    assert {each.keypoints.shape for each in faces.annotations} == {(1, 2)}
    assert len(faces) == 10


def test_sources_with_different_points_cannot_be_joined(sources):
    other = Skeleton("other", "other", tuple("vwxyz"), {"all": (0, 1, 2, 3, 4)})
    sources["first"] = faces_with("a", ["", ""])
    sources["second"] = data_set(face("b.png", skeleton=other))
    with pytest.raises(SkeletonError, match=r"add a section \[means\]"):
        load_faces(config("first", "second", validation_share=0))


def test_limited_faces_lie_in_the_middle_of_equal_parts():
    faces = faces_with("a", ["train"] * 10)
    # parts of 3.33 faces with middles at 1.67, 5.0 and 8.33
    assert names(limit_faces(faces, 3), "train") == ["a1.png", "a5.png", "a8.png"]


@pytest.mark.parametrize("count", [0, 7, 8, -1])
def test_limit_of_none_or_all_returns_the_same_set(count):
    faces = faces_with("a", ["train"] * 7 + ["val"])
    assert limit_faces(faces, count) is faces


@given(st.lists(st.sampled_from(["train", "val", "test"]), max_size=40), st.integers(1, 30))
def test_limit_keeps_order_and_all_other_faces(splits, count):
    faces = faces_with("a", splits)
    limited = limit_faces(faces, count)
    train = splits.count("train")
    assert names(limited, "val") == names(faces, "val")
    assert names(limited, "test") == names(faces, "test")
    assert len(names(limited, "train")) == min(count, train)
    order = [names(faces, "train").index(name) for name in names(limited, "train")]
    assert order == sorted(order)
    if 1 < count < train:
        assert np.ptp(np.diff(order)) <= 1  # evenly spread


def test_no_configured_skeleton_keeps_all_points():
    faces = data_set(face(), face("b.png"))
    assert with_skeleton(faces, config("x")) is faces


def test_configured_skeleton_reduces_the_points():
    imm = load_skeleton("imm-58")
    whole = np.random.default_rng(0).uniform(0, 50, (58, 2))
    faces = data_set(face(keypoints=whole, skeleton=imm))
    reduced = with_skeleton(faces, config("x", skeleton="nose-1"))
    index = imm.names.index("nose_5")
    assert reduced.annotations[0].keypoints.tolist() == [whole[index].tolist()]
    assert reduced.annotations[0].points_box() == pytest.approx(faces.annotations[0].points_box())


def test_skeleton_that_does_not_map_to_the_data_is_rejected():
    unknown = replace(SKELETON, name="mine")
    assert unknown.count == len(POINTS)
    faces = data_set(face(skeleton=Skeleton("other", "other", tuple("vwxyz"), {"all": (0, 1, 2, 3, 4)})))
    with pytest.raises(SkeletonError):
        with_skeleton(faces, config("x", skeleton="ibug-68"))
