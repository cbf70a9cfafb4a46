"""The examples of the pages on outputs and on converting labels run on written files."""

import re
from pathlib import Path

import numpy as np
import pytest

from doc_pages import DOCS, blocks
from doubles import prediction
from nasion import images
from nasion.datasets import load
from nasion.predict.writers import FORMATS, ResultWriter
from nasion.skeleton import load_skeleton

TEXT = (DOCS / "reference" / "outputs.md").read_text("utf-8")
CONVERT = (DOCS / "how-to" / "convert-labels.md").read_text("utf-8")


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
    codes = [block.code for block in blocks(TEXT, "python")]
    (block,) = (code for code in codes if f"import {library}" in code or f", {library}" in code)
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


def test_mapping_is_readable(tmp_path):
    from nasion.datasets.mapping import load_mapping

    (block,) = blocks(CONVERT, "toml")
    (tmp_path / "m.toml").write_text(block.code)
    (tmp_path / "three.toml").write_text('count = 3\n[regions]\nall = "0-2"\n')
    assert load_mapping(tmp_path / "m.toml").sources == ((0, 1), (), (3,))
