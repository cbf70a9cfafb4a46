"""Folding keeps what a graph computes, and unfolding recovers the weights, on graphs written by hand."""

import json

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper

from nasion.train.runs.folded_weights import BIAS, EPSILON, FOLDED, fold, unfold
from train.runs.small_graphs import initializers, normalized, run


def test_folding_keeps_the_outputs():
    model = normalized()
    images = np.random.default_rng(1).normal(size=(2, 3, 6, 5)).astype(np.float32)
    before = run(model, images)
    fold(model)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Relu", "Conv"]
    assert run(model, images) == pytest.approx(before, rel=1e-4, abs=1e-5)
    assert np.abs(before).max() > 1


def with_epsilon(value):
    model = normalized()
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            node.attribute[0].f = value
    return model


def test_folding_uses_the_epsilon_of_each_normalization():
    images = np.random.default_rng(1).normal(size=(2, 3, 6, 5)).astype(np.float32)
    model = with_epsilon(0.5)
    before = run(model, images)
    folded, _ = fold(model)
    assert run(model, images) == pytest.approx(before, rel=1e-4, abs=1e-5)
    assert {epsilon for _, epsilon in folded.values()} == {0.5}
    found = unfold(stored(with_epsilon(0.5)))
    for name, value in initializers(normalized()).items():
        assert found[name] == pytest.approx(value, rel=1e-5), name


def test_tables_of_earlier_files_name_only_the_normalization():
    model = normalized()
    folded, vectors = fold(model)
    model.graph.initializer.extend(vectors)
    helper.set_model_props(model, {FOLDED: json.dumps({weight: norm for weight, (norm, _) in folded.items()})})
    for name, value in initializers(normalized()).items():
        assert unfold(model)[name] == pytest.approx(value, rel=1e-5), name


def test_folded_kernels_and_biases_follow_their_formula():
    model = normalized()
    before = initializers(model)
    fold(model)
    after = initializers(model)
    gain = before["n1.weight"] / np.sqrt(before["n1.running_var"] + 1e-5)
    assert after["c1.weight"] == pytest.approx(before["c1.weight"] * gain[:, None, None, None], rel=1e-5)
    assert after["c1.weight" + BIAS] == pytest.approx(before["n1.bias"] - before["n1.running_mean"] * gain, rel=1e-4)
    gain = before["n2.weight"] / np.sqrt(before["n2.running_var"] + 1e-5)
    own = before["c2.bias"]  # the second convolution has a bias
    expected = before["n2.bias"] + (own - before["n2.running_mean"]) * gain
    assert after["c2.weight" + BIAS] == pytest.approx(expected, rel=1e-4)
    assert {value.dtype for value in after.values()} == {np.dtype(np.float32)}


def test_folding_names_each_normalization_and_returns_its_vectors():
    model = normalized()
    before = initializers(model)
    folded, vectors = fold(model)
    assert {weight: norm for weight, (norm, _) in folded.items()} == {"c1.weight": "n1", "c2.weight": "n2"}
    names = [f"n{k}.{part}" for k in (1, 2) for part in ("weight", "bias", "running_mean", "running_var")]
    assert [vector.name for vector in vectors] == names
    for vector in vectors:
        assert np.array_equal(numpy_helper.to_array(vector), before[vector.name])
    assert not set(names) & initializers(model).keys()
    assert [node.op_type for node in model.graph.node].count("BatchNormalization") == 0


def test_a_model_without_normalizations_stays_as_it_is():
    model = normalized(norms=False)
    before = model.SerializeToString()
    assert fold(model) == ({}, [])
    assert model.SerializeToString() == before


def stored(model):
    """Return a folded model as `int8.quantize` stores it, with the vectors and the table."""
    folded, vectors = fold(model)
    model.graph.initializer.extend(vectors)
    helper.set_model_props(model, {FOLDED: json.dumps(folded)})
    return model


def test_unfolding_recovers_the_weights():
    before = initializers(normalized())
    found = unfold(stored(normalized()))
    assert found.keys() == before.keys()
    for name, value in found.items():
        assert value == pytest.approx(before[name], rel=1e-5), name
        assert value.dtype == np.float32


def test_weights_of_an_unfolded_file_are_returned_as_they_are():
    model = normalized()
    before = initializers(model)
    found = unfold(model)
    assert found.keys() == before.keys()
    assert all(np.array_equal(found[name], before[name]) for name in found)


def test_a_channel_with_a_gain_of_zero_stays_off():
    gamma = np.array([0.0, 1e-9, -2.0, 1.0], np.float32)
    before = initializers(normalized(gamma=gamma))
    found = unfold(stored(normalized(gamma=gamma)))
    assert np.isfinite(found["c1.weight"]).all()
    assert not found["c1.weight"][0].any()
    assert np.abs(found["c1.weight"][1]).max() < 1e-6
    assert found["c1.weight"][2:] == pytest.approx(before["c1.weight"][2:], rel=1e-5)


def quantized(weight, scale):
    """Return a model whose weight is stored as integers, as ONNX Runtime stores it."""
    nodes = [helper.make_node("DequantizeLinear", ["w_quantized", "w_scale", "w_zero_point"], ["w"], axis=0)]
    names = {"w_quantized": weight, "w_scale": scale, "w_zero_point": np.zeros(len(scale), np.int8)}
    names["b.folded_bias_quantized"] = np.arange(3, dtype=np.int32)
    names["b.folded_bias_scale"] = np.ones(3, np.float32)
    nodes.append(helper.make_node("DequantizeLinear", ["b.folded_bias_quantized", "b.folded_bias_scale"], ["b"]))
    nodes.append(helper.make_node("DequantizeLinear", ["activation", "w_scale"], ["a"]))
    names["head.half"] = np.array([0.5, 0.25], np.float16)
    names["axes"] = np.array([2, 3], np.int64)
    values = [numpy_helper.from_array(value, name) for name, value in names.items()]
    return helper.make_model(helper.make_graph(nodes, "g", [], [], values))


def test_integers_are_dequantized_with_the_scale_of_their_channel():
    integers = np.array([[-64, 3], [10, 63], [0, -1]], np.int8)
    scale = np.array([0.5, 0.25, 2.0], np.float32)
    found = unfold(quantized(integers, scale))
    assert found.keys() == {"w", "head.half"}  # neither biases, scales, shapes nor activations
    assert found["w"].tolist() == [[-32, 1.5], [2.5, 15.75], [0, -2]]
    assert found["head.half"].dtype == np.float32


def test_the_epsilon_is_that_of_torch():
    assert torch.nn.BatchNorm2d(4).eps == EPSILON
