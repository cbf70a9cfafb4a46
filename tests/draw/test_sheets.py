"""Sheets: images in a grid, with captions below and a legend above."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageDraw

from nasion import draw
from nasion.errors import ImageError
from nasion.sample import Annotation, DataSet
from nasion.skeleton import load_skeleton

SKELETON = load_skeleton("imm-58")


def tile(height, width, level):
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def written(monkeypatch):
    """The texts that are drawn, in order."""
    texts, real = [], ImageDraw.ImageDraw.text

    def text(pen, place, text, *rest, **more):
        texts.append(text)
        return real(pen, place, text, *rest, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return texts


def test_caption_is_below_the_unchanged_image():
    captioned = draw.caption(tile(40, 90, 7), "a face", height=25)
    assert captioned.shape == (65, 90, 3)
    assert (captioned[:40] == 7).all()
    strip = captioned[40:]
    assert strip[0, 0].tolist() == list(draw.PAPER)
    assert 0 < (strip < 128).any(-1).sum() < 25 * 90 / 2


def test_short_caption_is_complete_and_long_one_is_shortened(written):
    draw.caption(tile(9, 300, 0), "a short name")
    draw.caption(tile(9, 90, 0), "a very long name of a file.jpg")
    assert written[0] == "a short name"
    assert written[1].endswith("…")
    assert "a very long name of a file.jpg".startswith(written[1][:-1])
    assert 5 < len(written[1]) < 20


def test_shortened_caption_has_one_ellipsis_and_no_dots(written):
    draw.caption(tile(9, 60, 0), "aaaa......bbbbbbbbbbbb")
    assert written[0].count("…") == 1
    assert "." not in written[0]


@given(st.text(alphabet="abc. …", max_size=30), st.integers(4, 80))
def test_caption_never_exceeds_the_width(text, width):
    captioned = draw.caption(tile(5, width, 9), text, height=20)
    assert captioned.shape == (25, width, 3)
    assert (captioned[5:, -2:] == 255).all()


def test_sheet_places_tiles_row_by_row_in_cells_of_the_largest_size():
    tiles = [tile(20, 30, 10), tile(12, 40, 20), tile(25, 8, 30)]
    sheet = draw.sheet(tiles, columns=2, gap=3, paper=(1, 2, 3))
    assert sheet.shape == (2 * 25 + 3 * 3, 2 * 40 + 3 * 3, 3)
    for (top, left), each in zip([(3, 3), (3, 46), (31, 3)], tiles, strict=True):
        height, width = each.shape[:2]
        assert np.array_equal(sheet[top : top + height, left : left + width], each)
        sheet[top : top + height, left : left + width] = (1, 2, 3)
    assert (sheet == (1, 2, 3)).all()


@pytest.mark.parametrize(("count", "columns", "rows"), [(4, 4, 1), (5, 4, 2), (8, 4, 2), (3, 2, 2), (2, 5, 1)])
def test_sheet_has_as_many_rows_as_necessary(count, columns, rows):
    sheet = draw.sheet([tile(10, 20, 0)] * count, columns, gap=2)
    assert sheet.shape[:2] == (rows * 12 + 2, columns * 22 + 2)


def test_legend_is_above_the_image_with_a_dot_per_color(written):
    image = draw.legend(tile(40, 400, 7), [("title", None), ("labels", (255, 0, 0)), ("results", (0, 0, 255))], 30)
    assert image.shape == (70, 400, 3)
    assert (image[30:] == 7).all()
    assert written == ["title", "labels", "results"]
    red, blue = ((image[:30] == color).all(-1) for color in ((255, 0, 0), (0, 0, 255)))
    assert red.sum() == pytest.approx(blue.sum(), abs=8)
    assert red.sum() == pytest.approx(np.pi * 6**2, rel=0.3)
    assert np.nonzero(red)[1].max() < np.nonzero(blue)[1].min()
    assert np.nonzero(red)[1].min() > 30  # after the title


def test_legend_texts_do_not_overlap():
    both = draw.legend(tile(5, 500, 0), [("first", None), ("second", None)])
    dark = (both[:30] < 128).any(-1).any(0)
    assert np.diff(np.nonzero(dark)[0]).max() > 15


def faces(count, unreadable=()):
    """A data set of `count` faces on gray images, whose level is ten times the index."""
    shape = np.random.default_rng(0).uniform(40, 80, (58, 2))
    annotations = [
        Annotation(Path(f"{k}.jpg"), shape, SKELETON, np.ones(58, bool), subject=str(k), split="train")
        for k in range(count)
    ]

    def load(annotation):
        index = int(annotation.subject)
        if index in unreadable:
            raise ImageError("it is damaged")
        return tile(100, 140, 10 * index)

    return DataSet("csv:faces.csv", SKELETON, annotations, load)


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [(10, 4, [0, 3, 6, 9]), (10, 1, [0]), (3, 7, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (10, 2, [0, 9])],
)
def test_faces_are_chosen_evenly_from_the_first_to_the_last(total, count, expected):
    assert draw.evenly_spaced(faces(total), count) == expected


@given(st.integers(1, 60), st.integers(1, 60))
def test_chosen_faces_are_as_many_as_asked_for_and_distinct(total, count):
    chosen = draw.evenly_spaced(DataSet("", SKELETON, [None] * total, None), count)
    assert len(chosen) == min(total, count)
    assert np.diff([-1, *chosen, total]).min() > 0


def test_sheet_of_faces_has_a_tile_per_face_with_its_name_and_split(written):
    sheet = draw.faces_sheet(faces(3), 8, side=100)
    assert written == ["0.jpg train", "1.jpg train", "2.jpg train", "csv:faces.csv", "labeled points"]
    assert sheet.shape == (30 + 100 + 22 + 12, 3 * 106 + 6, 3)
    for k in range(3):
        view = sheet[36:136, 6 + 106 * k : 106 + 106 * k]
        assert (view[0] == 10 * k).all()
        assert np.abs(view.astype(int) - draw.TRUE).sum(-1).min() < 60


def test_sheet_of_faces_has_at_most_four_columns():
    assert draw.faces_sheet(faces(6), 5, side=50).shape[:2] == (30 + 2 * (72 + 6) + 6, 4 * 56 + 6)


def test_tile_shows_the_face_with_its_margin():
    sheet = draw.faces_sheet(faces(2), 1, side=180)
    marked = (sheet[36:216, 6:186] != sheet[36, 6]).any(-1)
    ys, xs = np.nonzero(marked)
    extent = max(np.ptp(xs), np.ptp(ys))
    assert extent == pytest.approx(180 / 1.8 + 4, abs=2)  # the box of the keypoints, and the points with their rims


def test_unreadable_image_is_a_gray_tile_with_the_reason(written):
    sheet = draw.faces_sheet(faces(2, unreadable=[1]), 2, side=400)
    assert written[1] == "1.jpg: it is damaged"
    assert (sheet[36:436, 412:812] == 235).all()


def test_sheet_can_be_stored(tmp_path):
    PillowImage.fromarray(draw.faces_sheet(faces(2), 2)).save(tmp_path / "sheet.png")
    with PillowImage.open(tmp_path / "sheet.png") as stored:
        assert stored.size == (2 * 306 + 6, 300 + 22 + 12 + 30)
