"""The examples and the names in docs/how-to/measure.md are valid."""

import re
from pathlib import Path

import numpy as np
import pytest

from measure.measured_faces import IBUG, face_of, projected
from nasion.measure import align, load_template, measure_definitions, pose, read_definitions
from nasion.outputs.schema import MEASUREMENTS
from nasion.skeleton import load_skeleton

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "measure.md").read_text("utf-8")
DEFINITIONS, TEMPLATE, SKELETON = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "mine.toml").write_text(text)
        return tmp_path / "mine.toml"

    return write


def test_definitions(file):
    rows = measure_definitions(
        face_of(projected(0, 0, 0)), read_definitions(file(DEFINITIONS), IBUG), {"eye_distance": 63}
    )
    assert {name for name, _ in rows} == {"lips", "eye_distance", "nose", "lips_to_eyes"}
    assert np.isfinite([each.value for _, each in rows]).all()


def test_template(file):
    affine, _ = align(face_of(projected(0, 0, 0)), load_template(str(file(TEMPLATE))))
    eyes = affine(projected(0, 0, 0)[36:42].mean(0))
    assert eyes == pytest.approx([60, 80], abs=10)


def test_skeleton(file):
    mine = load_skeleton(str(file(SKELETON)))
    assert pose(face_of(projected(30, 0, 0, head=np.array(mine.head)), skeleton=mine)).yaw.value == pytest.approx(
        30, abs=1
    )


def test_names():
    sides = {"…_opening_gap": ("left_eye", "right_eye", "mouth"), "…_opening_width": ("left_eye", "right_eye", "mouth")}
    rows = re.findall(r"^\| (`.*?) \|", TEXT[TEXT.index("## Names") :], re.MULTILINE)
    found = [name for row in rows for name in re.findall(r"`(.*?)`", row)]
    named = {each.replace("…", side) for each in found for side in sides.get(each, ("",))}
    assert named == set(MEASUREMENTS)
