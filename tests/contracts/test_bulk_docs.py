"""The recipes of docs/how-to/bulk.md run on small data where their packages are installed."""

import re
import sys
from pathlib import Path

import pytest

from nasion import images
from nasion.datasets.drawn import render_face

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "bulk.md").read_text("utf-8")
COUNT = 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("package", "name"), [("pyspark", "pyspark"), ("daft", "daft")])
def test_recipe_writes_a_row_per_image(package, name, tmp_path, monkeypatch, yunet_file):
    pytest.importorskip(package)
    dataset = pytest.importorskip("pyarrow.dataset")
    for number in range(COUNT):
        images.write(tmp_path / f"{number}.jpg", render_face(5, number, 0, "ibug-68").image[::4, ::4])
    rows = "".join(f"{number},{tmp_path}/{number}.jpg\n" for number in range(COUNT))
    (tmp_path / "manifest.csv").write_text(f"id,path\n{rows}bad,{tmp_path}/none.jpg\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    (block,) = (
        each
        for each in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
        if f"import {name}" in each or f"from {name}" in each
    )
    exec(block.replace("BulkPredictor()", f"BulkPredictor('tiny', {str(yunet_file)!r})"), {"__name__": "recipe"})
    found = dataset.dataset([str(path) for path in (tmp_path / "tables").rglob("*.parquet")]).to_table().to_pylist()
    assert {str(row["id"]): row["face_count"] for row in found} == {"0": 1, "1": 1, "2": 1, "3": 1, "bad": 0}
    (bad,) = (row for row in found if str(row["id"]) == "bad")
    assert "no such image" in bad["error"]
