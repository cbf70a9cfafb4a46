"""The fields of a protobuf message, read without a schema.

An .onnx file is such a message. Reading only the fields that matter needs neither the package `onnx` nor the weights.
Source: "Encoding", protobuf.dev.
"""

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Field", "encode", "fields"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""

MAX_VARINT_BYTES = 10


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        key: its number in the schema.
        content: its bytes, without key and length; empty for a number.
        number: its value if it is a number, otherwise 0.
        raw: the complete field.
        is_bytes: whether the field has a length, as texts and nested messages have.
    """

    key: int
    content: memoryview
    number: int
    raw: memoryview
    is_bytes: bool


def fields(message: bytes | memoryview) -> Iterator[Field]:
    """Yield the fields of a message.

    Raises:
        ValueError: the message is damaged.
    """
    message = memoryview(message)
    place = 0
    while place < len(message):
        first = place
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
        yield Field(tag >> 3, message[start:place], number, message[first:place], kind == BYTES)


def encode(key: int, content: bytes) -> bytes:
    """Return a complete field with a length.

    >>> [(field.key, bytes(field.content)) for field in fields(encode(7, b"abc"))]
    [(7, b'abc')]
    """
    return _encoded(key << 3 | BYTES) + _encoded(len(content)) + content


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it."""
    value = 0
    for k, byte in enumerate(message[place : place + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * k
        if byte < 0x80:
            return value, place + k + 1
    raise ValueError("it ends too early")


def _encoded(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(groups + bytes([value]))
