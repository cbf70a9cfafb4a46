"""An `.onnx` file as a `Backend`, run by ONNX Runtime without torch.

The graph maps uint8 crops (B, H, W, C) to keypoints (B, K, 2) and spread (B, K), crop px, and anisotropy (B, K, 2); it
scales the pixels and decodes the keypoints. The metadata holds the skeleton, what the network expects to see of an
image, the configuration of its training, and its card.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import ValidationError

from nasion.errors import ModelError, NasionError
from nasion.geometry import FloatArray
from nasion.predict.crop import CropConfig
from nasion.predict.migration import migrate
from nasion.skeleton import Skeleton, from_stored

__all__ = [
    "ANISOTROPY",
    "INPUT",
    "KEYPOINTS",
    "METADATA",
    "SPREAD",
    "Header",
    "OnnxBackend",
    "blank_hash",
    "parse_header",
]

METADATA = "nasion"
"""The key of nasion's entry in the metadata, a JSON object."""

INPUT, KEYPOINTS, SPREAD, ANISOTROPY = "crops", "keypoints", "spread", "anisotropy"
"""The names of the graph's input and outputs."""

ERRORS_ONLY = 3
"""ONNX Runtime's log level for errors only."""


class Header(NamedTuple):
    """The metadata of a model's file.

    Attributes:
        skeleton: the keypoints that it predicts.
        crop: what it expects to see of an image.
        config: the training's resolved configuration, a table.
        card: data, terms, scores and command, a table.
        validation_share: the share of its training faces that was used for validation.
        max_relative_spread: relative spread above which a detection is rejected as a non-face; infinite if unknown.
        file_sha256: see `blank_hash`; empty in files without it.
    """

    skeleton: Skeleton
    crop: CropConfig
    config: dict[str, Any]
    card: dict[str, Any]
    validation_share: float
    max_relative_spread: float
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
        table = migrate(json.loads(text))
        points = dict(table["skeleton"])
        skeleton = from_stored(points.pop("name"), points)
        config, crop = dict(table["config"]), CropConfig.model_validate(table["crop"])
        limit = math.inf if table["max_relative_spread"] is None else float(table["max_relative_spread"])
        share, sha256 = float(config["data"]["validation_share"]), str(table.get("file_sha256", ""))
        return Header(skeleton, crop, config, dict(table["card"]), share, limit, sha256)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError, NasionError) as error:
        reason = str(error).splitlines()[0][:120]
        raise ModelError(f"{name}: its metadata is damaged ({reason}); export it again") from None


class OnnxBackend:
    """The network of an `.onnx` file that `nasion export` wrote.

    Args:
        path: the file.
        name: the model's name in messages; default: the file's name.
        threads: threads per run; 0 is all cores.

    Raises:
        ModelError: there is no such file, it is damaged, or another program wrote it.
    """

    def __init__(self, path: str | Path, name: str | None = None, threads: int = 0) -> None:
        path = Path(path)
        self.name = name or path.stem
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = threads
        options.enable_mem_pattern = False  # the pattern would keep memory for every batch size
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions have no other common base
            reason = " ".join(str(error).split())[:120]
            raise ModelError(f"{path}: damaged, or not an ONNX model ({reason})") from None
        text = self.session.get_modelmeta().custom_metadata_map.get(METADATA)
        if text is None:
            raise ModelError(f"{path}: not a nasion model; write one with `nasion export RUN FILE.onnx`")
        self.header = parse_header(text, str(path))
        stored = self.header.file_sha256
        if stored and blank_hash(content, stored) != stored:
            raise ModelError(f"{path}: damaged, its content does not match its hash; download or export it again")
        self.skeleton, self.crop = self.header.skeleton, self.header.crop
        self.validation_share, self.max_relative_spread = self.header.validation_share, self.header.max_relative_spread
        self._check_shapes(path)

    def _check_shapes(self, path: Path) -> None:
        inputs = {each.name: each.shape[1:] for each in self.session.get_inputs()}
        outputs = {each.name: each.shape[1:] for each in self.session.get_outputs()}
        count = self.skeleton.count
        wanted = {KEYPOINTS: [count, 2], SPREAD: [count], ANISOTROPY: [count, 2]}
        if inputs != {INPUT: [*self.crop.size, self.crop.channels]} or outputs != wanted:
            raise ModelError(f"{path}: its graph does not match its metadata ({inputs} → {outputs}); export it again")

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return keypoints (B, K, 2), spread (B, K), crop px, and anisotropy (B, K, 2) of crops (B, H, W, C) uint8."""
        found = self.session.run([KEYPOINTS, SPREAD, ANISOTROPY], {INPUT: crops})
        keypoints, spread, anisotropy = (np.asarray(each, np.float64) for each in found)
        return keypoints, spread, anisotropy
