"""Weights stored in 16 bits and computed in 32: half the size."""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from nasion.train.runs.exported_weights import HALF_SUFFIX, ROOT

__all__ = ["round_weights", "store_half"]


def round_weights(network: nn.Module) -> None:
    """Round the weights that `store_half` stores to half precision, in place."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.copy_(weight.half().float())


def store_half(model: onnx.ModelProto, network: nn.Module) -> None:
    """Store the network's matrices and kernels in half precision in the model, in place."""
    names = {ROOT + name for name, _ in network.named_parameters()}
    for weight in model.graph.initializer:
        if weight.name in names and len(weight.dims) > 1:
            values, name = numpy_helper.to_array(weight).astype(np.float16), weight.name
            weight.CopyFrom(numpy_helper.from_array(values, name + HALF_SUFFIX))
            cast = helper.make_node("Cast", [name + HALF_SUFFIX], [name], to=onnx.TensorProto.FLOAT)
            model.graph.node.insert(0, cast)
