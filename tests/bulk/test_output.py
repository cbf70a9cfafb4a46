"""The output: what counts as committed, what is deleted before an attempt, and what is left to do."""

import pytest

from doubles import QUAD, QUAD_FACE, prediction
from nasion.bulk.output import Counts, Output, output_error
from nasion.bulk.schema import FrameRow, ImageRow, frame_table, image_table
from nasion.errors import ModelError, OutputError

pa = pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def output(tmp_path):
    return Output(str(tmp_path / "out"))


def write(output, name, ids, attempt="0001", ending=".parquet", faces=()):
    """Write a table and its ids as Ray Data does; without `ending`, the table alone."""
    rows = [ImageRow(each, each, (60, 80), faces, None if each != "bad" else "broken") for each in ids]
    folder = output.path("_nasion", "committed", attempt)
    output.storage.makedirs(folder, exist_ok=True)
    pq.write_table(image_table(rows, QUAD, "mine"), output.path(f"{name}-0.parquet"))
    if ending:
        pq.write_table(pa.table({"id": ids}), f"{folder}/{name}{ending}")


def manifest(output, ids, rows):
    output.write_manifest(pa.table({"id": ids, "path": [f"/{each}.jpg" for each in ids]}), rows)


def test_only_renamed_ids_are_committed(output):
    write(output, "u_000000", ["a", "b"])
    write(output, "u_000001", ["c"], ending=".pending.parquet")
    write(output, "u_000002", ["d"], ending="")
    write(output, "v_000000", ["e"], attempt="0002")
    assert sorted(output.committed_ids().to_pylist()) == ["a", "b", "e"]
    assert output.tables() == ["u_000000-0.parquet", "v_000000-0.parquet"]


def test_unfinished_tables_are_deleted_and_committed_ones_kept(output):
    write(output, "u_000000", ["a"])
    write(output, "u_000001", ["b"], ending=".pending.parquet")
    write(output, "u_000002", ["c"], ending="")
    assert output.remove_uncommitted() == 2
    assert output.names() == ["u_000000-0.parquet"]
    assert output.names("_nasion/committed/0001") == ["u_000000.parquet"]
    assert output.remove_uncommitted() == 0


def test_a_committed_table_with_a_pending_copy_is_kept(output):
    """On object stores a rename is a copy and a deletion, and a process may be killed in between."""
    write(output, "u_000000", ["a"])
    write(output, "u_000000", ["a"], ending=".pending.parquet")
    assert output.remove_uncommitted() == 0
    assert output.committed_ids().to_pylist() == ["a"]
    assert output.names("_nasion/committed/0001") == ["u_000000.parquet"]


def test_names_with_a_common_start_are_different_tables(output):
    write(output, "u_00000", ["a"])
    write(output, "u_000001", ["b"], ending="")
    assert output.remove_uncommitted() == 1


def test_what_is_left_to_do(output):
    ids = [f"{number}" for number in range(100)]
    manifest(output, ids, 3)
    work = output.work(pa.array(["0", "1", "2", "4", "99"]))
    assert sum(each.rows for each in work) == 95
    found = [row for each in work for row in output.read_group(each).to_pylist()]
    assert [row["id"] for row in found] == [each for each in ids if each not in ("0", "1", "2", "4", "99")]
    assert found[0] == {"id": "3", "path": "/3.jpg"}
    assert len(output.names("_nasion/manifest")) == 3
    assert output.work(pa.array(ids)) == []


def test_an_unfinished_manifest_is_replaced(output):
    manifest(output, [f"{number}" for number in range(40)], 1)
    manifest(output, ["a"], 1)
    (work,) = output.work(pa.array([], pa.string()))
    assert output.read_group(work).to_pylist() == [{"id": "a", "path": "/a.jpg"}]


def test_a_new_output_is_empty(output):
    assert output.names() == output.tables() == output.work(pa.array([], pa.string())) == []
    assert output.committed_ids().to_pylist() == []
    assert output.read_json("job.json") is None
    assert output.count([]) == Counts(0, 0, 0)


def test_images_faces_and_errors_are_counted(output):
    write(output, "u_000000", ["a", "bad"], faces=[prediction(QUAD_FACE)] * 2)
    write(output, "u_000001", ["c"])
    assert output.count(output.tables()) == Counts(images=3, faces=4, errors=1)


def test_videos_faces_in_frames_and_errors_are_counted(output):
    face = prediction(QUAD_FACE)
    rows = [FrameRow("v", "v.mp4", 0, 0.0, 0, face), FrameRow("v", "v.mp4", 0, 0.0, 1, face), FrameRow("v", "v.mp4", 1)]
    rows.append(FrameRow("w", "w.mp4", error="not a video"))
    write(output, "u_000000", ["v", "w"])
    pq.write_table(frame_table(rows, QUAD, "mine"), output.path("u_000000-0.parquet"))
    assert output.count(output.tables()) == Counts(images=2, faces=2, errors=1)


def test_json_is_read_back(output):
    output.write_json("job.json", {"total": 3})
    assert output.read_json("job.json") == {"total": 3}
    output.remove_json("job.json")
    assert output.read_json("job.json") is None
    output.write("_nasion/job.json", b"{")
    with pytest.raises(ModelError, match=r"job\.json is damaged"):
        output.read_json("job.json")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another location"):
        Output(str(tmp_path / "file" / "out")).check()
    with pytest.raises(OutputError, match="nosuch"):
        Output("nosuch://bucket/out")


def test_other_storages_work_too():
    output = Output("memory://bucket/out")
    output.check()
    manifest(output, ["a", "b"], 1)
    assert [each.part for each in output.work(pa.array(["a"]))] == ["_nasion/manifest/000000.parquet"]
    assert output.read_group(output.work(pa.array(["a"]))[0]).to_pylist() == [{"id": "b", "path": "/b.jpg"}]
    assert output.names() == []


@pytest.mark.parametrize(
    ("error", "address", "text"),
    [
        (OSError(28, "No space left on device"), "/out", "cannot write /out: No space left on device; choose another"),
        (PermissionError("Forbidden"), "s3://b/out", "cannot write s3://b/out: Forbidden; check the credentials"),
        (ConnectionError("refused\nby b"), "s3://b/out", "cannot write s3://b/out: refused by b; choose another"),
    ],
)
def test_errors_of_storages_are_one_line(error, address, text):
    assert str(output_error(address, error)).startswith(text)
