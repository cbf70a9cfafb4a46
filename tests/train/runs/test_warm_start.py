"""Where weights begin: a trained network's, torchvision's; what is frozen stays, what is replaced is replaced."""

from urllib.error import URLError

import numpy as np
import pytest
import torch
from rich.console import Console
from torchvision.models import resnet18

from nasion import datasets
from nasion.errors import ConfigError, DownloadError, ModelError
from nasion.skeleton import load_skeleton
from nasion.train.loop import fit as fitting
from nasion.train.loop import time_budget as timing
from nasion.train.runs.torch_backend import TorchBackend
from nasion.train.data.batches import CropSource, to_tensor
from nasion.train.config import load, parse
from nasion.train.loop.fit import fit
from nasion.train.runs.warm_start import adopt_architecture, begin, trained
from nasion.train.loop.hardware import Devices
from nasion.train.loop.module import KeypointModule
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import load_weights

QUIET = Console(quiet=True)

UNET = {"model": {"name": "unet", "widths": [6, 8], "stride": 4}, "codec": {"name": "softargmax"}}
CNN = {
    "model": {"name": "cnn", "kernels": [3], "channels": [4], "pools": [4], "hidden": [8]},
    "codec": {"name": "coordinates"},
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(timing, "CALIBRATION_SECONDS", 0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def config(side=32, network=UNET, **changes):
    table = {
        "data": {"source": "synthetic:18", "skeleton": "imm-58", "validation_share": 0.3},
        "crop": {"height": side, "width": side},
        "loss": {"name": "l1"},
        "schedule": {"epochs": 1, "batch": 4},
        "precision": "float32",
        **network,
    }
    return parse({**table, **changes})


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run of 58 points."""
    folder = tmp_path_factory.mktemp("first") / "run"
    fit(config(), folder, QUIET, "nasion train x", machines=Devices())
    return folder


def begun(first, skeleton, **changes):
    chosen = adopt_architecture(config(init={"model": str(first)}, **changes), QUIET)
    network = KeypointNetwork(chosen, load_skeleton(skeleton).count)
    chance = {name: value.clone() for name, value in network.state_dict().items()}
    begin(network, chosen, load_skeleton(skeleton))
    return network.state_dict(), chance


def test_the_same_points_keep_the_head(first):
    state, _ = begun(first, "imm-58")
    for name, value in load_weights(first / "checkpoints" / "best.pt")["weights"].items():
        assert torch.equal(state[name], value), name


def test_other_points_get_a_new_head(first):
    state, chance = begun(first, "nose-1")
    weights = load_weights(first / "checkpoints" / "best.pt")["weights"]
    for name, value in state.items():
        expected = chance[name] if name.startswith(("model.head.", "spread.")) else weights[name]
        assert torch.equal(value, expected), name


def test_the_network_of_the_weights_takes_the_recipes_place(first, capsys):
    chosen = adopt_architecture(config(network=CNN, init={"model": str(first)}), Console(width=200))
    assert chosen.model.name == "unet"
    assert chosen.codec.name == "softargmax"
    assert "the network is that of" in capsys.readouterr().out
    assert adopt_architecture(config(network=CNN), QUIET).model.name == "cnn"


def test_a_network_grows_from_where_it_stands(first):
    deeper = {**UNET["model"], "blocks": [1, 3]}
    chosen = adopt_architecture(config(network={**UNET, "model": deeper}, init={"model": str(first)}), QUIET)
    assert chosen.model.options["blocks"] == [1, 3]
    network, before = KeypointNetwork(chosen, 58), TorchBackend(first)
    begin(network, chosen, load_skeleton("imm-58"))
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    with torch.inference_mode():
        points, *_ = network.eval()(to_tensor(crops))
    assert len(network.state_dict()) > len(before.network.state_dict())
    assert points.numpy() == pytest.approx(before(crops)[0], abs=1e-4)
    for layer in network.model.down[1].parameters():
        assert layer.requires_grad


def test_a_deeper_network_is_not_cut_back(first, tmp_path):
    deeper = {**UNET, "model": {**UNET["model"], "blocks": 2}}
    fit(config(network=deeper), tmp_path / "deep", QUIET, "nasion train x")
    chosen = adopt_architecture(config(init={"model": str(tmp_path / "deep")}), QUIET)
    assert chosen.model.options["blocks"] == 2
    begin(KeypointNetwork(chosen, 58), chosen, load_skeleton("imm-58"))


@pytest.mark.parametrize("blocks", [0, [1], [1, 2, 3], [1, 0], [-1, 1]])
def test_blocks_that_fit_no_level(blocks):
    with pytest.raises(ConfigError, match="one a level"):
        KeypointNetwork(config(network={**UNET, "model": {**UNET["model"], "blocks": blocks}}), 58)


def test_weights_for_another_crop_are_refused(tmp_path):
    fit(config(network=CNN), tmp_path / "run", QUIET, "nasion train x")
    chosen = adopt_architecture(config(side=48, init={"model": str(tmp_path / "run")}), QUIET)
    with pytest.raises(ConfigError, match="train with its crop: 32 x 32 px, 3 channels"):
        begin(KeypointNetwork(chosen, 58), chosen, load_skeleton("imm-58"))


def test_a_model_that_is_not_there():
    with pytest.raises(ModelError, match="run folder"):
        trained("nowhere")


def test_frozen_layers_and_their_statistics_stay(first, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "_check_freeze", lambda _config: None)  # it would not end before they thaw
    changes = {"init": {"model": str(first), "freeze_epochs": 1}, "optimizer": {"name": "adamw", "weight_decay": 0.1}}
    fit(config(**changes, seed=5), tmp_path / "run", QUIET, "nasion train x")
    before = load_weights(first / "checkpoints" / "best.pt")["weights"]
    after = load_weights(tmp_path / "run" / "checkpoints" / "best.pt")["weights"]
    for name, value in after.items():
        assert torch.equal(value, before[name]) == (not name.startswith(("model.head.", "spread."))), name
    thawed = {**changes, "init": {"model": str(first)}}
    fit(config(**thawed), tmp_path / "thawed", QUIET, "nasion train x")
    after = load_weights(tmp_path / "thawed" / "checkpoints" / "best.pt")["weights"]
    assert not torch.equal(after["model.stem.0.weight"], before["model.stem.0.weight"])


@pytest.mark.parametrize(
    ("init", "words"),
    [({"freeze_epochs": 1}, "--init default"), ({"freeze_epochs": 9, "model": "RUN"}, "train longer")],
)
def test_freezing_what_would_never_thaw_is_refused(first, tmp_path, init, words):
    init = {**init, "model": str(first)} if "model" in init else init
    with pytest.raises(ConfigError, match=words):
        fit(config(init=init), tmp_path / "run", QUIET, "nasion train x")
    assert not list(tmp_path.rglob("*.json"))


def test_the_backbone_learns_at_its_own_rate():
    chosen = config(init={"backbone_rate": 0.1}, optimizer={"lr": 0.02, "weight_decay": 0.5, "name": "adamw"})
    module = KeypointModule(chosen, CropSource(datasets.load("synthetic:6"), chosen.crop, None), None)
    groups = module.configure_optimizers()["optimizer"].param_groups
    heads = module.network.model.head, module.network.spread
    head = {id(p) for each in heads for p in each.parameters()}
    seen = 0
    for group in groups:
        for weight in group["params"]:
            seen += 1
            assert group["initial_lr"] == pytest.approx(0.02 if id(weight) in head else 0.002)
            assert group["weight_decay"] == (0.5 if weight.ndim > 1 else 0.0)
    assert seen == len(list(module.network.parameters()))


def resnet(weights, channels=3):
    chosen = load("ibug", [f"model.weights={weights}", "crop.height=32", "crop.width=32", f"crop.channels={channels}"])
    network = KeypointNetwork(chosen, 68)
    begin(network, chosen, load_skeleton("ibug-68"))
    return network.model.backbone


@pytest.mark.parametrize("channels", [1, 3])
def test_torchvisions_weights_from_a_file(tmp_path, channels):
    torch.manual_seed(1)
    original = resnet18(weights=None).state_dict()
    torch.save(original, tmp_path / "r.pth")
    taken = resnet(tmp_path / "r.pth", channels).state_dict()
    assert torch.equal(taken["layer4.1.conv2.weight"], original["layer4.1.conv2.weight"])
    assert taken["conv1.weight"].shape[1] == channels
    assert taken["conv1.weight"].sum(1) == pytest.approx(original["conv1.weight"].sum(1), abs=1e-6)


def test_files_that_are_no_resnet(tmp_path):
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="not the weights of a torchvision ResNet18"):
        resnet(tmp_path / "other.pth")
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(ModelError, match="refused"):
        resnet(tmp_path / "page.pth")
    with pytest.raises(ModelError, match="no file"):
        resnet(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("error", [URLError("no network"), RuntimeError("invalid hash value")])
def test_without_a_network_the_ways_on_are_named(monkeypatch, error):
    def fails(*_args, **_options):
        raise error

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fails)
    with pytest.raises(DownloadError, match=r"--set model\.weights=PATH.*--init RUN"):
        resnet("imagenet")


def test_imagenet_values_are_what_torchvision_expects():
    backbone = KeypointNetwork(load("ibug", ["crop.height=32", "crop.width=32"]), 68)
    seen = []
    backbone.model.backbone = torch.nn.Module()
    backbone.model.backbone.forward = lambda x: seen.append(x) or torch.zeros(1, 512)
    backbone.decode(torch.full((1, 3, 32, 32), 255.0 * 0.5))
    expected = [(0.5 - mean) / deviation for mean, deviation in [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]]
    assert seen[0][0, :, 3, 4].tolist() == pytest.approx(expected, abs=1e-4)
