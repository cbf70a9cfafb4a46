"""An ONNX file for images of one size becomes one for images of any size.

Only the declared sizes of a convolutional network's inputs and outputs tie it to one size. They are changed in the
bytes of the file: its format is a protocol buffer, whose fields are a tag, a length and a value, and reading it takes
less than the `onnx` package, which prediction does not require.

Source: onnx/onnx.proto of the ONNX project (field numbers); "Encoding", protobuf.dev (wire format).
"""

from collections.abc import Iterator

__all__ = ["with_dynamic_sizes"]

GRAPH = 7
"""Number of a model's field for its graph."""

INPUT, OUTPUT, VALUE_INFO = 11, 12, 13
"""Numbers of a graph's fields for the declarations of its inputs, outputs and intermediate values."""

SHAPE_PATH = 2, 1, 2
"""Numbers of the nested fields that lead from a declaration to its shape: type, tensor, shape."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Kinds of fields in the wire format."""

FIXED_LENGTHS = {FIXED64: 8, FIXED32: 4}


def with_dynamic_sizes(content: bytes) -> bytes:
    """Return an ONNX model with inputs and outputs of any shape.

    Raises:
        ValueError: `content` is not a protocol buffer.
    """
    return b"".join(
        _tagged(number, _open_graph(value)) if number == GRAPH and kind == BYTES else raw
        for number, kind, value, raw in _fields(content)
    )


def _open_graph(graph: bytes) -> bytes:
    kept: list[bytes] = []
    for number, kind, value, raw in _fields(graph):
        if number in (INPUT, OUTPUT) and kind == BYTES:
            kept.append(_tagged(number, _without(value, SHAPE_PATH)))
        elif number != VALUE_INFO:  # shapes of intermediate values are inferred again
            kept.append(raw)
    return b"".join(kept)


def _without(message: bytes, path: tuple[int, ...]) -> bytes:
    """Return a message without the field at the end of a path of nested fields."""
    first, *rest = path
    kept: list[bytes] = []
    for number, kind, value, raw in _fields(message):
        if number != first or kind != BYTES:
            kept.append(raw)
        elif rest:
            kept.append(_tagged(number, _without(value, tuple(rest))))
    return b"".join(kept)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield the fields of a message: number, kind, value (empty unless it is bytes), and the complete field."""
    position = 0
    while position < len(message):
        start = position
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        value = b""
        if kind == VARINT:
            _, position = _varint(message, position)
        elif kind == BYTES:
            length, position = _varint(message, position)
            value = message[position : position + length]
            position += length
        elif kind in FIXED_LENGTHS:
            position += FIXED_LENGTHS[kind]
        else:
            raise ValueError(f"unknown kind of field {kind}")
        if position > len(message):
            raise ValueError("truncated field")
        yield number, kind, value, message[start:position]


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    value = shift = 0
    while position < len(message) and shift < 64:
        byte = message[position]
        value |= (byte & 127) << shift
        position += 1
        if byte < 128:
            return value, position
        shift += 7
    raise ValueError("truncated number")


def _tagged(number: int, value: bytes) -> bytes:
    return _encoded(number << 3 | BYTES) + _encoded(len(value)) + value


def _encoded(value: int) -> bytes:
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes(groups + bytes([value]))
