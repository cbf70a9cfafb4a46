"""Saved labels are read back unchanged by the format's own reader, conflicts are detected, and nothing is lost."""

import json
import subprocess
import sys

import numpy as np
import pytest

from nasion import datasets, images
from nasion.datasets.convert import convert
from nasion.datasets.drawn import DrawnFace, render_face
from nasion.datasets.formats import _writing
from nasion.datasets.formats.ibug import parse_pts, pts_text
from nasion.errors import AnnotationError, ConfigError, OutputError
from nasion.skeleton import load_skeleton
from nasion.studio.albums import album as album_module
from nasion.studio.albums import progress as progress_module
from nasion.studio.albums.album import AlbumImage, ConflictError, version
from nasion.studio.albums.label_store import Face
from nasion.studio.albums.opening import PROGRESS, open_album

IBUG = load_skeleton("ibug-68")


def first_face(album, number):
    """Return the labels (K, 2) of the first face of an image; None without labels."""
    faces = album.faces(number)
    return faces[0] if faces else None


def save(album, number, points, seen, done):
    """Save the only face of an image."""
    origin = 0 if album.faces(number) else None
    return album.save(number, [Face(points, origin)], seen, "done" if done else "todo", is_changed=False)


def synthetic(person, skeleton="ibug-68"):
    return render_face(5, person, 0, skeleton)


SKELETONS = {"imm": "imm-58"}
WITH_MISSING = ("csv", "coco", "dlib")
FILES = {"csv": "faces.csv", "coco": "faces.json", "dlib": "faces.xml", "wflw": "faces.txt"}
STYLE = "<?xml version='1.0' encoding='ISO-8859-1'?>\n<?xml-stylesheet type='text/xsl' href='style.xsl'?>\n"


@pytest.fixture(params=["folder", "ibug", "imm", "csv", "coco", "dlib", "wflw"])
def source_of_kind(request, tmp_path):
    """Return the kind, a source with two labeled images (a folder: a third without labels), and the labels."""
    kind = request.param
    faces = [synthetic(k, SKELETONS.get(kind, "ibug-68")) for k in range(2)]
    if kind == "wflw":  # synthetic faces have at most 68 points, so 30 of them count twice
        faces = [DrawnFace(face.image, np.concatenate([face.keypoints, face.keypoints[:30]])) for face in faces]
    rows = ["image,note,person," + ",".join(f"x{k},y{k}" for k in range(68))]
    for k, face in enumerate(faces):
        name = f"{k + 1:02}-1m"
        images.write(tmp_path / f"{name}.png" if kind != "imm" else tmp_path / f"{name}.jpg", face.image)
        if kind in ("folder", "ibug"):
            lines = "".join(f"{x:.4f} {y:.4f}\n" for x, y in face.keypoints + 1)
            (tmp_path / f"{name}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
        if kind == "imm":
            height, width = face.image.shape[:2]
            lines = "".join(
                f"0 \t0 \t{x / width:.8f} \t{y / height:.8f} \t{j} \t{j} \t{j}\n"
                for j, (x, y) in enumerate(face.keypoints)
            )
            (tmp_path / f"{name}.asf").write_text(f"# a comment\n\n58\n\n# path\n{lines}\n#\n{name}.jpg\n")
        rows.append(f'{name}.png,"a, b",x{k},' + ",".join(f"{v:.4f}" for v in face.keypoints.ravel()))
    if kind == "csv":
        (tmp_path / "faces.csv").write_text("\n".join(rows) + "\n")
    if kind == "coco":
        entries = [
            {"id": k, "image_id": k, "area": 7, "keypoints": np.insert(face.keypoints, 2, 1, axis=1).ravel().tolist()}
            for k, face in enumerate(faces)
        ]
        files = [{"id": k, "file_name": f"{k + 1:02}-1m.png"} for k in range(2)]
        whole = {"info": "é", "images": files, "annotations": entries}
        (tmp_path / "faces.json").write_text(json.dumps(whole, indent=1))
    if kind == "dlib":
        boxes = "".join(
            f"  <image file='{k + 1:02}-1m.png'>\n    <!-- who? -->\n"
            "    <box top='1' left='1' width='5' height='5' ignore='1'/>\n"
            "    <box top='1' left='1' width='99' height='99'>\n      <label>é</label>\n"
            + "".join(
                f"      <part name='{j:02}' x='{x:.0f}' y='{y:.0f}'/>\n" for j, (x, y) in enumerate(face.keypoints)
            )
            + "    </box>\n  </image>\n"
            for k, face in enumerate(faces)
        )
        text = f"{STYLE}<dataset>\n<name>x</name>\n<images>\n{boxes}</images>\n</dataset>\n"
        (tmp_path / "faces.xml").write_text(text, "latin-1")
    if kind == "wflw":
        lines = [
            " ".join(f"{value:.6f}" for value in face.keypoints.ravel()) + f" 1 2 30 40 0 1 0 1 0 1 {k + 1:02}-1m.png\n"
            for k, face in enumerate(faces)
        ]
        (tmp_path / "faces.txt").write_text("".join(lines))
    if kind == "folder":
        images.write(tmp_path / "new.png", synthetic(2).image)
    place = tmp_path / FILES.get(kind, "")
    return kind, str(place) if kind == "folder" else f"{kind}:{place}", [face.keypoints for face in faces]


def tolerance(kind):
    """Return the largest rounding error of a format's coordinates, px."""
    return 0.501 if kind == "dlib" else 2e-3


def test_saved_labels_are_read_back_by_the_reader(source_of_kind, tmp_path):
    kind, source, before = source_of_kind
    album = open_album(source, IBUG)
    assert len(album.entries) == (3 if kind == "folder" else 2)
    number = next(k for k, entry in enumerate(album.entries) if entry.path.stem == "01-1m")
    assert first_face(album, number) == pytest.approx(before[0], abs=tolerance(kind))
    originals = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    others = {path: path.read_bytes() for path in tmp_path.iterdir() if "01" not in path.name}
    new = before[0] + [1.25, -2.5]
    seen = save(album, number, new, album.version(number), done=True)
    assert seen == album.version(number)
    faces = datasets.load(album.source)
    again = {face.image.stem: face.keypoints for face in faces.annotations}
    assert again["01-1m"] == pytest.approx(new, abs=tolerance(kind))
    assert again["02-1m"] == pytest.approx(before[1], abs=tolerance(kind))
    kept = list(tmp_path.glob("*.orig"))
    assert len(kept) == 1
    save(album, number, before[0], seen, done=False)
    assert kept[0].read_bytes() == originals[kept[0].name.removesuffix(".orig")]
    for path, content in others.items():
        if path.name != FILES.get(kind):
            assert path.read_bytes() == content
    if kind == "csv":
        assert '"a, b",x1,' in (tmp_path / "faces.csv").read_text()
    if kind == "imm":
        assert (tmp_path / "01-1m.asf").read_text().startswith("# a comment\n\n58\n")
    if kind == "coco":
        text = (tmp_path / "faces.json").read_text("utf-8")
        assert '\n "info": "é"' in text
        assert json.loads(text)["annotations"][0]["area"] == 7
        assert set(json.loads(text)["annotations"][0]["keypoints"][2::3]) == {1.0}
    if kind == "dlib":
        text = (tmp_path / "faces.xml").read_text("latin-1")
        assert text.startswith(STYLE)
        for unchanged in ("<!-- who? -->", "<label>é</label>", 'ignore="1"', "<name>x</name>"):
            assert unchanged in text
    if kind == "wflw":
        assert " 1 2 30 40 0 1 0 1 0 1 01-1m.png\n" in (tmp_path / "faces.txt").read_text()


def test_progress_survives_a_restart_and_damage(source_of_kind):
    _, source, before = source_of_kind
    album = open_album(source, IBUG)
    number = next(k for k, entry in enumerate(album.entries) if entry.path.stem == "02-1m")
    save(album, number, before[1], album.version(number), done=True)
    again = open_album(source, IBUG)
    assert again.progress.done == {again.entries[number].name}
    again.progress.path.write_text("not json")
    assert open_album(source, IBUG).progress.done == set()


def test_saving_on_labels_that_changed_is_a_conflict(source_of_kind):
    kind, source, before = source_of_kind
    one, two = open_album(source, IBUG), open_album(source, IBUG)
    seen = one.version(0)
    save(one, 0, before[0] + 3, seen, done=True)
    with pytest.raises(ConflictError):
        save(two, 0, before[0] + 2, seen, done=True)
    with pytest.raises(ConflictError):
        save(one, 0, before[0] + 2, seen, done=True)
    assert first_face(one, 0) == pytest.approx(before[0] + 3, abs=tolerance(kind))
    save(two, 0, before[0] + 2, two.version(0), done=True)


def test_missing_points_are_saved_only_in_formats_that_can_store_them(source_of_kind):
    kind, source, before = source_of_kind
    album = open_album(source, IBUG)
    hidden = before[0].copy()
    hidden[7] = np.nan
    if kind in WITH_MISSING:
        save(album, 0, hidden, album.version(0), done=False)
        assert np.isnan(first_face(album, 0)[7]).all()
        assert first_face(album, 0)[8] == pytest.approx(hidden[8], abs=tolerance(kind))
        assert np.isnan(datasets.load(source).annotations[0].keypoints[7]).all()
        save(album, 0, before[0], album.version(0), done=False)
        assert first_face(album, 0) == pytest.approx(before[0], abs=tolerance(kind))
    else:
        with pytest.raises(AnnotationError, match="cannot store missing points"):
            save(album, 0, hidden, album.version(0), done=False)
        assert first_face(album, 0) == pytest.approx(before[0], abs=tolerance(kind))


def test_images_of_the_same_name_in_two_folders_are_not_mixed_up(tmp_path):
    faces = [synthetic(k) for k in range(2)]
    rows = ["image," + ",".join(f"x{k},y{k}" for k in range(68))]
    for folder, face in zip("ab", faces, strict=True):
        images.write(tmp_path / folder / "1.png", face.image)
        rows.append(f"{folder}/1.png," + ",".join(f"{v:.4f}" for v in face.keypoints.ravel()))
    (tmp_path / "faces.csv").write_text("\n".join(rows) + "\n")
    album = open_album(f"csv:{tmp_path}/faces.csv", IBUG)
    save(album, 1, faces[1].keypoints + 5, album.version(1), done=True)
    assert first_face(album, 0) == pytest.approx(faces[0].keypoints, abs=1e-3)
    assert first_face(album, 1) == pytest.approx(faces[1].keypoints + 5, abs=1e-3)


def test_the_last_dlib_part_of_a_name_cannot_be_removed(tmp_path):
    images.write(tmp_path / "a.png", synthetic(0).image)
    parts = "".join(f"<part name='{k}' x='{5 * k}' y='{k}'/>" for k in range(3))
    box = f"<box top='1' left='1' width='9' height='9'>{parts}</box>"
    (tmp_path / "faces.xml").write_text(f"<dataset><images><image file='a.png'>{box}</image></images></dataset>")
    album = open_album(f"dlib:{tmp_path}/faces.xml", IBUG)
    hidden = first_face(album, 0)
    hidden[1] = np.nan
    with pytest.raises(AnnotationError, match="a part that no other face has"):
        save(album, 0, hidden, album.version(0), done=True)
    assert not list(tmp_path.glob("*.orig"))


@pytest.mark.slow
def test_a_process_killed_while_saving_leaves_whole_files(tmp_path):
    """Whenever the process dies, the labels are either the old or the new ones, and the backup is complete."""
    images.write(tmp_path / "a.png", synthetic(0).image)
    before = synthetic(0).keypoints
    (tmp_path / "a.pts").write_text(pts_text(before))
    first = (tmp_path / "a.pts").read_bytes()
    for doomed in range(60):
        (tmp_path / "a.pts.orig").unlink(missing_ok=True)
        (tmp_path / "a.pts").write_bytes(first)
        ended = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), str(doomed)], timeout=60, check=False)
        text = (tmp_path / "a.pts").read_bytes()
        assert text == first or parse_pts(text.decode()) == pytest.approx(before + 2, abs=1e-3)  # 1-based, 1 px on
        if (tmp_path / "a.pts.orig").exists():
            assert (tmp_path / "a.pts.orig").read_bytes() == first
        if ended.returncode == 0:
            break
        assert ended.returncode == KILLED
    assert doomed > 8
    assert text != first


KILLED = 9
DYING = """
import os, sys
from nasion.skeleton import load_skeleton
from nasion.studio.albums.label_store import Face
from nasion.studio.albums.opening import open_album

album = open_album(sys.argv[1], load_skeleton("ibug-68"))
points, seen, left = album.faces(0)[0] + 1, album.version(0), int(sys.argv[2])

def watch(event, _):
    global left
    if event in ("open", "os.rename", "os.chmod", "tempfile.mkstemp"):
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(watch)
album.save(0, [Face(points, 0)], seen, "done")
"""


def test_an_image_without_labels_gets_a_label_file_beside_those_of_the_others(tmp_path):
    images.write(tmp_path / "a.png", synthetic(0).image)
    images.write(tmp_path / "b.png", synthetic(1).image)
    (tmp_path / "b.pts").write_text(pts_text(synthetic(1).keypoints))
    album = open_album(str(tmp_path), IBUG)
    assert first_face(album, 0) is None
    assert album.labeled == {1}
    save(album, 0, synthetic(0).keypoints, "new", done=True)
    assert datasets.load(f"ibug:{tmp_path}").annotations[0].keypoints == pytest.approx(synthetic(0).keypoints, abs=2e-3)
    assert not list(tmp_path.glob("*.orig"))


def test_a_failed_save_leaves_the_old_labels(source_of_kind, monkeypatch):
    kind, source, before = source_of_kind
    album = open_album(source, IBUG)

    def full(path, _data):
        raise OutputError(f"cannot write {path}: no space left")

    monkeypatch.setattr(_writing, "write_bytes", full)
    with pytest.raises(OutputError):
        save(album, 0, before[0] + 1, album.version(0), done=True)
    assert first_face(album, 0) == pytest.approx(before[0], abs=tolerance(kind))
    assert album.progress.done == set()


def test_a_deleted_image_is_an_error_of_one_line(tmp_path):
    inside = tmp_path / "faces"
    images.write(inside / "a.png", synthetic(0).image)
    album = open_album(str(inside), IBUG)
    (inside / "a.png").unlink()
    inside.rmdir()
    with pytest.raises(Exception, match=r"a\.png") as error:
        album.read_image(0)
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="image 5 does not exist"):
        album.entry(5)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.zeros((69, 2)), np.zeros((0, 2))])
def test_a_wrong_number_of_points_is_rejected(tmp_path, points):
    images.write(tmp_path / "a.png", synthetic(0).image)
    with pytest.raises(AnnotationError, match="68 points"):
        save(open_album(str(tmp_path), IBUG), 0, points, "new", done=True)


def test_labels_are_saved_even_if_progress_cannot_be_written(tmp_path, monkeypatch):
    """The version returned is that of the file, so the page can save again."""
    images.write(tmp_path / "a.png", synthetic(0).image)
    album = open_album(str(tmp_path), IBUG)

    def full(path, _text):
        raise OutputError(f"cannot write {path}: no space left")

    monkeypatch.setattr(progress_module, "write_text", full)
    seen = save(album, 0, synthetic(0).keypoints, "new", done=True)
    assert "no space left" in album.notice
    assert save(album, 0, synthetic(0).keypoints + 1, seen, done=True) == album.version(0)


def test_two_servers_on_one_folder_keep_each_others_progress(tmp_path):
    for name in "ab":
        images.write(tmp_path / f"{name}.png", synthetic(0).image)
    one, other = (open_album(str(tmp_path), IBUG) for _ in range(2))
    save(one, 0, synthetic(0).keypoints, "new", done=True)
    save(other, 1, synthetic(0).keypoints, "new", done=True)
    assert open_album(str(tmp_path), IBUG).progress.done == {"a.png", "b.png"}


def test_two_servers_on_one_file_do_not_undo_each_others_saves(tmp_path):
    """Each server reads the table, changes one row and writes the table; in between, the other would lose its row."""
    from concurrent.futures import ThreadPoolExecutor

    header = "image," + ",".join(f"x{k},y{k}" for k in range(68))
    rows = [f"{name}.png," + ",".join("5,6" for _ in range(68)) for name in "ab"]
    for name in "ab":
        images.write(tmp_path / f"{name}.png", synthetic(0).image)
    (tmp_path / "faces.csv").write_text("\n".join([header, *rows]))
    one, other = (open_album(f"csv:{tmp_path / 'faces.csv'}", IBUG) for _ in range(2))

    def save_often(album, number):
        for k in range(1, 9):
            save(album, number, np.full((68, 2), 5.0 + k), album.version(number), done=False)

    with ThreadPoolExecutor() as pool:
        list(pool.map(save_often, (one, other), (0, 1)))
    assert [face.keypoints[0].tolist() for face in datasets.load(one.source).annotations] == [[13, 13], [13, 13]]


def test_a_folder_that_another_program_is_saving_to_is_an_error_of_one_line(tmp_path, monkeypatch):
    from filelock import FileLock

    images.write(tmp_path / "a.png", synthetic(0).image)
    album = open_album(str(tmp_path), IBUG)
    monkeypatch.setattr(album_module, "LOCK_S", 0.05)
    with (
        FileLock(tmp_path / f".{PROGRESS}.lock"),
        pytest.raises(OutputError, match="another program is saving labels there; try again"),
    ):
        save(album, 0, synthetic(0).keypoints, "new", done=True)


def test_progress_is_plain_json(tmp_path):
    images.write(tmp_path / "a.png", synthetic(0).image)
    album = open_album(str(tmp_path), IBUG)
    save(album, 0, synthetic(0).keypoints, "new", done=True)
    assert json.loads((tmp_path / PROGRESS).read_text()) == {"done": ["a.png"]}


def test_images_are_numbered_from_zero(tmp_path):
    for name in ("b.png", "a.png"):
        images.write(tmp_path / name, synthetic(0).image)
    album = open_album(str(tmp_path), IBUG)
    assert [album.entry(number).name for number in range(2)] == ["a.png", "b.png"]
    for number in (-1, 2):
        with pytest.raises(ConfigError, match=f"image {number} does not exist; this folder has images 0 to 1"):
            album.entry(number)


def test_an_image_of_a_table_has_all_its_faces(tmp_path):
    images.write(tmp_path / "in" / "two.png", synthetic(0).image)
    points = synthetic(0).keypoints
    rows = [",".join(["in/two.png", *(f"{v:.3f}" for v in (points + k).ravel())]) for k in range(2)]
    header = "image," + ",".join(f"x{k},y{k}" for k in range(68))
    (tmp_path / "faces.csv").write_text("\n".join([header, *rows]) + "\n")
    album = open_album(f"csv:{tmp_path}/faces.csv", IBUG)
    assert album.entries == [AlbumImage("in/two.png", tmp_path / "in" / "two.png")]
    assert album.progress.path == tmp_path / "faces.csv-nasion-progress.json"
    first, second = album.faces(0)
    assert second == pytest.approx(points + 1, abs=2e-3)
    album.save(0, [Face(first + 5, 0), Face(second - 3, 1)], album.version(0))
    again = [face.keypoints for face in datasets.load(f"csv:{tmp_path}/faces.csv").annotations]
    assert again[0] == pytest.approx(points + 5, abs=2e-3)
    assert again[1] == pytest.approx(points - 2, abs=2e-3)


@pytest.mark.parametrize("faces", [None, [], "one", "three", "swapped"])
def test_faces_are_neither_added_to_nor_removed_from_files_of_other_programs(tmp_path, faces):
    images.write(tmp_path / "two.png", synthetic(0).image)
    points = synthetic(0).keypoints
    rows = [",".join(["two.png", *(f"{v:.3f}" for v in (points + k).ravel())]) for k in range(2)]
    header = "image," + ",".join(f"x{k},y{k}" for k in range(68))
    (tmp_path / "faces.csv").write_text("\n".join([header, *rows]) + "\n")
    before = (tmp_path / "faces.csv").read_text()
    album = open_album(f"csv:{tmp_path}/faces.csv", IBUG)
    both = [Face(points, 0), Face(points, 1)]
    given = {"one": both[:1], "three": [*both, Face(points)], "swapped": both[::-1]}.get(str(faces), faces)
    with pytest.raises(AnnotationError, match=r"two\.png: faces cannot be added to or removed from \.csv files"):
        album.save(0, given, album.version(0))
    assert (tmp_path / "faces.csv").read_text() == before


def test_damaged_labels_are_an_error_that_names_the_image(tmp_path):
    images.write(tmp_path / "a.png", synthetic(0).image)
    (tmp_path / "a.pts").write_text(pts_text(synthetic(0).keypoints))
    album = open_album(str(tmp_path), IBUG)
    (tmp_path / "a.pts").write_text("version: 1\nn_points: 2\n{\n1 2\n3 4\n}\n")
    with pytest.raises(AnnotationError, match=r"a\.png: its labels have 2 points, but ibug-68 has 68"):
        album.faces(0)
    (tmp_path / "a.pts").write_text("version: 1\nn_points: 68\n{\n1 x\n}\n")
    with pytest.raises(AnnotationError, match=r"a\.png: its labels cannot be read any more \(.*'x'\)"):
        album.faces(0)


def test_a_face_is_done_only_if_the_user_says_so(tmp_path):
    images.write(tmp_path / "a.png", synthetic(0).image)
    album = open_album(str(tmp_path), IBUG)
    seen = save(album, 0, synthetic(0).keypoints, "new", done=False)
    assert (album.labeled, album.progress.done, album.progress.path.exists()) == ({0}, set(), False)
    save(album, 0, synthetic(0).keypoints, seen, done=True)
    assert album.progress.done == {"a.png"}


def test_the_version_depends_on_hundredths_of_a_pixel_on_faces_and_on_the_state():
    points = np.arange(10.0).reshape(5, 2)
    assert version([points]) == version([points + 0.004])
    others = [[points + 0.006], [points, points], [], None]
    assert len({version(each) for each in [[points], *others]}) == 5
    assert len({version([points], state) for state in ("todo", "done")}) == 2
    assert len(version([points])) == 16


@pytest.mark.parametrize("form", ["cvat", "labelme", "labelstudio", "yolo"])
def test_labels_of_other_programs_are_corrected(tmp_path, form):
    convert("synthetic:4?skeleton=ibug-68", target := f"{form}:{tmp_path / 'faces'}")
    album = open_album(target, IBUG)
    before = [first_face(album, number) for number in range(4)]
    moved = before[2] + [1.5, -2.25]
    moved[7] = np.nan
    save(album, 2, moved, album.version(2), done=True)
    again = open_album(target, IBUG)
    assert len(again.progress.done) == 1
    for number, points in enumerate((before[0], before[1], moved, before[3])):
        np.testing.assert_allclose(first_face(again, number), points, atol=1e-3)
    assert datasets.load(target).problems == ()


def test_an_image_beside_label_files_is_marked_as_showing_no_face(tmp_path):
    for k, name in enumerate(("a", "b")):
        images.write(tmp_path / f"{name}.png", synthetic(k).image)
    (tmp_path / "a.pts").write_text(pts_text(synthetic(0).keypoints))
    album = open_album(str(tmp_path), IBUG)
    seen = album.save(1, [], "new", "no_face", is_changed=False)
    assert (album.state(1), album.faces(1), (tmp_path / "b.pts").exists()) == ("no_face", None, False)
    assert open_album(str(tmp_path), IBUG).state(1) == "no_face"
    assert album.save(1, None, seen) == "new"
    with pytest.raises(AnnotationError, match="cannot be added to or removed from"):
        album.save(0, [], album.version(0), "no_face")
    assert (tmp_path / "a.pts").is_file()
