"""Names of data sets: `format:source?option=value`."""

import pytest

from made_files import make_ibug, shape
from nasion.datasets import available, load, module, parse
from nasion.datasets.formats import ibug
from nasion.errors import AnnotationError, ConfigError


def test_helpers_of_the_formats_are_not_formats():
    assert available() == sorted(available())
    assert not [name for name in available() if name.startswith("_")]


def test_module_of_a_format():
    assert module("ibug") is ibug


def test_private_helper_is_not_a_format():
    with pytest.raises(ConfigError, match='unknown data format "_reading"'):
        module("_reading")


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ("imm:some/dir", ("imm", "some/dir", {})),
        ("csv:C:/faces.csv", ("csv", "C:/faces.csv", {})),
        ("csv:a.csv?origin=1&images=b/c", ("csv", "a.csv", {"origin": "1", "images": "b/c"})),
        ("csv:a.csv?", ("csv", "a.csv", {})),
        ("csv:a.csv?&origin=0&", ("csv", "a.csv", {"origin": "0"})),
        ("csv:a.csv?images=x=y", ("csv", "a.csv", {"images": "x=y"})),
        ("csv:a.csv?origin=0&origin=1", ("csv", "a.csv", {"origin": "1"})),
    ],
)
def test_parts_of_a_name(spec, parsed):
    assert parse(spec) == parsed


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("inm:x", r'unknown data format "inm"; did you mean "imm"'),
        ("some/folder", r'"format:source", such as "imm:DIR", not "some/folder"; formats: coco, csv'),
        ("imm:", r'"imm:" names no folder, file or count'),
        ("imm:?eyes=corrected", "names no folder"),
        ("synthetic:3?sed=1", r'unknown option "sed"; did you mean "seed"'),
        ("synthetic:3?seed=", r'option "seed" needs a value: which faces'),
        ("synthetic:3?seed", r'option "seed" needs a value'),
    ],
)
def test_wrong_names_are_explained(spec, message):
    with pytest.raises(ConfigError, match=message):
        parse(spec)


@pytest.mark.parametrize(
    ("pattern", "subjects"),
    [("image[0-9]+", ["image07", "image12", "image07"]), ("^([0-9]+)-", ["1", "2", "3"])],
)
def test_subjects_are_parts_of_the_names_of_images(tmp_path, pattern, subjects):
    points = shape(68)
    for name in ("1-image07", "2-image12", "3-image07"):
        make_ibug(tmp_path, points, name=name)
    assert [face.subject for face in load(f"ibug:{tmp_path}?subject={pattern}").annotations] == subjects


@pytest.mark.parametrize(
    ("pattern", "message"), [("image(", "is not a regular expression"), ("x[0-9]", "does not match the image name")]
)
def test_useless_patterns_of_subjects_are_rejected(tmp_path, pattern, message):
    spec = make_ibug(tmp_path, shape(68))
    with pytest.raises(ConfigError, match=message):
        load(f"{spec}?subject={pattern}")


def test_options_reach_the_reader(tmp_path):
    points = shape(68)
    spec = make_ibug(tmp_path, points)
    assert load(f"{spec}?origin=0").annotations[0].keypoints == pytest.approx(points + 1, abs=1e-4)


def test_set_without_readable_faces_names_the_first_problem(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.pts").write_text("nothing")
    with pytest.raises(
        AnnotationError,
        match=r"ibug:.*no labeled face could be read; a\.pts: is not a \.pts.*\(the first of 2 problems\)",
    ):
        load(f"ibug:{tmp_path}")


def test_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_ibug(tmp_path / "faces", shape(68))
    assert len(load("ibug:~/faces")) == 1
