"""An `.onnx` file as a `Backend`, run by ONNX Runtime without torch.

The graph maps uint8 crops (B, H, W, C) to keypoints (B, K, 2) and spread (B, K), crop px, anisotropy (B, K, 2) and, if
it was trained for it, the probability (B, K) that a point is hidden. It scales the pixels and decodes the keypoints.
The metadata holds the skeleton, what the network expects to see of an image, the configuration of its training, and its
card.
"""

import hashlib
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import ValidationError

from nasion.documents import parse_json
from nasion.errors import ModelError, NasionError, one_line
from nasion.predict.backends.confidence import Confidence, read_confidence
from nasion.predict.backends.devices import AUTO, CPU, DEVICES, choose_device
from nasion.predict.backends.onnx_file import check_self_contained, read_metadata
from nasion.predict.backends.outputs import NetworkOutputs, check_outputs
from nasion.predict.crop import CropConfig
from nasion.predict.migration import from_stored, migrate
from nasion.skeleton import Skeleton

__all__ = [
    "ANISOTROPY",
    "HIDDEN",
    "INPUT",
    "KEYPOINTS",
    "METADATA",
    "SPREAD",
    "Header",
    "OnnxBackend",
    "blank_hash",
    "parse_header",
    "verified_header",
]

METADATA = "nasion"
"""The key of nasion's entry in the metadata, a JSON object."""

INPUT, KEYPOINTS, SPREAD, ANISOTROPY, HIDDEN = "crops", "keypoints", "spread", "anisotropy", "hidden"
"""The names of the graph's input and outputs; only some graphs have the last."""

NO_MESSAGES = 4
"""ONNX Runtime's log level for fatal errors only; other errors are raised, and need not be printed as well."""

onnxruntime.set_default_logger_severity(NO_MESSAGES)  # for what is not part of a session, such as its memory


class Header(NamedTuple):
    """The metadata of a model's file.

    Attributes:
        skeleton: the keypoints that it predicts.
        crop: what it expects to see of an image.
        config: the training's resolved configuration, a table.
        card: data, terms, scores and command, a table.
        validation_share: the share of its training faces that was used for validation.
        max_relative_spread: relative spread above which a detection is rejected as a non-face; infinite if unknown.
        confidence: sizes of ellipses; nominal ones in files of earlier versions.
        file_sha256: see `blank_hash`; empty in files without it.
    """

    skeleton: Skeleton
    crop: CropConfig
    config: dict[str, Any]
    card: dict[str, Any]
    validation_share: float
    max_relative_spread: float
    confidence: Confidence
    file_sha256: str


def blank_hash(content: bytes, stored: str) -> str:
    """Return the SHA-256 of a model's file with its own stored hash replaced by zeros.

    >>> blank_hash(b"model, hash abc", "abc") == blank_hash(b"model, hash xyz", "xyz")
    True
    """
    return hashlib.sha256(content.replace(stored.encode(), b"0" * len(stored), 1)).hexdigest()


def parse_header(text: str, name: str) -> Header:
    """Return the parsed metadata of a model.

    Raises:
        ModelError: it is damaged, or written by a later version of nasion.
    """
    try:
        table = migrate(parse_json(text, "it", ModelError))
        points = dict(table["skeleton"])
        skeleton = from_stored(points.pop("name"), points)
        config, crop = dict(table["config"]), CropConfig.model_validate(table["crop"])
        limit = math.inf if table["max_relative_spread"] is None else float(table["max_relative_spread"])
        if not limit > 0:
            raise ValueError(f"max_relative_spread is {limit}")
        share, sha256 = float(config["data"]["validation_share"]), str(table.get("file_sha256", ""))
        confidence = read_confidence(table.get("confidence"))
        return Header(skeleton, crop, config, dict(table["card"]), share, limit, confidence, sha256)
    except (ValueError, LookupError, TypeError, AttributeError, ValidationError, NasionError) as error:
        reason = one_line(error)[:120]
        raise ModelError(f"{name}: its metadata is damaged ({reason}); export it again") from None


class OnnxBackend:
    """The network of an `.onnx` file that `nasion export` wrote.

    Args:
        path: the file.
        name: the model's name in messages; default: the file's name.
        threads: CPU threads per run; 0 is all cores. Several threads may run the network at once, which is faster.
        device: a name in `DEVICES`, or "auto".

    Raises:
        ConfigError: this ONNX Runtime does not support the device.
        ModelError: there is no such file, it is damaged, or another program wrote it.
    """

    def __init__(self, path: str | Path, name: str | None = None, threads: int = 1, device: str = AUTO) -> None:
        path = Path(path)
        self.path, self.name, self.threads = path, name or path.stem, threads
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
        text = read_metadata(content, str(path)).get(METADATA)
        header = None if text is None else verified_header(text, content, str(path))
        check_self_contained(content, str(path))
        quantized = header is not None and header.card.get("stored") == "int8"
        self.device = choose_device(device, quantized)
        self.session = _session(content, str(path), threads, self.device)
        if header is None:
            raise ModelError(f"{path}: not a nasion model; write one with `nasion export RUN FILE.onnx`")
        self.header, self.skeleton, self.crop = header, header.skeleton, header.crop
        self.validation_share, self.max_relative_spread = header.validation_share, header.max_relative_spread
        self.confidence = header.confidence
        self.outputs = self._check_shapes(path)

    def __reduce__(self) -> tuple[type["OnnxBackend"], tuple[Path, str, int, str]]:
        """A copy for another process loads the file again, because a session cannot be copied."""
        return OnnxBackend, (self.path.resolve(), self.name, self.threads, self.device)

    def _check_shapes(self, path: Path) -> list[str]:
        """Return the names of the graph's outputs after checking the shapes of inputs and outputs."""
        inputs = {each.name: each.shape[1:] for each in self.session.get_inputs()}
        outputs = {each.name: each.shape[1:] for each in self.session.get_outputs()}
        count = self.skeleton.count
        wanted = {KEYPOINTS: [count, 2], SPREAD: [count], ANISOTROPY: [count, 2]}
        if HIDDEN in outputs:
            wanted[HIDDEN] = [count]
        if inputs != {INPUT: [*self.crop.size, self.crop.channels]} or outputs != wanted:
            raise ModelError(f"{path}: its graph does not match its metadata ({inputs} → {outputs}); export it again")
        return list(wanted)

    def __call__(self, crops: NDArray[np.uint8]) -> NetworkOutputs:
        """Return what the network predicts for crops (B, H, W, C) uint8: keypoints and spread in crop px."""
        try:
            found = self.session.run(self.outputs, {INPUT: crops})
            named = dict(zip(self.outputs, (np.asarray(each, np.float64) for each in found), strict=True))
        except Exception as error:  # ONNX Runtime's exceptions have no other common base
            raise ModelError(f"{self.name}: its graph cannot be run ({one_line(error)[:120]})") from None
        points = len(crops), self.skeleton.count
        outputs = NetworkOutputs(**{HIDDEN: np.full(points, np.nan)} | named)
        self._check_outputs(outputs, points)
        return outputs

    def _check_outputs(self, outputs: NetworkOutputs, points: tuple[int, int]) -> None:
        """Check the outputs for (B, K) points, because a graph can lie about shapes.

        Raises:
            ModelError: a shape or a value is not what a network returns.
        """
        wanted = (*points, 2), points, (*points, 2), points
        for found, shape in zip(outputs, wanted, strict=True):
            if found.shape != shape:
                raise ModelError(f"{self.name}: its graph returns {found.shape}, not {shape}; export it again")
        check_outputs(self.name, self.crop.size, outputs)


def verified_header(text: str, content: bytes, name: str) -> Header:
    """Return the metadata of a file whose content matches its hash, if it has one.

    Raises:
        ModelError: the metadata or the content is damaged.
    """
    header = parse_header(text, name)
    stored = header.file_sha256
    if stored and blank_hash(content, stored) != stored:
        raise ModelError(f"{name}: damaged, its content does not match its hash; download or export it again")
    return header


def _session(content: bytes, name: str, threads: int, device: str) -> onnxruntime.InferenceSession:
    """Return a session that runs a model's graph on a device, and on the CPU what the device cannot run.

    Raises:
        ModelError: the graph is damaged, or the device does not work.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = NO_MESSAGES
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # the pattern would keep memory for every batch size
    options.add_session_config_entry("session.load_model_format", "ONNX")  # another format could name other files
    providers = list(dict.fromkeys(DEVICES[each].name for each in (device, CPU)))
    try:  # without the fallback, which prints
        session = onnxruntime.InferenceSession(content, options, providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's exceptions have no other common base
        reason = one_line(error)[:120]
        raise ModelError(f"{name}: damaged, or not an ONNX model ({reason}); name another .onnx file") from None
    if session.get_providers()[0] != providers[0]:
        raise ModelError(f'{name}: device "{device}" does not work here; its driver or libraries are missing')
    return session
