"""Folders outside the root are never opened."""

import pytest

from nasion.errors import ConfigError
from nasion.studio.albums.folders import Folder, Root


@pytest.fixture
def root(tmp_path):
    for place in ("root/b/deep", "root/a", "root/.hidden", "root/nasion-runs", "outside"):
        (tmp_path / place).mkdir(parents=True)
    for name in ("root/a/1.jpg", "root/a/2.PNG", "root/a/x.txt", "root/b/1.pts", "root/b/deep/1.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "root" / "out").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "in").symlink_to(tmp_path / "root" / "a")
    (tmp_path / "root" / "broken").symlink_to(tmp_path / "nowhere")
    return Root(tmp_path / "root")


def test_a_folder_is_listed_with_its_subfolders(root):
    listing = root.listing("")
    assert listing.folder == Folder("", "root", 0, False)
    assert listing.folders == [Folder("a", "a", 2, False), Folder("b", "b", 0, True), Folder("in", "in", 2, False)]
    assert (listing.refused, listing.is_complete) == (["out"], True)
    assert root.listing("b").folders == [Folder("b/deep", "deep", 1, False)]


@pytest.mark.parametrize(
    "path",
    ["..", "a/../..", "/etc", "~", "a/1.jpg", "out", "broken", "nowhere", "a\0b", "C:/x", "..\\x", "out/x", "csv:x"],
)
def test_paths_outside_the_root_are_refused(root, path):
    with pytest.raises(ConfigError) as error:
        root.resolve(path)
    assert "\n" not in str(error.value)


def test_a_link_inside_the_root_is_followed(root):
    assert root.resolve("in").name == "in"
    assert root.relative(root.resolve("b/deep")) == "b/deep"


def test_a_missing_root_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        Root(tmp_path / "nowhere")


def test_folders_of_runs_are_those_in_the_root_and_one_level_deeper(root):
    for place in ("a", "b/deep", "../outside"):
        (root.folder / place / "nasion-runs").mkdir()
    assert root.runs() == [root.folder / name / "nasion-runs" for name in ("", "a", "in")]
