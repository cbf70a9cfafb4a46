"""Earlier labels can be restored, also after a crash in the middle of a line."""

import numpy as np
import pytest

from nasion.errors import OutputError
from nasion.studio.albums import history as history_module
from nasion.studio.albums.history import History

ONE = np.array([[1.0, 2.0], [np.nan, np.nan]])


def test_earlier_labels_are_returned_newest_first(tmp_path):
    history = History(tmp_path / "h.jsonl")
    assert history.of("a.png", 9) == []
    history.add("a.png", "todo", None)
    history.add("b.png", "done", [ONE, ONE + 1])
    history.add("a.png", "todo", [ONE])
    history.add("a.png", "no_face", [])
    past = History(tmp_path / "h.jsonl").of("a.png", 9)
    assert [each.state for each in past] == ["no_face", "todo", "todo"]
    assert (past[0].faces, past[2].faces) == ([], None)
    np.testing.assert_array_equal(past[1].faces, [ONE])
    assert past[0].time > 1e9
    assert len(history.of("a.png", 2)) == 2


def test_names_are_not_mixed_up(tmp_path):
    history = History(tmp_path / "h.jsonl")
    for name in ('a"b.png', "a.png.png", "ä.png"):
        history.add(name, "todo", [ONE])
    assert [len(history.of(name, 9)) for name in ('a"b.png', "a.png", "ä.png")] == [1, 0, 1]


def test_a_line_that_a_full_disk_has_cut_is_skipped(tmp_path):
    path = tmp_path / "h.jsonl"
    history = History(path)
    history.add("a.png", "todo", [ONE])
    history.add("a.png", "done", [ONE])
    path.write_bytes(path.read_bytes()[:-9])
    history.add("a.png", "no_face", [])
    assert [each.state for each in history.of("a.png", 9)] == ["no_face", "todo"]


def test_the_older_half_of_a_large_file_is_dropped_when_it_is_opened(tmp_path, monkeypatch):
    history = History(tmp_path / "h.jsonl")
    for state in ("todo", "done", "todo", "no_face"):
        history.add("a.png", state, None)
    monkeypatch.setattr(history_module, "MAX_BYTES", 10)
    assert [each.state for each in History(tmp_path / "h.jsonl").of("a.png", 9)] == ["no_face", "todo"]


def test_a_missing_folder_is_an_error_of_one_line(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        History(tmp_path / "no" / "h.jsonl").add("a.png", "todo", None)
