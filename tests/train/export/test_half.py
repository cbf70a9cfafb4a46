"""Matrices and kernels in 16 bits, everything else in 32."""

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from nasion.train.export.half import round_weights, store_half
from train.runs.small_graphs import model_of, run

FINE = 1 + 2**-15
"""A number that half precision rounds to 1."""


def network():
    """Return a network whose weights all need more than half precision."""
    layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    with torch.no_grad():
        for value in [*layers.parameters(), layers[1].running_var]:
            value.fill_(FINE)
    return layers


def model():
    """Return (B, 2) → (B, 3) by the first layer of `network`, with a constant matrix of the same size."""
    nodes = [
        helper.make_node("Gemm", ["x", "network.0.weight", "network.0.bias"], ["y"], transB=1),
        helper.make_node("Add", ["y", "constant"], ["out"]),
    ]
    values = {
        "network.0.weight": np.full((3, 2), FINE, np.float32),
        "network.0.bias": np.full(3, FINE, np.float32),
        "constant": np.full((2, 3), FINE, np.float32),
    }
    return model_of(nodes, values, ("x", TensorProto.FLOAT, ["batch", 2]))


def test_only_weights_of_two_or_more_dimensions_are_rounded():
    layers = network()
    round_weights(layers)
    assert torch.equal(layers[0].weight, torch.ones(3, 2))
    for value in (layers[0].bias, layers[1].weight, layers[1].bias, layers[1].running_var):
        assert torch.equal(value, torch.full((3,), FINE))
    assert layers[0].weight.dtype == torch.float32
    assert layers[0].weight.requires_grad


def test_only_the_networks_matrices_are_stored_in_half_precision():
    stored = model()
    store_half(stored, network())
    found = {each.name: numpy_helper.to_array(each) for each in stored.graph.initializer}
    assert found.keys() == {"network.0.weight.half", "network.0.bias", "constant"}
    assert found["network.0.weight.half"].dtype == np.float16
    assert np.array_equal(found["network.0.weight.half"], np.ones((3, 2)))
    assert found["network.0.bias"].dtype == found["constant"].dtype == np.float32


def test_weights_are_computed_in_single_precision():
    stored, inputs = model(), np.array([[1.0, 2**-12], [0.0, 0.0]], np.float32)
    before = run(model(), inputs)
    store_half(stored, network())
    assert stored.graph.node[0].op_type == "Cast"
    found = run(stored, inputs)
    assert found.dtype == np.float32
    # The product of a rounded weight and the input has more digits than half precision.
    assert np.allclose(found, inputs.sum(1, keepdims=True) + 2 * FINE, rtol=0, atol=1e-7)
    assert not np.array_equal(found, before)
