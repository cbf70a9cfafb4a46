"""Folders with links, loops and folders that may not be read."""

import os

import pytest

from made_files import make_ibug, make_imm, shape
from nasion import datasets
from nasion.datasets.folders import HISTORY, LABELS, PROGRESS, RUNS, files_below, is_of_studio


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def names(folder):
    return [path.relative_to(folder).as_posix() for path in files_below(folder)]


def test_files_of_all_depths_are_sorted(tmp_path):
    touch(tmp_path / "b/z.txt", tmp_path / "a.txt", tmp_path / "b/c/d.txt", tmp_path / ".hidden/e.txt")
    assert names(tmp_path) == [".hidden/e.txt", "a.txt", "b/c/d.txt", "b/z.txt"]
    assert names(tmp_path) == [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*")) if p.is_file()]


def test_links_to_folders_and_files_are_followed(tmp_path):
    touch(tmp_path / "elsewhere/x/a.txt", tmp_path / "other.txt")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/b.txt").symlink_to(tmp_path / "other.txt")
    assert names(tmp_path / "set") == ["b.txt", "link/x/a.txt"]
    (tmp_path / "top").symlink_to(tmp_path / "set")
    assert names(tmp_path / "top") == ["b.txt", "link/x/a.txt"]


def test_loops_end_and_no_folder_counts_twice(tmp_path):
    touch(tmp_path / "z/a.txt")
    (tmp_path / "z/back").symlink_to(tmp_path)
    (tmp_path / "a_link").symlink_to(tmp_path / "z")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert names(tmp_path) == ["self", "z/a.txt"]  # the folder's own place, although the link's name comes first


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_unreadable_folders_are_left_out(tmp_path):
    touch(tmp_path / "a.txt", tmp_path / "closed/b.txt")
    (tmp_path / "closed").chmod(0)
    try:
        assert names(tmp_path) == ["a.txt"]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_missing_folder_has_no_files(tmp_path):
    assert files_below(tmp_path / "none") == []


@pytest.mark.parametrize(("make", "form", "count"), [(make_ibug, "ibug", 68), (make_imm, "imm", 58)])
def test_label_folders_may_be_links(tmp_path, make, form, count):
    make(tmp_path / "elsewhere", shape(count))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "trainset").symlink_to(tmp_path / "elsewhere")
    faces = datasets.load(f"{form}:{tmp_path / 'set'}")
    assert len(faces) == 1
    assert faces.annotations[0].split == "train"


def test_files_of_the_studio_are_no_labels_of_other_programs(tmp_path):
    own = (
        LABELS,
        PROGRESS,
        HISTORY,
        f"faces.csv-{PROGRESS}",
        f"faces.csv-{HISTORY}",
        f"{RUNS}/1/run.json",
        f"in/{LABELS}",
    )
    assert all(is_of_studio(tmp_path / name, tmp_path) for name in own)
    assert not is_of_studio(tmp_path / "labels.json", tmp_path)
