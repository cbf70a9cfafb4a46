"""The configuration, skeleton and weights of an exported network, from which a training can start."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasion.errors import ConfigError, ModelError, one_line
from nasion.predict.backends.onnx_backend import METADATA, verified_header
from nasion.predict.backends.onnx_file import check_self_contained
from nasion.predict.migration import migrate
from nasion.predict.model_zoo import resolve
from nasion.skeleton import Skeleton
from nasion.train.config import RunConfig, parse
from nasion.train.runs.folded_weights import unfold

__all__ = ["HALF_SUFFIX", "ROOT", "TrainedNetwork", "read_exported"]

ROOT = "network."
"""Prefix of the weights' names inside the graph."""

HALF_SUFFIX = ".half"
"""Suffix of the names of weights that are stored in half precision."""


class TrainedNetwork(NamedTuple):
    """A trained network: its configuration, its skeleton, and its weights by name."""

    config: RunConfig
    skeleton: Skeleton
    weights: dict[str, Tensor]


def read_exported(model: str | Path) -> TrainedNetwork:
    """Return the network of an .onnx file or of a model's name.

    Raises:
        ModelError: there is no such model, it is damaged, or nasion did not write it.
    """
    path = resolve(model)
    content = path.read_bytes()
    try:
        graph = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's exceptions; protobuf is not a dependency of nasion
        reason = str(error)[:80]
        raise ModelError(f"{path}: damaged, or not an ONNX model ({reason}); name another .onnx file") from None
    text = next((each.value for each in graph.metadata_props if each.key == METADATA), None)
    if text is None:
        raise ModelError(f"{path}: not a nasion model; a training can start only from those")
    header = verified_header(text, content, str(path))
    check_self_contained(content, str(path))
    weights = {
        name.removeprefix(ROOT).removesuffix(HALF_SUFFIX): torch.from_numpy(value)
        for name, value in _unfolded(graph, path).items()
        if name.startswith((ROOT + "model.", ROOT + "spread.", ROOT + "hidden."))
    }
    try:
        config = parse({**header.config, "data": {**header.config["data"], "skeleton": ""}})
    except (KeyError, TypeError, ConfigError) as error:
        raise ModelError(
            f"{path}: its training configuration is damaged ({error}); a training cannot start here"
        ) from None
    return TrainedNetwork(config, header.skeleton, migrate({"weights": weights})["weights"])


def _unfolded(graph: onnx.ModelProto, path: Path) -> dict[str, NDArray[np.float32]]:
    """Return a file's weights (...) by name, no unit.

    Raises:
        ModelError: they do not match their shapes or each other.
    """
    try:
        with np.errstate(all="ignore"):  # of damaged values, which are not the weights of a network
            return unfold(graph)
    except Exception as error:  # of onnx and NumPy, for arrays of any damage
        raise ModelError(f"{path}: its weights are damaged ({one_line(error)[:80]})") from None
