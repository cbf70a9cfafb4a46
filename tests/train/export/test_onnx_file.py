"""An exported network computes what torch computes, describes itself, and can be trained again."""

import json
import math
import re
from copy import deepcopy

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from onnx import load as load_model

from nasion.errors import ConfigError, ModelError, OutputError
from nasion.predict.backends import outputs
from nasion.predict.backends.onnx_backend import METADATA, OnnxBackend
from nasion.predict.migration import FORMAT_KEY, FORMAT_VERSION
from nasion.predict.predictor import Predictor
from nasion.train.config import load
from nasion.train.export import onnx_file
from nasion.train.export.onnx_file import PARITY_PX, Exported, command_without_folders, export
from nasion.train.export.parity import synthetic_crops
from nasion.train.runs.exported_weights import read_exported
from nasion.train.runs.torch_backend import TorchBackend
from nasion.train.runs.warm_start import build_network
from train.loop.tiny_runs import plain, same, untrained_run

NETWORKS = {
    "unet": {"model": {"name": "unet", "widths": [6, 8], "stride": 4}, "codec": {"name": "softargmax"}},
    "cnn": {
        "model": {"name": "cnn", "kernels": [3, 5], "channels": [4, 6], "pools": [2, 4], "hidden": [16]},
        "codec": {"name": "coordinates"},
    },
}

RESNET = {"model": {"name": "resnet18", "weights": "none"}, "codec": {"name": "coordinates"}}


def make_run(folder, network="unet", source="imm:/home/someone/faces", **changes):
    config = plain(
        {**NETWORKS, "resnet18": RESNET}[network],
        crop={"height": 32, "width": 64, "channels": 3},
        data={"sources": [source], "validation_share": 0.25},
        **changes,
    )
    return untrained_run(folder, config, command="nasion train x --data imm:/home/someone/faces").folder


@pytest.fixture(scope="module")
def traced():
    """Return a `_trace` that traces each network once: tracing takes most of the time of an export."""
    original, models = onnx_file._trace, {}

    def trace(backend, crops):
        weights = b"".join(value.numpy().tobytes() for value in backend.network.state_dict().values())
        key = weights, backend.mirror is None
        if key not in models:
            models[key] = original(backend, crops)
        return deepcopy(models[key])

    return trace


@pytest.fixture(autouse=True)
def trace_once(monkeypatch, traced):
    monkeypatch.setattr(onnx_file, "_trace", traced)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, traced):
    """Return a run folder and the single-precision file of it."""
    folder = make_run(tmp_path_factory.mktemp("export") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_file, "_trace", traced)
        export(folder, folder.parent / "net.onnx")
    return folder, folder.parent / "net.onnx"


@pytest.fixture
def with_faces(tmp_path):
    """Return a run of the same network whose faces can be read, as int8 needs."""
    return make_run(tmp_path / "run", source="synthetic:8")


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 64, 3), np.uint8)


# What the file computes


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_computes_what_torch_computes_in_batches_of_any_size(tmp_path, network):
    folder, path = make_run(tmp_path / "run", network), tmp_path / "net.onnx"
    difference, is_mean = export(folder, path)
    assert 0 <= difference <= PARITY_PX
    assert not is_mean
    here, there = TorchBackend(folder), OnnxBackend(path, threads=1)
    for count in (1, 2, 5):
        for ours, theirs in zip(here(noise(count)), there(noise(count)), strict=True):
            assert theirs == pytest.approx(ours, abs=PARITY_PX, nan_ok=True)
    alone = np.concatenate([there(noise(5)[k : k + 1])[0] for k in range(5)])
    assert alone == pytest.approx(there(noise(5))[0], abs=1e-3)


@pytest.mark.parametrize("precision", ["single", "half", "int8"])
def test_hidden_points_are_exported(tmp_path, precision):
    folder, path = make_run(tmp_path / "run", source="synthetic:8", hidden_points=True), tmp_path / "net.onnx"
    export(folder, path, precision)
    here, there = TorchBackend(folder)(noise(3)).hidden, OnnxBackend(path)(noise(3)).hidden
    assert np.ptp(here) > 0.01  # the layer has random weights
    assert there == pytest.approx(here, abs=0.2 if precision == "int8" else 0.01)
    assert "hidden.layer.weight" in read_exported(path).weights
    assert TorchBackend(make_run(tmp_path / "without"))(noise(1)).hidden.shape == here[:1].shape


def test_half_precision_is_nearly_the_same_and_half_the_size(exported, tmp_path):
    folder, path = exported
    difference, is_mean = export(folder, tmp_path / "half.onnx", "half")
    whole, half = OnnxBackend(path), OnnxBackend(tmp_path / "half.onnx")
    effect = np.abs(whole(noise(4))[0] - half(noise(4))[0]).max()
    assert 1e-5 < effect < 0.1
    assert PARITY_PX / 1000 < difference < 0.1  # the effect of rounding, not the difference from rounded weights
    assert not is_mean
    weights = sum(v.numel() * 2 for v in TorchBackend(folder).network.parameters() if v.ndim > 1)
    saved = path.stat().st_size - (tmp_path / "half.onnx").stat().st_size
    assert saved == pytest.approx(weights, rel=0.2)


def test_int8_is_nearly_the_same_and_smaller(with_faces, tmp_path):
    difference, is_mean = export(with_faces, tmp_path / "int8.onnx", "int8")
    assert 0 < difference <= onnx_file.INT8_PX
    assert is_mean
    here, there = TorchBackend(with_faces), OnnxBackend(tmp_path / "int8.onnx", threads=1)
    drawn = synthetic_crops(here.crop)
    distance = np.linalg.norm(here(drawn)[0] - there(drawn)[0], axis=-1).mean()
    assert 0 < distance < 2 * onnx_file.INT8_PX


def test_a_large_network_is_exported_and_int8_is_a_quarter_of_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "INT8_PX", np.inf)  # random weights are sensitive to rounding
    monkeypatch.setattr(outputs, "MAX_SIDES", np.inf)  # and predict points anywhere
    folder = make_run(tmp_path / "run", "resnet18", source="synthetic:8")
    assert export(folder, tmp_path / "single.onnx").difference_px <= PARITY_PX
    export(folder, tmp_path / "int8.onnx", "int8")
    size = (tmp_path / "int8.onnx").stat().st_size / (tmp_path / "single.onnx").stat().st_size
    assert size == pytest.approx(0.25, abs=0.03)


# What the graph contains


@pytest.mark.parametrize("precision", ["single", "int8"])
def test_nothing_is_computed_needlessly(with_faces, tmp_path, precision):
    export(with_faces, tmp_path / "net.onnx", precision)
    graph = load_model(tmp_path / "net.onnx").graph
    assert onnx_file._unused_nodes(graph) == []
    stored = {each.name for each in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    biases = [node.input[2] for node in graph.node if node.op_type == "Conv" and len(node.input) > 2]
    assert biases
    assert all(bias in stored or producers[bias].op_type == "DequantizeLinear" for bias in biases)


def test_integers_are_not_converted_between_layers(with_faces, tmp_path):
    export(with_faces, tmp_path / "net.onnx", "int8")
    graph = load_model(tmp_path / "net.onnx").graph
    producers = {name: node.op_type for node in graph.node for name in node.output}
    assert "Relu" not in producers.values()  # the ranges of the integers start at 0 instead
    converted = [producers[node.input[0]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert set(converted) <= {"Conv", "Add", "MaxPool", "Resize", "Div"}
    assert converted.count("Div") == 1  # the crop


def test_nodes_whose_output_nobody_reads_are_removed_with_their_inputs():
    nodes = [
        helper.make_node("Shape", ["crops"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("Conv", ["crops", "weight", "zeros"], ["features"]),
        helper.make_node("Conv", ["features", "weight", "bias"], ["out"]),
    ]
    values = [helper.make_tensor(name, TensorProto.FLOAT, [1], [0.0]) for name in ("weight", "bias")]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", [], outputs, values)
    onnx_file._drop_computed_zeros(graph)
    assert [list(node.input) for node in graph.node] == [["crops", "weight"], ["features", "weight", "bias"]]


def test_limits_of_clipped_activations_are_constants():
    """The convolution's output is then read by its activation alone."""
    nodes = [
        helper.make_node("Constant", [], ["six"], value_float=6.0),
        helper.make_node("Conv", ["crops", "weight"], ["features"]),
        helper.make_node("CastLike", ["six", "features"], ["limit"]),
        helper.make_node("Clip", ["features", "", "limit"], ["out"]),
    ]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", [], outputs, [helper.make_tensor("weight", TensorProto.FLOAT, [1], [0.0])])
    onnx_file._drop_needless_casts(graph)
    assert [(node.op_type, list(node.input)) for node in graph.node] == [
        ("Constant", []),
        ("Conv", ["crops", "weight"]),
        ("Clip", ["features", "", "six"]),
    ]


# Metadata


def test_the_file_describes_itself_without_the_machine_it_was_written_on(exported):
    folder, path = exported
    backend, run = OnnxBackend(path), TorchBackend(folder)
    assert backend.skeleton == run.skeleton
    assert backend.crop == run.crop
    assert backend.validation_share == 0.25
    card = backend.header.card
    assert card["command"] == "nasion train x --data imm:faces"
    assert card["stored"] == "single"
    assert card["faces"] == {"train": 5}
    assert card["data_sha256"] == "f" * 64
    assert card["weights"] == sum(value.numel() for value in run.network.parameters())
    assert card["versions"] == run.run.versions
    assert re.fullmatch("[0-9a-f]{64}", card["weights_sha256"])
    assert backend.header.config["data"]["sources"] == ["imm:faces"]
    text = next(each.value for each in load_model(path).metadata_props if each.key == METADATA)
    assert json.loads(text)[FORMAT_KEY] == FORMAT_VERSION
    content = path.read_bytes()
    for trace in (b"/home/", b"site-packages", b".py", str(folder.parent).encode()):
        assert trace not in content


def test_the_hash_of_the_weights_is_that_of_names_and_values(exported, tmp_path):
    same_weights, other = make_run(tmp_path / "same"), make_run(tmp_path / "other")
    state = torch.load(other / "checkpoints" / "best.pt", weights_only=True)
    state["weights"]["model.head.bias"][3] += 1e-6
    torch.save(state, other / "checkpoints" / "best.pt")
    first, second, third = (
        onnx_file._header(TorchBackend(folder), "single")["card"]["weights_sha256"]
        for folder in (exported[0], same_weights, other)
    )
    assert first == second != third


def test_the_rejection_limit_of_the_run_is_stored(exported, tmp_path):
    assert OnnxBackend(exported[1]).max_relative_spread == math.inf
    folder = make_run(tmp_path / "run")
    (folder / "scores.json").write_text('{"format_version": 2, "relative_spread/max": 0.04}')
    export(folder, tmp_path / "net.onnx")
    assert OnnxBackend(tmp_path / "net.onnx").max_relative_spread == pytest.approx(0.06)
    export(folder, tmp_path / "strict.onnx", reject_above=0.025)
    assert OnnxBackend(tmp_path / "strict.onnx").max_relative_spread == 0.025


@pytest.mark.parametrize("limit", [0.0, -1.0, math.inf, math.nan])
def test_a_rejection_limit_is_above_0(exported, tmp_path, limit):
    with pytest.raises(ConfigError, match="reject_above is a share of the crop's side above 0"):
        export(exported[0], tmp_path / "net.onnx", reject_above=limit)
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize("precision", ["single", "int8"])
def test_a_mirrored_file_averages_the_crop_and_its_mirror_image(tmp_path, precision):
    folder = make_run(tmp_path / "run", source="synthetic:18", hidden_points=True)
    (folder / "scores.json").write_text('{"format_version": 2, "relative_spread/max": 0.04}')
    plain_file, file = tmp_path / "plain.onnx", tmp_path / "mean.onnx"
    export(folder, plain_file, precision)
    export(folder, file, precision, mirrored=True)
    once, twice = OnnxBackend(plain_file), OnnxBackend(file)
    assert (once.header.card["mirrored"], twice.header.card["mirrored"]) == (False, True)
    crops = synthetic_crops(once.crop)
    flip, width = list(once.skeleton.flip), once.crop.size[1]
    first, second = once(crops), once(np.ascontiguousarray(crops[:, :, ::-1]))
    back = second.keypoints[:, flip] * [-1, 1] + [width - 1, 0]
    found = twice(crops)
    offset = (2 * found.keypoints - first.keypoints - back).mean(0)
    assert np.abs(found.keypoints - (first.keypoints + back + offset) / 2).max() < (
        0.01 if precision == "single" else 0.3
    )
    assert np.abs(offset).max() > 0.01
    assert found.hidden == pytest.approx((first.hidden + second.hidden[:, flip]) / 2, abs=0.02)
    assert found.spread == pytest.approx((first.spread + second.spread[:, flip]) / 2, rel=0.05)
    if precision == "single":
        assert twice(crops[:1]).keypoints == pytest.approx(found.keypoints[:1], abs=0.01)


def test_mirrored_crops_need_a_flip_map(tmp_path):
    folder = make_run(tmp_path / "run", source="synthetic:18")
    table = json.loads((folder / "run.json").read_text())
    table["skeleton"]["flip"] = None
    (folder / "run.json").write_text(json.dumps(table))
    with pytest.raises(ConfigError, match="a mirrored crop needs the flip map that imm-58 lacks"):
        export(folder, tmp_path / "net.onnx", mirrored=True)
    assert not (tmp_path / "net.onnx").exists()


def test_every_path_of_a_configuration_is_reduced_to_its_name():
    config = load(
        "ibug",
        ["data.skeleton=/a/b/mine.toml", "init.model=/c/run", "model.weights=/d/r.pth"],
        ["ibug:/data/300w", "csv:/e/f.csv?images=/g/h", "synthetic:8"],
    ).model_dump()
    found = onnx_file._without_folders(config)
    assert found["data"]["sources"] == ["ibug:300w", "csv:f.csv?images=h", "synthetic:8"]
    assert (found["data"]["skeleton"], found["init"]["model"]) == ("mine.toml", "run")
    assert found["model"]["weights"] == "r.pth"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("imm:/home/me/faces/", "imm:faces/"),
        ("runs/a", "a"),
        ("synthetic:400?seed=1", "synthetic:400?seed=1"),
        ("csv:a/b.csv?images=c/d&skeleton=e/f.toml", "csv:b.csv?images=d&skeleton=f.toml"),
        ("optimizer.lr=1e-3", "optimizer.lr=1e-3"),
        ("/", "/"),
    ],
)
def test_folders_are_removed_from_words(word, name):
    assert onnx_file._name(word) == name


def test_quoted_words_of_a_command_stay_quoted():
    command = "nasion train default --data 'ibug:/my files/300 w' --set 'a=[1, 2]'"
    assert command_without_folders(command) == "nasion train default --data 'ibug:300 w' --set 'a=[1, 2]'"


# A new training


@pytest.mark.parametrize("precision", ["single", "half"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_training_starts_with_the_exported_weights(tmp_path, network, precision):
    folder, path = make_run(tmp_path / "run", network), tmp_path / "net.onnx"
    export(folder, path, precision)
    source, original = read_exported(path), TorchBackend(folder)
    config = source.config.model_copy(update={"init": source.config.init.model_copy(update={"model": str(path)})})
    started = dict(build_network(config, source.skeleton).named_parameters())
    for name, weight in original.network.named_parameters():
        expected = weight.half().float() if precision == "half" and weight.ndim > 1 else weight
        assert torch.equal(started[name], expected), name
    state = original.network.state_dict()
    assert source.weights.keys() == {name for name in state if not name.endswith("num_batches_tracked")}
    assert source.config.model == original.run.config.model
    if precision == "single":
        assert same(source.weights, {name: state[name] for name in source.weights})


def test_a_training_starts_with_dequantized_weights(with_faces, tmp_path):
    export(with_faces, tmp_path / "int8.onnx", "int8")
    state = TorchBackend(with_faces).network.state_dict()
    weights = read_exported(tmp_path / "int8.onnx").weights
    assert weights.keys() == {name for name in state if not name.endswith("num_batches_tracked")}
    for name, value in weights.items():
        step = state[name].abs().amax(dim=tuple(range(1, state[name].ndim)), keepdim=True) / 64  # of 7 bits
        assert ((value - state[name]).abs() <= 0.51 * step + 1e-6).all(), name


# What is not written


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_file_that_differs_is_not_written(exported, tmp_path, monkeypatch, limit):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"an older one")
    monkeypatch.setattr(onnx_file, "PARITY_PX", limit)
    with pytest.raises(ModelError, match=r"not written, its keypoints differ by .* px from torch's") as caught:
        export(exported[0], path)
    assert "half" not in str(caught.value)
    assert path.read_bytes() == b"an older one"
    assert [each.name for each in tmp_path.iterdir()] == ["net.onnx"]


def test_int8_that_differs_names_the_alternative(with_faces, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "INT8_PX", 1e-9)
    with pytest.raises(ModelError, match=r"\(at most 1e-09\); export it with --precision half"):
        export(with_faces, tmp_path / "net.onnx", "int8")
    assert not (tmp_path / "net.onnx").exists()


def test_a_difference_that_is_nan_is_not_written(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file.parity, "max_difference", lambda *_arguments: float("nan"))
    with pytest.raises(ModelError, match="differ by nan px"):
        export(exported[0], tmp_path / "net.onnx")


def test_int8_needs_the_faces_of_the_run(exported, tmp_path):
    with pytest.raises(ConfigError, match="own faces, which cannot be read"):
        export(exported[0], tmp_path / "net.onnx", "int8")


def test_the_file_name_ends_in_onnx_and_its_folder_is_writable(exported, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError):
        export(exported[0], tmp_path / "taken" / "net.onnx")
    with pytest.raises(ConfigError, match=r"net\.pt: a network is exported as \.onnx"):
        export(exported[0], tmp_path / "net.pt")
    with pytest.raises(ModelError, match="not a run folder"):
        export(tmp_path, tmp_path / "net.onnx")


def test_an_exported_result_has_named_fields():
    assert Exported(0.5, True).difference_px == 0.5
    assert Exported(0.5, True).is_mean


# Damaged files


def foreign(header=None):
    """Return the bytes of a model that copies its input, with or without nasion's metadata."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["crops"], ["keypoints"])],
        "copy",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("keypoints", TensorProto.FLOAT, ["batch", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if header is not None:
        helper.set_model_props(model, {METADATA: header})
    return model.SerializeToString()


def header_of(path):
    """Return the metadata of a file without its hash."""
    text = next(each.value for each in load_model(path).metadata_props if each.key == METADATA)
    return json.dumps({key: value for key, value in json.loads(text).items() if key != "file_sha256"})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _path: b"", "damaged, or not an ONNX model"),
        (lambda _path: b"<html>", "damaged, or not an ONNX model"),
        (lambda path: path.read_bytes()[:3000], "damaged, or not an ONNX model"),
        (lambda _path: foreign(), "not a nasion model"),
        (lambda _path: foreign("{"), "metadata is damaged"),
        (lambda _path: foreign("[]"), "metadata is damaged"),
        (lambda _path: foreign('{"skeleton": {"name": "x"}}'), "metadata is damaged"),
        (lambda path: foreign(header_of(path)), "its graph does not match its metadata"),
    ],
    ids=["empty", "page", "cut off", "foreign", "no JSON", "no table", "no crop", "other graph"],
)
def test_a_damaged_file_is_one_line(exported, tmp_path, make, words):
    path = tmp_path / "bad.onnx"
    path.write_bytes(make(exported[1]))
    with pytest.raises(ModelError, match=words) as caught:
        Predictor(path)
    assert "\n" not in str(caught.value)


def test_a_single_wrong_bit_is_found(exported, tmp_path):
    content = bytearray(exported[1].read_bytes())
    weight = TorchBackend(exported[0]).network.state_dict()["model.stem.0.weight"].contiguous().numpy().tobytes()
    content[content.index(weight) + 7] ^= 1
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="its content does not match its hash"):
        OnnxBackend(tmp_path / "bad.onnx")
