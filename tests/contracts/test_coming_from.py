"""The page for users of other packages names calls that exist."""

import re
from pathlib import Path

import nasion
from nasion.compat import dlib, face_alignment, face_recognition

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "how-to" / "coming-from.md").read_text("utf-8")


def test_functions_of_the_table_exist():
    rows = dict(re.findall(r"(?m)^\| `(dlib|face_alignment|face_recognition)` \| (.*?) \|", TEXT))
    assert set(rows) == {"dlib", "face_alignment", "face_recognition"}
    for module in (dlib, face_alignment, face_recognition):
        cell = rows[module.__name__.rpartition(".")[2]]
        names = re.findall(r"`(\w+)`", cell)
        known = {*module.__all__, *dir(face_alignment.FaceAlignment), "run", "large", "small"}
        unknown = [name for name in names if name not in known and not name.startswith("_")]
        assert not unknown, module


def test_names_of_nasion_exist():
    for name in re.findall(r"nasion\.(\w+)\(", TEXT):
        assert name in nasion.__all__ or name == "use"
