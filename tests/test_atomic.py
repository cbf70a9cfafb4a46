"""Files appear complete or not at all, wherever the write fails."""

import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nasion import atomic
from nasion.atomic import (
    atomic_folder,
    atomic_path,
    ensure_no_overwrite,
    ensure_writable,
    fingerprint,
    write_bytes,
    write_text,
)
from nasion.errors import ConfigError, OutputError


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    """Return a function that sets the umask of this process; the old one is restored."""
    old = os.umask(0o022)
    yield os.umask
    os.umask(old)


def test_a_file_is_replaced_and_no_temporary_file_remains(tmp_path):
    write_text(tmp_path / "deep" / "er" / "a.txt", "one, and longer")
    write_text(tmp_path / "deep" / "er" / "a.txt", "two: ä")
    assert names(tmp_path / "deep" / "er") == ["a.txt"]
    assert (tmp_path / "deep" / "er" / "a.txt").read_bytes() == "two: ä".encode()


def test_parts_are_written_in_order(tmp_path):
    write_bytes(tmp_path / "a.bin", iter([b"abc", b"", b"de"]))
    assert (tmp_path / "a.bin").read_bytes() == b"abcde"


def test_the_old_content_is_visible_until_the_block_ends(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
        assert part.parent == tmp_path
        assert part.suffix == ".txt"
    assert target.read_text() == "new"


def test_the_temporary_file_is_hidden_and_empty_at_first(tmp_path):
    with atomic_path(tmp_path / "a.txt") as part:
        assert part.name.startswith(".")
        assert part.read_bytes() == b""


def test_a_symlink_stays_a_symlink_and_its_target_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert names(tmp_path / "elsewhere") == ["real.txt"]


def test_a_symlink_without_target_creates_the_target(tmp_path):
    (tmp_path / "link.txt").symlink_to(tmp_path / "later.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "later.txt").read_text() == "new"


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o664, 0o755])
def test_an_existing_file_keeps_its_permissions(tmp_path, bits):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "a.txt").chmod(bits)
    write_text(tmp_path / "a.txt", "new")
    assert mode(tmp_path / "a.txt") == bits


@pytest.mark.parametrize(("mask", "bits"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_respects_the_umask(tmp_path, umask, mask, bits):
    umask(mask)
    write_text(tmp_path / "a.txt", "new")
    assert mode(tmp_path / "a.txt") == bits
    assert umask(mask) == mask


def test_the_umask_is_never_touched_because_it_belongs_to_all_threads(tmp_path, monkeypatch):
    def forbidden(_mask):
        raise AssertionError("the umask was changed")

    monkeypatch.setattr(os, "umask", forbidden)
    write_text(tmp_path / "a.txt", "one")
    write_text(tmp_path / "a.txt", "two")
    ensure_writable(tmp_path)


def test_the_temporary_file_is_created_exclusively(tmp_path, monkeypatch):
    opened = []
    real_open = os.open

    def spy(path, flags, *rest):
        opened.append((Path(path), flags))
        return real_open(path, flags, *rest)

    monkeypatch.setattr(os, "open", spy)
    write_text(tmp_path / "a.txt", "new")
    created = [flags for path, flags in opened if path.name.endswith(".part.txt")]
    assert len(created) == 1
    assert created[0] & os.O_CREAT
    assert created[0] & os.O_EXCL


def test_a_file_with_the_temporary_name_is_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda count: "ab" * count)
    taken = tmp_path / ".a.txt.abababababab.part.txt"
    taken.write_text("of another process")
    with pytest.raises(OutputError, match="a file has the name of this folder"):
        write_text(tmp_path / "a.txt", "new")
    assert taken.read_text() == "of another process"
    assert names(tmp_path) == [taken.name]


def test_nested_writes_of_one_path_use_different_temporary_files(tmp_path):
    with atomic_path(tmp_path / "a.txt") as outer, atomic_path(tmp_path / "a.txt") as inner:
        assert outer != inner
        outer.write_text("outer")
        inner.write_text("inner")
    assert (tmp_path / "a.txt").read_text() == "outer"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_block_leaves_the_old_file_alone(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")

    def fail():
        with atomic_path(tmp_path / "a.txt") as part:
            part.write_text("ne")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_error_in_the_block_leaves_no_new_file(tmp_path):
    def parts():
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_bytes(tmp_path / "a.txt", parts())
    assert names(tmp_path) == []


@pytest.mark.parametrize(("keep", "content"), [(True, "half"), (False, "old")])
def test_after_an_interrupt_the_caller_decides(tmp_path, keep, content):
    (tmp_path / "a.txt").write_text("old")

    def interrupted():
        with atomic_path(tmp_path / "a.txt", keep_on_interrupt=lambda: keep) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a.txt").read_text() == content
    assert names(tmp_path) == ["a.txt"]


def test_other_errors_never_keep_an_incomplete_file(tmp_path):
    def failed():
        with atomic_path(tmp_path / "a.txt", keep_on_interrupt=lambda: True) as part:
            part.write_text("half")
            raise ValueError

    with pytest.raises(ValueError):
        failed()
    assert names(tmp_path) == []


def test_content_is_flushed_to_the_disk_before_the_move_and_the_folder_after_it(tmp_path, monkeypatch):
    events = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else os.fstat(descriptor).st_size
        events.append(("fsync", kind))
        real_fsync(descriptor)

    def replace(self, target):
        events.append(("replace", Path(target).name))
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_bytes(tmp_path / "a.txt", b"12345")
    assert events == [("fsync", 5), ("replace", "a.txt"), ("fsync", "folder")]


def test_permissions_are_set_before_the_file_is_visible(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("secret")
    (tmp_path / "a.txt").chmod(0o600)
    seen = []
    real_replace = Path.replace

    def replace(self, target):
        seen.append(mode(self))
        return real_replace(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    write_text(tmp_path / "a.txt", "new secret")
    assert seen == [0o600]


def test_a_file_system_that_cannot_flush_folders_is_accepted(tmp_path, monkeypatch):
    real_fsync = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_pipe_is_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        content = pool.submit(pipe.read_bytes)
        write_bytes(pipe, [b"through ", b"the pipe"])
        assert content.result(timeout=10) == b"through the pipe"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["pipe"]


def test_a_device_is_written_directly():
    write_bytes("/dev/null", b"nothing")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_full_disk_is_one_line_and_keeps_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError) as caught:
        write_text(tmp_path / "a.txt", "new")
    assert str(caught.value) == (f"cannot write {tmp_path / 'a.txt'}: No space left on device; choose another location")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_full_is_one_line():
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device"):
        write_bytes("/dev/full", b"1" * 100_000)


def test_a_folder_cannot_be_replaced_by_a_file(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match=f"cannot write {tmp_path / 'a'}: "):
        write_text(tmp_path / "a", "new")
    assert names(tmp_path) == ["a"]


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "a" / "b.txt", "new")


def test_threads_that_write_one_path_leave_one_complete_content(tmp_path):
    contents = [bytes([65 + k]) * 40_000 for k in range(4)]
    start = threading.Barrier(len(contents))

    def work(content):
        start.wait()
        for _ in range(5):
            write_bytes(tmp_path / "a.bin", (content[i : i + 4096] for i in range(0, len(content), 4096)))
            assert (tmp_path / "a.bin").read_bytes() in contents

    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(work, contents))
    assert (tmp_path / "a.bin").read_bytes() in contents
    assert names(tmp_path) == ["a.bin"]


def test_a_writable_folder_is_created_and_stays_empty(tmp_path):
    folder = ensure_writable(str(tmp_path / "new" / "er"))
    assert folder == tmp_path / "new" / "er"
    assert names(folder) == []


def test_an_unwritable_folder_is_named_without_the_probe(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(OutputError, match=f"^cannot write into {tmp_path / 'a' / 'b'}: .*; choose another location$"):
        ensure_writable(tmp_path / "a" / "b")


def test_an_existing_output_beside_an_input_is_rejected(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    inputs = [tmp_path / "in" / "face.jpg"]
    (tmp_path / "in" / "face.csv").write_text("labels")
    (tmp_path / "out" / "face.csv").write_text("earlier result")
    ensure_no_overwrite(inputs, [tmp_path / "in" / "new.csv"])
    ensure_no_overwrite(inputs, [tmp_path / "out" / "face.csv"])
    with pytest.raises(ConfigError, match=r"face\.csv already exists among your files; .* --out"):
        ensure_no_overwrite(inputs, [tmp_path / "in" / "new.csv", tmp_path / "in" / "face.csv"])


def test_the_folder_of_an_input_is_recognized_through_a_symlink(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "same").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "face.csv").write_text("labels")
    with pytest.raises(ConfigError):
        ensure_no_overwrite([tmp_path / "in" / "face.jpg"], [tmp_path / "same" / "face.csv"])
    with pytest.raises(ConfigError):
        ensure_no_overwrite([tmp_path / "same" / "face.jpg"], [tmp_path / "in" / "face.csv"])


def make(folder, **contents):
    folder.mkdir()
    for name, text in contents.items():
        (folder / name).write_text(text)
    return [folder / name for name in contents]


def test_the_fingerprint_is_that_of_names_and_contents_relative_to_the_root(tmp_path):
    a, b = make(tmp_path / "one", a="1", b="2")
    same = make(tmp_path / "two", a="1", b="2")
    first = fingerprint([a, b], tmp_path / "one")
    assert len(first) == 64
    assert fingerprint([b, a], tmp_path / "one") == first
    assert fingerprint(same, tmp_path / "two") == first
    assert fingerprint([a], tmp_path / "one") != first
    assert fingerprint(make(tmp_path / "three", a="2", b="1"), tmp_path / "three") != first
    assert fingerprint(make(tmp_path / "four", a="1", c="2"), tmp_path / "four") != first
    b.write_text("3")
    assert fingerprint([a, b], tmp_path / "one") != first


def test_the_fingerprint_cannot_confuse_a_name_with_a_content(tmp_path):
    one = make(tmp_path / "one", a="bc", d="")
    two = make(tmp_path / "two", ab="c", d="")
    assert fingerprint(one, tmp_path / "one") != fingerprint(two, tmp_path / "two")


def test_temporary_files_of_killed_processes_are_removed_after_a_day(tmp_path):
    day_s = 86_400
    ages = {
        ".a.txt.0123456789ab.part.txt": 2 * day_s,
        ".b.jpg.abcdef012345.part.jpg": 2 * day_s,
        ".new.txt.0123456789ab.part.txt": 0.5 * day_s,
        ".mine.part.txt": 2 * day_s,
        "a.0123456789ab.part": 2 * day_s,
    }
    for name, age_s in ages.items():
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    atomic.write_text(tmp_path / "c.txt", "y")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".mine.part.txt", ".new.txt.0123456789ab.part.txt", "a.0123456789ab.part", "c.txt"]


# --- folders


def test_a_new_folder_appears_as_a_whole(tmp_path):
    with atomic_folder(tmp_path / "deep" / "out") as part:
        write_text(part / "in" / "a.txt", "a")
        assert not (tmp_path / "deep" / "out").exists()
    assert (tmp_path / "deep" / "out" / "in" / "a.txt").read_text() == "a"
    assert names(tmp_path / "deep") == ["out"]


def test_an_existing_folder_keeps_its_other_files(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "out" / "same.txt").write_text("same")
    with atomic_folder(tmp_path / "out") as part:
        write_text(part / "new.txt", "new")
        write_text(part / "same.txt", "same")
    assert names(tmp_path / "out") == ["mine.txt", "new.txt", "same.txt"]
    assert names(tmp_path) == ["out"]


def test_another_content_is_replaced_only_on_request(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("old")

    def write_both():
        with atomic_folder(tmp_path / "out") as part:
            write_text(part / "a.txt", "new")
            write_text(part / "b.txt", "new")

    with pytest.raises(ConfigError, match=r"a\.txt exists; .* --overwrite"):
        write_both()
    assert names(tmp_path / "out") == ["a.txt"]
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    with atomic_folder(tmp_path / "out", overwrite=True) as part:
        write_text(part / "a.txt", "new")
    assert (tmp_path / "out" / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_folder_leaves_nothing(tmp_path, error):
    def fail():
        with atomic_folder(tmp_path / "out") as part:
            write_text(part / "a.txt", "a")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == []
