"""Labels leave an album in every format and come back unchanged."""

import io
import json
import zipfile

import numpy as np
import pytest

from nasion import images
from nasion.datasets.convert import writable_formats
from nasion.datasets.drawn import render_face
from nasion.datasets.folders import LABELS
from nasion.datasets.formats.ibug import pts_text
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import load_skeleton
from nasion.studio.albums.exchange import export_labels, formats, import_labels, to_label_file
from nasion.studio.albums.label_store import Face
from nasion.studio.albums.opening import open_album

SKELETONS = {"imm": "imm-58", "wflw": "wflw-98"}


def points_of(skeleton, shift=0.0):
    count = load_skeleton(skeleton).count
    points = np.concatenate([render_face(5, 0, 0, "ibug-68").keypoints, np.arange(60).reshape(30, 2) + 40.0])
    return np.round(points[:count] + shift)


def folder_with_images(place):
    for name in ("one.png", "in/two.png", "none.png"):
        images.write(place / name, np.full((400, 500, 3), 90, np.uint8))
    return place


@pytest.mark.parametrize("form", writable_formats())
def test_exported_labels_can_be_imported(tmp_path, form):
    skeleton = load_skeleton(SKELETONS.get(form, "ibug-68"))
    album = open_album(str(folder_with_images(tmp_path / "a")), skeleton)
    several = form not in ("ibug", "imm")
    names = {entry.name: number for number, entry in enumerate(album.entries)}
    album.save(
        names["one.png"], [Face(points_of(skeleton.name)), *([Face(points_of(skeleton.name, 9))] * several)], "new"
    )
    album.save(names["in/two.png"], [Face(points_of(skeleton.name, 3))], "new")
    export = export_labels(album, form)
    other = open_album(str(folder_with_images(tmp_path / "b")), load_skeleton("nose-1"))
    content = export.content
    if export.name.endswith(".zip"):
        assert export.name == f"a-{form}.zip"
        archive = zipfile.ZipFile(io.BytesIO(content))
        assert not [name for name in archive.namelist() if name.endswith(".png")]
        archive.extractall(tmp_path / "b")
        content = None
        if form == "yolo":  # its images are below a folder "images"
            for name in ("one.png", "in/two.png"):
                (tmp_path / "b" / "images" / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / "b" / name).rename(tmp_path / "b" / "images" / name)
            other = open_album(str(tmp_path / "b"), load_skeleton("nose-1"))
    if other.labels.form == ".pts":
        pytest.fail("the images were opened before their .pts files were there")
    summary = import_labels(other, form, content)
    assert (summary.images, summary.faces, summary.elsewhere, summary.problems) == (2, 2 + several, 0, [])
    found = {entry.name.removeprefix("images/"): other.faces(number) for number, entry in enumerate(other.entries)}
    assert found["none.png"] is None
    np.testing.assert_allclose(found["in/two.png"], [points_of(skeleton.name, 3)], atol=1e-3)
    np.testing.assert_allclose(found["one.png"][0], points_of(skeleton.name), atol=1e-3)
    assert other.skeleton.count == skeleton.count
    assert not list((tmp_path / "b").glob(".nasion-import*"))


def test_what_a_format_cannot_store_is_said(tmp_path):
    album = open_album(str(folder_with_images(tmp_path)), load_skeleton("ibug-68"))
    album.save(0, [Face(points_of("ibug-68")), Face(points_of("ibug-68", 5))], "new")
    export = export_labels(album, "ibug")
    assert "several faces per image" in export.lost
    assert sorted(zipfile.ZipFile(io.BytesIO(export.content)).namelist()) == ["in/two.pts", "in/two_1.pts"]
    with pytest.raises(ConfigError, match="wflw stores wflw-98 only"):
        export_labels(album, "wflw")
    with pytest.raises(ConfigError, match='unknown data format "nonsense"'):
        export_labels(album, "nonsense")


def test_without_labels_there_is_nothing_to_export(tmp_path):
    album = open_album(str(folder_with_images(tmp_path)), load_skeleton("ibug-68"))
    with pytest.raises(AnnotationError, match="label a face first"):
        export_labels(album, "coco")


def test_an_import_keeps_existing_labels_unless_it_replaces_them(tmp_path):
    ibug = load_skeleton("ibug-68")
    album = open_album(str(folder_with_images(tmp_path / "a")), ibug)
    album.save(0, [Face(points_of("ibug-68"))], "new")
    album.save(1, [], "new", "no_face")
    content = export_labels(album, "coco").content
    other = open_album(str(folder_with_images(tmp_path / "b")), ibug)
    other.save(0, [Face(points_of("ibug-68", 7))], "new")
    summary = import_labels(other, "coco", content)
    assert (summary.images, summary.kept) == (1, 1)
    np.testing.assert_allclose(other.faces(0), [points_of("ibug-68", 7)])
    assert (other.state(1), other.faces(1)) == ("no_face", [])
    import_labels(other, "coco", content, replace=True)
    np.testing.assert_allclose(other.faces(0), [points_of("ibug-68")])


def test_labels_of_other_images_and_other_points_are_refused(tmp_path):
    ibug = load_skeleton("ibug-68")
    album = open_album(str(folder_with_images(tmp_path)), ibug)
    album.save(0, [Face(points_of("ibug-68"))], "new")
    table = "image,x0,y0\n" + "none.png,3,4\n"
    with pytest.raises(AnnotationError, match="labeled with ibug-68; import them into another folder"):
        import_labels(album, "csv", table.encode())
    with pytest.raises(AnnotationError):
        import_labels(album, "csv", b"image,x0,y0\n/etc/passwd,3,4\n")
    with pytest.raises(ConfigError, match="choose it"):
        import_labels(album, "csv", None)
    with pytest.raises(ConfigError, match='"nonsense" is not a label format'):
        import_labels(album, "nonsense", b"")
    assert not list(tmp_path.glob(".nasion-import*"))


def test_labels_in_other_files_become_a_project_and_stay_as_they_are(tmp_path):
    place = folder_with_images(tmp_path)
    text = pts_text(points_of("ibug-68"))
    (place / "one.pts").write_text(text)
    album = open_album(str(place), load_skeleton("ibug-68"))
    assert (album.labels.form, album.labels.adds) == (".pts", False)
    to_label_file(album)
    assert (album.labels.form, album.labels.adds) == (LABELS, True)
    number = next(k for k, entry in enumerate(album.entries) if entry.name == "one.png")
    album.save(number, [Face(points_of("ibug-68", 4), 0), Face(points_of("ibug-68"))], album.version(number))
    assert (place / "one.pts").read_text() == text
    assert len(json.loads((place / LABELS).read_text())["images"][0]["faces"]) == 2
    assert open_album(str(place), load_skeleton("ibug-68")).labels.form == LABELS


def test_formats_are_described():
    found = {each.name: each for each in formats()}
    assert sorted(found) == writable_formats()
    assert [name for name, each in found.items() if each.is_folder] == ["ibug", "imm", "labelme", "yolo"]
    assert all(each.title for each in found.values())
