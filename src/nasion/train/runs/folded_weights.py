"""Folding batch normalizations into convolutions, and recovering the original weights for a new training."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from nasion.documents import parse_json
from nasion.errors import ModelError

__all__ = ["FOLDED", "fold", "unfold"]

FOLDED = "nasion.folded"
"""Metadata key of the table that maps each convolution to the normalization folded into it, and its epsilon.

Earlier files map it to the normalization alone.
"""

EPSILON = 1e-5
"""What torch's batch normalizations add to a variance by default."""

MIN_GAIN = 1e-5
"""A channel with a smaller gain is off, and stays off."""

BIAS, INTEGERS = ".folded_bias", "_quantized"
"""Suffixes of weights' names added by `fold` and by ONNX Runtime's quantization."""

NOT_WEIGHTS = (BIAS, INTEGERS, "_scale", "_zero_point")
"""Parts of initializers' names that are not weights of the network."""


Folded = dict[str, tuple[str, float]]
"""The name of each convolution's weight, with the name and the epsilon of its normalization."""


def fold(model: onnx.ModelProto) -> tuple[Folded, list[onnx.TensorProto]]:
    """Fold the batch normalizations of a model into the convolutions before them, in place.

    Returns: the table of convolutions and normalizations, and the normalizations' vectors.
    """
    graph = model.graph
    values = {each.name: each for each in graph.initializer}
    producers = {node.output[0]: node for node in graph.node}
    folded: Folded = {}
    vectors: list[onnx.TensorProto] = []
    for node in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        convolution = producers[node.input[0]]
        weight = values[convolution.input[1]]
        names = list(node.input[1:5])
        gamma, beta, mean, variance = (numpy_helper.to_array(values[name]) for name in names)
        epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), EPSILON)
        gain = gamma / np.sqrt(variance + epsilon)
        kernel = numpy_helper.to_array(weight) * gain[:, None, None, None]
        weight.CopyFrom(numpy_helper.from_array(kernel.astype(np.float32), weight.name))
        own = numpy_helper.to_array(values[convolution.input[2]]) if len(convolution.input) > 2 else 0.0
        bias = numpy_helper.from_array((beta + (own - mean) * gain).astype(np.float32), weight.name + BIAS)
        graph.initializer.append(bias)
        convolution.input[2:] = [bias.name]
        convolution.output[0] = node.output[0]
        graph.node.remove(node)
        folded[weight.name] = names[0].removesuffix(".weight"), epsilon
        vectors += [values[name] for name in names]
    for vector in vectors:
        graph.initializer.remove(vector)
    return folded, vectors


def unfold(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Return a file's weights (...) by name, no unit: integers dequantized, and normalizations separated again."""
    stored = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    found = {name: value for name, value in stored.items() if not any(mark in name for mark in NOT_WEIGHTS)}
    for integers, scale, *_ in (node.input for node in model.graph.node if node.op_type == "DequantizeLinear"):
        if integers.endswith(INTEGERS) and integers in stored and BIAS not in integers:
            values = stored[integers].astype(np.float32)
            found[integers.removesuffix(INTEGERS)] = values * stored[scale].reshape(-1, *[1] * (values.ndim - 1))
    text = next((each.value for each in model.metadata_props if each.key == FOLDED), "{}")
    for weight, entry in parse_json(text, "the table of normalizations", ModelError).items():
        norm, epsilon = (entry, EPSILON) if isinstance(entry, str) else entry
        gamma, variance = found[f"{norm}.weight"], found[f"{norm}.running_var"]
        safe = np.where(np.abs(gamma) > MIN_GAIN, gamma, 1.0)
        found[weight] = found[weight] * (np.sqrt(variance + epsilon) / safe)[:, None, None, None]
    return {name: value.astype(np.float32) for name, value in found.items() if value.dtype.kind == "f"}
