"""A trained network as one `.onnx` file that predicts without torch, and from which a training can start again.

The graph keeps every layer and its weights under their own names; ONNX Runtime fuses what can be fused when it
loads the file. In "half" precision, convolutions and matrices are stored in 16 bits and computed in 32; in "int8",
convolutions are stored and computed in 8 bits (see `quantize`).
"""

import hashlib
import io
import json
import logging
import math
import re
import shlex
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from nasion import images
from nasion.atomic import ensure_writable, write_bytes
from nasion.datasets.drawn import SIZE, render_face
from nasion.errors import ConfigError, ModelError, NasionError
from nasion.geometry import Affine, box_around
from nasion.predict.crop import face_box, to_channels
from nasion.predict.model_zoo import resolve
from nasion.predict.onnx_backend import (
    ANISOTROPY,
    INPUT,
    KEYPOINTS,
    METADATA,
    SPREAD,
    OnnxBackend,
    blank_hash,
    parse_header,
)
from nasion.skeleton import Skeleton
from nasion.train.config import AugmentConfig, RunConfig, parse
from nasion.train.data.batches import CropSource
from nasion.train.export.int8 import quantize, unfold
from nasion.train.loop.fit import JOINED, load_faces
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import package_versions
from nasion.train.runs.torch_backend import TorchBackend

__all__ = ["PARITY_PX", "export", "read_exported"]

OPSET = 18
"""Of ONNX: what current runtimes, and those of three years ago, have."""

PARITY_PX = 0.01
"""How far the file's points may lie from torch's, crop px."""

INT8_PX = 0.3
"""How far an int8 file's points may lie from torch's on real faces in the mean, crop px."""

PROOFS = 5
"""Drawn faces on which both must agree."""

SEEN = 256
"""Training crops on which the ranges of an int8 network are measured, and again for the proof."""

BLANK = "0" * 64
"""Where the file's hash will be."""

Precision = Literal["single", "half", "int8"]

ROOT = "network."
"""What the weights' names begin with inside the graph."""

EXACT = (f"{ROOT}model.head.", f"{ROOT}spread.")
"""What the points and their spread are read from: never in 8 bits."""

HALVED = ".half"
"""What the name of a weight ends with that is stored in half precision."""


class Graph(nn.Module):
    """What the file computes: uint8 crops (B, H, W, C) → points and spread, crop px, and anisotropy."""

    def __init__(self, network: KeypointNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return points (B, K, 2), spread (B, K) and anisotropy (B, K, 2)."""
        return self.network(crops.permute(0, 3, 1, 2))


def export(folder: str | Path, path: Path, precision: Precision = "single") -> float:
    """Write a run's best network as `path` and return the distance of its points from torch's, crop px.

    Args:
        folder: the run.
        path: the file, .onnx.
        precision: of the weights: "half" is half the size, "int8" a quarter and faster, but not the same network.

    Returns: the largest distance on drawn faces; for "int8" the mean distance on faces of the run's own data.

    Raises:
        ModelError: the run is damaged, or the file would not compute what torch computes.
        ConfigError: int8 is asked for, and the data of the run cannot be read any more.
        OutputError: the file cannot be written.
    """
    if path.suffix != ".onnx":
        raise ConfigError(f"{path}: a network is exported as .onnx")
    backend = TorchBackend(Path(folder))
    network = backend.network.to(memory_format=torch.contiguous_format)
    untouched = TorchBackend(Path(folder)) if precision == "half" else backend
    header = json.dumps(_header(backend, precision) | {"file_sha256": BLANK})
    if precision == "half":
        round_weights(network)
    crops = _drawn_crops(backend)
    model = _trace(network, crops)
    if precision == "half":
        _store_half(model, {ROOT + name for name, _ in network.named_parameters()})
    if precision == "int8":
        seen, crops = _own_crops(backend)
        model = quantize(model, seen, [name for name in _weights(model) if name.startswith(EXACT)])
    model.metadata_props.add(key=METADATA, value=header)
    content = _sealed(model.SerializeToString())
    ensure_writable(path.parent)
    beside = path.with_name(f".{path.name}.part")
    write_bytes(beside, content)
    try:
        written = OnnxBackend(beside)
        apart = _mean_apart(backend, written, crops) if precision == "int8" else _apart(backend, written, crops)
        limit = INT8_PX if precision == "int8" else PARITY_PX
        if not apart <= limit:  # NaN too
            remedy = "; export it with --precision half" if precision == "int8" else ""
            raise ModelError(
                f"{path}: not written, its points are {apart:.3g} px from torch's (at most {limit}){remedy}"
            )
        if precision == "half":  # it computes what torch computes with rounded weights; how far is that from its own?
            apart = _apart(untouched, written, crops)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return apart


def _sealed(content: bytes) -> bytes:
    """Return a model's file with its own hash in the place that its header keeps for it."""
    return content.replace(BLANK.encode(), blank_hash(content, BLANK).encode(), 1)


def round_weights(network: nn.Module) -> None:
    """Round what `half` stores in half precision, in place."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.copy_(weight.half().float())


def _weights(model: onnx.ModelProto) -> list[str]:
    return [each.name for each in model.graph.initializer]


def _own_crops(backend: TorchBackend) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return varied training crops (N, H, W, C) of the run's own data, and plain ones of its validation faces."""
    config = backend.run.config
    try:
        faces = load_faces(config)
    except NasionError as error:
        raise ConfigError(
            f"int8 measures its ranges on the run's own faces, and they cannot be read: {error}; "
            "put them back, or export with --precision half"
        ) from None
    splits = {face.split for face in faces.annotations}

    def crops(split: str, augment: AugmentConfig | None) -> NDArray[np.uint8]:
        chosen = faces.of_split(split)
        chosen = chosen.subset(chosen.annotations[:: max(1, len(chosen) // SEEN)][:SEEN])
        made = CropSource(chosen, config.crop, augment, config.seed)
        return np.stack([made.crop_at(index)[0] for index in range(len(made))])

    return crops("train", config.augment), crops("val" if "val" in splits else "train", None)


def _drawn_crops(backend: TorchBackend) -> NDArray[np.uint8]:
    crop = backend.crop
    found = []
    for person in range(PROOFS):
        face = render_face(seed=1, person=person, view=1, skeleton="ibug-68")
        box = box_around(face.keypoints) if crop.box == "points" else None
        affine = Affine.crop(face_box(box, SIZE, crop), crop.size)
        found.append(to_channels(images.warp(face.image, affine, crop.size), crop.channels))
    return np.stack(found)


def _trace(network: KeypointNetwork, crops: NDArray[np.uint8]) -> onnx.ModelProto:
    """Return the network as an ONNX model with names of its own and nothing of the machine it was written on."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own use of what torch is about to change
        program = torch.onnx.export(
            Graph(network).eval(),
            (torch.from_numpy(crops[:2]),),
            dynamo=True,
            input_names=[INPUT],
            output_names=[KEYPOINTS, SPREAD, ANISOTROPY],
            dynamic_shapes={"crops": {0: torch.export.Dim("batch")}},
            opset_version=OPSET,
            optimize=False,  # fused layers could not be trained again
        )
    assert program is not None
    model = program.model_proto
    model.producer_name, model.producer_version = "nasion", package_versions()["nasion"]
    graph = model.graph
    _drop_computed_zeros(graph)
    for part in [*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info, graph, model]:
        del part.metadata_props[:]  # torch notes the source's paths here
        part.doc_string = ""
    del graph.value_info[:]
    return model


def _drop_computed_zeros(graph: onnx.GraphProto) -> None:
    """Remove what torch writes for a convolution without a bias: zeros that are computed from its input each time."""
    given = {each.name for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) > 2 and node.input[2] not in given:
            del node.input[2:]
    while dead := _dead(graph):
        for node in dead:
            graph.node.remove(node)


def _dead(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    used = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    return [node for node in graph.node if used.isdisjoint(node.output)]


def _store_half(model: onnx.ModelProto, names: set[str]) -> None:
    for weight in model.graph.initializer:
        if weight.name in names and len(weight.dims) > 1:
            values, name = numpy_helper.to_array(weight).astype(np.float16), weight.name
            weight.CopyFrom(numpy_helper.from_array(values, name + HALVED))
            cast = helper.make_node("Cast", [name + HALVED], [name], to=onnx.TensorProto.FLOAT)
            model.graph.node.insert(0, cast)


def _header(backend: TorchBackend, precision: Precision) -> dict[str, Any]:
    run, network = backend.run, backend.network
    config, weights = run.config.model_dump(), hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        weights.update(name.encode() + b"\0" + value.contiguous().numpy().tobytes())
    return {
        "skeleton": {"name": run.skeleton.name, **run.skeleton.to_table()},
        "crop": run.config.crop.model_dump(),
        "max_relative_spread": backend.max_relative_spread if math.isfinite(backend.max_relative_spread) else None,
        "config": _without_places(config),
        "card": {
            "command": _without_folders(run.command),
            "faces": run.data.get("faces", {}),
            "data_sha256": run.data.get("fingerprint", ""),
            "weights_sha256": weights.hexdigest(),
            "weights": sum(p.numel() for p in network.parameters()),
            "stored": precision,
            "versions": run.versions,
        },
    }


def _without_places(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration whose paths are names alone."""
    for section, key in (("data", "source"), ("data", "skeleton"), ("init", "model"), ("model", "weights")):
        if isinstance(config[section].get(key), str):
            config[section][key] = _without_folders(config[section][key])
    return config


def _without_folders(command: str) -> str:
    """Return a command with the names of files and data sets, but not where they lie: a file goes to other people.

    >>> _without_folders("nasion train default --data ibug:/home/me/300w --out runs/a")
    'nasion train default --data ibug:300w --out a'
    """
    if JOINED in command and not command.startswith("nasion "):  # a source of several
        return JOINED.join(_without_folders(source) for source in command.split(JOINED))
    words = (re.sub(r"(^|[:=])[^:=]*/(?=[^/])", r"\1", word) for word in shlex.split(command))
    return shlex.join(words) if " " in command else "".join(words)


def _apart(torch_backend: TorchBackend, onnx_backend: OnnxBackend, crops: NDArray[np.uint8]) -> float:
    """Return the largest distance between the two on crops together and on one alone."""
    far = 0.0
    for part in (crops, crops[:1]):
        for ours, theirs in zip(torch_backend(part), onnx_backend(part), strict=True):
            known = ~np.isnan(ours)
            if (np.isnan(theirs) == known).any():
                return float("nan")
            far = max(far, float(np.abs(ours - theirs)[known].max(initial=0.0)))
    return far


def _mean_apart(torch_backend: TorchBackend, onnx_backend: OnnxBackend, crops: NDArray[np.uint8]) -> float:
    """Return the mean distance between the two's points."""
    both = (backend(crops[k : k + 1])[0] for k in range(len(crops)) for backend in (torch_backend, onnx_backend))
    return float(np.mean([np.linalg.norm(a - b, axis=-1) for a, b in zip(both, both, strict=True)]))


def read_exported(model: str | Path) -> tuple[RunConfig, Skeleton, dict[str, Tensor]]:
    """Return the configuration, skeleton and weights of an exported network, for a training to start from.

    Raises:
        ModelError: there is no such model, it is damaged, or no training wrote it.
    """
    path = resolve(model)
    try:
        graph = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf's, which is not among nasion's own dependencies
        raise ModelError(f"{path}: damaged, or no ONNX model ({str(error)[:80]})") from None
    text = next((each.value for each in graph.metadata_props if each.key == METADATA), None)
    if text is None:
        raise ModelError(f"{path}: a model, but not one of nasion's; a training starts only from those")
    header = parse_header(text, str(path))
    weights = {
        name.removeprefix(ROOT).removesuffix(HALVED): torch.from_numpy(value)
        for name, value in unfold(graph).items()
        if name.startswith((ROOT + "model.", ROOT + "spread."))
    }
    try:
        config = parse({**header.config, "data": {**header.config["data"], "skeleton": ""}})
    except (KeyError, TypeError, ConfigError) as error:
        raise ModelError(
            f"{path}: it does not say how it was trained ({error}); a training cannot start here"
        ) from None
    return config, header.skeleton, weights
