"""The Python examples of the documentation run, and print what the pages say."""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import nasion
from doc_pages import ROOT, blocks, commands, page_id, pages
from doubles import FixedDetector
from nasion.errors import ConfigError
from nasion.video.writer import ClipWriter

PAGES = [page for page in pages() if blocks(page.read_text("utf-8"), "python")]

NUMBER = re.compile(r"-?\d+(?:\.\d*)?")

SHORTER = {"3": "0.02", "synthetic:100?skeleton=ibug-68": "synthetic:48?skeleton=ibug-68"}
"""Replacements that make a training short enough for a test."""


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder with the images, the clip and the predictions that the examples read; the detector finds one face."""
    monkeypatch.chdir(tmp_path)
    faces = nasion.load("synthetic:3?skeleton=ibug-68")
    for k, name in enumerate(("me.jpg", "a.jpg", "b.jpg")):
        nasion.write(name, faces.load(k).image)
    box = faces.annotations[0].points_box()
    monkeypatch.setattr("nasion.predict.predictor.best_detector", lambda *_, **__: FixedDetector(box))
    with ClipWriter(Path("clip.mp4"), (240, 320), Fraction(25)) as writer:
        for k in range(3):
            writer.add_frame(k / 25, np.ascontiguousarray(faces.load(0).image[::2, ::2]))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_examples_run_and_print_what_the_page_says(page, workspace, capsys):
    if "found/" in page.read_text("utf-8"):
        pytest.skip("tests/contracts/test_docs.py runs the examples that read predictions")
    names = {}
    missing = []
    for block in blocks(page.read_text("utf-8"), "python"):
        try:
            exec(compile(block.code, page_id(page), "exec"), names)
        except (ModuleNotFoundError, ConfigError) as error:
            if "No module named" not in str(error):
                raise
            missing.append(str(error))
        printed = capsys.readouterr().out
        assert block.output is None or printed == block.output
    if missing:
        pytest.skip(f"a package of an example is missing: {', '.join(missing)}")


def test_the_example_of_the_readme_prints_what_it_says(workspace, capsys):
    (example,) = blocks((ROOT / "README.md").read_text("utf-8"), "python")
    names = {}
    exec(example.code, names)
    printed = capsys.readouterr().out
    words, expected = ("".join(NUMBER.sub("#", text).split()) for text in (printed, example.output))
    assert words == expected
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (printed, example.output)]
    np.testing.assert_allclose(*numbers, atol=3)  # 8-bit convolutions round differently on other processors
    assert (nasion.read("points.png") != names["sample"].image).any()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/how-to/own-points.md"])
def test_own_points_in_five_minutes(page, tmp_path):
    text = (ROOT / page).read_text("utf-8")
    (skeleton,) = blocks(text, "toml")
    (tmp_path / "five.toml").write_text(skeleton.code)
    assert len(nasion.load_skeleton(str(tmp_path / "five.toml")).names) == 5
    ours = [words[1:] for words in commands(text) if any("five" in word for word in words)]
    assert [words[0] for words in ours][:3] == ["convert", "doctor", "train"]
    for words in ours:
        if words[0] != "predict" and "mine.toml" not in words:
            command = [sys.executable, "-m", "nasion", *(SHORTER.get(word, word) for word in words)]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, (words, done.stderr)
    assert nasion.Predictor(tmp_path / "five.onnx").skeleton.count == 5


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 100
    assert "research only, no commercial use" in "\n".join(text.splitlines()[:15])
