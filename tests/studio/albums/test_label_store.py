"""Labels that stay in the files they came from: read as they are now, and rewritten only for the same faces."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from nasion.datasets.formats.csv import LabelFiles
from nasion.errors import AnnotationError, OutputError
from nasion.skeleton import Skeleton
from nasion.studio.albums.label_store import BROKEN, Face, InPlaceLabels

A, B, NEW = Path("a.png"), Path("b.png"), Path("new.png")
SKELETON = Skeleton("pair", "Pair", ("left", "right"), {"eyes": (0, 1)}, flip=(1, 0))


class Memory:
    """Labels in memory; `broken`, if set, is raised by every access."""

    form, hides = ".memory", False

    def __init__(self, faces):
        self.faces, self.broken = faces, None

    def read(self, image, face):
        if self.broken is not None:
            raise self.broken
        return self.faces.get((image, face))

    def write(self, image, face, keypoints):
        if self.broken is not None:
            raise self.broken
        self.faces[image, face] = keypoints


def points(value):
    """Return keypoints (2, 2), image px, that all have the same coordinates."""
    return np.full((2, 2), float(value))


@pytest.fixture
def memory():
    return Memory({(A, 0): points(1), (A, 2): points(2), (B, 0): points(3)})


@pytest.fixture
def store(memory):
    """Return labels of two faces in one image, whose second face has number 2 in the file, and of one in another."""
    return InPlaceLabels("memory:here", memory, SKELETON, {A: (0, 2), B: (0,)}, starts=True)


def test_what_the_format_can_hold_is_stated(store):
    assert (store.source, store.form, store.hides, store.adds) == ("memory:here", ".memory", False, False)
    assert store.skeleton == SKELETON
    assert store.counts() == {A: 2, B: 1}


def test_counts_are_a_copy(store):
    store.counts().clear()
    assert store.counts() == {A: 2, B: 1}


def test_the_numbers_that_were_given_are_not_changed(memory):
    numbers = {}
    InPlaceLabels("memory:here", memory, SKELETON, numbers, starts=True).write(NEW, [Face(points(9))])
    assert numbers == {}


def test_faces_are_read_as_they_are_in_the_file_now(store, memory):
    assert [face.tolist() for face in store.read(A)] == [points(1).tolist(), points(2).tolist()]
    memory.faces[A, 2] = points(7)
    assert store.read(A)[1].tolist() == points(7).tolist()
    del memory.faces[B, 0]
    assert store.read(B) is None


def test_an_image_without_labels_has_none(store):
    assert store.read(NEW) is None


def test_labels_that_another_program_has_added_are_read(store, memory):
    memory.faces[NEW, 0] = points(5)
    assert len(store.read(NEW)) == 1


def test_each_face_is_written_under_its_number(store, memory):
    store.write(A, [Face(points(10), 0), Face(points(20), 1)])
    assert {key: face[0, 0] for key, face in memory.faces.items()} == {(A, 0): 10, (A, 2): 20, (B, 0): 3}
    assert store.counts() == {A: 2, B: 1}


def test_the_first_face_of_an_image_is_added_if_the_format_allows_it(store, memory):
    store.write(NEW, [Face(points(4))])
    assert memory.faces[NEW, 0].tolist() == points(4).tolist()
    assert store.counts() == {A: 2, B: 1, NEW: 1}
    store.write(NEW, [Face(points(5), 0)])
    assert store.read(NEW)[0].tolist() == points(5).tolist()
    with pytest.raises(AnnotationError, match="added to or removed from"):
        store.write(NEW, [Face(points(5), 0), Face(points(6))])


@pytest.mark.parametrize(
    ("image", "origins"),
    [
        (A, None),
        (A, []),
        (A, [0]),
        (A, [0, 1, None]),
        (A, [1, 0]),
        (A, [0, 0]),
        (A, [0, 2]),
        (A, [None, None]),
        (B, [None]),
        (B, [-1]),
        (NEW, None),
        (NEW, []),
        (NEW, [None, None]),
    ],
)
def test_other_faces_than_those_of_the_file_are_refused(store, memory, image, origins):
    before = dict(memory.faces)
    faces = None if origins is None else [Face(points(9), origin) for origin in origins]
    with pytest.raises(AnnotationError, match=r"added to or removed from \.memory files; convert the labels"):
        store.write(image, faces)
    assert memory.faces == before
    assert store.counts() == {A: 2, B: 1}


def test_no_image_gets_a_first_face_if_the_format_does_not_allow_it(memory):
    store = InPlaceLabels("memory:here", memory, SKELETON, {A: [0, 2]}, starts=False)
    with pytest.raises(AnnotationError, match="added to or removed from"):
        store.write(NEW, [Face(points(9))])
    assert (store.counts(), (NEW, 0) in memory.faces) == ({A: 2}, False)


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_damaged_files_are_an_annotation_error(store, memory, kind):
    memory.broken = kind("a damaged line")
    with pytest.raises(AnnotationError, match="a damaged line"):
        store.read(A)
    with pytest.raises(AnnotationError, match="its labels cannot be written"):
        store.write(NEW, [Face(points(9))])
    assert store.counts() == {A: 2, B: 1}


def test_an_error_of_the_operating_system_is_described_without_its_number(store, memory):
    memory.broken = PermissionError(13, "Permission denied", "a.memory")
    with pytest.raises(AnnotationError) as error:
        store.read(A)
    assert str(error.value) == "Permission denied"


def test_errors_of_the_format_keep_their_type_and_text(store, memory):
    memory.broken = OutputError("cannot write a.memory: no space left")
    with pytest.raises(OutputError, match=r"^cannot write a\.memory: no space left$"):
        store.write(NEW, [Face(points(9))])
    assert NEW not in store.counts()
    memory.broken = AnnotationError("no longer has face 0")
    with pytest.raises(AnnotationError, match=r"^no longer has face 0$"):
        store.read(A)


def test_a_programming_error_is_not_reported_as_damage(store, memory):
    memory.broken = AssertionError("not a damaged file")
    with pytest.raises(AssertionError):
        store.read(A)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"image,left_x,left_y,right_x,right_y\n",
        b"image,left_x,left_y,right_x,right_y\na.png,1,2\n",
        b"a diary\n",
        b"\xff\xfe\x00",
        b'image,left_x,left_y,right_x,right_y\n"a.png,1,2,3,4',
    ],
)
def test_a_table_that_was_damaged_in_the_meantime_stays_as_it_is(tmp_path, content):
    table = tmp_path / "faces.csv"
    table.write_bytes(content)
    labels = LabelFiles(table, {}, SKELETON)
    store = InPlaceLabels(f"csv:{table}", labels, SKELETON, {tmp_path / A: [0]}, starts=False)
    with pytest.raises(AnnotationError) as error:
        store.read(tmp_path / A)
    assert str(error.value)
    with pytest.raises(AnnotationError):
        store.write(tmp_path / A, [Face(points(9), 0)])
    assert table.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["faces.csv"]


def test_a_coordinate_that_is_not_a_number_is_an_error(tmp_path):
    table = tmp_path / "faces.csv"
    table.write_text("image,left_x,left_y,right_x,right_y\na.png,1,here,3,4\n")
    store = InPlaceLabels("csv:", LabelFiles(table, {}, SKELETON), SKELETON, {tmp_path / A: [0]}, starts=False)
    with pytest.raises(AnnotationError, match="here"):
        store.read(tmp_path / A)


def test_an_overflow_of_coordinates_does_not_warn(store, memory, monkeypatch):
    """The album rejects such coordinates with an error."""
    monkeypatch.setattr(memory, "read", lambda _image, _face: points(1e308) * 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (face,) = store.read(B)
    assert np.isinf(face).all()
