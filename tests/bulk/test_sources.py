"""Manifests and folders: absolute paths, unique ids, and one-line errors."""

import pytest

from nasion.bulk.sources import list_source
from nasion.errors import AnnotationError, ConfigError, ImageError

pa = pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")
pq = pytest.importorskip("pyarrow.parquet")


def test_a_folder_is_searched_completely(tmp_path):
    for name in ("b/2.PNG", "1.jpg", "notes.txt", "b/c/3.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    table = list_source(str(tmp_path)).to_pydict()
    assert table["path"] == table["id"] == [str(tmp_path / "1.jpg"), str(tmp_path / "b/2.PNG")]
    assert list_source(str(tmp_path), video=True)["path"].to_pylist() == [str(tmp_path / "b/c/3.mp4")]


def test_relative_paths_of_a_manifest_start_at_its_folder(tmp_path, monkeypatch):
    (tmp_path / "list.csv").write_text("id,path,note\n007,a.jpg,x\n008,/data/b.jpg,y\n9,s3://b/c.jpg,z\n")
    monkeypatch.chdir(tmp_path)
    for source in ("list.csv", str(tmp_path / "list.csv"), f"file://{tmp_path}/list.csv"):
        table = list_source(source).to_pydict()
        assert table["id"] == ["007", "008", "9"]
        assert table["path"][0].endswith(f"{tmp_path}/a.jpg")
        assert table["path"][1:] == ["/data/b.jpg", "s3://b/c.jpg"]


def test_without_ids_the_paths_are_ids(tmp_path):
    pq.write_table(pa.table({"path": ["a.jpg", "b.jpg"]}), tmp_path / "list.parquet")
    assert list_source(str(tmp_path / "list.parquet"))["id"].to_pylist() == ["a.jpg", "b.jpg"]


def test_numbers_are_ids(tmp_path):
    pq.write_table(pa.table({"id": [7, 8], "path": ["a.jpg", "b.jpg"]}), tmp_path / "list.parquet")
    assert list_source(str(tmp_path / "list.parquet"))["id"].to_pylist() == ["7", "8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,path\n1,a.jpg\n1,b.jpg\n", '"1" twice'),
        ("id,file\n1,a.jpg\n", "no column path, only id, file"),
        ("id,path\n", "no rows"),
        ("id,path\n1,a.jpg,b\n", "not a table"),
    ],
)
def test_unusable_manifests_are_refused(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(AnnotationError, match=message):
        list_source(str(tmp_path / "list.csv"))


def test_empty_cells_are_refused(tmp_path):
    pq.write_table(pa.table({"path": ["a.jpg", None]}), tmp_path / "list.parquet")
    with pytest.raises(AnnotationError, match="empty path or id"):
        list_source(str(tmp_path / "list.parquet"))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(AnnotationError, match="no such manifest"):
        list_source(str(tmp_path / "list.csv"))
    with pytest.raises(ImageError, match="no such folder"):
        list_source(str(tmp_path / "photos"))
    with pytest.raises(ImageError, match="no images below it"):
        list_source(str(tmp_path))
    with pytest.raises(ConfigError, match="check the address"):
        list_source("nosuch://bucket/photos")
