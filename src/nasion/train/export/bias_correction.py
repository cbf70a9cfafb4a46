"""Biases that compensate the mean effect of rounded weights.

Rounding changes a channel's weights by small amounts that do not cancel: with inputs of mean m, its output moves by
m * (rounded - exact) on average. Subtracting this from the bias removes most of the error of networks with few weights
per channel, such as those with depthwise convolutions.
Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nasion.geometry import FloatArray

__all__ = ["correct_biases"]

Round = Callable[[FloatArray], FloatArray]
"""Rounds the weights (C_out, C_in, h, w) of a convolution."""


def correct_biases(
    model: onnx.ModelProto, batches: Sequence[NDArray[np.uint8]], rounded: Round, keep_float: tuple[str, ...]
) -> None:
    """Change the biases of a model's convolutions so that rounded weights give the same mean outputs.

    Args:
        model: with float weights and one input; its convolutions have biases. It is changed.
        batches: inputs (B, ...) of the model, such as crops in px of 0 to 255, on which the means are measured.
        rounded: rounds the weights as they will be stored.
        keep_float: prefixes of the names of weights that are not rounded.
    """
    stored = {each.name: each for each in model.graph.initializer}
    nodes = [
        node
        for node in model.graph.node
        if node.op_type == "Conv" and len(node.input) > 2 and not node.input[1].startswith(keep_float)
    ]
    means = _channel_means(model, batches, sorted({node.input[0] for node in nodes}))
    for node in nodes:
        weight, bias = (stored[name] for name in node.input[1:])
        exact = numpy_helper.to_array(weight).astype(np.float64)
        change = (rounded(exact) - exact).sum((2, 3))
        moved = numpy_helper.to_array(bias) - _grouped_product(change, means[node.input[0]])
        bias.CopyFrom(numpy_helper.from_array(moved.astype(np.float32), bias.name))


def _grouped_product(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Return the outputs (C_out,) of a convolution's weights (C_out, C_in / groups) for values (C_in,), no unit."""
    groups = len(values) // weights.shape[1]
    split = weights.reshape(groups, -1, weights.shape[1])
    return np.einsum("goi,gi->go", split, values.reshape(groups, -1)).ravel()


def _channel_means(
    model: onnx.ModelProto, batches: Sequence[NDArray[np.uint8]], names: Sequence[str]
) -> dict[str, FloatArray]:
    """Return the mean of each channel (C,), no unit, of a model's features (B, C, h, w) by name, over all batches."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name
    sums = {name: np.zeros(()) for name in names}
    for batch in batches:
        for name, features in zip(names, session.run(list(names), {source: batch}), strict=True):
            sums[name] = sums[name] + np.asarray(features, np.float64).mean((2, 3)).sum(0)
    count = sum(map(len, batches))
    return {name: total / count for name, total in sums.items()}
