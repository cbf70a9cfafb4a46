"""The fields of .onnx files, compared with what the package `onnx` writes and reads."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.errors import ModelError
from nasion.predict.backends.onnx_file import check_self_contained, read_metadata
from nasion.predict.model_zoo import resolve

onnx = pytest.importorskip("onnx")
helper = pytest.importorskip("onnx.helper")
proto = onnx.TensorProto


def outside(name="weights"):
    """Return a tensor whose values are in the file secret.bin."""
    tensor = proto(name=name, data_type=proto.FLOAT, dims=[4], data_location=proto.EXTERNAL)
    tensor.external_data.add(key="location", value="secret.bin")
    return tensor


def model_with(initializers=(), nodes=(), functions=(), **fields):
    value = helper.make_tensor_value_info("x", proto.FLOAT, [4])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"]), *nodes], "g", [value], [value], initializers)
    return helper.make_model(graph, functions=functions, **fields)


def constant(tensor):
    return helper.make_node("Constant", [], ["c"], value=tensor)


def branch(tensor):
    inner = helper.make_graph([constant(tensor)], "inner", [], [helper.make_tensor_value_info("c", proto.FLOAT, [4])])
    return helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner)


def sparse(tensor):
    return onnx.SparseTensorProto(values=tensor, dims=[4])


def model_with_sparse():
    model = model_with()
    model.graph.sparse_initializer.append(sparse(outside()))
    return model


def model_with_training():
    model = model_with()
    model.training_info.add().initialization.initializer.append(outside())
    return model


def model_with_location_only():
    tensor = helper.make_tensor("w", proto.FLOAT, [1], [2.0])
    tensor.data_location = proto.EXTERNAL
    return model_with([tensor])


EXTERNAL = {
    "initializer": model_with([outside()]),
    "constant": model_with(nodes=[constant(outside())]),
    "branch": model_with(nodes=[branch(outside())]),
    "function": model_with(functions=[helper.make_function("d", "f", [], ["c"], [constant(outside())], [])]),
    "list": model_with(nodes=[helper.make_node("Other", ["x"], ["t"], tensors=[outside()])]),
    "sparse": model_with_sparse(),
    "training": model_with_training(),
    "location only": model_with_location_only(),
}


@pytest.mark.parametrize("place", EXTERNAL)
def test_weights_in_other_files_are_found_wherever_they_are_named(place):
    with pytest.raises(ModelError, match=r"a\.onnx: rejected, it reads weights from other files"):
        check_self_contained(EXTERNAL[place].SerializeToString(), "a.onnx")


def test_embedded_weights_are_accepted():
    embedded = onnx.numpy_helper.from_array(np.arange(4.0, dtype=np.float32), "w")
    model = model_with([embedded], [constant(embedded), branch(embedded)])
    check_self_contained(model.SerializeToString(), "a.onnx")
    model.graph.initializer[0].data_location = proto.DEFAULT
    check_self_contained(model.SerializeToString(), "a.onnx")


@pytest.mark.parametrize("name", ["default", "tiny"])
def test_models_of_the_package_are_self_contained(name):
    content = resolve(name).read_bytes()
    check_self_contained(content, name)
    expected = {each.key: each.value for each in onnx.load_model_from_string(content).metadata_props}
    assert read_metadata(content, name) == expected
    assert "nasion" in expected


def test_a_model_without_metadata_has_none():
    assert read_metadata(model_with().SerializeToString(), "a") == {}
    assert read_metadata(b"", "a") == {}


def test_deeply_nested_graphs_are_rejected():
    tensor = helper.make_tensor("w", proto.FLOAT, [1], [2.0])
    graph = helper.make_graph([constant(tensor)], "g", [], [])
    for _ in range(20):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["z"], then_branch=graph)], "g", [], [])
    with pytest.raises(ModelError, match="nested more than 40 deep"):
        check_self_contained(helper.make_model(graph).SerializeToString(), "a")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected(content):
    for function in (read_metadata, check_self_contained):
        with suppress(ModelError):
            function(content, "a")


@pytest.mark.parametrize("content", [b"<html>", b"\x08", b"\x3a\x05abc", b"\x08" + b"\xff" * 20, b"\x0b\x0c"])
def test_bytes_that_are_not_a_message_are_rejected(content):
    with pytest.raises(ModelError, match="damaged, or not an ONNX model"):
        check_self_contained(content, "a")
