import os

import pytest

from nasion import atomic as files
from nasion.errors import OutputError


def test_writing_replaces_whole_and_leaves_no_part(tmp_path):
    files.write_text(tmp_path / "deep" / "a.txt", "one")
    files.write_text(tmp_path / "deep" / "a.txt", "two")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text() == "two"


def test_a_link_stays_one_and_who_may_read_stays_too(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "real.txt").chmod(0o600)
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    files.write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
    assert (tmp_path / "real.txt").stat().st_mode & 0o777 == 0o600


def test_an_interruption_leaves_nothing_half_written(tmp_path):
    files.write_text(tmp_path / "a.txt", "old")

    def parts():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_bytes(tmp_path / "a.txt", parts())
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch):
    files.write_text(tmp_path / "a.txt", "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OutputError, match=r"No space left on device; choose another place"):
        files.write_text(tmp_path / "a.txt", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        files.ensure_writable(tmp_path / "a" / "b")


def test_fingerprint_sees_names_and_contents_but_not_order(tmp_path):
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).write_text(text)
    a, b = tmp_path / "a", tmp_path / "b"
    first = files.fingerprint([a, b], tmp_path)
    assert files.fingerprint([b, a], tmp_path) == first
    b.write_text("3")
    assert files.fingerprint([a, b], tmp_path) != first
