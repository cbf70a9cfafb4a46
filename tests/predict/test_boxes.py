"""Boxes that users give on the command line or in a CSV file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasion.errors import AnnotationError, ConfigError, ImageError
from nasion.predict.boxes import boxes_from, check_box, detect_boxes, parse_box

numbers = st.floats(-1e4, 1e4).map(lambda value: round(value, 3))
sides = st.floats(0.01, 1e4).map(lambda value: round(value, 3))


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a CSV file and returns its boxes."""

    def write(text, name="boxes.csv", encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return boxes_from(str(tmp_path / name))

    return write


def test_detector_finds_the_boxes_by_default():
    assert detect_boxes(Path("a.jpg")) is None


def test_box_becomes_an_array_of_floats():
    box = check_box((1, 2, 3, 5))
    assert box.dtype == np.float64
    assert box.tolist() == [1, 2, 3, 5]


BAD_BOXES = {
    "no width": [1, 2, 1, 5],
    "no height": [1, 2, 3, 2],
    "mirrored": [3, 2, 1, 5],
    "upside down": [1, 5, 3, 2],
    "NaN": [1, 2, 3, np.nan],
    "infinite": [1, 2, np.inf, 5],
    "three numbers": [1, 2, 3],
    "five numbers": [1, 2, 3, 5, 8],
    "two corners": [[1, 2], [3, 5]],
}


@pytest.mark.parametrize("box", BAD_BOXES.values(), ids=BAD_BOXES.keys())
def test_malformed_box_is_rejected(box):
    with pytest.raises(ConfigError, match="x0 < x1 and y0 < y1"):
        check_box(box)


@settings(max_examples=40, deadline=None)
@given(numbers, numbers, sides, sides)
def test_text_of_a_box_is_parsed(x, y, width, height):
    box = [x, y, x + width, y + height]
    assert parse_box(",".join(map(repr, box))) == box


@pytest.mark.parametrize("text", ["1,2,3", "1,2,x,4", "", "1;2;3;4", "1,2,3,4,", "1,2,1,4", "nan,2,3,4"])
def test_malformed_text_of_a_box_is_rejected(text):
    with pytest.raises(ConfigError, match="a box is x0,y0,x1,y1 in px"):
        parse_box(text)


@pytest.mark.parametrize("text", ["0,0,1e308,1e308", "-1e308,0,1,1", "0,0,1000001,9"])
def test_boxes_that_no_image_has_are_rejected(text):
    with pytest.raises(ConfigError, match=r"the box has the coordinate .*; no image is larger than 1,000,000 px"):
        parse_box(text)


@pytest.mark.parametrize(
    "box", [[0, 0, 1e-300, 1e-300], [0, 0, 1e-4, 9], "box", [None] * 4, [[1, 2], [3]], [10**400] * 4]
)
def test_values_that_are_not_a_box_are_rejected_in_one_line(box):
    with pytest.raises(ConfigError, match="a box is x0,y0,x1,y1 in px"):
        check_box(box)


def test_error_message_quotes_at_most_80_characters():
    with pytest.raises(ConfigError) as raised:
        parse_box("y" * 90)
    assert str(raised.value).endswith(f'not "{"y" * 80}"')


@pytest.mark.parametrize("word", ["image", "picture"])
def test_image_and_its_former_word_mean_the_full_image(word):
    assert boxes_from(word)(Path("a.jpg")) == [None]


def test_one_box_applies_to_every_image():
    boxes = boxes_from("1,2,3.5,4")
    assert boxes(Path("a.jpg")) == boxes(Path("b.jpg")) == [[1.0, 2.0, 3.5, 4.0]]


@pytest.mark.parametrize("text", ["face", "x" * 90, "images", "1", ""])
def test_unknown_word_is_rejected(text):
    with pytest.raises(ConfigError, match='"image" or a CSV file, not "') as raised:
        boxes_from(text)
    assert f'not "{text[:80]}"' in str(raised.value)


def test_malformed_box_is_rejected_before_any_image_is_read():
    with pytest.raises(ConfigError, match="a box is"):
        boxes_from("4,3,2,1")


def test_table_holds_several_boxes_of_an_image_in_order(table):
    boxes = table("image,x0,y0,x1,y1\na.jpg,1,2,3,4\nb.jpg,5,6,7,9\na.jpg,2,2,9,8\n")
    assert boxes(Path("a.jpg")) == [[1, 2, 3, 4], [2, 2, 9, 8]]
    assert boxes(Path("b.jpg")) == [[5, 6, 7, 9]]


def test_columns_of_a_table_may_have_any_order_and_company(table):
    boxes = table("y1,x1,note,image,y0,x0\n4,3,hello,a.jpg,2,1\n", name="B.CSV")
    assert boxes(Path("a.jpg")) == [[1, 2, 3, 4]]


def test_table_with_a_byte_order_mark_is_read(table):
    boxes = table("image,x0,y0,x1,y1\na.jpg,1,2,3,4\n", encoding="utf-8-sig")
    assert boxes(Path("a.jpg")) == [[1, 2, 3, 4]]


def test_image_is_found_by_its_name_unless_its_path_is_listed(table):
    boxes = table("image,x0,y0,x1,y1\na.jpg,1,2,3,4\nfolder/a.jpg,5,6,7,8\n./c.jpg,1,1,2,2\n")
    assert boxes(Path("folder/a.jpg")) == [[5, 6, 7, 8]]
    assert boxes(Path("other/a.jpg")) == [[1, 2, 3, 4]]
    assert boxes(Path("c.jpg")) == [[1, 1, 2, 2]]


def test_image_without_a_box_is_an_image_error(table, tmp_path):
    boxes = table("image,x0,y0,x1,y1\nfolder/a.jpg,1,2,3,4\n")
    with pytest.raises(ImageError, match=r"^b\.jpg: .*boxes\.csv has no box for it"):
        boxes(Path("b.jpg"))
    with pytest.raises(ImageError, match="has no box"):
        boxes(Path("a.jpg"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,x0,y0,x1\na.jpg,1,2,3\n", "need the columns image,x0,y0,x1,y1; it has image,x0,y0,x1$"),
        ("", "it has none$"),
        ("image,x0,y0,x1,y1\na.jpg,1,2,3,4\nb.jpg,1,2,3,x\n", "line 3: not a box"),
        ("image,x0,y0,x1,y1\na.jpg,1,2,3\n", "line 2: not a box"),
        ("image,x0,y0,x1,y1\na.jpg,1,2,1,4\n", "line 2: not a box"),
        ("image,x0,y0,x1,y1\na.jpg,1,2,,4\n", "line 2: not a box"),
    ],
)
def test_malformed_table_is_rejected(table, text, message):
    with pytest.raises(ConfigError, match=message):
        table(text)


def test_unreadable_table_is_an_annotation_error(tmp_path):
    with pytest.raises(
        AnnotationError, match=r"none\.csv: no such file; --box needs a CSV file with image,x0,y0,x1,y1"
    ):
        boxes_from(str(tmp_path / "none.csv"))
    (tmp_path / "latin.csv").write_bytes(b"image,x0,y0,x1,y1\n\xe9.jpg,1,2,3,4\n")
    with pytest.raises(AnnotationError, match=r"latin\.csv: cannot read the boxes"):
        boxes_from(str(tmp_path / "latin.csv"))
