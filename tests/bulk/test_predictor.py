"""BulkPredictor: a row per image, errors as rows, and the same keypoints as a Predictor."""

import pickle

import numpy as np
import pytest

from nasion import images
from nasion.bulk import BulkPredictor
from nasion.bulk.reading import RefusedError
from nasion.errors import ConfigError, ImageError

pa = pytest.importorskip("pyarrow")


def batch(folder):
    paths = sorted(map(str, folder.iterdir()))
    return pa.table({"id": [f"n{k}" for k in range(len(paths))], "path": paths})


def test_keypoints_are_those_of_a_predictor(bulk, folder):
    table = bulk(batch(folder))
    assert table.schema.equals(bulk.schema)
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == ["n0", "n1", "n2", "n3"]
    for row in rows[:3]:
        (face,) = bulk.predictor(images.read(row["path"]))
        points = [[point["x"], point["y"]] for point in row["faces"][0]["points"].values()]
        assert points == pytest.approx(face.keypoints, abs=1e-3)


def test_a_broken_image_is_a_row_with_its_error(bulk, folder):
    *good, broken = bulk(batch(folder)).to_pylist()
    assert all(row["error"] is None and row["face_count"] == 1 for row in good)
    assert broken["error"].endswith("3.png: not an image (its content has no known format)")
    assert (broken["face_count"], broken["width"]) == (0, None)


def test_any_exception_of_one_image_is_its_error(bulk, folder, monkeypatch):
    monkeypatch.setattr(bulk, "predictor", lambda _image: 1 / 0)
    row = bulk.row("a", str(folder / "0.png"))
    assert (row.error, row.size) == ("ZeroDivisionError: division by zero", (60, 80))


@pytest.mark.parametrize("error", [RefusedError("refused"), ConfigError("no s3fs")])
def test_what_concerns_all_images_ends_the_batch(bulk, folder, monkeypatch, error):
    def fail(_path):
        raise error

    monkeypatch.setattr(bulk, "_read", fail)
    with pytest.raises(type(error)):
        bulk(batch(folder))


def test_a_file_that_stays_unreadable_is_an_error(bulk, monkeypatch):
    def fail(_path):
        raise ImageError("s3://b/a.jpg: could not be read for 120 s: reset")

    monkeypatch.setattr(bulk, "_read", fail)
    assert bulk.row("a", "s3://b/a.jpg").error == "s3://b/a.jpg: could not be read for 120 s: reset"


def test_record_batches_work_too(bulk, folder):
    (part,) = batch(folder).to_batches()
    assert bulk(part).num_rows == 4


def test_no_image_gives_no_row(bulk):
    empty = pa.table({"id": pa.array([], pa.string()), "path": pa.array([], pa.string())})
    assert bulk(empty).num_rows == 0


def test_it_can_be_sent_to_another_process():
    first = BulkPredictor("tiny")
    second = pickle.loads(pickle.dumps(first))
    crop = np.zeros((1, *first.predictor.backend.crop.size, first.predictor.backend.crop.channels), np.uint8)
    assert np.array_equal(first.predictor.backend(crop).keypoints, second.predictor.backend(crop).keypoints)
