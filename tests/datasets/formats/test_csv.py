"""CSV tables: names and order of columns, origin, splits, bad rows, and writing cells back."""

import numpy as np
import pytest

from made_files import make_csv, picture, shape
from nasion.datasets import load
from nasion.datasets.formats import _tables as tables
from nasion.datasets.formats.csv import LabelFiles
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import Skeleton, load_skeleton

TWO = Skeleton(name="two", title="two", names=("eye", "nose"), regions={"points": (0, 1)})


def make(folder, text):
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")
    (folder / "t.csv").write_text(text)
    return f"csv:{folder / 't.csv'}"


# ------------------------------------------------------------------------------------------------------------- header


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("image,a,b", "no pairs of columns x0, y0"),
        ("image,x0,y1", "no pairs"),
        ("file,x0,y0", r'no column "image" in its header \(file, x0, y0, …\); a table of labels names'),
    ],
)
def test_header_without_points_or_image_is_rejected(tmp_path, header, message):
    with pytest.raises(AnnotationError, match=message):
        load(make(tmp_path, f"{header}\n"))


# --------------------------------------------------------------------------------------------------------------- read


def test_named_points_with_empty_cells(tmp_path):
    spec = make(tmp_path, "image,eye_x,eye_y,nose_x,nose_y,subject,split\na.jpg,1,2,, ,anna,test\n")
    faces = load(spec)
    face = faces.annotations[0]
    assert (faces.skeleton.names, faces.skeleton.name) == (("eye", "nose"), "t")
    assert face.keypoints[0].tolist() == [1, 2]
    assert np.isnan(face.keypoints[1]).all()
    assert (face.subject, face.split) == ("anna", "test")


def test_skeleton_of_the_option_needs_the_same_count(tmp_path):
    (tmp_path / "s.toml").write_text('count = 2\nnames = ["auge", "nase"]\n[regions]\nface = "0-1"\n')
    spec = make(tmp_path, "image,eye_x,eye_y,nose_x,nose_y\na.jpg,1,2,3,4\n")
    assert load(f"{spec}?skeleton={tmp_path / 's.toml'}").skeleton.names == ("auge", "nase")
    with pytest.raises(AnnotationError, match="2 x, y pairs, but imm-58 has 58 points"):
        load(f"{spec}?skeleton=imm-58")


def test_names_decide_the_order_of_columns(tmp_path):
    (tmp_path / "s.toml").write_text('count = 2\nnames = ["eye", "nose"]\n[regions]\nface = "0-1"\n')
    spec = make(tmp_path, "image,nose_x,nose_y,eye_x,eye_y\na.jpg,1,2,3,4\n")
    faces = load(f"{spec}?skeleton={tmp_path / 's.toml'}")
    assert faces.annotations[0].keypoints.tolist() == [[3, 4], [1, 2]]


def test_packaged_skeleton_is_only_for_columns_without_names(tmp_path):
    names = ["image", *(f"p{k}_{axis}" for k in range(68) for axis in "xy")]
    assert load(make_csv(tmp_path, shape(68))).skeleton.name == "ibug-68"
    spec = make(tmp_path, f"{','.join(names)}\na.jpg{',1' * 136}\n")
    assert load(spec).skeleton.names[:2] == ("p0", "p1")


def test_single_chin_is_not_taken_for_a_nose(tmp_path):
    assert load(make(tmp_path, "image,chin_x,chin_y\na.jpg,1,2\n")).skeleton.names == ("chin",)
    assert load(make(tmp_path, "image,x0,y0\na.jpg,1,2\n")).skeleton.names == ("point_0",)


def test_origin_is_subtracted_from_points_and_box(tmp_path):
    spec = make(tmp_path, "image,x0,y0,box_x0,box_y0,box_x1,box_y1\na.jpg,5,6,1,2,30,40\n")
    first, other = load(spec), load(f"{spec}?origin=1")
    assert first.annotations[0].keypoints.tolist() == [[5, 6]]
    assert first.annotations[0].box.tolist() == [1, 2, 30, 40]
    assert other.annotations[0].keypoints.tolist() == [[4, 5]]
    assert other.annotations[0].box.tolist() == [0, 1, 29, 39]
    assert (first.note, other.note) == ("coordinates read as 0-based", "coordinates read as 1-based")
    with pytest.raises(ConfigError, match=r"origin is 0, 0\.5 or 1"):
        load(f"{spec}?origin=2")


def test_box_may_be_empty(tmp_path):
    spec = make(tmp_path, "image,x0,y0,box_x0,box_y0,box_x1,box_y1\na.jpg,5,6,,,,\n")
    assert load(spec).annotations[0].box is None


def test_faces_of_one_image_are_numbered_and_share_the_photo(tmp_path):
    faces = load(make(tmp_path, "image,x0,y0\na.jpg,1,2\nb.jpg,3,4\na.jpg,5,6\n")).annotations
    assert [(face.image.name, face.face, face.subject) for face in faces] == [
        ("a.jpg", 0, "a"),
        ("b.jpg", 0, "b"),
        ("a.jpg", 1, "a"),
    ]


def test_bom_of_spreadsheets_is_skipped(tmp_path):
    spec = make(tmp_path, "")
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfimage,x0,y0\r\na.jpg,1,2\r\n")
    assert load(spec).annotations[0].keypoints.tolist() == [[1, 2]]


def test_images_in_another_folder(tmp_path):
    spec = make(tmp_path, "image,x0,y0\nc.jpg,1,2\n")
    picture(tmp_path / "elsewhere" / "c.jpg")
    assert len(load(f"{spec}?images={tmp_path / 'elsewhere'}")) == 1


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        (" VAL ", "val"),
        ("valid", "val"),
        ("validation", "val"),
        ("test", "test"),
        ("testing", "test"),
        ("", ""),
    ],
)
def test_words_for_splits(tmp_path, word, split):
    assert load(make(tmp_path, f"image,x0,y0,split\na.jpg,1,2,{word}\n")).annotations[0].split == split


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.jpg,1", "too few cells: the row ends before its points do"),
        ("a.jpg,1,x", "could not convert"),
        ("a.jpg,,", "every point is missing"),
        ("c.jpg,1,2", "is missing"),
        ("a.jpg,1,2,sometimes", 'its split "sometimes" is none of train, val, test'),
    ],
)
def test_bad_row_among_good_ones_is_skipped_and_named(tmp_path, row, reason):
    faces = load(make(tmp_path, f"image,x0,y0,split\na.jpg,1,2\n{row}\na.jpg,3,4\n"))
    assert [face.keypoints.tolist() for face in faces.annotations] == [[[1, 2]], [[3, 4]]]
    assert faces.problems[0].name == "row 3"
    assert reason in faces.problems[0].reason


# -------------------------------------------------------------------------------------------------------------- write


def write(tmp_path, text, keypoints, image="a.jpg", face=0, options=None):
    make(tmp_path, text)
    labels = LabelFiles(tmp_path / "t.csv", options or {}, TWO)
    labels.write(tmp_path / image, face, np.array(keypoints, np.float64))
    return (tmp_path / "t.csv").read_text()


def test_only_the_cells_of_the_points_change(tmp_path):
    text = 'note,image,x0,y0,x1,y1\n"a, b",b.jpg,1,2,3,4\n"c ""d""",a.jpg,5,6,7,8,extra\n'
    after = write(tmp_path, text, [[1.23456, -0.00001], [30, 40]])
    assert after == text.replace("5,6,7,8", "1.235,0.000,30.000,40.000")


def test_missing_points_become_empty_cells_and_are_read_as_nan(tmp_path):
    after = write(tmp_path, "image,x0,y0,x1,y1\na.jpg,1,2,3,4\n", [[np.nan, 2], [5, 6]])
    assert after == "image,x0,y0,x1,y1\na.jpg,,,5.000,6.000\n"
    keypoints = LabelFiles(tmp_path / "t.csv", {}, TWO).read(tmp_path / "a.jpg", 0)
    assert np.isnan(keypoints[0]).all()
    assert keypoints[1].tolist() == [5, 6]


def test_origin_is_added(tmp_path):
    options = {"origin": "1"}
    after = write(tmp_path, "image,x0,y0,x1,y1\na.jpg,1,2,3,4\n", [[0, 1], [5, 6]], options=options)
    assert after.endswith("a.jpg,1.000,2.000,6.000,7.000\n")
    keypoints = LabelFiles(tmp_path / "t.csv", options, TWO).read(tmp_path / "a.jpg", 0)
    assert keypoints.tolist() == [[0, 1], [5, 6]]


def test_columns_are_written_in_the_order_of_the_skeleton(tmp_path):
    after = write(tmp_path, "image,nose_y,nose_x,eye_x,eye_y\na.jpg,1,2,3,4\n", [[10, 20], [30, 40]])
    assert after.endswith("a.jpg,40.000,30.000,10.000,20.000\n")
    assert LabelFiles(tmp_path / "t.csv", {}, TWO).read(tmp_path / "a.jpg", 0).tolist() == [[10, 20], [30, 40]]


def test_second_face_of_an_image(tmp_path):
    text = "image,x0,y0,x1,y1\na.jpg,1,1,1,1\nb.jpg,2,2,2,2\na.jpg,3,3,3,3\n"
    assert write(tmp_path, text, [[9, 9], [9, 9]], face=1) == text.replace("3,3,3,3", "9.000,9.000,9.000,9.000")


def test_the_table_is_parsed_again_only_after_it_changed(tmp_path, monkeypatch):
    make(tmp_path, "image,x0,y0,x1,y1\n" + "".join(f"a.jpg,{k},2,3,4\n" for k in range(20)))
    parsed, read_csv = [], tables.read_csv
    monkeypatch.setattr(tables, "read_csv", lambda path: parsed.append(path) or read_csv(path))
    labels = LabelFiles(tmp_path / "t.csv", {}, TWO)
    assert [labels.read(tmp_path / "a.jpg", k)[0, 0] for k in range(20)] == list(range(20))
    assert len(parsed) == 1
    labels.write(tmp_path / "a.jpg", 7, np.array([[9.0, 2], [3, 4]]))
    assert labels.read(tmp_path / "a.jpg", 7)[0, 0] == 9
    (tmp_path / "t.csv").write_text("image,x0,y0,x1,y1\na.jpg,55,2,3,4\n")
    assert labels.read(tmp_path / "a.jpg", 0)[0, 0] == 55
    (tmp_path / "t.csv").unlink()
    with pytest.raises(AnnotationError):
        labels.read(tmp_path / "a.jpg", 0)


def test_blank_lines_do_not_count(tmp_path):
    after = write(tmp_path, "image,x0,y0,x1,y1\n\na.jpg,1,2,3,4\n", [[5, 6], [7, 8]])
    assert after == "image,x0,y0,x1,y1\na.jpg,5.000,6.000,7.000,8.000\n"


def test_other_count_of_points_is_an_error_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write(tmp_path, "image,x0,y0,x1,y1\na.jpg,1,2,3,4\n", [[5, 6]])
    assert (tmp_path / "t.csv").read_text() == "image,x0,y0,x1,y1\na.jpg,1,2,3,4\n"


def test_made_table_is_ibug(tmp_path):
    spec = make_csv(tmp_path, shape(68))
    assert load(spec).skeleton == load_skeleton("ibug-68")


# --------------------------------------------------------------------------------------------------------- real files


def test_number_of_real_faces(real):
    faces = load(f"csv:{real('youtube_faces/keypoints.csv')}?images={real('youtube_faces/images')}")
    assert (len(faces), len(faces.problems), faces.skeleton.name) == (4232, 0, "ibug-68")
