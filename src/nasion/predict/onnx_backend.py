"""An `.onnx` file as a `Backend`: ONNX Runtime alone, no torch.

Such a file takes uint8 crops (B, H, W, C) and gives points (B, K, 2) and their spread (B, K), crop px, and its
anisotropy (B, K, 2): pixels are scaled and points decoded inside it. Its metadata says what a program must know: the
skeleton, what the network wants to see of a picture, the configuration it was trained with, and its card.
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

from nasion.errors import ModelError, SkeletonError
from nasion.geometry import FloatArray
from nasion.predict.crop import CropConfig
from nasion.skeleton import Skeleton, from_table

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
"""The key of the metadata, a JSON object."""

INPUT, KEYPOINTS, SPREAD, ANISOTROPY = "crops", "keypoints", "spread", "anisotropy"
"""The names of the graph's input and outputs."""

ERRORS_ONLY = 3
"""ONNX Runtime's severity from which it speaks."""


class Header(NamedTuple):
    """What a model's file says of itself.

    Attributes:
        skeleton: the points that it finds.
        crop: what it wants to see of a picture.
        config: the training's resolved configuration, a table.
        card: data, terms, scores and command, a table.
        validation_share: the share of its training faces that it was chosen by.
        max_relative_spread: `predict.relative_spread` above which what a detector shows is no face; infinite if nothing is known.
        file_sha256: see `blank_hash`; empty in files that do not tell.
    """

    skeleton: Skeleton
    crop: CropConfig
    config: dict[str, Any]
    card: dict[str, Any]
    validation_share: float
    max_relative_spread: float
    file_sha256: str


def blank_hash(content: bytes, stored: str) -> str:
    """Return the SHA-256 of a model's file in which the hash that it tells of itself is left blank.

    >>> blank_hash(b"model, hash abc", "abc") == blank_hash(b"model, hash xyz", "xyz")
    True
    """
    return hashlib.sha256(content.replace(stored.encode(), b"0" * len(stored), 1)).hexdigest()


def parse_header(text: str, name: str) -> Header:
    """Return what a model's metadata holds.

    Raises:
        ModelError: it is damaged, or of a later version.
    """
    try:
        table = json.loads(text)
        points = dict(table["skeleton"])
        skeleton = from_table(points.pop("name"), points)
        config, crop = dict(table["config"]), CropConfig.model_validate(table["crop"])
        limit = math.inf if table["max_relative_spread"] is None else float(table["max_relative_spread"])
        share, sha256 = float(config["data"]["validation_share"]), str(table.get("file_sha256", ""))
        return Header(skeleton, crop, config, dict(table["card"]), share, limit, sha256)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError, SkeletonError) as error:
        reason = str(error).splitlines()[0][:120]
        raise ModelError(f"{name}: what the file says of itself is damaged ({reason}); export it again") from None


class OnnxBackend:
    """The network of an `.onnx` file that `nasion export` wrote.

    Args:
        path: the file.
        name: what a person calls it; else the file's name.
        threads: how many a run may take; 0 is all cores.

    Raises:
        ModelError: there is no such file, or it is damaged, or it is another program's.
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
        options.enable_mem_pattern = False  # it would keep a plan, and its memory, for every number of faces
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions have no common base but this
            reason = " ".join(str(error).split())[:120]
            raise ModelError(f"{path}: damaged, or no ONNX model ({reason})") from None
        text = self.session.get_modelmeta().custom_metadata_map.get(METADATA)
        if text is None:
            raise ModelError(f"{path}: a model, but not one of nasion's: write it with `nasion export RUN FILE.onnx`")
        self.header = parse_header(text, str(path))
        stored = self.header.file_sha256
        if stored and blank_hash(content, stored) != stored:
            raise ModelError(f"{path}: damaged: its content is not what its hash says; fetch it, or export it, again")
        self.skeleton, self.crop = self.header.skeleton, self.header.crop
        self.validation_share, self.max_relative_spread = self.header.validation_share, self.header.max_relative_spread
        self._check_shapes(path)

    def _check_shapes(self, path: Path) -> None:
        takes = {each.name: each.shape[1:] for each in self.session.get_inputs()}
        output_kind = {each.name: each.shape[1:] for each in self.session.get_outputs()}
        count = self.skeleton.count
        wanted = {KEYPOINTS: [count, 2], SPREAD: [count], ANISOTROPY: [count, 2]}
        if takes != {INPUT: [*self.crop.size, self.crop.channels]} or output_kind != wanted:
            raise ModelError(
                f"{path}: its graph is not what it says of itself ({takes} → {output_kind}); export it again"
            )

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return points (B, K, 2) and spreads (B, K), crop px, and anisotropies (B, K, 2), of crops (B, H, W, C)."""
        found = self.session.run([KEYPOINTS, SPREAD, ANISOTROPY], {INPUT: crops})
        keypoints, spread, anisotropy = (np.asarray(each, np.float64) for each in found)
        return keypoints, spread, anisotropy
