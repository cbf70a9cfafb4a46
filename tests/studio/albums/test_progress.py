"""The list of finished images survives damage and a full disk."""

import pytest

from nasion.errors import OutputError
from nasion.studio.albums import progress as progress_module
from nasion.studio.albums.progress import Progress


def test_states_are_read_again(tmp_path):
    progress = Progress(tmp_path / "p.json")
    progress.set("a", "done", is_changed=True)
    progress.set("b", "no_face", is_changed=False)
    again = Progress(tmp_path / "p.json")
    assert [again.state(name) for name in "abc"] == ["done", "no_face", "todo"]
    assert again.changed == {"a"}
    again.set("a", "todo", is_changed=False)
    assert Progress(tmp_path / "p.json").state("a") == "todo"


def test_files_of_earlier_versions_are_read(tmp_path):
    (tmp_path / "p.json").write_text('{"done": ["a", 7]}')
    assert Progress(tmp_path / "p.json").done == {"a"}


@pytest.mark.parametrize("text", ["", "[]", "7", '{"done": 7}', '{"done": {"a": 1}, "changed": null}'])
def test_a_damaged_file_counts_as_empty(tmp_path, text):
    (tmp_path / "p.json").write_text(text)
    assert Progress(tmp_path / "p.json").state("b") == "todo"


def test_what_could_not_be_written_is_not_remembered(tmp_path, monkeypatch):
    progress = Progress(tmp_path / "p.json")

    def full(path, _text):
        raise OutputError(f"cannot write {path}: no space left")

    monkeypatch.setattr(progress_module, "write_text", full)
    with pytest.raises(OutputError):
        progress.set("a", "done", is_changed=True)
    assert progress.state("a") == "todo"
