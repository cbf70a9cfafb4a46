"""Post-training int8 quantization (QDQ, per channel): about half the time and a quarter of the size.

Batch normalizations are folded into the convolutions before them. Weights become 8-bit integers with one scale per
output channel; activations are rounded to 8 bits in ranges measured on real faces, after their ReLU. Sums and pooling
stay in 8 bits, so that features are not converted between convolutions. All heads stay in float32. Biases compensate
the mean effect of rounded weights. Weights use 7 of the 8 bits, because processors without 8-bit dot products would
overflow.
Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
2018.
"""

import io
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from nasion.geometry import FloatArray
from nasion.predict.backends.onnx_backend import INPUT
from nasion.train.export.bias_correction import correct_biases
from nasion.train.runs.exported_weights import ROOT
from nasion.train.runs.folded_weights import FOLDED, fold

__all__ = ["quantize", "quantize_convolutions"]

KEEP_FLOAT = (f"{ROOT}model.head.", f"{ROOT}spread.", f"{ROOT}hidden.")
"""Prefixes of the weights that stay in float32: keypoints and spread are read from them."""

INTEGER_OPERATORS = ("Conv", "Relu", "Clip", "Add", "MaxPool")
"""Operators that are computed in integers; resizing is faster in float32."""

LARGEST_WEIGHT = 64
"""The integer of the largest weight of a channel, in 7 bits."""

BATCH = 16
"""Crops per batch while ranges are measured."""


class CalibrationFaces(CalibrationDataReader):
    """Crops (N, H, W, C) uint8 on which the ranges of activations are measured."""

    def __init__(self, crops: NDArray[np.uint8]) -> None:
        self.batches: Iterator[NDArray[np.uint8]] = (crops[k : k + BATCH] for k in range(0, len(crops), BATCH))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the next batch by input name, (B, H, W, C) uint8; None after the last."""
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}


def quantize(model: onnx.ModelProto, crops: NDArray[np.uint8]) -> onnx.ModelProto:
    """Return the model with integer convolutions.

    Args:
        model: as it was traced; it is changed.
        crops: (N, H, W, C) uint8, of real faces.
    """
    folded, vectors = fold(model)
    correct_biases(model, [crops[k : k + BATCH] for k in range(0, len(crops), BATCH)], rounded_weights, KEEP_FLOAT)
    result = quantize_convolutions(model, CalibrationFaces(crops), KEEP_FLOAT)
    result.graph.initializer.extend(vectors)  # no node needs them, but a training that starts from the file does
    helper.set_model_props(result, {FOLDED: json.dumps(folded)})
    return result


def rounded_weights(weights: FloatArray) -> FloatArray:
    """Return the weights (C_out, C_in, h, w) of a convolution, no unit, as they are after rounding to integers."""
    largest = np.abs(weights).max((1, 2, 3), keepdims=True)
    scale = np.where(largest > 0, largest / LARGEST_WEIGHT, 1.0)
    return np.round(weights / scale) * scale


def quantize_convolutions(
    model: onnx.ModelProto, calibration: CalibrationDataReader, keep_float: str | tuple[str, ...]
) -> onnx.ModelProto:
    """Return a graph with integer convolutions.

    Args:
        model: the graph in float32.
        calibration: inputs on which the ranges of activations are measured.
        keep_float: prefixes of the names of weights that stay in float32.
    """
    keep = [each.name for each in model.graph.initializer if each.name.startswith(keep_float)]
    root = logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as place, redirect_stdout(io.StringIO()):
        path = Path(place) / "int8.onnx"
        root.setLevel(logging.ERROR)  # ONNX Runtime logs advice through the root logger
        try:
            quantize_static(
                model,
                path,
                calibration,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(INTEGER_OPERATORS),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=integer_nodes(model.graph, keep),
            )
        finally:
            root.setLevel(level)
        result = onnx.load(path)
    del result.graph.value_info[:]  # shapes that every runtime infers
    return result


def integer_nodes(graph: onnx.GraphProto, keep: Sequence[str]) -> list[str]:
    """Return the names of the nodes to quantize: convolutions whose weight is not in `keep`, and what follows them."""
    names: list[str] = []
    outputs: set[str] = set()
    for node in graph.node:  # in the order of computation
        is_convolution = node.op_type == "Conv" and node.input[1] not in keep
        if is_convolution or (node.op_type in INTEGER_OPERATORS[1:] and not outputs.isdisjoint(node.input)):
            names.append(node.name)
            outputs.update(node.output)
    return names
