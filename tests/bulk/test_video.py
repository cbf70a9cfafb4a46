"""Videos: a row per frame and face, a row for a frame without a face, and errors as rows."""

from fractions import Fraction

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.bulk import BulkVideoPredictor
from nasion.bulk.video import _local_file
from nasion.detect import Detection
from nasion.geometry import Affine
from nasion.video.writer import ClipWriter

pa = pytest.importorskip("pyarrow")
pytest.importorskip("av")


def detect_bright(image):
    """Return the astronaut's face, unless the frame is black."""
    return [Detection(np.array([176.0, 95, 275, 180]), 0.9)] if image.max() > 50 else []


@pytest.fixture
def clips(tmp_path):
    """A folder with a clip of five frames with a face and two without, and a broken clip."""
    with ClipWriter(tmp_path / "a.mp4", (512, 512), Fraction(25)) as writer:
        for k in range(7):
            image = images.warp(data.astronaut(), Affine.translation(k, 0), (512, 512))
            writer.add_frame(k / 25, image if k < 5 else np.zeros_like(image))
    (tmp_path / "b.mp4").write_bytes(b"not a video")
    return tmp_path


@pytest.fixture
def bulk():
    return BulkVideoPredictor("tiny", detect_bright, retry_s=0.0)


def test_frames_and_faces_are_rows(bulk, clips):
    table = bulk(pa.table({"id": ["a", "b", "c"], "path": [str(clips / f"{name}.mp4") for name in "abc"]}))
    assert table.schema.equals(bulk.schema)
    rows = table.to_pylist()
    first = [row for row in rows if row["id"] == "a"]
    assert [row["frame"] for row in first] == list(range(7))
    assert [row["face"] for row in first] == [0] * 5 + [None] * 2
    assert first[1]["time_s"] == pytest.approx(0.04)
    moved = first[4]["points"]["nose_bridge_3"]["x"] - first[0]["points"]["nose_bridge_3"]["x"]
    assert moved == pytest.approx(4, abs=1.5)
    broken = [row for row in rows if row["id"] != "a"]
    assert [row["frame"] for row in broken] == [None, None]
    assert "not a video" in broken[0]["error"]
    assert "no such file" in broken[1]["error"]


def test_a_video_that_cannot_be_used_is_one_row_with_its_error(bulk):
    table = bulk.error_table("a", "s3://b/a.mp4", "the worker died")
    assert table.schema.equals(bulk.schema)
    (row,) = table.to_pylist()
    assert (row["id"], row["path"], row["frame"], row["error"]) == ("a", "s3://b/a.mp4", None, "the worker died")


def test_an_error_within_a_video_keeps_the_frames_before(bulk, clips, monkeypatch):
    calls = []

    def fail_later(image):
        calls.append(image)
        if len(calls) > 3:
            raise ValueError("odd frame")
        return []

    bulk.predictor = type(bulk.predictor)("tiny", fail_later)
    rows = bulk.rows("a", str(clips / "a.mp4"))
    assert [row.frame for row in rows] == [0, 1, 2, None]
    assert rows[-1].error == "ValueError: odd frame"


def test_a_video_from_a_bucket_is_read_as_a_file(clips):
    content = (clips / "a.mp4").read_bytes()
    with _local_file("s3://b/c/a.mp4", lambda path: {"s3://b/c/a.mp4": content}[path]) as file:
        assert file.read_bytes() == content
        assert file.name == "a.mp4"
    assert not file.exists()
    with _local_file(str(clips / "a.mp4"), pytest.fail) as file:
        assert file == clips / "a.mp4"
