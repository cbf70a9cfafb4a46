"""The parts of an .onnx file that decide whether it may be run: its metadata, and where its weights are.

Source of the field numbers: onnx.proto of the ONNX project.
"""

from nasion.documents.protobuf import fields
from nasion.errors import ModelError

__all__ = ["check_self_contained", "read_metadata"]

METADATA_PROPS = 14
"""Field of the model: one entry of the metadata, with its key in field 1 and its value in field 2."""

TENSORS = "tensor"
INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: TENSORS, 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: TENSORS, 6: "graph", 10: TENSORS, 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: TENSORS, 2: TENSORS},
}
"""For each kind of message, the fields that may contain a tensor, with the kind of message that they hold."""

EXTERNAL_FIELDS = (13, 14)
"""Fields of a tensor whose weights are in another file: its location and name. An embedded tensor has 0 or nothing."""

MAX_DEPTH = 40
"""Largest number of messages inside each other."""


def read_metadata(content: bytes, name: str) -> dict[str, str]:
    """Return the metadata of a model's file.

    Raises:
        ModelError: the file is damaged or not an ONNX model.
    """
    found: dict[str, str] = {}
    try:
        for field in fields(content):
            if field.key == METADATA_PROPS:
                entry = {each.key: bytes(each.content) for each in fields(field.content)}
                found[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
    except ValueError as error:
        raise _damaged(name, error) from None
    return found


def check_self_contained(content: bytes, name: str) -> None:
    """Check that all weights are inside the file: ONNX Runtime would read them from any file that it names.

    Raises:
        ModelError: a tensor is in another file, or the file is damaged or not an ONNX model.
    """
    try:
        external = _has_external(memoryview(content), "model", 0)
    except ValueError as error:
        raise _damaged(name, error) from None
    if external:
        raise ModelError(f"{name}: rejected, it reads weights from other files; export it as one file")


def _damaged(name: str, error: Exception) -> ModelError:
    return ModelError(f"{name}: damaged, or not an ONNX model ({error}); name another .onnx file")


def _has_external(message: memoryview, kind: str, depth: int) -> bool:
    if depth > MAX_DEPTH:
        raise ValueError(f"its parts are nested more than {MAX_DEPTH} deep")
    inside = INSIDE.get(kind, {})
    for field in fields(message):
        if kind == TENSORS and field.key in EXTERNAL_FIELDS and (field.number or len(field.content)):
            return True
        if field.key in inside and _has_external(field.content, inside[field.key], depth + 1):
            return True
    return False
