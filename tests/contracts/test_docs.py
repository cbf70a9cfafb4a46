"""The examples of docs/outputs.md run on written files, and its table is that of the formats."""

import re
from pathlib import Path

import numpy as np
import pytest

from doubles import prediction
from nasion import images
from nasion.datasets import load, module
from nasion.datasets.convert import writable_formats
from nasion.outputs.records import Content
from nasion.predict.writers import FORMATS, ResultWriter
from nasion.skeleton import load_skeleton

TEXT = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Predictions in every format in the folder "found", with an image without a face."""
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    image, skeleton = np.full((40, 50, 3), 60, np.uint8), load_skeleton("ibug-68")
    points = np.random.default_rng(0).uniform(1, 40, (68, 2))
    paths = [Path("a.jpg"), Path("b.jpg")]
    for path in paths:
        images.write(path, image)
    for form in FORMATS:
        with ResultWriter(Path("found"), form, paths, skeleton, model="mine") as writer:
            for path, faces in zip(paths, ([prediction(points, skeleton)], []), strict=True):
                writer.add(path, image.shape[:2], faces, writer.draw(path, image, faces))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_examples_run(found, library):
    pytest.importorskip(library)
    (block,) = (each for each in blocks("python") if f"import {library}" in each or f", {library}" in each)
    names = {}
    exec(block, names)
    assert len(names["wide"]) == 2
    assert len(names["points"]) == 69


def test_every_file_is_read_by_the_name_in_the_table(found):
    rows = re.findall(r"(?m)^\| `([\w-]+)` \| .* \| `(.*)` \|$", TEXT)
    specs = {form: spec.replace("FOLDER", ".") for form, spec in rows if ":" in spec}
    assert set(specs) == set(FORMATS)
    for spec in specs.values():
        assert len(load(spec)) == 1, spec


def test_table_of_formats_says_what_they_store():
    rows = re.findall(r"(?m)^\| `([\w-]+)`(?: \(\d+ points\))? \|((?: ✓? ?\|){12})$", TEXT)
    assert {name for name, _ in rows} == set(writable_formats())
    for name, cells in rows:
        marks = [cell.strip() == "✓" for cell in cells.split("|")[:-1]]
        assert {content for content, mark in zip(Content, marks, strict=True) if mark} == module(name).STORES, name


def test_mapping_is_readable(tmp_path):
    from nasion.datasets.mapping import load_mapping

    (block,) = blocks("toml")
    (tmp_path / "m.toml").write_text(block)
    (tmp_path / "three.toml").write_text('count = 3\n[regions]\nall = "0-2"\n')
    assert load_mapping(tmp_path / "m.toml").sources == ((0, 1), (), (3,))


README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_example_of_the_readme_prints_and_draws(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nasion.detect.detector.yunet.YuNet", lambda *_: lambda _image: [])
    monkeypatch.setattr("nasion.detect.detector.download_cached", lambda *_: Path("yunet.onnx"))
    example, *_ = (block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    names = {}
    exec(example, names)
    first, _, second = capsys.readouterr().out.splitlines()
    assert first.startswith("<Prediction: 68 points of ibug-68, box (")
    assert re.fullmatch(r"-?[\d.]+ ± [\d.]+ ° [\d.]+ ± [\d.]+ (True|False)", second)
    assert (images.read("points.png") != names["sample"].image).any()
    assert names["scores"]["n"] == len(names["faces"]) == 12
