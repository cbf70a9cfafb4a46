"""Definitions name points in every way, and wrong ones are rejected."""

import pytest

from measure.measured_faces import IBUG
from nasion.errors import ConfigError
from nasion.measure.definitions import build_definitions, default_definitions, read_definitions
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
        ({"angles": {"yaw": ["36", "30", "45"]}}, '"yaw" is measured on every face; choose another name'),
        ({"distance": {}}, 'unknown key "distance"; did you mean "distances"'),
    ],
)
def test_wrong_definitions_are_rejected(table, words):
    with pytest.raises(ConfigError, match=words):
        build_definitions(table, IBUG)


def test_defaults_exist_for_68_points():
    assert "outer_mouth_width" in default_definitions(IBUG).distances
    assert default_definitions(load_skeleton("nose-1")).distances == {}
