"""An exported file as the start of a training: configuration, skeleton and weights by name."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from nasion.errors import ModelError
from nasion.predict.backends.onnx_backend import METADATA
from nasion.predict.migration import FORMAT_VERSION
from nasion.skeleton import load_skeleton
from nasion.train.runs.exported_weights import read_exported
from train.loop.tiny_runs import plain
from train.runs.small_graphs import model_of


def header(**changes):
    skeleton = load_skeleton("nose-1")
    config = plain(data={"sources": ["imm:faces"], "skeleton": "my-points.toml", "validation_share": 0.3}).model_dump()
    table = {
        "format_version": FORMAT_VERSION,
        "skeleton": {"name": skeleton.name, **skeleton.to_table()},
        "crop": config["crop"],
        "max_relative_spread": None,
        "config": config,
        "card": {},
    }
    return json.dumps({**table, **changes})


VALUES = {
    "network.model.head.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "network.model.stem.0.weight.half": np.array([[0.5, 0.25]], np.float16),
    "network.spread.scale": np.array(1.25, np.float32),
    "network.codec.cells": np.array([1.0, 2.0], np.float32),
    "val_7": np.array([3.0], np.float32),
}


def write(path, text=None, values=VALUES):
    nodes = [helper.make_node("Identity", ["crops"], ["out"])]
    model = model_of(nodes, values, ("crops", TensorProto.FLOAT, ["batch", 4]))
    if text is not None:
        helper.set_model_props(model, {"another": "key", METADATA: text})
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_of_model_and_spread_head_have_the_names_of_the_state_dict(tmp_path):
    weights = read_exported(write(tmp_path / "a.onnx", header())).weights
    assert weights.keys() == {"model.head.weight", "model.stem.0.weight", "spread.scale"}
    assert torch.equal(weights["model.head.weight"], torch.arange(6.0).reshape(2, 3))
    assert torch.equal(weights["model.stem.0.weight"], torch.tensor([[0.5, 0.25]]))
    assert float(weights["spread.scale"]) == 1.25
    assert {value.dtype for value in weights.values()} == {torch.float32}


def test_configuration_and_skeleton_are_those_of_the_file(tmp_path):
    found = read_exported(str(write(tmp_path / "a.onnx", header())))
    assert found.skeleton == load_skeleton("nose-1")
    assert found.config.model == plain().model
    assert found.config.data.validation_share == 0.3
    assert found.config.data.skeleton == ""  # the file has the skeleton; its .toml stayed on the other machine


def test_a_file_of_format_version_1_has_the_present_names(stored_v1):
    found = read_exported(stored_v1 / "model.onnx")
    assert found.skeleton == replace(load_skeleton("ibug-68"), head=None)  # which the package has had since later
    assert found.config.schedule.ema_decay == 0.9
    assert {"spread.scale_head.weight", "spread.anisotropy_head.bias"} <= found.weights.keys()
    stored = {each.name: numpy_helper.to_array(each) for each in onnx.load(stored_v1 / "model.onnx").graph.initializer}
    assert np.array_equal(found.weights["spread.scale_head.weight"], stored["network.spread.stretch.weight"])


def test_a_model_of_the_package_is_found_by_name():
    found = read_exported("tiny")
    assert found.skeleton == replace(load_skeleton("ibug-68"), head=None)  # which the package has had since later
    assert all(torch.isfinite(value).all() for value in found.weights.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "not a nasion model; a training can start only from those"),
        ("{", "metadata is damaged"),
        (
            header(config={"data": {"validation_share": 0.1}}),
            "training configuration is damaged .*cannot start here",
        ),
        (header(config={"data": {"validation_share": 0.1, "more": 3}}), "its training configuration is damaged"),
        (header(format_version=99), "format version is 99"),
    ],
)
def test_a_file_without_a_complete_configuration_is_rejected(tmp_path, text, words):
    with pytest.raises(ModelError, match=words) as caught:
        read_exported(write(tmp_path / "a.onnx", text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"<html>", b"\x08"])
def test_another_file_is_rejected(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="damaged, or not an ONNX model"):
        read_exported(tmp_path / "a.onnx")


def test_a_truncated_model_is_rejected(tmp_path):
    path = write(tmp_path / "a.onnx", header())
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ModelError, match="damaged, or not an ONNX model"):
        read_exported(path)


def test_an_empty_file_is_not_a_nasion_model(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"a\.onnx: "):
        read_exported(tmp_path / "a.onnx")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match='no model "defualt"'):
        read_exported("defualt")
    with pytest.raises(ModelError, match=r"nowhere\.onnx"):
        read_exported(tmp_path / "nowhere.onnx")
