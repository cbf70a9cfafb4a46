"""Folders and data sets become albums: which images and which labels they have, and what cannot be opened."""

import os
from pathlib import Path

import numpy as np
import pytest

from nasion import images
from nasion.datasets.folders import HISTORY, LABELS, PROGRESS, RUNS
from nasion.datasets.formats.ibug import pts_text
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import load_skeleton
from nasion.studio.albums.album import AlbumImage
from nasion.studio.albums.label_file import LabelFile
from nasion.studio.albums.label_store import Face, InPlaceLabels
from nasion.studio.albums.opening import find_images, open_album

IBUG, IMM = load_skeleton("ibug-68"), load_skeleton("imm-58")
POINTS = np.arange(136.0).reshape(68, 2)
HEADER = "image," + ",".join(f"x{k},y{k}" for k in range(68))


def write_image(path):
    images.write(path, np.zeros((6, 8, 3), np.uint8))


def row(name, points=POINTS):
    return f"{name}," + ",".join(f"{value:g}" for value in points.ravel())


def touch(folder, *names):
    """Create empty files; a search for images does not read them."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(entries):
    return [entry.name for entry in entries]


class TestFindImages:
    def test_images_are_sorted_and_named_relative_to_the_folder(self, tmp_path):
        touch(tmp_path, "b.png", "a.JPG", "in/deep/c.jpeg", "in/é ü.webp", "notes.txt", "a.pts", "png", "x.png.orig")
        found = find_images(tmp_path)
        assert names(found) == ["a.JPG", "b.png", "in/deep/c.jpeg", "in/é ü.webp"]
        assert found[2] == AlbumImage("in/deep/c.jpeg", tmp_path / "in" / "deep" / "c.jpeg")

    def test_hidden_files_training_runs_and_folders_are_left_out(self, tmp_path):
        touch(tmp_path, "a.png", ".hidden.png", ".cache/b.png", f"{RUNS}/one/c.png", f"in/{RUNS}/d.png", "in/.x/e.png")
        touch(tmp_path, f"in/{RUNS}.png", f"my-{RUNS}/f.png")
        (tmp_path / "folder.png").mkdir()
        assert names(find_images(tmp_path)) == ["a.png", f"in/{RUNS}.png", f"my-{RUNS}/f.png"]

    @pytest.mark.parametrize("place", [".cache/faces", f"{RUNS}/one"])
    def test_a_hidden_folder_can_be_chosen_itself(self, tmp_path, place):
        touch(tmp_path / place, "a.png")
        assert names(find_images(tmp_path / place)) == ["a.png"]

    @pytest.mark.parametrize("place", [".", "in", "in/", "./in", "../in"])
    def test_the_folder_may_be_a_relative_path(self, tmp_path, monkeypatch, place):
        touch(tmp_path, "in/a.png", "in/deep/b.png")
        monkeypatch.chdir(tmp_path / "in" if place in (".", "../in") else tmp_path)
        found = find_images(Path(place))
        assert names(found) == ["a.png", "deep/b.png"]
        assert all(entry.path.is_file() for entry in found)

    def test_an_empty_or_missing_folder_has_no_images(self, tmp_path):
        assert find_images(tmp_path) == []
        assert find_images(tmp_path / "nowhere") == []

    def test_links_are_followed_only_inside_the_limit(self, tmp_path):
        root = tmp_path / "root"
        touch(tmp_path, "root/faces/a.png", "root/other/b.png", "outside/c.png", "root-2/d.png")
        for name, target in (("in", "root/other/b.png"), ("out", "outside/c.png"), ("near", "root-2/d.png")):
            (root / "faces" / f"{name}.png").symlink_to(tmp_path / target)
        (root / "faces" / "folder").symlink_to(tmp_path / "outside")
        (root / "faces" / "twice.png").symlink_to(root / "faces" / "out.png")
        everything = ["a.png", "folder/c.png", "in.png", "near.png", "out.png", "twice.png"]
        assert names(find_images(root / "faces")) == everything
        assert names(find_images(root / "faces", root)) == ["a.png", "in.png"]
        assert names(find_images(root / "faces", root / "faces")) == ["a.png"]

    def test_a_folder_outside_the_limit_has_no_images(self, tmp_path):
        touch(tmp_path, "outside/a.png", "root/b.png")
        assert find_images(tmp_path / "outside", tmp_path / "root") == []

    def test_the_limit_itself_may_be_a_link(self, tmp_path):
        touch(tmp_path, "root/a.png")
        (tmp_path / "link").symlink_to(tmp_path / "root")
        assert names(find_images(tmp_path / "link", tmp_path / "link")) == ["a.png"]

    def test_links_that_lead_nowhere_or_in_a_circle_are_left_out(self, tmp_path):
        touch(tmp_path, "a.png")
        (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere.png")
        (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
        (tmp_path / "above").symlink_to(tmp_path)
        assert names(find_images(tmp_path)) == names(find_images(tmp_path, tmp_path)) == ["a.png"]

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
    def test_a_pipe_is_not_an_image(self, tmp_path):
        touch(tmp_path, "a.png")
        os.mkfifo(tmp_path / "pipe.png")
        assert names(find_images(tmp_path)) == ["a.png"]


class TestFolders:
    def test_a_folder_without_labels_gets_a_label_file_with_the_first_face(self, tmp_path):
        write_image(tmp_path / "a.png")
        album = open_album(str(tmp_path), IMM)
        assert isinstance(album.labels, LabelFile)
        assert (album.root, album.skeleton, album.is_folder, album.inside) == (tmp_path, IMM, True, None)
        assert (album.progress.path, album.labeled) == (tmp_path / PROGRESS, set())
        assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
        album.save(0, [Face(POINTS[:58])], "new")
        assert (tmp_path / LABELS).is_file()

    def test_the_skeleton_is_that_of_the_stored_labels(self, tmp_path):
        write_image(tmp_path / "a.png")
        open_album(str(tmp_path), IMM).save(0, [Face(POINTS[:58])], "new")
        assert open_album(str(tmp_path), IBUG).skeleton.names == IMM.names

    def test_pts_files_beside_images_are_labels(self, tmp_path):
        for name in "ab":
            write_image(tmp_path / f"{name}.png")
        (tmp_path / "b.pts").write_text(pts_text(POINTS))
        album = open_album(str(tmp_path), IMM)
        assert isinstance(album.labels, InPlaceLabels)
        assert (album.source, album.skeleton.name, album.labeled) == (f"ibug:{tmp_path}", "ibug-68", {1})
        assert names(album.entries) == ["a.png", "b.png"]
        assert album.is_folder

    def test_pts_files_without_images_are_ignored(self, tmp_path):
        write_image(tmp_path / "a.png")
        (tmp_path / "other.pts").write_text("a diary")
        assert isinstance(open_album(str(tmp_path), IBUG).labels, LabelFile)

    def test_the_label_file_comes_before_pts_files(self, tmp_path):
        write_image(tmp_path / "a.png")
        open_album(str(tmp_path), IBUG).save(0, [Face(POINTS + 5)], "new")
        (tmp_path / "a.pts").write_text(pts_text(POINTS))
        (face,) = open_album(str(tmp_path), IBUG).faces(0)
        assert face == pytest.approx(POINTS + 5)

    @pytest.mark.parametrize("others", [(), ("a.old.jpg",)])
    def test_images_that_would_share_a_label_file_are_rejected(self, tmp_path, others):
        for name in ("a.png", "a.jpg", *others):  # "a.old.jpg" is between the two in the sorted list
            write_image(tmp_path / name)
        assert len(open_album(str(tmp_path), IBUG).entries) == 2 + len(others)
        (tmp_path / "a.pts").write_text(pts_text(POINTS))
        with pytest.raises(ConfigError, match=r"a\.jpg and a\.png would share the label file a\.pts; rename one"):
            open_album(str(tmp_path), IBUG)

    @pytest.mark.parametrize("content", ["", "a diary", "[]", '{"images": 7}', "\0" * 9, "[" * 100_000])
    def test_a_damaged_label_file_is_an_error_that_names_it(self, tmp_path, content):
        write_image(tmp_path / "a.png")
        (tmp_path / LABELS).write_text(content)
        with pytest.raises(AnnotationError, match=LABELS) as error:
            open_album(str(tmp_path), IBUG)
        assert "\n" not in str(error.value)
        assert (tmp_path / LABELS).read_text() == content

    def test_an_empty_folder_is_an_album_without_images(self, tmp_path):
        assert open_album(str(tmp_path), IBUG).entries == []

    def test_a_folder_named_like_a_format_is_opened_by_its_path(self, tmp_path, monkeypatch):
        write_image(tmp_path / "csv" / "a.png")
        monkeypatch.chdir(tmp_path)
        assert names(open_album("./csv", IBUG).entries) == ["a.png"]

    def test_a_folder_stays_inside_its_limit(self, tmp_path):
        for name in ("root/a.png", "outside/b.png"):
            write_image(tmp_path / name)
        (tmp_path / "root" / "out").symlink_to(tmp_path / "outside")
        album = open_album(str(tmp_path / "root"), IBUG, tmp_path / "root")
        assert (names(album.entries), album.inside) == (["a.png"], tmp_path / "root")


class TestDataSets:
    def test_a_table_is_an_album_of_the_images_it_names(self, tmp_path):
        for name in ("in/a.png", "in/b.png", "other.png"):
            write_image(tmp_path / name)
        table = tmp_path / "faces.csv"
        table.write_text("\n".join([HEADER, row("in/b.png"), row("in/a.png"), row("in/b.png", POINTS + 1)]))
        album = open_album(f"csv:{table}", IMM)
        assert (album.source, album.root, album.is_folder) == (f"csv:{table}", tmp_path, False)
        assert sorted(names(album.entries)) == ["in/a.png", "in/b.png"]
        assert sorted(album.counts.values()) == [1, 2]
        assert album.skeleton.count == 68
        assert album.labels.adds is False

    def test_tables_in_one_folder_have_separate_progress_and_history(self, tmp_path):
        write_image(tmp_path / "a.png")
        for name in ("one.csv", "two.csv"):
            (tmp_path / name).write_text(f"{HEADER}\n{row('a.png')}\n")
        one, two = (open_album(f"csv:{tmp_path / name}", IBUG) for name in ("one.csv", "two.csv"))
        one.save(0, [Face(POINTS + 1, 0)], one.version(0), "done")
        assert (one.state(0), two.state(0)) == ("done", "todo")
        assert (tmp_path / f"one.csv-{PROGRESS}").is_file()
        assert (tmp_path / f"one.csv-{HISTORY}").is_file()
        assert not (tmp_path / f"two.csv-{PROGRESS}").exists()

    def test_an_image_outside_the_folder_is_named_by_its_whole_path(self, tmp_path):
        write_image(tmp_path / "images" / "a.png")
        (tmp_path / "labels").mkdir()
        table = tmp_path / "labels" / "faces.csv"
        table.write_text(f"{HEADER}\n{row('a.png')}\n")
        album = open_album(f"csv:{table}?images={tmp_path / 'images'}", IBUG)
        assert names(album.entries) == [str(tmp_path / "images" / "a.png")]

    def test_the_home_folder_may_be_abbreviated(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        write_image(tmp_path / "a.png")
        (tmp_path / "faces.csv").write_text(f"{HEADER}\n{row('a.png')}\n")
        assert open_album("csv:~/faces.csv", IBUG).root == tmp_path

    def test_labels_without_any_readable_face_are_an_error(self, tmp_path):
        write_image(tmp_path / "a.png")
        (tmp_path / "a.pts").write_text("not a label file")
        with pytest.raises((AnnotationError, ConfigError), match=r"a\.pts") as error:
            open_album(f"ibug:{tmp_path}", IBUG)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("content", ["", HEADER, "a diary", f"{HEADER}\n{row('missing.png')}\n", "\0"])
    def test_a_table_without_any_usable_row_is_an_error(self, tmp_path, content):
        (tmp_path / "faces.csv").write_text(content)
        with pytest.raises((AnnotationError, ConfigError), match=r"faces\.csv|missing\.png") as error:
            open_album(f"csv:{tmp_path / 'faces.csv'}", IBUG)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere", "nowhere: there is no such folder"),
        ("a.png", "a.png: there is no such folder"),
        ("unknown:place", "unknown:place: there is no such folder"),
        ("a\0b", "there is no such folder"),
        ("synthetic:8", '"synthetic" cannot be written back; use one of: coco, csv'),
    ],
)
def test_a_source_that_cannot_be_opened_is_an_error(tmp_path, monkeypatch, source, words):
    write_image(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words) as error:
        open_album(source, IBUG)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
