"""The contract of `nasion convert`: between all formats, whatever both can store is preserved.

`TABLE` says what each format can store. The source is rich: two people, splits, two faces in one image, an image
without a face, a hidden and a missing point, boxes, scores, spreads and ellipses.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from made_files import MAKERS, picture
from nasion import images
from nasion.datasets import available, load, module
from nasion.datasets.contents import contents_of
from nasion.datasets.convert import convert, writable_formats
from nasion.datasets.formats.outputs import json as json_format
from nasion.errors import ConfigError
from nasion.outputs.records import Content, ImageRecord, LabelSet
from nasion.sample import Annotation
from nasion.skeleton import load_skeleton

TABLE = {  # name of a format: what it can store, V to F as in `KEYS`
    "coco": "V M B N . . S E C . . F",
    "csv": ". M B N P T S E C . . F",
    "csv-long": ". M . N . . S E . U . F",
    "cvat": "V M B N . T S E . . . F",
    "dlib": ". M B . . . S E . . . .",
    "ibug": ". . . . . . . . . . . F",
    "imm": ". . . N . . . . . . . F",
    "json": "V M B N P T S E C U L F",
    "labelme": "V M B N . . S E . . . F",
    "labelstudio": ". M B N P T S E . . . F",
    "parquet": ". M B N P T S E C U . F",
    "wflw": ". . B N . . S . . . . F",
    "yolo": "V M B N . T S E . . . F",
}
KEYS = dict(zip("VMBNPTSECULF", Content, strict=True))
"""Visibility, missing points, boxes, names, people, the split's name, several faces, empty images, the detector's
confidence (score), uncertainty, ellipses, fractions."""

SKELETONS = {"imm": "imm-58", "wflw": "wflw-98"}
"""Formats with one skeleton only."""

FILES = {"ibug": "", "imm": "", "labelme": "", "yolo": "", "wflw": "list.txt"}
"""Folders, and files with a name that matters."""


def stores(form):
    return {KEYS[letter] for letter in TABLE[form].split() if letter != "."}


def spec_of(form, folder):
    return f"{form}:{folder / FILES.get(form, f'faces.{form}')}".rstrip("/")


def rich_source(folder, name):
    """Write a keypoints.json with everything that labels may hold, and return the data set's name."""
    skeleton = load_skeleton(name)
    for stem in "abcd":
        picture(folder / f"{stem}.png")
    rng = np.random.default_rng(3)

    def face(stem, number, subject, split):
        points = rng.uniform(2, 40, (skeleton.count, 2)).round(3)
        spread = rng.uniform(0.5, 3, skeleton.count).round(3)
        return Annotation(
            image=folder / f"{stem}.png",
            keypoints=points,
            skeleton=skeleton,
            visible=np.ones(skeleton.count, bool),
            box=np.array([*points.min(0) - 1.25, *points.max(0) + 2.5]).round(2),
            subject=subject,
            split=split,
            face=number,
            score=0.75 + 0.05 * number,
            spread=spread,
            ellipses=np.column_stack([spread * 2, spread / 2, rng.uniform(0, 180, skeleton.count)]).round(3),
        )

    two = [face("a", 0, "anna", "train"), face("a", 1, "anna", "train")]
    two[0].visible[4] = False
    two[1].keypoints[7] = two[1].ellipses[7] = two[1].spread[7] = np.nan
    faces = {"a": two, "b": [face("b", 0, "anna", "train")], "c": [], "d": [face("d", 0, "ben", "test")]}
    records = [ImageRecord(f"{stem}.png", (48, 64), inside) for stem, inside in faces.items()]
    for path, parts in json_format.files(LabelSet(skeleton, records, frozenset(Content)), folder / "rich.json", {}):
        path.write_bytes(b"".join(parts))
    return f"json:{folder / 'rich.json'}"


def nearest(face, faces):
    """Return the face of a set with the same points as nearly as possible."""
    return min(faces.annotations, key=lambda other: np.nanmax(np.abs(other.keypoints - face.keypoints)))


def groups(values):
    """Return which places of a list have the same value, as sets."""
    return {frozenset(k for k, each in enumerate(values) if each == value) for value in values}


def assert_preserved(first, second, both, limit):
    """Assert that the second set holds what the first one does, of what both formats can store."""
    assert second.skeleton.names == first.skeleton.names
    assert not second.problems
    kept = [face for face in first.annotations if Content.MISSING in both or np.isfinite(face.keypoints).all()]
    assert len(second) == len(kept)
    for face in kept:
        other = nearest(face, second)
        np.testing.assert_allclose(other.keypoints, face.keypoints, atol=limit)
        assert images.read(other.image).shape == images.read(face.image).shape
        if Content.VISIBILITY in both:
            present = np.isfinite(face.keypoints).all(1)
            assert (other.visible == face.visible)[present].all()
        if Content.BOXES in both and face.box is not None:
            np.testing.assert_allclose(other.box, face.box, atol=limit)
        if Content.SPLITS in both:
            assert other.split == face.split
        if Content.SEVERAL in both:
            assert other.face == face.face
        if Content.SCORES in both:
            assert other.score == (face.score if face.score is None else pytest.approx(face.score, abs=1e-4))
        for content, name in ((Content.SPREAD, "spread"), (Content.ELLIPSES, "ellipses")):
            if content in both and getattr(face, name) is not None:
                np.testing.assert_allclose(getattr(other, name), getattr(face, name), atol=limit)
    others = [nearest(face, second) for face in kept]
    if Content.SEVERAL in both:
        assert groups([face.image for face in others]) == groups([face.image for face in kept])
    if Content.SUBJECTS in both:
        assert groups([face.subject for face in others]) == groups([face.subject for face in kept])
    if Content.EMPTY in both:
        assert len(second.empty_images) == len(first.empty_images)


def needs_arrow(*forms):
    if "parquet" in forms:
        pytest.importorskip("pyarrow")


def test_every_format_is_in_the_table():
    assert set(TABLE) == set(writable_formats()) == set(available()) - {"synthetic", "heads"} == set(MAKERS)


@pytest.mark.parametrize("form", TABLE)
def test_formats_store_what_the_table_says(form):
    assert stores(form) == module(form).STORES


@pytest.mark.parametrize(("form", "other"), [*product(TABLE, TABLE)])
def test_what_both_formats_can_store_is_preserved(tmp_path, form, other):
    needs_arrow(form, other)
    wanted = {SKELETONS[each] for each in (form, other) if each in SKELETONS} or {"ibug-68"}
    rich = rich_source(tmp_path / "rich", SKELETONS.get(form) or min(wanted))
    source, target = spec_of(form, tmp_path / "source"), spec_of(other, tmp_path / "target")
    convert(rich, source)
    if len(wanted) == 2:
        with pytest.raises(ConfigError, match=f"{other} stores {SKELETONS[other]} only"):
            convert(source, target)
        assert not (tmp_path / "target").exists()
        return
    limit = 0.51 if "dlib" in (form, other) else 0.01
    assert_preserved(load(rich), load(source), stores("json") & stores(form), limit)
    convert(source, target)
    assert_preserved(load(source), load(target), stores(form) & stores(other), limit)


@pytest.mark.parametrize("form", TABLE)
def test_synthetic_faces_are_written_with_their_images(tmp_path, form):
    needs_arrow(form)
    if form == "wflw":
        pytest.skip("there are no synthetic faces with 98 points")
    source = f"synthetic:3?skeleton={SKELETONS.get(form, 'ibug-68')}"
    convert(source, spec_of(form, tmp_path))
    faces, first = load(spec_of(form, tmp_path)), load(source)
    assert len(faces) == 3
    face = nearest(first.annotations[1], faces)
    np.testing.assert_allclose(face.keypoints, first.annotations[1].keypoints, atol=0.51 if form == "dlib" else 0.01)
    assert (images.read(face.image) == first.open_image(first.annotations[1])).all()


@pytest.mark.parametrize("form", TABLE)
def test_losses_are_listed_in_one_line_and_refused_on_request(tmp_path, form):
    needs_arrow(form)
    rich = rich_source(tmp_path, SKELETONS.get(form, "ibug-68"))
    held = contents_of(load(rich))
    lost = [str(content) for content in Content if content in held - stores(form)]
    target = spec_of(form, tmp_path / "out")
    if lost:
        with pytest.raises(ConfigError, match=f"not stored in {form}: .*; nothing was written because of --strict"):
            convert(rich, target, strict=True)
        assert not (tmp_path / "out").exists()
    done = convert(rich, target)
    assert done.lost.startswith(f"not stored in {form}: {lost[0]}" if lost else "")
    assert all(word in done.lost for word in lost)
    assert "\n" not in done.lost


@pytest.mark.parametrize("form", TABLE)
def test_existing_files_are_replaced_only_on_request(tmp_path, form):
    needs_arrow(form)
    rich, target = rich_source(tmp_path, SKELETONS.get(form, "ibug-68")), spec_of(form, tmp_path / "out")
    convert(rich, target)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    moved = load(rich)
    moved = moved.subset([replace(face, keypoints=face.keypoints + 1) for face in moved.annotations])
    records = [ImageRecord(face.image.name, (48, 64), [face]) for face in moved.annotations]
    for path, parts in json_format.files(LabelSet(moved.skeleton, records), tmp_path / "moved.json", {}):
        path.write_bytes(b"".join(parts))
    with pytest.raises(ConfigError, match=r"exists; .* replace it with --overwrite"):
        convert(f"json:{tmp_path / 'moved.json'}", target)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    convert(f"json:{tmp_path / 'moved.json'}", target, overwrite=True)
    assert nearest(moved.annotations[-1], load(target)).keypoints == pytest.approx(
        moved.annotations[-1].keypoints, abs=0.51 if form == "dlib" else 0.01
    )
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
