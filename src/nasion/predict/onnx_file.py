"""The parts of an .onnx file that decide whether it may be run: its metadata, and where its weights are.

An .onnx file is a protobuf message. Only the fields named here are looked at, so neither the package `onnx` nor the
weights themselves are needed. Source of the field numbers: onnx.proto of the ONNX project.
"""

from collections.abc import Iterator
from typing import NamedTuple

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

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of protobuf."""

MAX_VARINT_BYTES = 10


class Field(NamedTuple):
    """A field of a message; a number has no content, and a part of the message no number."""

    key: int
    content: memoryview
    number: int


def read_metadata(content: bytes, name: str) -> dict[str, str]:
    """Return the metadata of a model's file.

    Raises:
        ModelError: the file is damaged or not an ONNX model.
    """
    found: dict[str, str] = {}
    try:
        for field in _fields(memoryview(content)):
            if field.key == METADATA_PROPS:
                entry = {each.key: bytes(each.content) for each in _fields(field.content)}
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
    return ModelError(f"{name}: damaged, or not an ONNX model ({error})")


def _has_external(message: memoryview, kind: str, depth: int) -> bool:
    if depth > MAX_DEPTH:
        raise ValueError(f"its parts are nested more than {MAX_DEPTH} deep")
    inside = INSIDE.get(kind, {})
    for field in _fields(message):
        if kind == TENSORS and field.key in EXTERNAL_FIELDS and (field.number or len(field.content)):
            return True
        if field.key in inside and _has_external(field.content, inside[field.key], depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message.

    Raises:
        ValueError: the message is damaged.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, start, kind = 0, place, tag & 7
        if kind == VARINT:
            number, place = _varint(message, place)
            start = place
        elif kind in (FIXED64, FIXED32):
            place = start + (8 if kind == FIXED64 else 4)
        elif kind == BYTES:
            size, start = _varint(message, place)
            place = start + size
        else:
            raise ValueError(f"an unknown kind of field, {kind}")
        if place > len(message):
            raise ValueError("it ends too early")
        yield Field(tag >> 3, message[start:place], number)


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it."""
    value = 0
    for k, byte in enumerate(message[place : place + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * k
        if byte < 0x80:
            return value, place + k + 1
    raise ValueError("it ends too early")
