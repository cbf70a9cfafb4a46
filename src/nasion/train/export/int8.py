"""Whole numbers for a network's convolutions: about half the time and half the file, for a hundredth of the error.

Normalizations are folded into the convolutions before them, then weights are stored as 8-bit integers, a scale for
each output channel, and activations are rounded to 8 bits in ranges seen on real faces, after their ReLU: what it cuts
off needs no range. Sums and pooling stay in 8 bits too, so that features are not unpacked between convolutions. What
the points are read from stays as it was. Weights take 7 of the 8 bits: processors without dot products of bytes would
overflow.
Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018.
"""

import io
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from nasion.predict.onnx_backend import INPUT

__all__ = ["FOLDED", "quantize", "unfold"]

FOLDED = "nasion.folded"
"""The key of the metadata that says which convolution took up which normalization."""

EPSILON = 1e-5
"""What torch's normalizations add to a variance."""

BIAS, INTEGERS = ".folded_bias", "_quantized"
"""What is added to a weight's name, by `fold` and by ONNX Runtime."""

NO_WEIGHTS = (BIAS, INTEGERS, "_scale", "_zero_point")

WHOLE = ("Conv", "Relu", "Add", "MaxPool")
"""What is computed in integers; resizing is faster as it is."""

BATCH = 16
"""Crops that are looked at together while ranges are measured."""


class Faces(CalibrationDataReader):
    """Crops for measuring ranges."""

    def __init__(self, crops: NDArray[np.uint8]) -> None:
        self.batches: Iterator[NDArray[np.uint8]] = (crops[k : k + BATCH] for k in range(0, len(crops), BATCH))

    def get_next(self) -> Any:
        """Return the next batch as ONNX Runtime wants it; None after the last."""
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}


def quantize(model: onnx.ModelProto, crops: NDArray[np.uint8], exact: Sequence[str]) -> onnx.ModelProto:
    """Return the model with integer convolutions, but for those whose weights are named in `exact`.

    Args:
        model: as it was traced; it is changed.
        crops: (N, H, W, C) of real faces.
        exact: names of weights.
    """
    folded, vectors = fold(model)
    root = logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as place, redirect_stdout(io.StringIO()):
        path = Path(place) / "int8.onnx"
        root.setLevel(logging.ERROR)  # ONNX Runtime advises, through the root logger, to prepare the model
        try:
            quantize_static(
                model,
                path,
                Faces(crops),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(WHOLE),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=whole(model.graph, exact),
            )
        finally:
            root.setLevel(level)
        result = onnx.load(path)
    result.graph.initializer.extend(vectors)  # no node needs them, but a training that starts from the file does
    helper.set_model_props(result, {FOLDED: json.dumps(folded)})
    return result


def whole(graph: onnx.GraphProto, exact: Sequence[str]) -> list[str]:
    """Return the names of the nodes for integers: convolutions, and what takes their output as it is."""
    names: list[str] = []
    made: set[str] = set()
    for node in graph.node:  # in the order in which they compute
        is_first = node.op_type == "Conv" and node.input[1] not in exact
        if is_first or (node.op_type in WHOLE[1:] and not made.isdisjoint(node.input)):
            names.append(node.name)
            made.update(node.output)
    return names


def fold(model: onnx.ModelProto) -> tuple[dict[str, str], list[onnx.TensorProto]]:
    """Fold the normalizations of a model into the convolutions before them, in place.

    Returns: the name of each convolution's weight with its normalization's, and the normalizations' vectors.
    """
    graph = model.graph
    values = {each.name: each for each in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    folded: dict[str, str] = {}
    vectors: list[onnx.TensorProto] = []
    for node in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        convolution = makers[node.input[0]]
        weight = values[convolution.input[1]]
        names = list(node.input[1:5])
        gamma, beta, mean, variance = (numpy_helper.to_array(values[name]) for name in names)
        gain = gamma / np.sqrt(variance + EPSILON)
        kernel = numpy_helper.to_array(weight) * gain[:, None, None, None]
        weight.CopyFrom(numpy_helper.from_array(kernel.astype(np.float32), weight.name))
        own = numpy_helper.to_array(values[convolution.input[2]]) if len(convolution.input) > 2 else 0.0
        bias = numpy_helper.from_array((beta + (own - mean) * gain).astype(np.float32), weight.name + BIAS)
        graph.initializer.append(bias)
        convolution.input[2:] = [bias.name]
        convolution.output[0] = node.output[0]
        graph.node.remove(node)
        folded[weight.name] = names[0].removesuffix(".weight")
        vectors += [values[name] for name in names]
    for vector in vectors:
        graph.initializer.remove(vector)
    return folded, vectors


def unfold(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a file by name, integers as what they stand for, normalizations taken out again."""
    stored = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    found = {name: value for name, value in stored.items() if not any(mark in name for mark in NO_WEIGHTS)}
    for integers, scale, *_ in (node.input for node in model.graph.node if node.op_type == "DequantizeLinear"):
        if integers.endswith(INTEGERS) and integers in stored and BIAS not in integers:
            whole = stored[integers].astype(np.float32)
            found[integers.removesuffix(INTEGERS)] = whole * stored[scale].reshape(-1, *[1] * (whole.ndim - 1))
    text = next((each.value for each in model.metadata_props if each.key == FOLDED), "{}")
    for weight, norm in json.loads(text).items():
        gamma, variance = found[f"{norm}.weight"], found[f"{norm}.running_var"]
        safe = np.where(np.abs(gamma) > EPSILON, gamma, 1.0)  # a channel that was switched off stays so
        found[weight] = found[weight] * (np.sqrt(variance + EPSILON) / safe)[:, None, None, None]
    return {name: value.astype(np.float32) for name, value in found.items() if value.dtype.kind == "f"}
