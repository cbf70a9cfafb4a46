"""Helpers that the formats write with: nothing is lost, and files are complete or unchanged."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.datasets.formats import _writing
from nasion.datasets.formats._writing import nth_face, replace_file, rounded
from nasion.errors import AnnotationError, OutputError


def test_new_file_has_no_backup(tmp_path):
    replace_file(tmp_path / "a.pts", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pts"]
    assert (tmp_path / "a.pts").read_bytes() == b"new"


def test_backup_is_the_first_version_and_never_changes(tmp_path):
    path = tmp_path / "a.pts"
    path.write_bytes(b"first\r\n\xff")
    for content in (b"second", b"third"):
        replace_file(path, content)
        assert path.read_bytes() == content
        assert (tmp_path / "a.pts.orig").read_bytes() == b"first\r\n\xff"
    assert len(list(tmp_path.iterdir())) == 2


def test_existing_backup_is_kept(tmp_path):
    (tmp_path / "a.pts").write_bytes(b"now")
    (tmp_path / "a.pts.orig").write_bytes(b"long ago")
    replace_file(tmp_path / "a.pts", b"later")
    assert (tmp_path / "a.pts.orig").read_bytes() == b"long ago"


def test_backup_keeps_the_suffix_so_that_files_of_one_stem_do_not_share_it(tmp_path):
    for suffix in ("xml", "json"):
        (tmp_path / f"a.{suffix}").write_text(suffix)
        replace_file(tmp_path / f"a.{suffix}", b"new")
    assert (tmp_path / "a.xml.orig").read_text() == "xml"
    assert (tmp_path / "a.json.orig").read_text() == "json"


def test_file_is_unchanged_if_the_backup_fails(tmp_path, monkeypatch):
    def full(path, _content):
        raise OutputError(f"cannot write {path}")

    (tmp_path / "a.pts").write_bytes(b"old")
    monkeypatch.setattr(_writing, "write_bytes", full)
    with pytest.raises(OutputError, match=r"a\.pts\.orig"):
        replace_file(tmp_path / "a.pts", b"new")
    assert (tmp_path / "a.pts").read_bytes() == b"old"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_nth_face(number):
    assert nth_face(["a", "b", "c"], number, Path("x.jpg"), Path("faces.csv")) == "abc"[number]


@pytest.mark.parametrize(("rows", "number"), [([], 0), (["a"], 1), (["a", "b"], 5)])
def test_face_beyond_the_last_is_reported(rows, number):
    message = rf"x\.jpg: faces\.csv no longer has face {number} of this image; reload the labels"
    with pytest.raises(AnnotationError, match=message):
        nth_face(rows, number, Path("some/x.jpg"), Path("faces.csv"))


@pytest.mark.parametrize(
    ("value", "written"), [(1.23456, "1.235"), (-0.0004, "0.0"), (-0.0, "0.0"), (-0.0006, "-0.001"), (7.0, "7.0")]
)
def test_rounded(value, written):
    assert str(rounded(value)) == written


def test_rounded_to_other_decimals():
    assert rounded(1.23456, decimals=1) == 1.2


@given(st.floats(-1e5, 1e5))
def test_rounding_moves_by_at_most_half_a_step(value):
    assert abs(rounded(value) - value) <= 0.000500001
    assert str(rounded(value)) != "-0.0"
