"""Integer convolutions: which nodes are quantized, and what remains in float32."""

import json
import logging

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from nasion.predict.backends.onnx_backend import INPUT
from nasion.train.export.int8 import BATCH, CalibrationFaces, integer_nodes, quantize, rounded_weights
from nasion.train.runs.folded_weights import FOLDED, unfold
from train.runs.small_graphs import model_of, norm_values, run


def node(operator, inputs, output):
    return helper.make_node(operator, inputs, [output], name=output)


def chosen(nodes, keep=()):
    return integer_nodes(helper.make_graph(nodes, "g", [], []), keep)


def test_convolutions_and_what_follows_them_are_quantized():
    nodes = [
        node("Relu", ["x"], "before"),  # of the crop, in float32
        node("Conv", ["before", "w1"], "conv"),
        node("Relu", ["conv"], "relu"),
        node("MaxPool", ["relu"], "pool"),
        node("Add", ["before", "pool"], "sum"),
        node("Resize", ["sum"], "resized"),
        node("Relu", ["resized"], "after"),  # of a float32 result
    ]
    assert chosen(nodes) == ["conv", "relu", "pool", "sum"]


def test_convolutions_to_keep_and_what_follows_them_are_float():
    nodes = [
        node("Conv", ["x", "w1"], "features"),
        node("Conv", ["features", "head"], "maps"),
        node("Relu", ["maps"], "relu"),
        node("Conv", ["x", "w2"], "more"),
    ]
    assert chosen(nodes, ["head"]) == ["features", "more"]
    assert chosen(nodes, ["w1", "w2", "head"]) == []


def test_the_data_of_a_convolution_is_not_compared_with_the_weights_to_keep():
    assert chosen([node("Conv", ["head", "w1"], "conv")], ["head"]) == ["conv"]


@pytest.mark.parametrize(("count", "sizes"), [(BATCH, [BATCH]), (2 * BATCH + 3, [BATCH, BATCH, 3]), (0, [])])
def test_calibration_reads_every_crop_once(count, sizes):
    crops = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    reader, batches = CalibrationFaces(crops), []
    while (batch := reader.get_next()) is not None:
        assert batch.keys() == {INPUT}
        batches.append(batch[INPUT])
    assert [len(batch) for batch in batches] == sizes
    assert reader.get_next() is None
    assert not count or np.array_equal(np.concatenate(batches), crops)


def network():
    """Return crops (B, 8, 8, 3) uint8 → Conv, BatchNormalization, Relu, Conv, and the heads of keypoints and spread."""
    random = np.random.default_rng(4)
    shapes = {"model.a": (4, 3, 3, 3), "model.b": (6, 4, 3, 3), "model.head": (2, 6, 1, 1), "spread.s": (2, 6, 1, 1)}
    values = {f"network.{name}.weight": random.normal(size=size).astype(np.float32) for name, size in shapes.items()}
    values |= {f"network.model.{name}": value for name, value in norm_values(1).items()}
    norm = [f"network.model.n1.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    nodes = [
        helper.make_node("Cast", [INPUT], ["float"], to=TensorProto.FLOAT),
        node("Mul", ["float", "scale"], "small"),
        helper.make_node("Transpose", ["small"], ["planes"], perm=[0, 3, 1, 2]),
        node("Conv", ["planes", "network.model.a.weight"], "conv_a"),
        helper.make_node("BatchNormalization", ["conv_a", *norm], ["norm_a"], epsilon=1e-5),
        node("Relu", ["norm_a"], "relu_a"),
        node("Conv", ["relu_a", "network.model.b.weight"], "conv_b"),
        node("Conv", ["conv_b", "network.model.head.weight"], "maps"),
        node("Conv", ["conv_b", "network.spread.s.weight"], "spreads"),
        node("Add", ["maps", "spreads"], "out"),
    ]
    values["scale"] = np.array(1 / 255, np.float32)
    return model_of(nodes, values, (INPUT, TensorProto.UINT8, ["batch", 8, 8, 3]))


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(2).integers(0, 256, (40, 8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def quantized(crops):
    return quantize(network(), crops)


def stored(model):
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def test_outputs_are_nearly_those_of_the_original(quantized, crops):
    before, after = run(network(), crops), run(quantized, crops)
    assert 0 < np.abs(after - before).mean() < 0.03 * before.std()


def test_backbone_weights_are_integers_with_one_scale_per_channel(quantized):
    found = stored(quantized)
    for name, channels in (("network.model.a.weight", 4), ("network.model.b.weight", 6)):
        assert name not in found
        integers = found[f"{name}_quantized"]
        assert integers.dtype == np.int8
        assert np.abs(integers.astype(int)).max() <= 64  # 7 of the 8 bits
        assert found[f"{name}_scale"].shape == (channels,)


def test_biases_are_corrected_for_the_weights_that_are_stored(quantized):
    found = stored(quantized)
    integers, scale = (found[f"network.model.b.weight{part}"] for part in ("_quantized", "_scale"))
    exact = stored(network())["network.model.b.weight"]
    assert rounded_weights(exact) == pytest.approx(integers * scale[:, None, None, None], abs=1e-6)


def test_clipped_activations_are_computed_with_their_convolution():
    nodes = [
        node("Conv", ["x", "w1"], "conv"),
        node("Clip", ["conv", "low", "high"], "clipped"),
        node("Clip", ["x", "low", "high"], "of the crop"),
    ]
    assert chosen(nodes) == ["conv", "clipped"]


def test_heads_stay_in_float(quantized):
    before, found = stored(network()), stored(quantized)
    for name in ("network.model.head.weight", "network.spread.s.weight"):
        assert np.array_equal(found[name], before[name])
    inputs = {each.name: list(each.input) for each in quantized.graph.node if each.op_type == "Conv"}
    assert inputs["maps"][1] == "network.model.head.weight"
    assert inputs["spreads"][1] == "network.spread.s.weight"


def test_a_training_can_start_from_the_integers(quantized):
    before, found = stored(network()), unfold(quantized)
    assert {name for name in found if name.startswith("network.")} == {n for n in before if n.startswith("network.")}
    for name, value in before.items():
        if name.startswith("network."):
            limit = np.abs(value).max(axis=tuple(range(1, value.ndim)), keepdims=True) / 63 if value.ndim > 1 else 0
            assert (np.abs(found[name] - value) <= 0.51 * limit + 1e-6).all(), name


def test_the_folded_normalizations_are_stored_beside_the_graph(quantized):
    properties = {each.key: each.value for each in quantized.metadata_props}
    assert json.loads(properties[FOLDED]) == {"network.model.a.weight": ["network.model.n1", pytest.approx(1e-5)]}
    assert "BatchNormalization" not in {each.op_type for each in quantized.graph.node}
    used = {name for each in quantized.graph.node for name in each.input}
    assert "network.model.n1.weight" in stored(quantized).keys() - used


def test_quantization_prints_nothing_and_restores_the_log_level(crops, capfd):
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    try:
        quantize(network(), crops[:3])
        assert root.level == logging.INFO
        with pytest.raises(Exception, match=r"(?i)invalid|dimension"):
            quantize(network(), crops[:3, :, :, :2])  # two channels instead of three
        assert root.level == logging.INFO
    finally:
        root.setLevel(level)
    assert capfd.readouterr().out == ""
