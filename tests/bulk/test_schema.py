"""The tables of images and frames: named points, nulls for what is unknown, one row per image or face."""

import numpy as np
import pytest

from doubles import QUAD, QUAD_FACE, prediction
from nasion.skeleton import load_skeleton

pa = pytest.importorskip("pyarrow")

from nasion.bulk.schema import FrameRow, ImageRow, frame_schema, frame_table, image_schema, image_table  # noqa: E402


def test_an_image_is_a_row_with_its_faces_as_named_points():
    faces = [prediction(QUAD_FACE), prediction(QUAD_FACE + 5, score=0.5)]
    rows = [ImageRow("a", "x/a.jpg", (60, 80), faces), ImageRow("b", "x/b.jpg", (30, 40))]
    table = image_table(rows, QUAD, "mine")
    assert table.schema.equals(image_schema(QUAD))
    first, second = table.to_pylist()
    assert (first["id"], first["path"], first["height"], first["width"]) == ("a", "x/a.jpg", 60, 80)
    assert (first["face_count"], second["face_count"], second["faces"]) == (2, 0, [])
    assert [face["face"] for face in first["faces"]] == [0, 1]
    face = first["faces"][1]
    assert face["points"]["chin"] == {"x": 35.0, "y": 55.0, "spread": 2.0}
    assert face["box"] == {"x0": 10.0, "y0": 10.0, "x1": 50.0, "y1": 50.0}
    assert face["score"] == 0.5
    assert face["pose"] is None  # four points have no pose
    assert (first["error"], first["model"]) == (None, "mine")


def test_unknown_values_are_null():
    points = np.where(np.arange(4)[:, None] == 2, np.nan, QUAD_FACE)
    face = prediction(points, spread=np.nan)
    (row,) = image_table([ImageRow("a", "a.jpg", (60, 80), [face])], QUAD, "mine").to_pylist()
    assert row["faces"][0]["points"]["nose"] is None
    assert row["faces"][0]["points"]["eye_a"] == {"x": 20.0, "y": 20.0, "spread": None}


def test_an_error_has_no_size_and_no_faces():
    (row,) = image_table([ImageRow("a", "a.jpg", error="a.jpg: not an image")], QUAD, "mine").to_pylist()
    assert (row["width"], row["height"], row["faces"], row["error"]) == (None, None, [], "a.jpg: not an image")


def test_pose_has_its_errors():
    from nasion.datasets.drawn import render_face

    skeleton = load_skeleton("ibug-68")
    points = render_face(5, 0, 0, "ibug-68").keypoints
    face = prediction(points, skeleton, spread=1.0)
    (row,) = image_table([ImageRow("a", "a.jpg", (480, 640), [face])], skeleton, "mine").to_pylist()
    pose = row["faces"][0]["pose"]
    assert pose["yaw"] == pytest.approx(face.pose.yaw.value, abs=1e-4)
    assert pose["roll_error"] == pytest.approx(face.pose.roll.error, abs=1e-4)


@pytest.mark.parametrize("faces", [[None, None], [None, QUAD_FACE], [QUAD_FACE, None]])
def test_a_frame_is_a_row_per_face_or_one_without(faces):
    rows = [
        FrameRow("v", "v.mp4", k, 0.04 * k, None if face is None else 7, None if face is None else prediction(face))
        for k, face in enumerate(faces)
    ]
    table = frame_table([*rows, FrameRow("v", "v.mp4", error="v.mp4: it ends early")], QUAD, "mine")
    assert table.schema.equals(frame_schema(QUAD))
    found = table.to_pylist()
    assert [row["frame"] for row in found] == [0, 1, None]
    assert found[1]["time_s"] == pytest.approx(0.04)
    for row, face in zip(found, faces, strict=False):
        assert row["face"] == (None if face is None else 7)
        assert (row["points"] is None) == (face is None)
        if face is not None:
            assert row["points"]["chin"]["y"] == 50.0
    assert (found[2]["face"], found[2]["error"]) == (None, "v.mp4: it ends early")


def test_tables_without_rows_keep_their_columns():
    assert image_table([], QUAD, "mine").schema.equals(image_schema(QUAD))
    assert frame_table([], QUAD, "mine").schema.equals(frame_schema(QUAD))
