"""An ONNX file for one size becomes one for any size."""

from contextlib import suppress

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasion.detect.dynamic_sizes import with_dynamic_sizes

onnx = pytest.importorskip("onnx")


@pytest.fixture
def fixed():
    """Return the content of a file that doubles images of 4 x 6 px."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Add", ["image", "image"], ["sum"]), helper.make_node("Identity", ["sum"], ["out"])],
        "double",
        [helper.make_tensor_value_info("image", kind, [1, 3, 4, 6])],
        [helper.make_tensor_value_info("out", kind, [1, 3, 4, 6])],
        value_info=[helper.make_tensor_value_info("sum", kind, [1, 3, 4, 6])],
    )
    opset = helper.make_opsetid("", 11)
    return helper.make_model(graph, ir_version=6, opset_imports=[opset], producer_name="x" * 300).SerializeToString()


def run(content, size):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": np.ones((1, 3, *size), np.float32)})[0]


def test_network_accepts_other_sizes_afterwards(fixed):
    with pytest.raises(Exception, match="invalid dimensions"):
        run(fixed, (8, 2))
    for size in ((4, 6), (8, 2)):
        assert np.array_equal(run(with_dynamic_sizes(fixed), size), np.full((1, 3, *size), 2))


def test_everything_else_stays(fixed):
    before, after = (onnx.load_from_string(content) for content in (fixed, with_dynamic_sizes(fixed)))
    assert list(after.graph.node) == list(before.graph.node)
    assert after.producer_name == before.producer_name
    assert after.opset_import == before.opset_import
    (declared,) = after.graph.input
    assert declared.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [each.dim_value for each in declared.type.tensor_type.shape.dim] == [1, 3, 0, 0]  # 0 is unknown


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_other_bytes_are_kept_or_rejected(content):
    with suppress(ValueError):
        with_dynamic_sizes(content)


@pytest.mark.parametrize("content", [b"\x80", b"\x3a\x05ab", b"\x0b", b"\x09abc", b"\xff" * 12])
def test_truncated_messages_are_rejected(content):
    with pytest.raises(ValueError):
        with_dynamic_sizes(content)
