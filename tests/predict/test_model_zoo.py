"""The models in the package: each is the file of its card, and the card says what a person must know."""

import json
import re

import pytest

from nasion.errors import ModelError
from nasion.predict.model_zoo import available, card, is_run, resolve
from nasion.predict.onnx_backend import OnnxBackend

LARGEST_MB = 8


@pytest.mark.parametrize("name", available())
def test_every_model_is_that_of_its_card(name):
    path, text = resolve(name), card(name)
    assert path.stat().st_size <= LARGEST_MB * 1e6
    assert OnnxBackend(path).skeleton.name == text["skeleton"]
    assert {"about", "data", "terms", "command", "scores"} <= text.keys()


@pytest.mark.parametrize("name", available())
def test_every_file_says_how_it_was_trained_but_not_where(name):
    header = OnnxBackend(resolve(name)).header
    assert header.config["model"]["name"]
    assert header.card["weights_sha256"]
    text = json.dumps([header.config, header.card])
    assert not re.search(r"[^\w](/|~/|\w:\\)\w", text)  # a path from a root, a home or a drive
    assert 0 < header.max_relative_spread < 1


def test_a_folder_does_not_take_a_models_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").mkdir()
    assert not is_run("default")
    assert resolve("default").name == "default.onnx"


def test_an_unknown_name():
    with pytest.raises(ModelError, match='did you mean "default"'):
        card("defualt")
