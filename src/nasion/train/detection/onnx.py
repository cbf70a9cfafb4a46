"""The trained detector as an .onnx file for images of any size, with 8-bit convolutions."""

import io
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader
from torch import Tensor, nn

from nasion.atomic import write_bytes
from nasion.detect.peaks import BOX, IMAGES, SCORE
from nasion.train.detection.network import SIDE_MULTIPLE, WHITE, DetectorNetwork
from nasion.train.export.int8 import quantize_convolutions

__all__ = ["write_detector"]

OPSET = 18
"""ONNX operator set, which runtimes of the last three years support."""

KEEP_FLOAT = "network.head."
"""Prefix of the weights that stay in float32: boxes are read from them."""


class _Graph(nn.Module):
    """What the file computes: images (B, H, W, 3) uint8 → scores (B, H / 8, W / 8) and boxes (B, 4, H / 8, W / 8)."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = deepcopy(network)
        convolution = self.network.stem[0]
        assert isinstance(convolution, nn.Conv2d)
        convolution.weight.data /= WHITE  # the image enters as it is

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, box = self.network.maps(images.float().permute(0, 3, 1, 2))
        return logits[:, 0].sigmoid(), box


class _Scenes(CalibrationDataReader):
    """Scenes (N, H, W, 3) uint8, on which the ranges of activations are measured."""

    def __init__(self, scenes: Sequence[NDArray[np.uint8]]) -> None:
        black_to_white = np.linspace(0, WHITE, SIDE_MULTIPLE**2 * 3).astype(np.uint8)  # the range of an image
        self.rest: Iterator[NDArray[np.uint8]] = iter([*scenes, black_to_white.reshape(SIDE_MULTIPLE, -1, 3)])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the next scene by input name, (1, H, W, 3) uint8; None after the last."""
        scene = next(self.rest, None)
        return None if scene is None else {IMAGES: scene[None]}


def write_detector(network: DetectorNetwork, scenes: Sequence[NDArray[np.uint8]], path: Path) -> None:
    """Write a network as an .onnx file.

    Args:
        network: the trained network.
        scenes: images (H, W, 3) uint8 like those that it was trained on.
        path: the .onnx file.

    Raises:
        OutputError: the file cannot be written.
    """
    result = quantize_convolutions(_trace(network), _Scenes(scenes), KEEP_FLOAT)
    _enter_as_integers(result.graph)
    write_bytes(path, result.SerializeToString())


def _enter_as_integers(graph: onnx.GraphProto) -> None:
    """Let the first convolution read the image's bytes: without a conversion to floats and back, which is slow.

    The quantized graph reads image → Cast → Transpose → QuantizeLinear → DequantizeLinear → Conv.
    """
    chain, name = [], IMAGES
    for kind in ("Cast", "Transpose", "QuantizeLinear", "DequantizeLinear"):
        (node,) = (each for each in graph.node if name in each.input)
        assert node.op_type == kind, f"{node.op_type} instead of {kind}"
        chain.append(node)
        name = node.output[0]
    cast, transpose, quantize, dequantize = chain
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    scale, zero = (float(constants[each]) for each in dequantize.input[1:])
    assert (scale, zero) == (1, 0), "the scenes must hold black and white"
    transpose.input[0], dequantize.input[0] = cast.input[0], transpose.output[0]
    graph.node.remove(quantize)
    graph.node.remove(cast)


def _trace(network: DetectorNetwork) -> onnx.ModelProto:
    """Return the network with inputs of any size, batch normalizations folded into the convolutions."""
    example = torch.zeros(1, 2 * SIDE_MULTIPLE, 3 * SIDE_MULTIPLE, 3, dtype=torch.uint8)
    axes = {IMAGES: {0: "n", 1: "h", 2: "w"}, SCORE: {0: "n", 1: "i", 2: "j"}, BOX: {0: "n", 2: "i", 3: "j"}}
    silent = redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as place, silent[0], silent[1]:
        target = Path(place) / "single.onnx"
        warnings.simplefilter("ignore")  # this exporter is deprecated; the new one does not fold batch normalizations
        torch.onnx.export(
            _Graph(network).eval(),
            (example,),
            target,
            input_names=[IMAGES],
            output_names=[SCORE, BOX],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(target)
