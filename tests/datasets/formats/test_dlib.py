"""dlib's XML: parts by name, ignored boxes, and writing back only the parts of one box."""

import numpy as np
import pytest

from made_files import make_dlib, picture, shape
from nasion.datasets import load
from nasion.datasets.formats.dlib import LabelFiles, part_names
from nasion.errors import AnnotationError
from nasion.skeleton import Skeleton, load_skeleton

IBUG = load_skeleton("ibug-68")
THREE = Skeleton(name="three", title="three", names=("0", "1", "2"), regions={"points": (0, 1, 2)})
BOX = "<box top='1' left='2' width='9' height='8'>"


def box(*points, more=""):
    parts = "".join(f"<part name='{k}' x='{x}' y='{y}'/>" for k, (x, y) in enumerate(points))
    return f"{BOX}{more}{parts}</box>"


def make(folder, *images, name="faces.xml", prologue=""):
    """Write a file with the content of each image element: a.jpg, b.jpg, …"""
    elements = []
    for letter, boxes in zip("abc", images, strict=False):
        picture(folder / f"{letter}.jpg")
        elements.append(f"<image file='{letter}.jpg'>{boxes}</image>")
    (folder / name).write_text(f"{prologue}<dataset><images>{''.join(elements)}</images></dataset>")
    return f"dlib:{folder / name}"


def names_of(*names):
    from xml.etree import ElementTree

    parts = "".join(f"<part name='{name}'/>" for name in names)
    return part_names(ElementTree.fromstring(f"<dataset><images><image><box>{parts}</box></image></images></dataset>"))


# --------------------------------------------------------------------------------------------------------------- read


def test_names_that_are_not_plain_numbers_are_sorted_as_text():
    assert names_of("²", "10", "9", "9" * 5000, "٣") == sorted(["9" * 5000, "²", "٣"]) + ["9", "10"]


def test_parts_are_matched_by_name_and_missing_ones_are_nan(tmp_path):
    points = shape(68)
    spec = make_dlib(tmp_path, points)
    path = tmp_path / "a.xml"
    text = path.read_text()
    whole = text[text.index("<box") : text.index("</box>") + len("</box>")]
    start = whole.index("<part name='30'")
    partial = whole[:start] + whole[whole.index("/>", start) + 2 :]
    path.write_text(text.replace(whole, partial + whole, 1))
    first, other = load(spec).annotations
    assert np.isnan(first.keypoints[30]).all()
    assert np.delete(first.keypoints, 30, 0) == pytest.approx(np.delete(points, 30, 0), abs=1e-4)
    assert other.keypoints == pytest.approx(points, abs=1e-4)
    assert first.box.tolist() == [3, 2, 23, 32]
    assert (first.name, other.name) == ("a.jpg", "a.jpg#1")


@pytest.mark.parametrize(
    ("names", "ordered"),
    [(("10", "2", "1"), ["1", "2", "10"]), (("nose", "2", "eye"), ["eye", "nose", "2"]), (("1", "1"), ["1"])],
)
def test_names_are_sorted_by_number(names, ordered):
    assert names_of(*names) == ordered


def test_numbers_without_zeros_are_in_order(tmp_path):
    points = shape(68)
    spec = make_dlib(tmp_path, points)
    path = tmp_path / "a.xml"
    text = path.read_text()
    for k in range(10):
        text = text.replace(f"name='{k:02}'", f"name='{k}'")
    path.write_text(text)
    assert load(spec).annotations[0].keypoints == pytest.approx(points, abs=1e-4)


def test_ignored_boxes_are_not_faces_and_do_not_count(tmp_path):
    ignored = box((9, 9), (9, 9), (9, 9)).replace("<box", "<box ignore='1'")
    kept = box((4, 5), (6, 7), (8, 9)).replace("<box", "<box ignore='0'")
    faces = load(make(tmp_path, ignored + kept)).annotations
    assert [(face.face, face.keypoints[0].tolist()) for face in faces] == [(0, [4, 5])]


def test_box_is_xyxy(tmp_path):
    assert load(make(tmp_path, box((1, 2), (3, 4)))).annotations[0].box.tolist() == [2, 1, 11, 9]


@pytest.mark.parametrize(
    ("name", "split"), [("training_x.xml", "train"), ("testing_x.xml", "test"), ("labels_train.xml", "")]
)
def test_split_is_in_the_file_name(tmp_path, name, split):
    assert load(make(tmp_path, box((1, 2), (3, 4)), name=name)).annotations[0].split == split


def test_mirrored_copy_belongs_to_its_photo(tmp_path):
    spec = make(tmp_path, box((1, 2), (3, 4)), box((1, 2), (3, 4)))
    path = tmp_path / "faces.xml"
    for old, new in (("a.jpg", "2008_1.jpg"), ("b.jpg", "2008_1_mirror.jpg")):
        (tmp_path / old).rename(tmp_path / new)
        path.write_text(path.read_text().replace(old, new))
    assert {face.subject for face in load(spec).annotations} == {"2008"}


def test_skeleton_by_names_count_or_option(tmp_path):
    assert load(make(tmp_path, box((1, 2), (3, 4)))).skeleton.names == ("0", "1")
    assert load(make_dlib(tmp_path, shape(68))).skeleton.name == "ibug-68"
    with pytest.raises(AnnotationError, match="2 different parts, but imm-58 has 58 points"):
        load(make(tmp_path, box((1, 2), (3, 4))) + "?skeleton=imm-58")


def test_names_of_the_option_decide_the_order(tmp_path):
    (tmp_path / "s.toml").write_text('count = 2\nnames = ["1", "0"]\n[regions]\nface = "0-1"\n')
    spec = make(tmp_path, box((1, 2), (3, 4)))
    assert load(f"{spec}?skeleton={tmp_path / 's.toml'}").annotations[0].keypoints.tolist() == [[3, 4], [1, 2]]


@pytest.mark.parametrize(
    "bad",
    [
        box((1, 2), (3, 4)).replace("top='1'", ""),
        box((1, 2), (3, 4)).replace("x='3'", "x='left'"),
        box((1, 2), (3, 4)).replace("y='2'", ""),
    ],
)
def test_bad_box_among_good_ones_is_skipped_and_named(tmp_path, bad):
    good = box((5, 6), (7, 8))
    faces = load(make(tmp_path, good + bad + good))
    assert [face.face for face in faces.annotations] == [0, 2]
    assert faces.problems[0].name == "a.jpg#1"
    assert "a box or part without its numbers" in faces.problems[0].reason


@pytest.mark.parametrize("encoding", ["gbk", "none-such"])
def test_unreadable_encoding_is_rejected(tmp_path, encoding):
    spec = make_dlib(tmp_path, shape(68))
    path = tmp_path / "a.xml"
    path.write_text(path.read_text().replace("ISO-8859-1", encoding))
    with pytest.raises(AnnotationError, match="not XML"):
        load(spec)


# -------------------------------------------------------------------------------------------------------------- write


def label_files(folder, skeleton=THREE):
    return LabelFiles(folder / "faces.xml", {}, skeleton)


def test_coordinates_are_rounded_to_whole_px(tmp_path):
    make(tmp_path, box((1, 2), (3, 4), (5, 6)))
    label_files(tmp_path).write(tmp_path / "a.jpg", 0, np.array([[1.4, -1.6], [2.6, 7.51], [30, 40]]))
    text = (tmp_path / "faces.xml").read_text()
    assert '<part name="0" x="1" y="-2"' in text
    assert '<part name="1" x="3" y="8"' in text
    assert label_files(tmp_path).read(tmp_path / "a.jpg", 0).tolist() == [[1, -2], [3, 8], [30, 40]]


def test_other_boxes_elements_and_comments_stay(tmp_path):
    first, second = box((1, 2), (3, 4), (5, 6)), box((7, 8), (9, 10), (11, 12), more="<label>Ä</label><!-- who? -->")
    ignored = f"{BOX.replace('<box', '<box ignore=' + chr(39) + '1' + chr(39))}</box>"
    make(tmp_path, ignored + first + second, box((13, 14), (15, 16), (17, 18)))
    label_files(tmp_path).write(tmp_path / "a.jpg", 1, np.array([[70, 80], [90, 100], [110, 120]]))
    again = {(face.image.name, face.face): face.keypoints[0].tolist() for face in load(spec_of(tmp_path)).annotations}
    assert again == {("a.jpg", 0): [1, 2], ("a.jpg", 1): [70, 80], ("b.jpg", 0): [13, 14]}
    text = (tmp_path / "faces.xml").read_text("utf-8")
    for kept in ("<label>Ä</label>", "<!-- who? -->", 'ignore="1"'):
        assert kept in text


def spec_of(folder):
    return f"dlib:{folder / 'faces.xml'}"


def test_missing_part_is_removed_and_added_again(tmp_path):
    make(tmp_path, box((1, 2), (3, 4), (5, 6)), box((7, 8), (9, 10), (11, 12)))
    labels = label_files(tmp_path)
    hidden = np.array([[1, 2], [np.nan, np.nan], [5, 6]])
    labels.write(tmp_path / "a.jpg", 0, hidden)
    assert (tmp_path / "faces.xml").read_text().count('name="1"') == 1
    assert np.array_equal(labels.read(tmp_path / "a.jpg", 0), hidden, equal_nan=True)
    labels.write(tmp_path / "a.jpg", 0, hidden)  # a part that is already missing stays missing
    labels.write(tmp_path / "a.jpg", 0, np.array([[1, 2], [30, 40], [5, 6]]))
    assert labels.read(tmp_path / "a.jpg", 0).tolist() == [[1, 2], [30, 40], [5, 6]]


def test_last_part_of_a_name_cannot_be_removed(tmp_path):
    """Otherwise the file would have two points the next time it is read."""
    make(tmp_path, box((1, 2), (3, 4), (5, 6)))
    before = (tmp_path / "faces.xml").read_bytes()
    with pytest.raises(AnnotationError, match=r"a\.jpg: faces\.xml would lose a part that no other face has"):
        label_files(tmp_path).write(tmp_path / "a.jpg", 0, np.array([[1, 2], [np.nan, np.nan], [5, 6]]))
    assert (tmp_path / "faces.xml").read_bytes() == before
    assert not list(tmp_path.glob("*.orig"))


def test_parts_are_written_in_the_order_of_the_skeleton(tmp_path):
    make(tmp_path, box((1, 2), (3, 4)))
    turned = Skeleton(name="turned", title="", names=("1", "0"), regions={"points": (0, 1)})
    label_files(tmp_path, turned).write(tmp_path / "a.jpg", 0, np.array([[10, 20], [30, 40]]))
    assert '<part name="1" x="10" y="20"' in (tmp_path / "faces.xml").read_text()
    assert label_files(tmp_path, turned).read(tmp_path / "a.jpg", 0).tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize(
    "prologue",
    [
        "",
        "<?xml version='1.0'?>\n",
        "<?xml version='1.0' encoding='UTF-8'?>\n<?xml-stylesheet type='text/xsl' href='style.xsl'?>\n<!-- mine -->\n",
        "<?xml version='1.0'?>\n<!DOCTYPE dataset>\n",
    ],
)
def test_prologue_stays_and_is_not_doubled(tmp_path, prologue):
    make(tmp_path, box((1, 2), (3, 4), (5, 6)), prologue=prologue)
    for shift in (1, 2):
        label_files(tmp_path).write(tmp_path / "a.jpg", 0, np.full((3, 2), shift))
        text = (tmp_path / "faces.xml").read_text("utf-8")
        assert text.startswith(f"{prologue}<dataset>")
        assert text.count("<dataset>") == 1
        assert text.endswith("</dataset>\n")


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-8"])
def test_encoding_stays(tmp_path, encoding):
    prologue = f"<?xml version='1.0' encoding='{encoding}'?>\n"
    make(tmp_path, box((1, 2), (3, 4), (5, 6), more="<label>é</label>"), prologue=prologue)
    path = tmp_path / "faces.xml"
    path.write_bytes(path.read_text("utf-8").encode(encoding))
    label_files(tmp_path).write(tmp_path / "a.jpg", 0, np.full((3, 2), 7))
    assert "<label>é</label>".encode(encoding) in path.read_bytes()
    assert load(spec_of(tmp_path)).annotations[0].keypoints.tolist() == [[7, 7]] * 3


# --------------------------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize(
    ("name", "count", "split"),
    [("training_with_face_landmarks.xml", 18, "train"), ("testing_with_face_landmarks.xml", 25, "test")],
)
def test_number_of_real_faces(real, name, count, split):
    faces = load(f"dlib:{real('dlib_faces') / name}")
    assert (len(faces), len(faces.problems), faces.skeleton.name) == (count, 0, "ibug-68")
    assert {face.split for face in faces.annotations} == {split}
