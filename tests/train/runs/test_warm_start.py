"""Initial weights: a trained network's, torchvision's or random ones; a head for other keypoints is new."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.models import resnet18

from doubles import RecordingReporter
from nasion.errors import ConfigError, ModelError
from nasion.skeleton import load_skeleton
from nasion.train.checkpoint import load_weights, save_weights
from nasion.train.config import RunConfig
from nasion.train.data.batches import to_tensor
from nasion.train.loop.fit import fit
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs import warm_start
from nasion.train.runs.exported_weights import TrainedNetwork
from nasion.train.runs.torch_backend import TorchBackend
from nasion.train.runs.warm_start import adopt_architecture, build_network, load_trained
from train.loop.tiny_runs import CNN, UNET, plain, same, untrained_run, weights

CROP = {"height": 32, "width": 64, "channels": 3}
RESNET = {"model": {"name": "resnet18", "weights": "none"}, "codec": {"name": "coordinates"}}
DEEPER = {**UNET, "model": {**UNET["model"], "blocks": [1, 3]}}


def config(network=UNET, crop=CROP, **changes):
    return plain(network, crop=crop, **changes)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return the folder of a run of 58 points."""
    return untrained_run(tmp_path_factory.mktemp("first") / "run", config()).folder


def started(model, skeleton="imm-58", **changes):
    """Return the state of a network that starts from a model, and of one that does not."""
    chosen = adopt_architecture(config(init={"model": str(model)}, **changes))
    points = load_skeleton(skeleton)
    return build_network(chosen, points).state_dict(), build_network(chosen, points, initialize=False).state_dict()


# Weights


def test_the_same_points_keep_the_head(first):
    state, random = started(first)
    assert same(state, weights(first, "best"))
    assert not same(state, random)


def test_other_points_get_a_new_head(first):
    state, random = started(first, "nose-1")
    trained = weights(first, "best")
    for name, value in state.items():
        expected = random[name] if name.startswith(("model.head.", "spread.")) else trained[name]
        assert torch.equal(value, expected), name


def test_points_are_compared_by_name(first):
    points = load_skeleton("imm-58")
    renamed = replace(points, name="renamed", names=("other", *points.names[1:]))
    chosen = adopt_architecture(config(init={"model": str(first)}))
    head = "model.head.weight"
    state = build_network(chosen, renamed).state_dict()
    assert not torch.equal(state[head], weights(first, "best")[head])
    copied = build_network(chosen, replace(points, name="copied")).state_dict()
    assert torch.equal(copied[head], weights(first, "best")[head])


def test_the_seed_decides_the_random_weights():
    points = load_skeleton("imm-58")
    a, again, b = (build_network(config(seed=seed), points) for seed in (3, 3, 4))
    assert same(a.state_dict(), again.state_dict())
    assert not same(a.state_dict(), b.state_dict())
    kernel = a.model.stem[0].weight
    assert kernel.is_contiguous(memory_format=torch.channels_last)


def test_a_checkpoint_replaces_the_initial_weights_without_loading_them():
    chosen = config(init={"model": "nowhere"})
    build_network(chosen, load_skeleton("imm-58"), initialize=False)
    with pytest.raises(ModelError, match='no model "nowhere"'):
        build_network(chosen, load_skeleton("imm-58"))


def test_low_res_crops_are_checked_before_the_weights():
    with pytest.raises(ConfigError, match="low_res_px = 18"):
        build_network(config(schedule={"low_res_px": 18}), load_skeleton("imm-58"))


def test_an_exported_model_of_format_version_1_is_a_start(stored_v1):
    path = str(stored_v1 / "model.onnx")
    source = load_trained(path)
    chosen = adopt_architecture(config(crop=source.config.crop.model_dump(), init={"model": path}))
    state = build_network(chosen, source.skeleton).state_dict()
    assert source.skeleton == load_skeleton("ibug-68")
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, source.weights[name]), name
    # The file was exported from the finished run.
    assert torch.equal(state["model.head.bias"], weights(stored_v1 / "finished", "best")["model.head.bias"])


def test_a_model_in_the_package_is_a_start():
    source = load_trained("tiny")
    chosen = adopt_architecture(config(crop=source.config.crop.model_dump(), init={"model": "tiny"}))
    state = build_network(chosen, source.skeleton).state_dict()
    assert torch.equal(state["model.head.weight"], source.weights["model.head.weight"])


# Architecture


def test_the_architecture_of_the_weights_replaces_the_recipes(first):
    reporter = RecordingReporter()
    chosen = adopt_architecture(config(CNN, init={"model": str(first)}), reporter)
    assert chosen.model.name == "unet"
    assert chosen.codec.name == "softargmax"
    assert reporter.lines == [f"using the architecture of {first}: unet, softargmax"]
    assert chosen.loss == config().loss  # the rest of the configuration stays


def test_the_same_architecture_is_not_reported(first):
    reporter = RecordingReporter()
    chosen = config(init={"model": str(first)})
    assert adopt_architecture(chosen, reporter) == chosen
    assert reporter.lines == []


def test_without_initial_weights_the_architecture_is_the_recipes():
    assert adopt_architecture(config(CNN)) == config(CNN)


def test_a_deeper_network_starts_with_the_outputs_of_the_trained_one(first):
    chosen = adopt_architecture(config(DEEPER, init={"model": str(first)}))
    assert chosen.model.options["blocks"] == [1, 3]
    network, before = build_network(chosen, load_skeleton("imm-58")), TorchBackend(first)
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)
    with torch.inference_mode():
        points, *_ = network.eval()(to_tensor(crops))
    assert len(network.state_dict()) > len(before.network.state_dict())
    assert points.numpy() == pytest.approx(before(crops)[0], abs=1e-4)
    assert all(weight.requires_grad for weight in network.parameters())


def test_a_deep_network_stays_deep(tmp_path):
    deep = untrained_run(tmp_path / "deep", config(DEEPER)).folder
    state, _ = started(deep)
    assert same(state, weights(deep, "best"))


@pytest.mark.parametrize("widths", [[8, 12], [6, 24]])
def test_a_wider_network_starts_with_the_outputs_of_the_trained_one(tmp_path, widths):
    run = untrained_run(tmp_path / "run", config())
    state, generator = load_weights(run.best), torch.Generator().manual_seed(0)
    for name, value in state["weights"].items():  # no weight is 0, as some are before a training
        if value.is_floating_point() and "running_var" not in name:
            value.add_(torch.rand(value.shape, generator=generator) / 50)
    save_weights(run.best, state)
    wider = {**UNET, "model": {**UNET["model"], "widths": widths, "blocks": [1, 2]}}
    chosen = adopt_architecture(config(wider, init={"model": str(run.folder), "widen": True}))
    assert chosen.model.options["widths"] == widths
    network, before = build_network(chosen, load_skeleton("imm-58")), TorchBackend(run.folder)
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)
    with torch.inference_mode():
        points, spread, *_ = network.eval()(to_tensor(crops))
    expected = before(crops)
    assert points.numpy() == pytest.approx(expected.keypoints, abs=1e-4)
    assert spread.numpy() == pytest.approx(expected.spread, abs=1e-4)


def test_a_network_stays_narrow_unless_asked(first):
    wider = {**UNET, "model": {**UNET["model"], "widths": [8, 12]}}
    assert adopt_architecture(config(wider, init={"model": str(first)})).model.options["widths"] == [6, 8]


def test_widening_needs_a_trained_network():
    with pytest.raises(ConfigError, match=r"init\.widen adds channels to a trained network: name one with --init"):
        adopt_architecture(config(init={"widen": True}))


def test_networks_of_another_kind_cannot_be_widened(first):
    with pytest.raises(ConfigError, match=r'init\.widen: the trained network is of kind "unet", the recipe\'s "cnn"'):
        adopt_architecture(config(CNN, init={"model": str(first), "widen": True}))


# Weights that do not fit


def test_weights_for_another_crop_are_rejected(tmp_path):
    folder = untrained_run(tmp_path / "run", config(CNN)).folder
    with pytest.raises(ConfigError, match=r"do not fit this network .*; train with its crop: 32 x 64 px, 3 channels"):
        started(folder, crop={"height": 48, "width": 64, "channels": 3})
    with pytest.raises(ConfigError, match="train with its crop: 32 x 64 px, 3 channels"):
        started(folder, crop={**CROP, "channels": 1})


def edited(folder, change):
    path = folder / "checkpoints" / "best.pt"
    state = load_weights(path)
    change(state["weights"])
    save_weights(path, state)
    return folder


@pytest.mark.parametrize("skeleton", ["imm-58", "nose-1"])
def test_weights_that_lack_a_layer_are_rejected(tmp_path, skeleton):
    folder = untrained_run(tmp_path / "run", config()).folder
    edited(folder, lambda state: state.pop("model.down.0.0.first.0.weight"))
    with pytest.raises(ConfigError, match=r"it lacks weights of this network \(model\.down\.0\.0\.first\.0\.weight\)"):
        started(folder, skeleton)


def test_a_missing_head_matters_for_the_same_points_only(tmp_path):
    folder = untrained_run(tmp_path / "run", config()).folder
    edited(folder, lambda state: state.pop("model.head.bias"))
    started(folder, "nose-1")
    with pytest.raises(ConfigError, match=r"it lacks weights of this network \(model\.head\.bias\)"):
        started(folder)


def test_unknown_weights_are_rejected(tmp_path):
    folder = untrained_run(tmp_path / "run", config()).folder
    edited(folder, lambda state: state.update({"model.more.weight": torch.zeros(2)}))
    with pytest.raises(ConfigError, match=r"do not fit this network \(model\.more\.weight\)"):
        started(folder)


def test_exported_files_lack_batch_counters(tmp_path):
    folder = untrained_run(tmp_path / "run", config()).folder
    state = weights(folder, "best")

    def as_in_a_file(table):
        for name in [name for name in table if name.endswith("num_batches_tracked")]:
            del table[name]

    found, random = started(edited(folder, as_in_a_file))
    for name, value in found.items():
        assert torch.equal(value, random[name] if name.endswith("num_batches_tracked") else state[name]), name


def test_constants_of_exported_files_are_not_weights(monkeypatch):
    points = load_skeleton("nose-1")
    chosen = config(RESNET, init={"model": "a file"})
    network = KeypointNetwork(chosen, points.count)
    constants = {f"model.{name}": torch.full((3, 1, 1), 9.0) for name in ("gain", "offset")}
    monkeypatch.setattr(
        warm_start, "load_trained", lambda _model: TrainedNetwork(chosen, points, network.state_dict() | constants)
    )
    built = build_network(chosen, points)
    assert same(built.state_dict(), network.state_dict())
    assert dict(built.named_buffers())["model.gain"].max() != 9.0


def test_a_run_without_weights_is_not_a_start(tmp_path):
    run = untrained_run(tmp_path / "run", config())
    run.best.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_trained(str(run.folder))


# Training from initial weights


def test_frozen_layers_and_their_statistics_do_not_change(first, tmp_path, monkeypatch):
    changes = {"optimizer": {"name": "adamw", "weight_decay": 0.1}, "seed": 5}
    with monkeypatch.context() as patch:
        patch.setattr(RunConfig, "frozen_epochs", property(lambda _config: 9))  # the training ends in a frozen epoch
        fit(config(init={"model": str(first), "freeze_share": 0.5}, **changes), tmp_path / "frozen", "x")
    before, after = weights(first, "best"), weights(tmp_path / "frozen", "best")
    for name, value in after.items():
        assert torch.equal(value, before[name]) == (not name.startswith(("model.head.", "spread."))), name
    fit(config(init={"model": str(first)}, **changes), tmp_path / "thawed", "x")
    assert not torch.equal(weights(tmp_path / "thawed", "best")["model.stem.0.weight"], before["model.stem.0.weight"])


def test_pretrained_weights_of_a_file_are_loaded_without_a_trained_network(tmp_path):
    torch.manual_seed(1)
    original = resnet18(weights=None).state_dict()
    torch.save(original, tmp_path / "r.pth")
    chosen = config(RESNET, model={"name": "resnet18", "weights": str(tmp_path / "r.pth")})
    points = load_skeleton("ibug-68")
    loaded = build_network(chosen, points).model.backbone.state_dict()
    assert torch.equal(loaded["layer4.1.conv2.weight"], original["layer4.1.conv2.weight"])
    random = build_network(chosen, points, initialize=False).model.backbone.state_dict()
    assert not torch.equal(random["layer4.1.conv2.weight"], original["layer4.1.conv2.weight"])


def test_a_network_without_hidden_points_starts_from_one_that_predicts_them(tmp_path):
    source = untrained_run(tmp_path / "source", plain(hidden_points=True))
    network = build_network(plain(init={"model": str(source.folder)}), load_skeleton("imm-58"))
    assert network.hidden is None
    expected = load_weights(source.best)["weights"]["spread.scale_head.weight"]
    assert torch.equal(network.state_dict()["spread.scale_head.weight"], expected)
    again = build_network(plain(init={"model": str(source.folder)}, hidden_points=True), load_skeleton("imm-58"))
    assert torch.equal(again.hidden.layer.weight, load_weights(source.best)["weights"]["hidden.layer.weight"])
