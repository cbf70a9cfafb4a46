"""A trained network as one `.onnx` file that predicts without torch, and from which a training can start.

The graph keeps every layer and its weights under their own names; ONNX Runtime fuses layers when it loads the file.
"""

import hashlib
import io
import json
import logging
import math
import re
import shlex
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasion.atomic import atomic_path, ensure_writable
from nasion.errors import ConfigError, ModelError
from nasion.predict.backends.backend import Backend
from nasion.predict.backends.onnx_backend import (
    ANISOTROPY,
    HIDDEN,
    INPUT,
    KEYPOINTS,
    METADATA,
    SPREAD,
    OnnxBackend,
    blank_hash,
)
from nasion.predict.migration import FORMAT_KEY, FORMAT_VERSION
from nasion.train.data.batches import to_tensor
from nasion.train.export import half, int8, parity
from nasion.train.network.mirrored import Mirror, measure_offset, mirrored_mean
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import package_versions
from nasion.train.runs.torch_backend import TorchBackend

__all__ = ["PARITY_PX", "Exported", "export"]

OPSET = 18
"""ONNX operator set, which runtimes of the last three years support."""

PARITY_PX = 0.01
"""Largest allowed difference from torch's keypoints, crop px."""

INT8_PX = 0.4
"""Largest allowed mean difference of int8 from torch's keypoints on real faces, crop px.

The best networks have an error of about 2.4 px in crops of 192 px; an independent error of this size adds 1 % to it.
"""

BLANK = "0" * 64
"""Placeholder of the file's hash in its metadata."""

Precision = Literal["single", "half", "int8"]


class Exported(NamedTuple):
    """Difference of a file's keypoints from those of the run in torch, crop px.

    Attributes:
        difference_px: the largest on synthetic faces; for int8 the mean on faces of the run's own data.
        is_mean: whether it is the mean.
    """

    difference_px: float
    is_mean: bool


class Graph(nn.Module):
    """What the file computes: uint8 crops (B, H, W, C) → what the network predicts."""

    def __init__(self, network: KeypointNetwork, mirror: Mirror | None) -> None:
        super().__init__()
        self.network, self.mirror = network, mirror

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Return `KeypointNetwork.forward` of crops (B, H, W, C) uint8, or its mean with that of mirrored crops."""
        given = crops.permute(0, 3, 1, 2)
        return self.network(given) if self.mirror is None else mirrored_mean(self.network, given, self.mirror)


class Converted(NamedTuple):
    """A model in its final precision, with how it is verified.

    Attributes:
        model: without metadata.
        crops: (N, H, W, C) uint8, on which the file is compared with torch.
        measure: the difference, crop px, between two backends on the crops.
        limit_px: the largest allowed difference, crop px.
    """

    model: onnx.ModelProto
    crops: NDArray[np.uint8]
    measure: Callable[[Backend, Backend, NDArray[np.uint8]], float]
    limit_px: float


def export(
    folder: str | Path,
    path: Path,
    precision: Precision = "single",
    reject_above: float | None = None,
    mirrored: bool = False,
) -> Exported:
    """Write a run's best network as `path` and return its difference from torch.

    Args:
        folder: the run.
        path: the .onnx file.
        precision: of the weights; "half" halves the size, "int8" quarters it and is faster, with small differences.
        reject_above: relative spread above which detections are rejected; default: 1.5 times the largest that was
            measured on validation faces.
        mirrored: whether the file averages the keypoints in the crop and in the mirrored crop, in twice the time.

    Raises:
        ModelError: the run is damaged, or the file would not give torch's keypoints.
        ConfigError: int8 or `mirrored` is requested and the run's data cannot be read, the skeleton has no flip map
            for `mirrored`, or `reject_above` is not above 0.
        OutputError: the file cannot be written.
    """
    if path.suffix != ".onnx":
        raise ConfigError(f"{path}: a network is exported as .onnx")
    if reject_above is not None and not 0 < reject_above < math.inf:
        raise ConfigError(f"reject_above is a share of the crop's side above 0, such as 0.05, not {reject_above}")
    backend = TorchBackend(Path(folder))
    backend.max_relative_spread = reject_above or backend.max_relative_spread
    if mirrored:
        backend.mirror = _mirror(backend)
    header = _header(backend, precision) | {"file_sha256": BLANK}
    original = backend
    if precision == "half":
        original = TorchBackend(Path(folder))
        original.mirror = backend.mirror
    converted = CONVERT[precision](backend)
    converted.model.metadata_props.add(key=METADATA, value=json.dumps(header))
    ensure_writable(path.parent)
    with atomic_path(path) as part:
        part.write_bytes(_seal(converted.model.SerializeToString()))
        written = OnnxBackend(part)
        difference = converted.measure(backend, written, converted.crops)
        if not difference <= converted.limit_px:  # also for NaN
            remedy = "; export it with --precision half" if precision == "int8" else ""
            raise ModelError(
                f"{path}: not written, its keypoints differ by {difference:.3g} px from torch's "
                f"(at most {converted.limit_px}){remedy}"
            )
        if precision == "half":  # it was verified against torch with rounded weights; report the effect of rounding
            difference = parity.max_difference(original, written, converted.crops)
    return Exported(difference, precision == "int8")


def _mirror(backend: TorchBackend) -> Mirror:
    """Return how outputs for mirrored crops become outputs for crops; the offset is measured on the run's faces.

    Raises:
        ConfigError: the skeleton has no flip map, or the data cannot be read.
    """
    if backend.skeleton.flip is None:
        raise ConfigError(
            f"a mirrored crop needs the flip map that {backend.skeleton.name} lacks; add the one that `nasion doctor` "
            "suggests, or export without mirrored crops"
        )
    _, crops = parity.face_crops(backend.run.config)
    flip = torch.tensor(backend.skeleton.flip)
    with torch.inference_mode():
        offset = measure_offset(backend.network, to_tensor(crops), flip)
    return Mirror(flip, offset.clone())


def _convert_single(backend: TorchBackend) -> Converted:
    crops = parity.synthetic_crops(backend.crop)
    return Converted(_trace(backend, crops), crops, parity.max_difference, PARITY_PX)


def _convert_half(backend: TorchBackend) -> Converted:
    half.round_weights(backend.network)
    converted = _convert_single(backend)
    half.store_half(converted.model, backend.network)
    return converted


def _convert_int8(backend: TorchBackend) -> Converted:
    model = _trace(backend, parity.synthetic_crops(backend.crop))
    calibration, crops = parity.face_crops(backend.run.config)
    return Converted(int8.quantize(model, calibration), crops, parity.mean_difference, INT8_PX)


CONVERT: dict[Precision, Callable[[TorchBackend], Converted]] = {
    "single": _convert_single,
    "half": _convert_half,
    "int8": _convert_int8,
}
"""How a run's network becomes a model of each precision."""


def _seal(content: bytes) -> bytes:
    """Return a model's file with its own hash in the place of the blank."""
    return content.replace(BLANK.encode(), blank_hash(content, BLANK).encode(), 1)


def _trace(backend: TorchBackend, crops: NDArray[np.uint8]) -> onnx.ModelProto:
    """Return the network as an ONNX model without any trace of the machine it was written on."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    network = backend.network.to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter uses deprecated functions of torch
        program = torch.onnx.export(
            Graph(network, backend.mirror).eval(),
            (torch.from_numpy(crops[:2]),),
            dynamo=True,
            input_names=[INPUT],
            output_names=[KEYPOINTS, SPREAD, ANISOTROPY, *([] if network.hidden is None else [HIDDEN])],
            dynamic_shapes={"crops": {0: torch.export.Dim("batch")}},
            opset_version=OPSET,
            optimize=False,  # fused layers could not be trained again
        )
    assert program is not None
    model = program.model_proto
    model.producer_name, model.producer_version = "nasion", package_versions()["nasion"]
    graph = model.graph
    _drop_computed_zeros(graph)
    _drop_needless_casts(graph)
    for part in [*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info, graph, model]:
        del part.metadata_props[:]  # torch stores source paths here
        part.doc_string = ""
    del graph.value_info[:]
    return model


def _drop_computed_zeros(graph: onnx.GraphProto) -> None:
    """Remove the biases of zeros that torch computes at run time for convolutions without a bias."""
    stored = {each.name for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) > 2 and node.input[2] not in stored:
            del node.input[2:]
    _drop_unused(graph)


def _drop_needless_casts(graph: onnx.GraphProto) -> None:
    """Let the limits of clipped activations be constants; torch casts them at run time to the type that they have.

    A convolution whose output nothing but its activation reads can be computed in integers together with it.
    """
    constants = {node.output[0] for node in graph.node if node.op_type == "Constant"}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "CastLike"}
    for node in graph.node:
        if node.op_type == "Clip":
            for k, name in enumerate(node.input):
                if casts.get(name) in constants:
                    node.input[k] = casts[name]
    _drop_unused(graph)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the nodes whose output nobody reads."""
    while unused := _unused_nodes(graph):
        for node in unused:
            graph.node.remove(node)


def _unused_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    used = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    return [node for node in graph.node if used.isdisjoint(node.output)]


def _header(backend: TorchBackend, precision: Precision) -> dict[str, Any]:
    """Return the metadata of a run's network."""
    run, network = backend.run, backend.network
    weights = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        weights.update(name.encode() + b"\0" + value.contiguous().numpy().tobytes())
    limit = backend.max_relative_spread
    return {
        FORMAT_KEY: FORMAT_VERSION,
        "skeleton": {"name": run.skeleton.name, **run.skeleton.to_table()},
        "crop": run.config.crop.model_dump(),
        "max_relative_spread": limit if math.isfinite(limit) else None,
        "confidence": backend.confidence._asdict() if backend.confidence.factors else None,
        "config": _without_folders(run.config.model_dump()),
        "card": {
            "command": command_without_folders(run.command),
            "faces": run.data.get("faces", {}),
            "data_sha256": run.data.get("fingerprint", ""),
            "weights_sha256": weights.hexdigest(),
            "weights": sum(p.numel() for p in network.parameters()),
            "stored": precision,
            "mirrored": backend.mirror is not None,
            "versions": run.versions,
        },
    }


def _without_folders(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration whose paths are reduced to names."""
    config["data"]["sources"] = [_name(source) for source in config["data"]["sources"]]
    for section, key in (("data", "skeleton"), ("init", "model"), ("model", "weights")):
        if isinstance(config[section].get(key), str):
            config[section][key] = _name(config[section][key])
    return config


def _name(word: str) -> str:
    """Return a word of a command without folders.

    >>> _name("ibug:/home/me/300w"), _name("csv:a/b.csv?images=c/d")
    ('ibug:300w', 'csv:b.csv?images=d')
    """
    return re.sub(r"(^|[:=])[^:=]*/(?=[^/])", r"\1", word)


def command_without_folders(command: str) -> str:
    """Return a command with the names of files and datasets, but not their folders: the file goes to other people.

    >>> command_without_folders("nasion train default --data ibug:/home/me/300w --out runs/a")
    'nasion train default --data ibug:300w --out a'
    """
    return shlex.join(_name(word) for word in shlex.split(command))
