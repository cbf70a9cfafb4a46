"""Definitions name points in every way, and wrong ones are rejected."""

import pytest

from measure.measured_faces import IBUG
from nasion.errors import ConfigError
from nasion.measure.definitions import build_definitions, default_definitions, parse_indices, read_definitions
from nasion.skeleton import load_skeleton

TEXT = """
[distances]
mouth = ["outer_lip_0", "54"]
eyes = ["right_eye", "42-47"]
[angles]
nose = ["36", "30", "45"]
[ratios]
share = ["mouth", "eyes"]
"""


def test_points_are_names_regions_and_numbers(tmp_path):
    (tmp_path / "face.toml").write_text(TEXT)
    found = read_definitions(tmp_path / "face.toml", IBUG)
    assert found.distances == {"mouth": ((48,), (54,)), "eyes": (tuple(range(36, 42)), tuple(range(42, 48)))}
    assert found.angles == {"nose": ((36,), (30,), (45,))}
    assert found.ratios == {"share": ("mouth", "eyes")}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"distances": {"a": ["36", "lip"]}}, 'a: ibug-68 has no point "lip"'),
        ({"distances": {"a": ["36", ""]}}, "must list points"),
        ({"distances": {"a": ["36", "68"]}}, "0 to 67"),
        ({"distances": {"a": ["36"]}}, "distances.a"),
        ({"ratios": {"a": ["b", "c"]}}, 'the ratio "a" has no distance "b"'),
        ({"angles": {"yaw": ["36", "30", "45"]}}, '"yaw" is a built-in measurement; choose another name'),
        ({"distances": {"a": ["36", "45"]}, "ratios": {"b": ["a", "aa"]}}, 'has no distance "aa"; did you mean "a"'),
        ({"ratios": {"a": ["b", "c"]}}, r"define it in \[distances\]"),
        ({"distances": {"a": ["36 37", "37 36"]}}, "a: the same points are named twice"),
        ({"angles": {"a": ["36", "36", "45"]}}, "a: the same points are named twice"),
        ({"distance": {}}, 'unknown key "distance"; did you mean "distances"'),
    ],
)
def test_wrong_definitions_are_rejected(table, words):
    with pytest.raises(ConfigError, match=words):
        build_definitions(table, IBUG)


def test_defaults_exist_for_68_points():
    assert "outer_mouth_width" in default_definitions(IBUG).distances
    assert default_definitions(load_skeleton("nose-1")).distances == {}


# Lists of points


@pytest.mark.parametrize(
    ("words", "indices"),
    [("nose_bridge_3", (30,)), ("left_eye", tuple(range(42, 48))), ("8 0-2 jaw_3", (8, 0, 1, 2, 3))],
)
def test_points_are_listed_by_name_region_and_number(words, indices):
    assert parse_indices(words, load_skeleton("ibug-68")) == indices


def test_lists_with_more_points_than_the_skeleton_are_rejected_early():
    with pytest.raises(ValueError, match=r'"0-9999 0-9999.* lists more points than ibug-68 has'):
        parse_indices("0-9999 " * 100_000, load_skeleton("ibug-68"))


@pytest.mark.parametrize("words", ["", "68", "nosee", "-1", "0-99999999999", "²"])
def test_texts_that_list_no_points_are_rejected(words):
    with pytest.raises(ValueError):
        parse_indices(words, load_skeleton("ibug-68"))
