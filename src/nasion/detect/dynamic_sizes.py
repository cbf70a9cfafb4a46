"""An ONNX file for images of one size becomes one for images of any size.

Only the declared shapes of a convolutional network's inputs and outputs tie it to one size; they are removed.
Source of the field numbers: onnx.proto of the ONNX project.
"""

from nasion.documents.protobuf import encode, fields

__all__ = ["with_dynamic_sizes"]

GRAPH = 7
"""Number of a model's field for its graph."""

INPUT, OUTPUT, VALUE_INFO = 11, 12, 13
"""Numbers of a graph's fields for the declarations of its inputs, outputs and intermediate values."""

SHAPE_PATH = 2, 1, 2
"""Numbers of the nested fields that lead from a declaration to its shape: type, tensor, shape."""


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
        if field.key in (INPUT, OUTPUT) and field.is_bytes:
            kept.append(encode(field.key, _without(field.content, SHAPE_PATH)))
        elif field.key != VALUE_INFO:  # shapes of intermediate values are inferred again
            kept.append(field.raw)
    return b"".join(kept)


def _without(message: memoryview, path: tuple[int, ...]) -> bytes:
    """Return a message without the field at the end of a path of nested fields."""
    first, *rest = path
    kept: list[bytes | memoryview] = []
    for field in fields(message):
        if field.key != first or not field.is_bytes:
            kept.append(field.raw)
        elif rest:
            kept.append(encode(field.key, _without(field.content, tuple(rest))))
    return b"".join(kept)
