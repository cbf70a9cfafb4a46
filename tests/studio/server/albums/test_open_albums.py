"""Each folder is opened once, none outside the root, and the trainings end with the server."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from nasion import images
from nasion.datasets.folders import LABELS, RUNS
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import load_skeleton
from nasion.studio.albums.folders import Root
from nasion.studio.albums.label_file import LabelFile
from nasion.studio.albums.label_store import Face
from nasion.studio.albums.opening import open_album
from nasion.studio.server.albums.open_albums import OpenAlbums
from nasion.studio.training_process import TrainingProcess

IBUG, IMM = load_skeleton("ibug-68"), load_skeleton("imm-58")
POINTS = np.arange(136.0).reshape(68, 2)


def write_image(path):
    images.write(path, np.zeros((6, 8, 3), np.uint8))


@pytest.fixture
def place(tmp_path):
    """Return a root with the folders one and two/deep, each with an image, beside a folder outside of it."""
    for name in ("root/one/a.png", "root/two/deep/b.png", "outside/secret.png"):
        write_image(tmp_path / name)
    return tmp_path / "root"


@pytest.fixture
def albums(place):
    return OpenAlbums(Root(place), lambda: IBUG)


def names(opened):
    return [entry.name for entry in opened.album.entries]


def keys(albums):
    return [each.key for each in albums.all]


@pytest.mark.parametrize("has_root", [True, False])
def test_without_an_open_folder_the_remedy_is_named(place, has_root):
    albums = OpenAlbums(Root(place) if has_root else None, lambda: IBUG)
    with pytest.raises(ConfigError, match="no folder is open; start the studio with a folder: nasion serve FOLDER"):
        albums.get(None)
    assert albums.all == []


def test_a_folder_is_opened_once(albums, place):
    opened = albums.get("two/deep")
    assert (opened.key, opened.model, names(opened)) == ("two/deep", "", ["b.png"])
    assert (opened.album.root, opened.album.inside) == (place / "two" / "deep", place)
    assert (opened.training.source, opened.training.runs) == (opened.album.source, place / "two" / "deep" / RUNS)
    assert opened.suggestions.album is opened.album
    assert albums.get("two/deep") is opened
    assert albums.all == [opened]


@pytest.mark.parametrize("path", ["one/", "./one", "one//", "one/."])
def test_other_spellings_of_a_path_open_no_second_album(albums, path):
    opened = albums.get("one")
    assert albums.get(path) is opened
    assert albums.all == [opened]


def test_the_folder_that_was_opened_last_is_the_default(albums):
    one = albums.get("one")
    assert albums.get(None) is one
    two = albums.get("two/deep")
    assert albums.get("one") is one
    assert albums.get(None) is two
    assert keys(albums) == ["one", "two/deep"]


def test_the_list_of_open_albums_is_a_copy(albums):
    albums.get("one")
    albums.all.clear()
    assert keys(albums) == ["one"]


def test_the_root_itself_is_opened(albums):
    assert names(albums.get("")) == ["one/a.png", "two/deep/b.png"]


@pytest.mark.parametrize(
    "folder",
    ["..", "../outside", "one/../../outside", "/", "/etc", "~", "one/a.png", "nowhere", "out", "out/", "csv:x"]
    + ["ibug:/etc", "synthetic:3", "a\0b", "..\\outside", "x" * 5000, "\n", "\udcff"],
)
def test_other_paths_are_refused_and_open_nothing(albums, place, folder):
    (place / "out").symlink_to(place.parent / "outside")
    with pytest.raises(ConfigError):
        albums.get(folder)
    assert albums.all == []


def test_images_that_lead_out_of_the_root_are_left_out(albums, place):
    (place / "one" / "secret.png").symlink_to(place.parent / "outside" / "secret.png")
    (place / "one" / "folder").symlink_to(place.parent / "outside")
    (place / "one" / "inner.png").symlink_to(place / "two" / "deep" / "b.png")
    opened = albums.get("one")
    assert names(opened) == ["a.png", "inner.png"]
    (place / "one" / "later.png").symlink_to(place.parent / "outside" / "secret.png")
    opened.refresh()
    assert names(opened) == ["a.png", "inner.png"]


def test_without_a_root_only_the_first_album_is_open(place):
    first = open_album(str(place / "one"), IBUG)
    albums = OpenAlbums(None, lambda: IBUG, first)
    assert albums.get(None).album is first
    assert albums.get(first.source).album is first
    for folder in ("one", "", str(place / "two"), ".."):
        with pytest.raises(ConfigError, match="folders cannot be opened; start the studio with --root FOLDER"):
            albums.get(folder)
    assert keys(albums) == [first.source]


@pytest.mark.parametrize(("folder", "key"), [("one", "one"), ("two/deep", "two/deep"), ("", "")])
def test_a_first_album_below_the_root_has_its_relative_path_as_key(place, folder, key):
    first = open_album(str(place / folder), IBUG)
    albums = OpenAlbums(Root(place), lambda: IBUG, first)
    assert keys(albums) == [key]
    assert albums.get(folder).album is first


def test_a_first_album_that_is_reached_through_a_link_has_the_key_of_its_folder(place, tmp_path):
    (tmp_path / "link").symlink_to(place)
    first = open_album(str(tmp_path / "link" / "one"), IBUG)
    assert keys(OpenAlbums(Root(tmp_path / "link"), lambda: IBUG, first)) == ["one"]


def test_a_first_album_outside_the_root_is_used_and_others_there_are_not(place):
    first = open_album(str(place.parent / "outside"), IBUG)
    albums = OpenAlbums(Root(place), lambda: IBUG, first)
    assert albums.get(None).album is first
    assert keys(albums) == [first.source]
    with pytest.raises(ConfigError):
        albums.get("../outside")
    assert names(albums.get("one")) == ["a.png"]


@pytest.fixture
def table(place):
    """Return the name of a data set below the root, with one labeled image."""
    header = "image," + ",".join(f"x{k},y{k}" for k in range(68))
    row = "one/a.png," + ",".join(f"{value:g}" for value in POINTS.ravel())
    (place / "faces.csv").write_text(f"{header}\n{row}\n")
    return f"csv:{place / 'faces.csv'}"


def test_a_data_set_below_the_root_does_not_stand_for_its_folder(place, table):
    first = open_album(table, IBUG)
    albums = OpenAlbums(Root(place), lambda: IBUG, first)
    assert keys(albums) == [table]
    assert albums.get(table).album is first
    assert names(albums.get("")) == ["one/a.png", "two/deep/b.png"]


def test_the_skeleton_is_asked_for_when_a_folder_is_opened(place):
    current = [IBUG]
    albums = OpenAlbums(Root(place), lambda: current[0])
    assert albums.get("one").album.skeleton == IBUG
    current[0] = IMM
    assert albums.get("one").album.skeleton == IBUG
    assert albums.get("two").album.skeleton == IMM


@pytest.mark.parametrize("content", ["", "a diary", "[]", "{}", "[" * 100_000])
def test_a_folder_with_damaged_labels_is_opened_after_they_are_restored(albums, place, content):
    (place / "one" / LABELS).write_text(content)
    with pytest.raises(AnnotationError) as error:
        albums.get("one")
    assert "\n" not in str(error.value)
    assert albums.all == []
    (place / "one" / LABELS).unlink()
    assert names(albums.get("one")) == ["a.png"]


def test_a_refresh_adds_images_and_keeps_the_numbers_of_the_others(albums, place):
    opened = albums.get("one")
    for name in ("0.png", ".hidden.png", f"{RUNS}/x.png"):
        write_image(place / "one" / name)
    opened.refresh()
    opened.refresh()
    assert names(opened) == ["a.png", "0.png"]


def test_a_refresh_of_a_data_set_adds_no_images(place, table):
    albums = OpenAlbums(Root(place), lambda: IBUG, open_album(table, IBUG))
    albums.get(None).refresh()
    assert names(albums.get(None)) == ["one/a.png"]


def test_a_training_uses_the_labels_that_replaced_the_first_ones(albums, place):
    lines = "".join(f"{x:.3f} {y:.3f}\n" for x, y in POINTS)
    (place / "one" / "a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    opened = albums.get("one")
    assert opened.training.source == f"ibug:{place / 'one'}"
    labels = LabelFile(place / "one", IBUG)
    labels.write(place / "one" / "a.png", [Face(POINTS)])
    opened.album.replace_labels(labels)
    opened.refresh()
    assert opened.training.source == labels.source != f"ibug:{place / 'one'}"
    assert json.loads((place / "one" / LABELS).read_text("utf-8"))


def test_a_refresh_of_a_deleted_folder_is_no_error(albums, place):
    opened = albums.get("one")
    shutil.rmtree(place / "one")
    opened.refresh()
    assert names(opened) == ["a.png"]


def test_requests_at_the_same_time_open_a_folder_once(albums):
    count = 8
    together = Barrier(count)

    def get(_):
        together.wait()
        return albums.get("one")

    with ThreadPoolExecutor(count) as pool:
        opened = list(pool.map(get, range(count)))
    assert all(each is opened[0] for each in opened)
    assert len(albums.all) == 1


def test_all_trainings_are_stopped(albums, monkeypatch):
    closed = []
    monkeypatch.setattr(TrainingProcess, "close", lambda training: closed.append(training))
    albums.close()
    assert closed == []
    opened = [albums.get("one"), albums.get("two")]
    albums.close()
    assert closed == [each.training for each in opened]


def test_albums_without_a_training_are_closed(albums):
    albums.get("one")
    albums.close()
    assert albums.get(None).training.status().state == "none"
