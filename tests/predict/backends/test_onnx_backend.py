"""An .onnx file as a backend: a graph of known answer, and files that must be rejected."""

import json
import math
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from doubles import QUAD
from nasion.errors import ModelError
from nasion.predict.backends.onnx_backend import METADATA, OnnxBackend, blank_hash, parse_header
from nasion.predict.migration import FORMAT_VERSION

onnx = pytest.importorskip("onnx")

HEIGHT, WIDTH = 10, 14
"""Size of a crop, px."""

POINTS = np.array([[0.5, 1.0], [1.5, 2.0], [2.5, 3.0], [3.5, 4.0]])
"""Keypoints of the graph for a crop of brightness 1, crop px."""


def header(**changes):
    """Return the metadata of a model as a table."""
    table = {
        "format_version": FORMAT_VERSION,
        "skeleton": {"name": QUAD.name, **QUAD.to_table()},
        "crop": {"height": HEIGHT, "width": WIDTH, "channels": 3, "margin": 1.5},
        "config": {"data": {"sources": ["quad:5"], "validation_share": 0.25}},
        "card": {"terms": "none"},
        "max_relative_spread": 0.125,
        "file_sha256": "",
    }
    return {**table, **changes}


def make_model(path, table=None, count=4, channels=3, metadata=METADATA, names=("keypoints", "spread", "anisotropy")):
    """Write a graph whose outputs are a crop's mean brightness times constants, and return its path."""
    helper, proto = onnx.helper, onnx.TensorProto
    outputs = [(count, 2), (count,), (count, 2)]
    constants = [POINTS[:count], np.arange(1.0, count + 1), np.full((count, 2), 0.25)]
    nodes = [
        helper.make_node("Cast", ["crops"], ["floats"], to=proto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2, 3], keepdims=0),
    ]
    initializers = []
    for name, shape, constant in zip(names, outputs, constants, strict=True):
        axes = list(range(1, 1 + len(shape)))
        initializers.append(helper.make_tensor(f"{name}_axes", proto.INT64, [len(axes)], axes))
        initializers.append(helper.make_tensor(f"{name}_table", proto.FLOAT, [1, *shape], constant.ravel()))
        nodes.append(helper.make_node("Unsqueeze", ["mean", f"{name}_axes"], [f"{name}_mean"]))
        nodes.append(helper.make_node("Mul", [f"{name}_mean", f"{name}_table"], [name]))
    graph = helper.make_graph(
        nodes,
        "known",
        [helper.make_tensor_value_info("crops", proto.UINT8, ["B", HEIGHT, WIDTH, channels])],
        [
            helper.make_tensor_value_info(name, proto.FLOAT, ["B", *shape])
            for name, shape in zip(names, outputs, strict=True)
        ],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata:
        helper.set_model_props(model, {metadata: json.dumps(header() if table is None else table)})
    path.write_bytes(model.SerializeToString())
    return path


def test_outputs_are_those_of_the_graph(tmp_path):
    backend = OnnxBackend(make_model(tmp_path / "known.onnx"))
    crops = np.zeros((3, HEIGHT, WIDTH, 3), np.uint8)
    crops[1], crops[2] = 10, 30
    keypoints, spread, anisotropy, hidden = backend(crops)
    assert np.isnan(hidden).all()  # this graph does not predict it
    brightness = np.array([0.0, 10, 30])
    assert_allclose(keypoints, brightness[:, None, None] * POINTS, rtol=1e-6)
    assert_allclose(spread, brightness[:, None] * [1, 2, 3, 4], rtol=1e-6)
    assert_allclose(anisotropy, np.broadcast_to(0.25 * brightness[:, None, None], (3, 4, 2)), rtol=1e-6)
    assert {each.dtype for each in (keypoints, spread, anisotropy)} == {np.dtype(np.float64)}


def test_metadata_describes_the_backend(tmp_path):
    backend = OnnxBackend(make_model(tmp_path / "known.onnx"))
    assert backend.skeleton == QUAD
    assert backend.crop.size == (HEIGHT, WIDTH)
    assert backend.crop.margin == 1.5
    assert backend.validation_share == 0.25
    assert backend.max_relative_spread == 0.125
    assert backend.header.card == {"terms": "none"}
    assert backend.header.config["data"]["sources"] == ["quad:5"]


def test_name_is_the_stem_unless_given(tmp_path):
    path = make_model(tmp_path / "known.onnx")
    assert OnnxBackend(path).name == "known"
    assert OnnxBackend(str(path), "other").name == "other"


def test_number_of_threads_is_passed_on(tmp_path):
    path = make_model(tmp_path / "known.onnx")
    assert OnnxBackend(path, threads=3).session.get_session_options().intra_op_num_threads == 3
    assert OnnxBackend(path).session.get_session_options().intra_op_num_threads == 1


def test_missing_file_is_rejected(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: cannot be read \(No such file or directory\)"):
        OnnxBackend(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x08\x01" * 400])
def test_non_onnx_file_is_rejected(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.onnx: damaged, or not an ONNX model") as raised:
        OnnxBackend(tmp_path / "a.onnx")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("metadata", ["", "others"])
def test_model_of_another_program_is_rejected(tmp_path, metadata):
    path = make_model(tmp_path / "a.onnx", metadata=metadata)
    with pytest.raises(ModelError, match="not a nasion model; write one with `nasion export"):
        OnnxBackend(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 3},
        {"channels": 1},
        {"names": ("keypoints", "width", "anisotropy")},
        {"table": header(crop={"height": WIDTH, "width": HEIGHT})},
        {"table": header(crop={"height": HEIGHT, "width": WIDTH, "channels": 1})},
    ],
    ids=["points", "channels", "names", "size", "stated channels"],
)
def test_graph_that_does_not_match_its_metadata_is_rejected(tmp_path, wrong):
    path = make_model(tmp_path / "a.onnx", **wrong)
    with pytest.raises(ModelError, match="graph does not match its metadata"):
        OnnxBackend(path)


def test_content_is_verified_against_the_stored_hash(tmp_path):
    zeros = "0" * 64
    blank = make_model(tmp_path / "a.onnx", header(file_sha256=zeros)).read_bytes()
    stored = blank_hash(blank, zeros)
    good = blank.replace(zeros.encode(), stored.encode())
    (tmp_path / "a.onnx").write_bytes(good)
    assert OnnxBackend(tmp_path / "a.onnx").header.file_sha256 == stored
    # a bit of a weight is flipped: the graph still loads, and only the hash shows the damage
    weights = POINTS.astype(np.float32).tobytes()
    damaged = good.replace(weights, bytes([weights[0] ^ 1]) + weights[1:])
    assert damaged != good
    (tmp_path / "a.onnx").write_bytes(damaged)
    with pytest.raises(ModelError, match="content does not match its hash"):
        OnnxBackend(tmp_path / "a.onnx")


def test_hash_ignores_only_its_own_value():
    assert blank_hash(b"model abc end", "abc") == blank_hash(b"model xyz end", "xyz")
    assert blank_hash(b"model abc end", "abc") != blank_hash(b"model abc End", "abc")
    assert blank_hash(b"abc and abc", "abc") != blank_hash(b"abc and xyz", "abc")
    assert blank_hash(b"abc and abc", "abc") == blank_hash(b"000 and abc", "000")


def test_unknown_rejection_limit_is_infinite():
    assert parse_header(json.dumps(header(max_relative_spread=None)), "a").max_relative_spread == math.inf
    assert parse_header(json.dumps(header(max_relative_spread="0.5")), "a").max_relative_spread == 0.5


def test_file_without_a_hash_is_accepted():
    table = header()
    del table["file_sha256"]
    assert parse_header(json.dumps(table), "a").file_sha256 == ""


@pytest.mark.parametrize("key", ["skeleton", "crop", "config", "card", "max_relative_spread"])
def test_metadata_without_a_section_is_rejected(key):
    table = header()
    del table[key]
    with pytest.raises(ModelError, match=f"^m.onnx: its metadata is damaged .*{key}.*; export it again$"):
        parse_header(json.dumps(table), "m.onnx")


def test_reason_of_damaged_metadata_is_shortened():
    with pytest.raises(ModelError) as raised:
        parse_header(json.dumps(header(max_relative_spread="x" * 500)), "m.onnx")
    reason = str(raised.value).partition("(")[2].rpartition(")")[0]
    assert len(reason) == 120


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        json.dumps(header(skeleton={})),
        json.dumps(header(skeleton=3)),
        json.dumps(header(crop={"height": 1, "width": 1})),
        json.dumps(header(config={"data": {}})),
        json.dumps(header(config={"data": {"validation_share": "much"}})),
        json.dumps(header(max_relative_spread="small")),
        json.dumps(header(card=None)),
    ],
)
def test_damaged_metadata_is_rejected_in_one_line(text):
    with pytest.raises(ModelError, match="its metadata is damaged") as raised:
        parse_header(text, "m.onnx")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_weights_in_another_file_are_rejected_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(b"\x00" * 32)
    model = onnx.load(make_model(tmp_path / "a.onnx"))
    tensor = next(each for each in model.graph.initializer if each.name == "keypoints_table")
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="it reads weights from other files"):
        OnnxBackend("a.onnx")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e20])
def test_damaged_weights_are_rejected_when_they_are_used(tmp_path, value):
    model = onnx.load(make_model(tmp_path / "a.onnx"))
    tensor = next(each for each in model.graph.initializer if each.name == "keypoints_table")
    tensor.float_data[3] = value
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    backend = OnnxBackend(tmp_path / "a.onnx")
    with pytest.raises(ModelError, match=r"a: it predicts .*damaged"):
        backend(np.ones((2, HEIGHT, WIDTH, 3), np.uint8))


def test_a_graph_that_fails_is_one_line_and_prints_nothing(tmp_path, capfd):
    model = onnx.load(make_model(tmp_path / "a.onnx"))
    model.graph.initializer[0].int64_data[:] = [99]  # an axis that does not exist
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError) as caught:
        OnnxBackend(tmp_path / "a.onnx")(np.ones((2, HEIGHT, WIDTH, 3), np.uint8))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_node_prints_nothing(tmp_path, capfd):
    model = onnx.load(make_model(tmp_path / "a.onnx"))
    model.graph.node[0].op_type = "Cust"
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="damaged, or not an ONNX model"):
        OnnxBackend(tmp_path / "a.onnx")
    assert capfd.readouterr() == ("", "")


def test_a_copy_for_another_process_predicts_the_same(tmp_path):
    backend = OnnxBackend(make_model(tmp_path / "a.onnx"), "mine", threads=1)
    copy = pickle.loads(pickle.dumps(backend))
    crops = np.full((2, HEIGHT, WIDTH, 3), 9, np.uint8)
    assert (copy.name, copy.threads) == ("mine", 1)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(copy(crops), backend(crops), strict=True))


@pytest.mark.parametrize("text", ["[" * 20_000, '{"a": ' + "1" * 5000 + "}", '"\\ud800"'])
def test_hostile_metadata_is_rejected_in_one_line(text):
    with pytest.raises(ModelError, match="its metadata is damaged"):
        parse_header(text, "m.onnx")


def test_a_skeleton_that_would_fill_the_memory_is_rejected_before_the_graph_is_loaded(tmp_path):
    table = header(skeleton={"name": "bomb", "count": 3, "regions": {"a": "0-999999999999"}})
    with pytest.raises(ModelError, match=r"its metadata is damaged .*beyond the 10,000 points"):
        OnnxBackend(make_model(tmp_path / "a.onnx", table))


@pytest.mark.parametrize("limit", [-1, 0, float("nan")])
def test_an_impossible_rejection_limit_is_damage(limit):
    with pytest.raises(ModelError, match="its metadata is damaged"):
        parse_header(json.dumps(header(max_relative_spread=limit)), "m.onnx")
