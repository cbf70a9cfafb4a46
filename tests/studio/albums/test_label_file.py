"""nasion-labels.json: several faces per image, images without a face, and nothing lost."""

import json

import numpy as np
import pytest

from nasion import datasets, images
from nasion.datasets.drawn import render_face
from nasion.datasets.folders import LABELS
from nasion.errors import AnnotationError, ConfigError, OutputError
from nasion.outputs.schema import KeypointsFile
from nasion.skeleton import load_skeleton
from nasion.studio.albums import label_file
from nasion.studio.albums.album import ConflictError
from nasion.studio.albums.label_file import LabelFile, stored_skeleton
from nasion.studio.albums.label_store import Face
from nasion.studio.albums.opening import open_album

IBUG = load_skeleton("ibug-68")
POINTS = render_face(5, 0, 0, "ibug-68").keypoints


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "in/b.png", "c.png"):
        images.write(tmp_path / name, np.full((60, 80, 3), 90, np.uint8))
    return tmp_path


def test_faces_are_added_moved_and_deleted(folder):
    album = open_album(str(folder), IBUG)
    assert (album.labels.form, album.labels.adds, album.faces(0)) == (LABELS, True, None)
    seen = album.save(0, [Face(POINTS), Face(POINTS + 30)], "new")
    assert [len(album.faces(0)), album.counts[folder / "a.png"], album.labeled] == [2, 2, {0}]
    hidden = POINTS + 31
    hidden[7] = np.nan
    seen = album.save(0, [Face(hidden, 1)], seen, "done")
    np.testing.assert_allclose(album.faces(0), [hidden], atol=1e-3)
    faces = datasets.load(album.source)
    assert (len(faces), faces.skeleton.name, faces.annotations[0].face) == (1, "ibug-68", 0)
    assert album.save(0, None, seen) == "new"
    assert album.faces(0) is None


def test_the_file_has_the_form_of_keypoints_json(folder):
    album = open_album(str(folder), IBUG)
    album.save(1, [], "new", "no_face")
    album.save(2, [Face(POINTS)], "new")
    document = KeypointsFile.model_validate_json((folder / LABELS).read_text())
    assert [(each.image, each.width, each.height, len(each.faces)) for each in document.images] == [
        ("c.png", 80, 60, 0),
        ("in/b.png", 80, 60, 1),
    ]
    assert [path.name for path in datasets.load(album.source).empty_images] == ["c.png"]


def test_no_face_is_a_state_and_excludes_faces(folder):
    album = open_album(str(folder), IBUG)
    seen = album.save(0, [], "new", "no_face")
    assert (album.state(0), open_album(str(folder), IBUG).state(0)) == ("no_face", "no_face")
    with pytest.raises(ConfigError, match=r'a\.png: an image with faces cannot be marked "No face"'):
        album.save(0, [Face(POINTS)], seen, "no_face")
    with pytest.raises(ConfigError, match=r'a\.png: an image without faces is not "done"'):
        album.save(0, [], seen, "done")
    seen = album.save(0, None, seen)
    assert (album.state(0), seen) == ("todo", "new")


def test_a_face_keeps_what_else_is_known_about_it(folder):
    face = {"face": 0, "score": 0.5, "box": [1, 2, 30, 40], "keypoints": POINTS.tolist(), "spread_px": [1.0] * 68}
    face |= {"ellipses": None, "subject": "anna", "split": "test"}
    entry = {"image": "a.png", "width": 80, "height": 60, "faces": [face]}
    header = {"schema_version": 1, "nasion_version": "1", "model": None, "skeleton": "ibug-68"}
    document = {**header, "point_names": list(IBUG.names), "images": [entry]}
    (folder / LABELS).write_text(json.dumps(document))
    album = open_album(str(folder), IBUG)
    album.save(0, [Face(POINTS + 5), Face(POINTS + 1, 0)], album.version(0))
    new, moved = json.loads((folder / LABELS).read_text())["images"][0]["faces"]
    assert (new["face"], "subject" in new) == (0, False)
    assert (moved["face"], moved["subject"], moved["split"], moved["box"]) == (1, "anna", "test", [1, 2, 30, 40])
    assert (moved["score"], moved["spread_px"]) == (None, None)


def test_two_albums_on_one_folder_see_each_other_and_overwrite_nothing(folder):
    one, other = open_album(str(folder), IBUG), open_album(str(folder), IBUG)
    one.save(0, [Face(POINTS)], "new", "done")
    other.save(1, [Face(POINTS)], "new", "done")
    with pytest.raises(ConflictError):
        other.save(0, [Face(POINTS + 1)], "new")
    assert len(one.faces(1)) == len(other.faces(0)) == 1
    assert open_album(str(folder), IBUG).progress.done == {"a.png", "c.png"}


def test_a_full_disk_changes_nothing(folder, monkeypatch):
    album = open_album(str(folder), IBUG)
    seen = album.save(0, [Face(POINTS)], "new")
    before = (folder / LABELS).read_bytes()

    def full(path, _data):
        raise OutputError(f"cannot write {path}: no space left on device; choose another location")

    monkeypatch.setattr(label_file, "write_bytes", full)
    with pytest.raises(OutputError, match="no space left"):
        album.save(0, [Face(POINTS + 1)], seen)
    monkeypatch.undo()
    assert (folder / LABELS).read_bytes() == before
    album.save(0, [Face(POINTS + 1)], seen)
    np.testing.assert_allclose(album.faces(0)[0], POINTS + 1, atol=1e-3)


def test_a_full_disk_for_the_history_changes_nothing(folder, monkeypatch):
    album = open_album(str(folder), IBUG)

    def full(*_arguments):
        raise OutputError("cannot write the history: no space left on device")

    monkeypatch.setattr(album.history, "add", full)
    with pytest.raises(OutputError, match="no space left"):
        album.save(0, [Face(POINTS)], "new")
    assert album.faces(0) is None
    assert not (folder / LABELS).exists()


def test_an_own_skeleton_is_found_again(folder):
    (folder / "two.toml").write_text('count = 2\nnames = ["left", "right"]\nflip = "1 0"\n[regions]\nall = "0-1"\n')
    skeleton = load_skeleton(str(folder / "two.toml"))
    LabelFile(folder, skeleton).write_all({folder / "a.png": [Face(np.array([[1.0, 2], [3, 4]]))]})
    album = open_album(str(folder), IBUG)
    assert (album.skeleton.names, album.skeleton.flip) == (("left", "right"), (1, 0))
    assert album.source.endswith(f"{LABELS}?skeleton={folder / 'two.toml'}")
    assert datasets.load(album.source).skeleton.flip == (1, 0)
    (folder / "two.toml").write_text('count = 1\nnames = ["left"]\n[regions]\nall = "0"\n')
    with pytest.raises(AnnotationError, match=r"two\.toml has other points than .*nasion-labels\.json"):
        open_album(str(folder), IBUG)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "[]",
            "{}",
            '{"schema_version": 1}',
            '{"schema_version": 9, "images": [], "point_names": [], "skeleton": "x"}',
        ),
        '{"schema_version": 1, "images": [{}], "point_names": [], "skeleton": "x"}',
        '{"schema_version": 1, "images": [7], "point_names": [], "skeleton": "x"}',
        '{"schema_version": 1, "images": [{"image": 3, "faces": []}], "point_names": [], "skeleton": "x"}',
    ],
)
def test_a_damaged_file_is_an_error_of_one_line(folder, text):
    (folder / LABELS).write_text(text)
    with pytest.raises(AnnotationError, match=r"nasion-labels\.json"):
        open_album(str(folder), IBUG)


def test_labels_of_another_skeleton_are_not_mixed(folder):
    album = open_album(str(folder), IBUG)
    album.save(0, [Face(POINTS)], "new")
    with pytest.raises(AnnotationError, match="has the 68 points of ibug-68, not those of imm-58"):
        LabelFile(folder, load_skeleton("imm-58"))
    assert stored_skeleton(folder).names == IBUG.names


def test_links_that_leave_the_root_are_not_opened(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    images.write(outside / "secret.png", np.zeros((9, 9, 3), np.uint8))
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    album = open_album(str(folder), IBUG, inside=folder)
    assert [entry.name for entry in album.entries] == ["a.png", "c.png", "in/b.png"]
    assert len(open_album(str(folder), IBUG).entries) == 5
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to(outside / "secret.png")
    with pytest.raises(Exception, match=r"a\.png: a link leads out of"):
        album.read_image(0)
    with pytest.raises(Exception, match=r"a\.png: a link leads out of"):
        album.save(0, [Face(POINTS)], "new")


def test_images_copied_into_the_folder_later_get_new_numbers(folder):
    from nasion.studio.albums.opening import find_images

    album = open_album(str(folder), IBUG)
    images.write(folder / "0.png", np.zeros((9, 9, 3), np.uint8))
    before = album.changes
    album.add_images(find_images(folder))
    assert [entry.name for entry in album.entries] == ["a.png", "c.png", "in/b.png", "0.png"]
    assert [number for number, at in album.changed_at.items() if at > before] == [3]
