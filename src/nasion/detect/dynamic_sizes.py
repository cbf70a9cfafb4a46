"""An ONNX file for images of one size becomes one for images of any size.

Only the declared shapes of a convolutional network's inputs and outputs tie it to one size; they are removed. Batch and
channels of the inputs stay, because ONNX Runtime uses its fast layout only where it can infer the number of channels.
Source of the field numbers: onnx.proto of the ONNX project.
"""

from collections.abc import Callable

from nasion.documents.protobuf import encode, fields

__all__ = ["with_dynamic_sizes"]

GRAPH = 7
"""Number of a model's field for its graph."""

INPUT, OUTPUT, VALUE_INFO = 11, 12, 13
"""Numbers of a graph's fields for the declarations of its inputs, outputs and intermediate values."""

SHAPE_PATH = 2, 1, 2
"""Numbers of the nested fields that lead from a declaration to its shape: type, tensor, shape."""

DIMENSION = 1
"""Number of a shape's fields for its dimensions; an empty one is unknown."""

KEPT_DIMENSIONS = 2
"""Batch and channels."""


def with_dynamic_sizes(content: bytes) -> bytes:
    """Return an ONNX model with inputs and outputs of any shape.

    Raises:
        ValueError: `content` is damaged or not an ONNX model.
    """
    return b"".join(
        encode(field.key, _open_graph(field.content)) if field.key == GRAPH and field.is_bytes else field.raw
        for field in fields(content)
    )


def _open_graph(graph: memoryview) -> bytes:
    kept: list[bytes | memoryview] = []
    for field in fields(graph):
        if field.key == INPUT and field.is_bytes:
            kept.append(encode(field.key, _with_changed(field.content, SHAPE_PATH, _any_size)))
        elif field.key == OUTPUT and field.is_bytes:
            kept.append(encode(field.key, _with_changed(field.content, SHAPE_PATH, lambda _shape: None)))
        elif field.key != VALUE_INFO:  # shapes of intermediate values are inferred again
            kept.append(field.raw)
    return b"".join(kept)


def _any_size(shape: memoryview) -> bytes:
    """Return a shape whose dimensions after batch and channels are unknown."""
    dimensions = [bytes(field.content) for field in fields(shape) if field.key == DIMENSION]
    kept = dimensions[:KEPT_DIMENSIONS]
    return b"".join(encode(DIMENSION, each) for each in kept + [b""] * (len(dimensions) - len(kept)))


def _with_changed(message: memoryview, path: tuple[int, ...], change: Callable[[memoryview], bytes | None]) -> bytes:
    """Return a message in which `change` replaces the field at the end of a path of nested fields; None removes it."""
    first, *rest = path
    kept: list[bytes | memoryview] = []
    for field in fields(message):
        if field.key != first or not field.is_bytes:
            kept.append(field.raw)
            continue
        changed = _with_changed(field.content, tuple(rest), change) if rest else change(field.content)
        if changed is not None:
            kept.append(encode(field.key, changed))
    return b"".join(kept)
