"""Columns and rows of wide and long tables."""

from dataclasses import replace

import numpy as np
import pytest

from doubles import QUAD, prediction
from nasion.outputs.columns import LONG, MEASUREMENT_COLUMNS, long_rows, point_columns, wide_columns, wide_rows
from nasion.outputs.records import PREDICTED, Content, ImageRecord, LabelSet, predicted_faces
from nasion.uncertainty import Measured

(FACE,) = predicted_faces("a.jpg", [prediction([[1, 2], [np.nan, np.nan], [5, 6], [7, 8]], spread=[1, 2, 3, np.nan])])
BARE = replace(FACE, score=None, box=None, spread=None, subject="anna", split="test")


def labels(*faces, contents=PREDICTED):
    return LabelSet(QUAD, [ImageRecord("a.jpg", (40, 50), faces), ImageRecord("b.jpg", (40, 50), [])], contents)


def test_wide_rows_have_a_cell_for_each_column():
    given = labels(FACE, BARE)
    header = wide_columns(given)
    assert header[:7] == ["image", "face", "score", "box_x0", "box_y0", "box_x1", "box_y1"]
    assert header[7:] == point_columns(QUAD) == [f"{name}_{axis}" for name in QUAD.names for axis in "xy"]
    assert list(wide_rows(given)) == [
        ["a.jpg", 0, 0.75, 10, 10, 50, 50, 1, 2, None, None, 5, 6, 7, 8],
        ["a.jpg", 1, None, None, None, None, None, 1, 2, None, None, 5, 6, 7, 8],
        ["b.jpg", *[None] * 14],
    ]


def test_spread_and_labels_are_added_on_request():
    given = labels(FACE, BARE, contents=frozenset({Content.SUBJECTS, Content.SPLITS}))
    header = wide_columns(given, with_spread=True)
    assert header[3:5] == ["subject", "split"]
    assert header[-4:] == [f"{name}_spread" for name in QUAD.names]
    first, second, empty = wide_rows(given, with_spread=True)
    assert (first[3:5], first[-4:]) == ([None, None], [1, 2, 3, None])
    assert (second[3:5], second[-4:]) == (["anna", "test"], [None] * 4)
    assert len(first) == len(second) == len(empty) == len(header)


def test_measurements_have_columns_on_request():
    known = {"yaw": Measured(12.5, 1.0, "°"), "mouth_open": Measured(1.0, np.nan)}
    given = LabelSet(QUAD, labels(replace(FACE, measurements=known), FACE).images, measured=True)
    header = wide_columns(given)
    assert header[-len(MEASUREMENT_COLUMNS) :] == list(MEASUREMENT_COLUMNS)
    first, second, empty = (dict(zip(header, row, strict=True)) for row in wide_rows(given))
    assert (first["yaw"], first["yaw_error"], first["mouth_open"], first["pitch"]) == (12.5, 1.0, 1.0, None)
    assert second["yaw"] is empty["yaw"] is None
    assert "mouth_open_error" not in header


def test_long_rows_have_one_point_each():
    rows = list(long_rows(QUAD, labels(FACE).images))
    assert len(rows) == 5
    assert all(len(row) == len(LONG) for row in rows)
    assert rows[1] == ["a.jpg", 0, 1, "eye_b", None, None, 2]
    assert rows[3] == ["a.jpg", 0, 3, "chin", 7, 8, None]
    assert rows[4] == ["b.jpg", *[None] * 6]


@pytest.mark.parametrize("count", [0, 2])
def test_tables_are_lazy(count):
    given = LabelSet(QUAD, iter([ImageRecord("a.jpg", (1, 1), [FACE])] * count))
    assert sum(1 for _ in wide_rows(given)) == count
