"""An exported network computes what torch computes, says what it is, and can be trained again."""

import json
import math

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from onnx import load as load_model

from nasion.errors import ConfigError, ModelError, OutputError
from nasion.predict.model_zoo import resolve
from nasion.predict.onnx_backend import METADATA, OnnxBackend
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.train.config import parse
from nasion.train.export import onnx_file as exporting
from nasion.train.export.onnx_file import export, read_exported
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import Run, open_run
from nasion.train.runs.torch_backend import TorchBackend
from nasion.train.runs.warm_start import begin, trained

NETWORKS = {
    "unet": {"model": {"name": "unet", "widths": [6, 8], "stride": 4}, "codec": {"name": "softargmax"}},
    "cnn": {
        "model": {"name": "cnn", "kernels": [3, 5], "channels": [4, 6], "pools": [2, 4], "hidden": [16]},
        "codec": {"name": "coordinates"},
    },
    "resnet18": {"model": {"name": "resnet18"}, "codec": {"name": "coordinates"}},
}


def make_run(folder, network="unet", skeleton="imm-58", source="imm:/home/someone/faces"):
    """Write a run folder of a network that has learned nothing but has statistics of its own."""
    config = parse(
        {
            "data": {"source": source, "validation_share": 0.25},
            "crop": {"height": 32, "width": 64, "channels": 3},
            "loss": {"name": "l1"},
            **NETWORKS[network],
        }
    )
    torch.manual_seed(3)
    points = load_skeleton(skeleton)
    module = KeypointNetwork(config, points.count)
    with torch.no_grad():
        for value in module.parameters():
            value.add_(0.05 * torch.randn_like(value))
    module.train()
    for _ in range(3):
        module(torch.rand(4, 3, 32, 64) * 255)
    run = Run(folder, config, points, "nasion train x --data imm:/home/someone/faces", {"faces": {"train": 5}}, 1, "32")
    run.write()
    run.best.parent.mkdir()
    torch.save({"epoch": 0, "weights": module.state_dict()}, run.best)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a run folder and its exported file."""
    folder = make_run(tmp_path_factory.mktemp("export") / "run")
    path = folder.parent / "net.onnx"
    assert export(folder, path) <= exporting.PARITY_PX
    return folder, path


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 64, 3), np.uint8)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_computes_the_same_in_any_batch(tmp_path, network):
    folder, path = make_run(tmp_path / "run", network), tmp_path / "net.onnx"
    export(folder, path)
    here, there = TorchBackend(folder), OnnxBackend(path, threads=1)
    for count in (1, 2, 5):
        for ours, theirs in zip(here(noise(count)), there(noise(count)), strict=True):
            assert theirs == pytest.approx(ours, abs=exporting.PARITY_PX, nan_ok=True)
    alone = np.concatenate([there(noise(5)[k : k + 1])[0] for k in range(5)])
    assert alone == pytest.approx(there(noise(5))[0], abs=1e-3)


def test_the_file_says_what_it_is_and_nothing_of_where_it_was_made(exported):
    folder, path = exported
    backend = OnnxBackend(path)
    assert backend.skeleton == TorchBackend(folder).skeleton
    assert backend.crop == TorchBackend(folder).crop
    assert backend.validation_share == 0.25
    card = backend.header.card
    assert card["command"] == "nasion train x --data imm:faces"
    assert len(card["weights_sha256"]) == 64
    assert backend.header.config["data"]["source"] == "imm:faces"
    content = path.read_bytes()
    for trace in (b"/home/", b"site-packages", b".py", str(folder.parent).encode()):
        assert trace not in content


def test_how_doubtful_a_face_may_be_goes_from_the_run_into_the_file(tmp_path):
    folder = make_run(tmp_path / "run")
    assert TorchBackend(folder).max_relative_spread == math.inf
    export(folder, tmp_path / "new.onnx")
    assert OnnxBackend(tmp_path / "new.onnx").max_relative_spread == math.inf
    (folder / "scores.json").write_text('{"doubt/max": 0.04}')
    export(folder, tmp_path / "net.onnx")
    assert OnnxBackend(tmp_path / "net.onnx").max_relative_spread == pytest.approx(0.06)


def test_half_precision_is_half_the_file_and_nearly_the_same(exported, tmp_path):
    folder, path = exported
    export(folder, tmp_path / "half.onnx", "half")
    whole, half = OnnxBackend(path), OnnxBackend(tmp_path / "half.onnx")
    assert np.abs(whole(noise(4))[0] - half(noise(4))[0]).max() < 0.1
    weights = sum(v.numel() * 2 for v in TorchBackend(folder).network.parameters() if v.ndim > 1)
    saved = path.stat().st_size - (tmp_path / "half.onnx").stat().st_size
    assert saved == pytest.approx(weights, rel=0.2)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", ["single", "half"])
def test_a_training_can_start_from_every_network(tmp_path, network, precision):
    folder, path = make_run(tmp_path / "run", network), tmp_path / "net.onnx"
    export(folder, path, precision)
    run = open_run(folder)
    config = run.config.model_copy(update={"init": run.config.init.model_copy(update={"model": str(path)})})
    begun = KeypointNetwork(config, 58)
    begin(begun, config, run.skeleton)
    original = TorchBackend(folder).network
    for name, weight in original.named_parameters():
        expected = weight.half().float() if precision == "half" and weight.ndim > 1 else weight
        assert torch.equal(dict(begun.named_parameters())[name], expected), name


def test_what_a_file_holds_is_what_was_trained(exported):
    folder, path = exported
    config, skeleton, weights = read_exported(path)
    state = TorchBackend(folder).network.state_dict()
    assert skeleton.name == "imm-58"
    assert config.model == TorchBackend(folder).run.config.model
    assert weights.keys() == {name for name in state if not name.endswith("num_batches_tracked")}
    for name, value in weights.items():
        assert torch.equal(value, state[name]), name
    assert trained(str(path)).weights.keys() == weights.keys()


@pytest.mark.parametrize("precision", ["single", "int8"])
@pytest.mark.parametrize("network", NETWORKS)
def test_nothing_is_computed_in_vain(tmp_path, monkeypatch, network, precision):
    monkeypatch.setattr(exporting, "INT8_PX", np.inf)
    path = tmp_path / "net.onnx"
    export(make_run(tmp_path / "run", network, source="synthetic:8"), path, precision)
    graph = load_model(path).graph
    assert not exporting._dead(graph)
    given = {each.name for each in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    for bias in (node.input[2] for node in graph.node if node.op_type == "Conv" and len(node.input) > 2):
        assert bias in given or made[bias].op_type == "DequantizeLinear"


def test_integers_are_not_unpacked_between_layers(tmp_path):
    export(make_run(tmp_path / "run", source="synthetic:8"), tmp_path / "net.onnx", "int8")
    graph = load_model(tmp_path / "net.onnx").graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    assert "Relu" not in makers.values()  # the ranges of the integers begin at 0 instead
    packed = [makers[node.input[0]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert set(packed) <= {"Conv", "Add", "MaxPool", "Resize", "Div"}
    assert packed.count("Div") == 1  # the crop


def test_int8_is_nearly_the_same(tmp_path):
    folder = make_run(tmp_path / "run", source="synthetic:8")
    apart = export(folder, tmp_path / "int8.onnx", "int8")
    assert 0 < apart <= exporting.INT8_PX
    here, there = TorchBackend(folder), OnnxBackend(tmp_path / "int8.onnx", threads=1)
    drawn = exporting._drawn_crops(here)
    assert np.linalg.norm(here(drawn)[0] - there(drawn)[0], axis=-1).mean() < 2 * exporting.INT8_PX
    assert not np.array_equal(here(drawn)[0], there(drawn)[0])


def test_int8_is_a_quarter_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "INT8_PX", np.inf)  # weights of chance answer every gray level with leaps
    folder = make_run(tmp_path / "run", "resnet18", source="synthetic:8")
    export(folder, tmp_path / "int8.onnx", "int8")
    export(folder, tmp_path / "single.onnx")
    size = (tmp_path / "int8.onnx").stat().st_size / (tmp_path / "single.onnx").stat().st_size
    assert size == pytest.approx(0.25, abs=0.03)


def test_a_training_can_start_from_integers(tmp_path):
    folder = make_run(tmp_path / "run", source="synthetic:8")
    export(folder, tmp_path / "int8.onnx", "int8")
    state = TorchBackend(folder).network.state_dict()
    _, _, weights = read_exported(tmp_path / "int8.onnx")
    assert weights.keys() == {name for name in state if not name.endswith("num_batches_tracked")}
    for name, value in weights.items():
        step = state[name].abs().amax(dim=tuple(range(1, state[name].ndim)), keepdim=True) / 64  # of 7 bits
        assert ((value - state[name]).abs() <= 0.51 * step + 1e-6).all(), name


def test_what_differs_is_not_written(exported, tmp_path, monkeypatch):
    folder, _ = exported
    path = tmp_path / "net.onnx"
    path.write_bytes(b"an older one")
    monkeypatch.setattr(exporting, "PARITY_PX", -1.0)
    with pytest.raises(ModelError, match="not written"):
        export(folder, path)
    assert path.read_bytes() == b"an older one"
    assert [each.name for each in tmp_path.iterdir()] == ["net.onnx"]
    monkeypatch.setattr(exporting, "INT8_PX", -1.0)
    with pytest.raises(ModelError, match=r"not written.*export it with --precision half"):
        export(make_run(tmp_path / "run", source="synthetic:8"), path, "int8")


def test_where_it_cannot_be_written(exported, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError):
        export(exported[0], tmp_path / "taken" / "net.onnx")
    with pytest.raises(ConfigError, match=r"\.onnx"):
        export(exported[0], tmp_path / "net.pt")
    with pytest.raises(ModelError, match="no run folder"):
        export(tmp_path, tmp_path / "net.onnx")


def foreign(header=None):
    """Return the bytes of a model that copies its input, with nasion's metadata or none."""
    shape = ["batch", 4]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["crops"], ["keypoints"])],
        "copy",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("keypoints", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if header is not None:
        helper.set_model_props(model, {METADATA: header})
    return model.SerializeToString()


def other_header(path):
    text = OnnxBackend(path).header
    return json.dumps(
        {
            "skeleton": {"name": text.skeleton.name, **text.skeleton.to_table()},
            "crop": text.crop.model_dump(),
            "config": {"data": {"validation_share": 0.1}},
            "card": {},
            "max_relative_spread": None,
        }
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _path: b"", "damaged, or no ONNX model"),
        (lambda _path: b"<html>", "damaged, or no ONNX model"),
        (lambda path: path.read_bytes()[:3000], "damaged, or no ONNX model"),
        (lambda _path: foreign(), "not one of nasion's"),
        (lambda _path: foreign("{"), "says of itself is damaged"),
        (lambda _path: foreign("[]"), "says of itself is damaged"),
        (lambda _path: foreign('{"skeleton": {"name": "x"}}'), "says of itself is damaged"),
        (lambda path: foreign(other_header(path)), "not what it says of itself"),
    ],
    ids=["empty", "page", "cut off", "foreign", "no JSON", "no table", "no crop", "other graph"],
)
def test_a_file_that_is_no_model_is_one_line(exported, tmp_path, make, words):
    path = tmp_path / "bad.onnx"
    path.write_bytes(make(exported[1]))
    with pytest.raises(ModelError, match=words) as caught:
        Predictor(path)
    assert "\n" not in str(caught.value)


def test_one_wrong_bit_is_found(exported, tmp_path):
    """In a weight it would move points without a word."""
    content = bytearray(exported[1].read_bytes())
    weight = TorchBackend(exported[0]).network.state_dict()["model.stem.0.weight"].contiguous().numpy().tobytes()
    content[content.index(weight) + 7] ^= 1
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="its content is not what its hash says"):
        OnnxBackend(tmp_path / "bad.onnx")


def test_models_are_found_by_name_or_by_path(tmp_path):
    with pytest.raises(ModelError, match='did you mean "default"'):
        resolve("defualt")
    with pytest.raises(ModelError, match=r"or give an \.onnx file"):
        resolve(tmp_path / "nowhere.onnx")
