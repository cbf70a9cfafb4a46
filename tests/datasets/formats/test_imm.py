"""The .asf format: fractions of the image's size, split by person, corrected eyes, and writing back coordinates."""

import numpy as np
import pytest

from made_files import SIZE, make_imm, picture, shape
from nasion.datasets import load
from nasion.datasets.drawn import render_face
from nasion.datasets.formats.imm import LabelFiles, parse_asf, with_corrected_eyes
from nasion.doctor.sides import order_of_points
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import load_skeleton

IMM = load_skeleton("imm-58")
HEIGHT, WIDTH = SIZE


def asf(rows, count=None):
    return "\n".join([str(count or len(rows)), *rows, "a.jpg"])


def swapped_eye(keypoints):
    """Return the points with the second eye labeled like the first: from its inner corner, the other way round."""
    wrong = keypoints.copy()
    wrong[21:29] = np.roll(keypoints[21:29][::-1], -3, axis=0)
    return wrong


# --------------------------------------------------------------------------------------------------------------- text


def test_rows_of_ten_columns_and_tabs():
    fractions, name = parse_asf(asf(["0 \t4\t0.5 0.25\t0\t0 1\t0.00\t0.00\t0.00", "0 4 0.1 0.2 1 0 1"]))
    assert fractions.tolist() == [[0.5, 0.25], [0.1, 0.2]]
    assert name == "a.jpg"


def test_comments_and_blank_lines_are_skipped():
    text = "# 9\n\n  # indented\n1\n#\n0 4 0.5 0.25 0 0 1\n\n#\nmy face.jpg\n"
    fractions, name = parse_asf(text)
    assert (fractions.tolist(), name) == ([[0.5, 0.25]], "my face.jpg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an .asf file"),
        ("two\n", "is not an .asf file"),
        (asf(["0 4 0.5 0.25 0 0 1"], count=3), "says 3 points, but does not hold that many rows"),
        (asf(["0 4 0.5 0.25 0 0 1"], count=2), "rows of 7 or 10 columns"),
        (asf(["0 4 0.5 x 0 0 1"]), "is not an .asf file"),
        (asf(["0 4 0.5 0.25 0 0 1"], count=-1), "says -1 points"),
        (asf(["0 4 0.5"]), "rows of 7 or 10 columns"),
        (asf(["0 4 0.5 0.25 0 0 1 9"]), "rows of 7 or 10 columns"),
        ("1\n0 4 0.5 0.25 0 0 1", "is not an .asf file"),
    ],
)
def test_other_text_is_rejected(text, message):
    with pytest.raises(AnnotationError, match=message):
        parse_asf(text)


# --------------------------------------------------------------------------------------------------------------- read


@pytest.mark.parametrize(("person", "split"), [("01", "train"), ("32", "train"), ("33", "test"), ("x", "train")])
def test_split_by_person(tmp_path, person, split):
    make_imm(tmp_path, shape(58))
    for suffix in ("asf", "jpg"):
        (tmp_path / f"07-3m.{suffix}").rename(tmp_path / f"{person}-3m.{suffix}")
    face = load(f"imm:{tmp_path}").annotations[0]
    assert (face.subject, face.split) == (person, split)


def test_image_named_in_the_file_comes_before_the_stem(tmp_path):
    spec = make_imm(tmp_path, shape(58))
    picture(tmp_path / "other.jpg")
    path = tmp_path / "07-3m.asf"
    path.write_text(path.read_text().replace("07-3m.jpg", "some/folder/other.jpg"))
    assert load(spec).annotations[0].image == tmp_path / "other.jpg"
    path.write_text(path.read_text().replace("other.jpg", "gone.jpg"))
    assert load(spec).annotations[0].image == tmp_path / "07-3m.jpg"


def test_too_few_points_are_skipped_and_named(tmp_path):
    spec = make_imm(tmp_path, shape(58))
    picture(tmp_path / "08-1f.jpg")
    (tmp_path / "08-1f.asf").write_text(asf(["0 4 0.5 0.25 0 0 1"]).replace("a.jpg", "08-1f.jpg"))
    faces = load(spec)
    assert [face.image.name for face in faces.annotations] == ["07-3m.jpg"]
    assert faces.problems[0].name == "08-1f.asf"
    assert "1 points where imm-58 has 58" in faces.problems[0].reason


@pytest.mark.parametrize("content", ["0\na.jpg", "1\n0 4 .1 .1 0 0 0\nd/x.jpg", ""])
def test_broken_file_among_good_ones_is_skipped_and_named(tmp_path, content):
    spec = make_imm(tmp_path, shape(58))
    (tmp_path / "zz.asf").write_text(content)
    faces = load(spec)
    assert len(faces) == 1
    assert [problem.name for problem in faces.problems] == ["zz.asf"]


def test_point_with_one_nan_is_missing(tmp_path):
    spec = make_imm(tmp_path, shape(58))
    path = tmp_path / "07-3m.asf"
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace(lines[4].split()[2], "nan")
    path.write_text("\n".join(lines))
    keypoints = load(spec).annotations[0].keypoints
    assert np.isnan(keypoints[0]).all()
    assert np.isfinite(keypoints[1:]).all()


# --------------------------------------------------------------------------------------------------------------- eyes


@pytest.mark.parametrize("view", [0, 2, 3])
def test_swapped_eye_is_corrected_and_a_right_one_stays(view):
    face = render_face(0, 1, view, "imm-58", render=False).keypoints
    assert np.array_equal(with_corrected_eyes(face), face)
    assert np.array_equal(with_corrected_eyes(swapped_eye(face)), face)


def test_first_eye_is_corrected_as_well():
    face = render_face(0, 1, 0, "imm-58", render=False).keypoints
    wrong = face.copy()
    wrong[13:21] = np.roll(face[13:21][::-1], -3, axis=0)
    before = wrong.copy()
    assert np.array_equal(with_corrected_eyes(wrong), face)
    assert np.array_equal(wrong, before)  # the input is not changed


@pytest.mark.parametrize(
    ("option", "corrected"),
    [
        ("", False),
        ("?eyes=labeled", False),
        ("?eyes=labelled", False),
        ("?eyes=corrected", True),
        ("?eyes=mended", True),
    ],
)
def test_eyes_are_corrected_only_on_request(tmp_path, option, corrected):
    face = render_face(0, 1, 0, "imm-58", render=False).keypoints / 10
    spec = make_imm(tmp_path, swapped_eye(face))
    expected = face if corrected else swapped_eye(face)
    assert load(spec + option).annotations[0].keypoints == pytest.approx(expected, abs=1e-4)


def test_other_values_of_the_option_are_rejected(tmp_path):
    with pytest.raises(ConfigError, match='eyes is "labeled" or "corrected", not "whole"'):
        load(f"imm:{tmp_path}?eyes=whole")


# -------------------------------------------------------------------------------------------------------------- write


def test_keypoints_are_written_as_fractions(tmp_path):
    make_imm(tmp_path, shape(58))
    labels = LabelFiles(tmp_path, {}, IMM)
    moved = shape(58)
    moved[0] = [WIDTH / 4, HEIGHT / 8]
    labels.write(tmp_path / "07-3m.jpg", 0, moved)
    fractions, _ = parse_asf((tmp_path / "07-3m.asf").read_text())
    assert fractions[0].tolist() == [0.25, 0.125]
    assert labels.read(tmp_path / "07-3m.jpg", 0) == pytest.approx(moved, abs=1e-6)


def test_everything_but_the_coordinates_stays(tmp_path):
    make_imm(tmp_path, shape(58))
    path = tmp_path / "07-3m.asf"
    row = path.read_text().split("\n")[4]
    path.write_text(
        path.read_text().replace(row, f"{row}\t0.00\t0.00\t0.00").replace("#\n", "# path x y # 1 2 3 4 5\n")
    )
    before = path.read_text().split("\n")
    labels = LabelFiles(tmp_path, {}, IMM)
    labels.write(tmp_path / "07-3m.jpg", 0, labels.read(tmp_path / "07-3m.jpg", 0))
    assert path.read_text().split("\n") == before
    labels.write(tmp_path / "07-3m.jpg", 0, shape(58) + 1)
    after = path.read_text().split("\n")
    assert len(after) == len(before)
    changed = [k for k, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert changed == list(range(4, 4 + 58))
    for k in changed:
        old, new = before[k].split(), after[k].split()
        assert (old[:2], old[4:]) == (new[:2], new[4:])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n07-3m.jpg\n", "\nmy best picture of all 07-3m.jpg\n"),
        ("\n07-3m.jpg\n", "\n07-3m.jpg\n0 4 0.5 0.25 0 0 1\n0 4 0.5 0.25 0 0 1\n"),
        ("\n", "\r\n"),
        ("# a comment", "# a comment of 1 2 3 4 5 6 7 words"),
        ("\n0 \t4", "\n   0 \t4"),
    ],
    ids=["name of many words", "more rows", "line ends", "long comment", "indented"],
)
def test_every_file_that_is_read_can_be_written(tmp_path, old, new):
    make_imm(tmp_path, shape(58))
    path = tmp_path / "07-3m.asf"
    path.write_bytes(path.read_text().replace(old, new).encode())
    before = path.read_bytes()
    labels = LabelFiles(tmp_path, {}, IMM)
    labels.write(tmp_path / "07-3m.jpg", 0, shape(58) + 1.5)
    assert labels.read(tmp_path / "07-3m.jpg", 0) == pytest.approx(shape(58) + 1.5, abs=1e-5)
    assert path.read_bytes().count(b"\n") == before.count(b"\n")
    assert path.read_bytes().endswith(before[-20:])


def test_a_file_is_found_by_the_image_that_it_names(tmp_path):
    make_imm(tmp_path, shape(58))
    (tmp_path / "07-3m.jpg").rename(tmp_path / "my best picture 1.jpg")
    path = tmp_path / "07-3m.asf"
    path.write_text(path.read_text().replace("07-3m.jpg", "my best picture 1.jpg"))
    (image,) = (face.image for face in load(f"imm:{tmp_path}").annotations)
    labels = LabelFiles(tmp_path, {}, IMM)
    labels.write(image, 0, shape(58) + 1.5)
    assert labels.read(image, 0) == pytest.approx(shape(58) + 1.5, abs=1e-5)
    path.unlink()
    with pytest.raises(OSError):
        labels.read(image, 0)


def test_numbers_that_overflow_are_a_problem_without_warnings(tmp_path):
    make_imm(tmp_path / "bad", shape(58))
    path = tmp_path / "bad/07-3m.asf"
    path.write_text(path.read_text().replace("0 \t4\t", "0 4 1e308 0.5 0 0 1\n#", 1))
    make_imm(tmp_path / "good", shape(58))
    faces = load(f"imm:{tmp_path}")
    assert (len(faces), len(faces.problems)) == (2, 0)  # infinite points are missing points
    path.write_text(path.read_text().replace("1e308", "1e9", 1))
    assert "a point has the coordinate" in load(f"imm:{tmp_path}").problems[0].reason


def test_too_few_points_are_not_written(tmp_path):
    make_imm(tmp_path, shape(58))
    before = (tmp_path / "07-3m.asf").read_bytes()
    with pytest.raises((StopIteration, RuntimeError, ValueError)):
        LabelFiles(tmp_path, {}, IMM).write(tmp_path / "07-3m.jpg", 0, shape(57))
    assert (tmp_path / "07-3m.asf").read_bytes() == before


# --------------------------------------------------------------------------------------------------------- real files


def test_real_set(real):
    faces = load(f"imm:{real('imm_face_db')}")
    first = faces.annotations[0]
    assert (len(faces), len(faces.problems), faces.skeleton.name) == (240, 0, "imm-58")
    assert first.name == "01-1m.jpg"
    assert first.keypoints[0] == pytest.approx([0.35763609 * 640, 0.64077979 * 480])
    assert faces.load(0).image.shape == (480, 640, 3)
    assert sum(face.split == "test" for face in faces.annotations) == 48
    assert {face.split for face in faces.annotations} == {"train", "test"}


def test_nine_real_images_have_a_swapped_eye(real):
    folder = real("imm_face_db")
    pairs = zip(load(f"imm:{folder}").annotations, load(f"imm:{folder}?eyes=corrected").annotations, strict=True)
    changed = [a.image.stem for a, b in pairs if not np.array_equal(a.keypoints, b.keypoints)]
    assert changed == ["06-5m", "10-4m", "18-4m", "33-3m", "36-4m", "36-5m", "36-6m", "39-3m", "40-5m"]


def test_doctor_finds_the_swapped_eyes(real):
    found = order_of_points(load(f"imm:{real('imm_face_db')}"))
    assert "left_eye in 1 face: 06-5m.jpg; right_eye in 8 faces: 10-4m.jpg, 18-4m.jpg" in found.text
