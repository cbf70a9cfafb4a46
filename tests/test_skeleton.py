import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.errors import SkeletonError
from nasion.skeleton import Skeleton, available, from_table, load_skeleton, parse

FACE = """
title = "five points"
count = 5
flip = "1 0 2 4 3"
closed = ["mouth"]
[regions]
eyes = "0-1"
nose = "2"
mouth = "4-3"
[normalizers]
inter_ocular = ["0", "1"]
eyes_to_mouth = ["0-1", "3 4"]
[from]
ibug-68 = "36 45 30 48 54"
"""


@pytest.mark.parametrize("name", available())
def test_the_flip_map_of_every_skeleton_is_its_own_inverse_and_maps_regions_to_regions(name):
    skeleton = load_skeleton(name)
    assert skeleton.flip is not None
    assert all(skeleton.flip[skeleton.flip[k]] == k for k in range(skeleton.count))
    mirrored = {region: {skeleton.flip[k] for k in indices} for region, indices in skeleton.regions.items()}
    assert sorted(map(sorted, mirrored.values())) == sorted(sorted(i) for i in skeleton.regions.values())


@pytest.mark.parametrize("name", available())
def test_the_lines_of_every_skeleton_contain_every_point(name):
    skeleton = load_skeleton(name)
    assert {k for line in skeleton.lines for k in line} == set(range(skeleton.count))


@pytest.mark.parametrize("name", available())
def test_every_skeleton_survives_a_round_trip_through_its_table_as_json(name):
    skeleton = load_skeleton(name)
    assert from_table(name, json.loads(json.dumps(skeleton.to_table()))) == skeleton


def test_a_skeleton_without_flip_map_survives_a_round_trip():
    skeleton = parse("five", FACE.replace('flip = "1 0 2 4 3"', ""))
    assert skeleton.flip is None
    assert "flip" not in skeleton.to_table()
    assert from_table("five", skeleton.to_table()) == skeleton


def test_every_field_is_read():
    assert parse("five", FACE) == Skeleton(
        name="five",
        title="five points",
        names=("eyes_0", "eyes_1", "nose_0", "mouth_1", "mouth_0"),
        regions={"eyes": (0, 1), "nose": (2,), "mouth": (4, 3)},
        closed=("mouth",),
        flip=(1, 0, 2, 4, 3),
        normalizers={"inter_ocular": ((0,), (1,)), "eyes_to_mouth": ((0, 1), (3, 4))},
        sources={"ibug-68": (36, 45, 30, 48, 54)},
    )


def test_optional_fields_have_defaults():
    skeleton = parse("two", 'count = 2\n[regions]\nends = "0-1"\n')
    assert (skeleton.title, skeleton.closed, skeleton.flip, skeleton.normalizers) == ("two", (), None, {})


def test_given_names_replace_the_default_ones():
    skeleton = parse("two", 'names = ["left", "right"]\n[regions]\nends = "0-1"\n')
    assert (skeleton.names, skeleton.count) == (("left", "right"), 2)


def test_a_closed_region_returns_to_its_first_point():
    assert parse("five", FACE).lines == [(0, 1), (2,), (4, 3, 4)]


def test_known_indices_of_the_skeletons_in_the_package():
    imm, ibug = load_skeleton("imm-58"), load_skeleton("ibug-68")
    assert (imm.count, ibug.count, load_skeleton("wflw-98").count) == (58, 68, 98)
    assert [k for k in range(58) if imm.flip[k] == k] == [6, 41, 45, 52]
    assert [k for k in range(68) if ibug.flip[k] == k] == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
    assert load_skeleton("nose-1").indices_in(imm).tolist() == [52]
    assert load_skeleton("nose-1").indices_in(ibug).tolist() == [33]


@pytest.mark.parametrize("spelling", ["normalizers", "normalisers"])
def test_both_spellings_of_normalizers_are_read(spelling):
    skeleton = parse("five", FACE.replace("[normalizers]", f"[{spelling}]"))
    assert skeleton == parse("five", FACE)
    assert list(skeleton.normalizers) == ["inter_ocular", "eyes_to_mouth"]


def test_both_spellings_in_one_file_are_rejected():
    text = FACE + '[normalisers]\ninter_ocular = ["0", "1"]\n'
    with pytest.raises(SkeletonError, match='"normalizers" and "normalisers" are the same key; keep "normalizers"'):
        parse("five", text)


def test_a_table_is_written_with_the_current_spelling_and_not_changed_by_reading():
    table = parse("five", FACE).to_table()
    assert "normalizers" in table
    assert "normalisers" not in table
    old = {("normalisers" if key == "normalizers" else key): value for key, value in table.items()}
    before = json.dumps(old)
    assert from_table("five", old).to_table() == table
    assert json.dumps(old) == before


def test_the_skeleton_of_a_stored_run_is_read():
    table = json.loads((Path(__file__).parent / "stored_v1" / "finished" / "run.json").read_text())
    stored = table.get("skeleton", table)
    keys = ("title", "count", "names", "closed", "regions", "normalisers", "from", "flip")
    skeleton = from_table("stored", {key: stored[key] for key in keys if key in stored})
    assert "inter_ocular" in skeleton.normalizers


def test_normalizer_lengths_by_hand():
    skeleton = parse("five", FACE)
    face = np.array([[0.0, 0], [6, 8], [3, 3], [1, 9], [5, 9]])
    assert skeleton.normalizer_length(face, "inter_ocular") == pytest.approx(10)
    assert skeleton.normalizer_length(face, "eyes_to_mouth") == pytest.approx(5)  # from (3, 4) to (3, 9)


def test_a_normalizer_length_of_a_missing_point_is_nan():
    face = np.array([[np.nan, np.nan], [6, 8], [3, 3], [1, 9], [5, 9]])
    assert np.isnan(parse("five", FACE).normalizer_length(face, "inter_ocular"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('flip = "1 0 2 4 3"', 'flip = "1 2 0 4 3"', "flipping twice must return every point .* point 0 does not"),
        ('flip = "1 0 2 4 3"', 'flip = "1 0 2 4 4"', "flip must hold each index from 0 to 4 once"),
        ('mouth = "4-3"', 'mouth = "3"', "regions must hold each of the 5 points once"),
        ('nose = "2"', 'nose = "2-3"', "regions must hold each of the 5 points once"),
        ("count = 5", "count = 5\nflipp = 3", 'unknown key "flipp"; did you mean "flip"'),
        ("count = 5", "cuont = 5", 'unknown key "cuont"; did you mean "count"'),
        ('["0", "1"]', '["0", "5"]', 'normalizer "inter_ocular" needs two groups of points below 5'),
        ('["0", "1"]', '["0", ""]', 'normalizer "inter_ocular" needs two groups'),
        ('["0", "1"]', '["0"]', "incomplete or mistyped"),
        ('["mouth"]', '["moth"]', 'closed region "moth" is not a region; did you mean "mouth"'),
        ('"36 45 30 48 54"', '"36 45 30 48"', '"from" ibug-68 must list 5 points, not 4'),
        ("count = 5", "count =", "not TOML"),
        ("count = 5", "", 'incomplete or mistyped: the key "count" is missing'),
        ("count = 5", "count = 0", "count = 0: input should be greater than or equal to 1"),
        ("count = 5", "count = 1000000000000", "count = 1000000000000: input should be less than or equal to 10000"),
        ('nose = "2"', 'nose = "2-999999999999"', '"2-999999999999" is beyond the 10,000 points'),
        ('flip = "1 0 2 4 3"', f'flip = "{"0-9999 " * 3}"', '"0-9999" is beyond the 10,000 points'),
        ('"36 45 30 48 54"', '"36 45 30 48 99999999999999999999"', "is beyond the 10,000 points"),
        ("count = 5", 'names = "abcde"', "names = 'abcde': input should be a valid tuple"),
        ("count = 5", "names = []", "at least 1 item"),
        ("count = 5", "a." * 50_000 + "b = 1", "a key has more than 32 parts"),
        ("count = 5", "count = 1" + "0" * 5000, "is not TOML|digits"),
        ("count = 5", "count = " + "[" * 5000, "nested more than 64 deep"),
        ("count = 5", 'names = ["a", "b", "c", "d", "a"]', "two points have the same name"),
        ("count = 5", "count = 3", "incomplete or mistyped"),
        ('nose = "2"', 'nose = "b"', "incomplete or mistyped"),
        ('nose = "2"', "nose = 2", "incomplete or mistyped"),
    ],
)
def test_an_invalid_skeleton_is_rejected_with_the_rule(old, new, message):
    with pytest.raises(SkeletonError, match=message) as caught:
        parse("five", FACE.replace(old, new))
    assert str(caught.value).startswith('skeleton "five"')
    assert "\n" not in str(caught.value)


def test_a_skeleton_without_regions_names_the_missing_key():
    with pytest.raises(SkeletonError, match='the key "regions" is missing'):
        parse("five", "count = 5")


def test_a_skeleton_is_read_from_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text(FACE)
    skeleton = load_skeleton(str(tmp_path / "mine.toml"))
    assert (skeleton.name, skeleton.count) == ("mine", 5)


def test_an_unknown_name_suggests_similar_names():
    with pytest.raises(SkeletonError, match='no skeleton "imm58"; did you mean "imm-58"'):
        load_skeleton("imm58")


@pytest.mark.parametrize("key", ["regions", "normalizers", "from", "names", "flip", "title", "closed", "count", "head"])
@pytest.mark.parametrize(
    "value", [None, 3, 1e400, True, "x", "1-", "-1", [], [1], [[]], {}, {"a": 1}, {"a": [1, 2, 3]}]
)
def test_a_table_with_a_value_of_any_type_gives_a_skeleton_or_its_error(key, value):
    table = parse("five", FACE).to_table() | {key: value}
    with suppress(SkeletonError):
        assert from_table("five", table).count == 5


def test_a_missing_or_undecodable_file_is_rejected(tmp_path):
    with pytest.raises(SkeletonError, match=r"cannot read the skeleton .*none\.toml"):
        load_skeleton(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes('title = "é"'.encode("latin-1"))
    with pytest.raises(SkeletonError, match=r"cannot read the skeleton .*latin\.toml"):
        load_skeleton(str(tmp_path / "latin.toml"))


def test_mirrored_keypoints_are_reordered_and_not_moved():
    points = np.arange(20.0).reshape(2, 5, 2)
    assert np.array_equal(parse("five", FACE).mirrored(points), points[:, [1, 0, 2, 4, 3]])


def test_a_skeleton_without_flip_map_cannot_mirror():
    with pytest.raises(SkeletonError, match="has no flip map"):
        parse("five", FACE.replace('flip = "1 0 2 4 3"', "")).mirrored(np.zeros((5, 2)))


def test_indices_in_another_skeleton():
    skeleton = parse("five", FACE)
    assert skeleton.indices_in(load_skeleton("ibug-68")).tolist() == [36, 45, 30, 48, 54]
    assert skeleton.indices_in(parse("renamed", FACE)).tolist() == [0, 1, 2, 3, 4]


def test_a_skeleton_that_does_not_map_its_points_is_rejected():
    with pytest.raises(SkeletonError, match=r"the points of imm-58 cannot be taken from those of ibug-68: .*\[from\]"):
        load_skeleton("imm-58").indices_in(load_skeleton("ibug-68"))


def test_one_name_for_different_points_is_rejected():
    other = parse("five", FACE.replace("nose =", "tip ="))
    with pytest.raises(SkeletonError, match="rename one of them"):
        parse("five", FACE).indices_in(other)


def test_an_index_beyond_the_other_skeleton_is_rejected():
    beyond = parse("yours", FACE.replace("ibug-68", "mine").replace("30 48 54", "30 48 5"))
    mine = parse("mine", FACE.replace("nose =", "tip ="))
    with pytest.raises(SkeletonError, match="lists point 48, but mine ends at 4"):
        beyond.indices_in(mine)
    just_beyond = parse("yours", FACE.replace("ibug-68", "mine").replace("36 45 30 48 54", "0 1 2 3 5"))
    with pytest.raises(SkeletonError, match="lists point 5, but mine ends at 4"):
        just_beyond.indices_in(mine)
    last = parse("last", FACE.replace("ibug-68", "mine").replace("36 45 30 48 54", "4 3 2 1 0"))
    assert last.indices_in(mine).tolist() == [4, 3, 2, 1, 0]


@given(st.permutations(range(6)), st.integers(0, 6))
def test_index_texts_list_points_and_ranges_in_both_directions(order, split):
    text = " ".join(map(str, order[:split])) + " " + " ".join(map(str, order[split:]))
    ranges = "5-3 0-2"
    listed = parse("six", f'count = 6\n[regions]\na = "{text}"\n').regions["a"]
    assert listed == tuple(order)
    assert parse("six", f'count = 6\n[regions]\na = "{ranges}"\n').regions["a"] == (5, 4, 3, 0, 1, 2)


def test_points_can_be_means_of_points_of_another_skeleton():
    text = 'count = 3\n[regions]\na = "0-2"\n[means]\nibug-68 = ["36-41", "30", ""]\n[shared]\nibug-68 = "2=8"\n'
    skeleton, ibug = parse("three", text), load_skeleton("ibug-68")
    weights = skeleton.means_in(ibug)
    assert np.flatnonzero(weights[0]).tolist() == [36, 37, 38, 39, 40, 41]
    assert weights[0, 36] == pytest.approx(1 / 6)
    assert np.flatnonzero(weights[1:].sum(0)).tolist() == [8, 30]
    assert weights.sum(1) == pytest.approx(1)
    assert from_table("three", skeleton.to_table()) == skeleton
    assert not skeleton.means_in(load_skeleton("imm-58")).any()
    assert load_skeleton("nose-1").means_in(ibug)[0].argmax() == 33


@pytest.mark.parametrize(
    ("groups", "message"),
    [('["0"]', '"means" ibug-68 must list 2 points, not 1'), ('["0", "68"]', "beyond its last, 67")],
)
def test_means_that_do_not_fit_are_rejected(groups, message):
    text = f'count = 2\n[regions]\na = "0-1"\n[means]\nibug-68 = {groups}\n'
    with pytest.raises(SkeletonError, match=message):
        parse("two", text).means_in(load_skeleton("ibug-68"))


def test_points_on_a_head_are_read_and_survive_a_round_trip():
    text = 'count = 2\n[regions]\na = "0-1"\n[head]\npoints = [[1, 2.5, 3], [-1, 2.5, 3]]\n'
    pair = parse("pair", text)
    assert pair.head == ((1.0, 2.5, 3.0), (-1.0, 2.5, 3.0))
    assert from_table("pair", pair.to_table()) == pair
    assert load_skeleton("imm-58").head is None
    with pytest.raises(SkeletonError, match="head must hold 2 points, not 1"):
        parse("pair", text.replace(", [-1, 2.5, 3]", ""))
    with pytest.raises(SkeletonError, match="head"):
        parse("pair", text.replace("2.5", '"a"'))


def test_repr_counts_points_and_regions():
    assert (
        repr(load_skeleton("ibug-68"))
        == f"<Skeleton: ibug-68, 68 points in {len(load_skeleton('ibug-68').regions)} regions>"
    )
    assert repr(load_skeleton("nose-1")) == "<Skeleton: nose-1, 1 point in 1 region>"


@pytest.mark.parametrize("pairs", ["", "1", "1=2=3", "a=1", "-1=2", "9=1"])
def test_shared_points_that_are_not_pairs_are_rejected(pairs):
    table = {"names": ["a", "b"], "regions": {"points": "0-1"}, "shared": {"imm-58": pairs}}
    with pytest.raises(SkeletonError, match="shared"):
        from_table("two", table)
