"""The contract that every label format keeps, checked on a small file of each."""

import json
from contextlib import suppress

import numpy as np
import pytest

from made_files import MAKERS, SIZE, shape
from nasion.datasets import available, load, module, parse
from nasion.datasets.write_back import labels_of, writable
from nasion.errors import AnnotationError, NasionError

ROUNDING_PX = {"dlib": 0.501}
"""Largest distance between written and read coordinates; dlib stores whole px."""


def opened(tmp_path, form):
    """Return the data set's name, its only face and its label files."""
    make, count = MAKERS[form]
    spec = make(tmp_path, shape(count))
    faces = load(spec)
    _, place, options = parse(spec)
    return spec, faces.annotations[0], labels_of(form, place, options, faces.skeleton)


def test_every_format_is_tested_here():
    assert {*MAKERS, "synthetic", "heads"} == set(available())


@pytest.mark.parametrize("form", available())
def test_description_starts_with_the_name(form):
    assert module(form).DESCRIPTION.startswith(f"{form}:")
    assert all(text for text in module(form).OPTIONS.values())


@pytest.mark.parametrize("form", MAKERS)
def test_keypoints_are_0_based_image_px(tmp_path, form):
    make, count = MAKERS[form]
    points = shape(count)
    faces = load(make(tmp_path, points))
    assert len(faces) == 1
    assert not faces.problems
    assert faces.annotations[0].keypoints == pytest.approx(points, abs=1e-4)
    assert faces.annotations[0].visible.all()
    assert faces.load(0).image.shape == (*SIZE, 3)
    assert faces.annotations[0].subject


@pytest.mark.parametrize("form", MAKERS)
def test_name_of_the_set_is_the_name_it_was_loaded_by(tmp_path, form):
    make, count = MAKERS[form]
    spec = make(tmp_path, shape(count))
    assert load(spec).name == spec


@pytest.mark.parametrize("form", MAKERS)
def test_missing_image_is_named(tmp_path, form):
    make, count = MAKERS[form]
    spec = make(tmp_path, shape(count))
    for path in [*tmp_path.rglob("*.jpg"), *tmp_path.rglob("*.png")]:
        path.unlink()
    with pytest.raises(AnnotationError, match=r"no labeled face could be read; .*its image .* is missing"):
        load(spec)


@pytest.mark.parametrize("form", MAKERS)
def test_missing_source_is_one_line(form, tmp_path):
    with pytest.raises(AnnotationError, match=r"no such (folder|file); check the path"):
        load(f"{form}:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe" * 50, b"{ not any of them <<"])
@pytest.mark.parametrize("form", ["dlib", "wflw", "coco", "csv", "csv-long", "cvat", "json", "labelstudio", "parquet"])
def test_garbage_is_one_line(form, content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(NasionError) as caught:  # for Parquet, also that pyarrow is missing
        load(f"{form}:{tmp_path / 'x'}")
    assert "\n" not in str(caught.value)


DOCUMENTS = {"coco": "a.json", "json": "a.json", "labelme": "a.json", "labelstudio": "a.json"}
"""The formats that are JSON, with their file."""


def variants(value):
    """Yield copies of a JSON value, each with one of its values replaced by one of another kind."""
    yield from ([None, 7, "text", [3], {"x": 1}, -1e308])
    items = value.items() if isinstance(value, dict) else list(enumerate(value))[:2] if isinstance(value, list) else ()
    for key, inner in items:
        for other in variants(inner):
            copy = value.copy()
            copy[key] = other
            yield copy


@pytest.mark.parametrize("form", DOCUMENTS)
def test_value_of_another_kind_is_one_line(tmp_path, form):
    make, count = MAKERS[form]
    spec = make(tmp_path, shape(count))
    path = tmp_path / DOCUMENTS[form]
    for document in variants(json.loads(path.read_text())):
        path.write_text(json.dumps(document))
        with suppress(NasionError):  # its message is one line
            assert all("\n" not in problem.reason for problem in load(spec).problems)


@pytest.mark.parametrize("form", ["coco", "json", "labelme", "labelstudio", "dlib", "cvat"])
def test_nested_document_is_one_line(tmp_path, form):
    make, count = MAKERS[form]
    spec = make(tmp_path, shape(count))
    path = next(path for path in tmp_path.iterdir() if path.suffix in (".json", ".xml"))
    path.write_text("<a>" * 5000 + "</a>" * 5000 if path.suffix == ".xml" else "[" * 5000 + "]" * 5000)
    with pytest.raises(AnnotationError, match="nested more than 64 deep"):
        load(spec)


@pytest.mark.parametrize("form", ["coco", "json", "dlib"])
def test_document_that_was_nested_in_the_meantime_is_one_line(tmp_path, form):
    _, face, labels = opened(tmp_path, form)
    path = next(path for path in tmp_path.iterdir() if path.suffix in (".json", ".xml"))
    path.write_text("<a>" * 5000 + "</a>" * 5000 if path.suffix == ".xml" else "[" * 5000 + "]" * 5000)
    for call in (lambda: labels.read(face.image, 0), lambda: labels.write(face.image, 0, face.keypoints)):
        with pytest.raises(AnnotationError, match="nested more than 64 deep"):
            call()


@pytest.mark.parametrize("form", ["coco", "csv", "csv-long", "cvat", "dlib", "json", "labelstudio", "parquet", "wflw"])
def test_files_larger_than_the_limit_are_not_read(tmp_path, monkeypatch, form):
    make, count = MAKERS[form]
    spec = make(tmp_path, shape(count))
    monkeypatch.setattr("nasion.datasets.formats._reading.MAX_BYTES", 50)
    with pytest.raises(AnnotationError, match=r"is not read: it is larger than 50 bytes$"):
        load(spec)


@pytest.mark.parametrize("form", ["imm", "ibug", "labelme"])
def test_empty_folder_is_one_line(form, tmp_path):
    with pytest.raises(AnnotationError, match=r"no labeled face could be read$"):
        load(f"{form}:{tmp_path}")


@pytest.mark.parametrize("form", writable())
def test_label_files_hold_what_the_reader_reads(tmp_path, form):
    _, face, labels = opened(tmp_path, form)
    assert labels.read(face.image, face.face) == pytest.approx(face.keypoints, abs=1e-9)


@pytest.mark.parametrize("form", writable())
def test_written_keypoints_are_read_back(tmp_path, form):
    spec, face, labels = opened(tmp_path, form)
    moved = face.keypoints + [2.25, -1.125]
    labels.write(face.image, face.face, moved)
    limit = ROUNDING_PX.get(form, 1e-3)
    assert load(spec).annotations[0].keypoints == pytest.approx(moved, abs=limit)
    assert labels.read(face.image, face.face) == pytest.approx(moved, abs=limit)


@pytest.mark.parametrize("form", writable())
def test_first_version_is_kept(tmp_path, form):
    _, face, labels = opened(tmp_path, form)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    labels.write(face.image, face.face, face.keypoints + 3)
    labels.write(face.image, face.face, face.keypoints + 5)
    (backup,) = tmp_path.rglob("*.orig")
    assert backup.read_bytes() == before[backup.name.removesuffix(".orig")]


@pytest.mark.parametrize("form", [form for form in writable() if module(form).LabelFiles.hides])
def test_missing_points_are_stored_where_the_format_can(tmp_path, form):
    """A second face keeps the point's name where files name only points that exist."""
    spec, face, labels = opened(tmp_path, form)
    if form == "dlib":
        path = tmp_path / "a.xml"
        text = path.read_text()
        box = text[text.index("<box") : text.index("</box>") + len("</box>")]
        path.write_text(text.replace(box, box + box, 1))
    elif form == "labelme":
        (tmp_path / "b.json").write_text((tmp_path / "a.json").read_text())
    elif form == "labelstudio":
        path = tmp_path / "a.json"
        path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    hidden = face.keypoints.copy()
    hidden[11] = np.nan
    labels.write(face.image, face.face, hidden)
    again = load(spec).annotations[0].keypoints
    assert np.isnan(again[11]).all()
    assert np.isfinite(np.delete(again, 11, axis=0)).all()
    labels.write(face.image, face.face, face.keypoints)
    assert load(spec).annotations[0].keypoints == pytest.approx(face.keypoints, abs=ROUNDING_PX.get(form, 1e-3))


@pytest.mark.parametrize("form", sorted(set(writable()) - {"ibug", "imm"}))
def test_face_that_left_the_file_is_reported(tmp_path, form):
    _, face, labels = opened(tmp_path, form)
    for call in (lambda: labels.read(face.image, 1), lambda: labels.write(face.image, 1, face.keypoints)):
        with pytest.raises(AnnotationError, match=r"a\.jpg: .* no longer has face 1 of this image"):
            call()
    with pytest.raises(AnnotationError, match="no longer has face 0"):
        labels.read(face.image.with_name("other.jpg"), 0)
    assert not list(tmp_path.rglob("*.orig"))
