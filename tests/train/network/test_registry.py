"""Models, codecs and losses by name; a new file in their folder is all that a new part needs."""

import sys

import pytest
import torch

from contracts.small_networks import MODELS
from nasion.errors import ConfigError
from nasion.train.config import Component
from nasion.train.network import codecs, losses, models, registry
from nasion.train.network.codecs.softargmax import SoftArgmax
from nasion.train.network.interfaces import Decoded, InputSpec
from nasion.train.network.losses import smooth_l1
from nasion.train.network.models.cnn import Cnn

SPEC = InputSpec(5, 3, (48, 64))


def test_names_are_sorted_files_of_the_folder():
    assert registry.available("models") == ["cnn", "efficientnet_lite0", "resnet18", "unet"]
    assert registry.available("codecs") == ["coordinates", "softargmax"]
    assert registry.available("losses") == ["l1", "map_l1", "mse", "smooth_l1"]


@pytest.mark.parametrize(("kind", "package"), [("models", models), ("codecs", codecs), ("losses", losses)])
def test_parts_are_modules_of_their_package(kind, package):
    for name in registry.available(kind):
        assert registry.find(kind, name).__name__ == f"{package.__name__}.{name}"


def test_new_file_is_a_new_part(tmp_path, monkeypatch):
    source = (
        "from nasion.settings import Settings\n"
        "REQUIRES = 'vector'\n"
        "class Options(Settings):\n    factor: float = 2.0\n"
        "def loss(decoded, target, options):\n"
        "    return options.factor * (decoded.keypoints - target).abs().sum(-1)\n"
    )
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "_shared.py").write_text("raise RuntimeError\n")  # a helper, not a part
    monkeypatch.setattr(losses, "__path__", [*losses.__path__, str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    try:
        assert registry.available("losses") == ["l1", "map_l1", "mine", "mse", "smooth_l1"]
        loss = registry.build_loss(Component(name="mine", factor=3.0))
        decoded = Decoded(torch.ones(2, 5, 2), torch.zeros(2, 5), torch.zeros(2, 5, 2), None)
        assert loss(decoded, torch.zeros(2, 5, 2)).tolist() == [[6.0] * 5] * 2
    finally:
        sys.modules.pop("nasion.train.network.losses.mine", None)
        vars(losses).pop("mine", None)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("models", "unnet", r'^no "unnet" among the models; did you mean "unet"'),
        ("codecs", "soft", r'^no "soft" among the codecs; did you mean "softargmax"'),
        ("losses", "l2", r'^no "l2" among the losses'),
        ("losses", "_shared", r'^no "_shared" among the losses'),
    ],
)
def test_unknown_names_suggest_the_nearest(kind, name, message):
    with pytest.raises(ConfigError, match=message):
        registry.find(kind, name)
    with pytest.raises(ConfigError, match=message):
        registry.options(kind, Component(name=name))


def test_options_are_the_components_values_over_the_defaults():
    options = registry.options("models", Component(name="unet", widths=[4, 6], dropout=0.5))
    assert (options.widths, options.dropout, options.stride) == ([4, 6], 0.5, 2)


@pytest.mark.parametrize(
    ("kind", "part", "message"),
    [
        ("models", {"name": "unet", "width": 3}, 'models unet: unknown key "width"; did you mean "widths"'),
        ("models", {"name": "cnn"}, 'models cnn: the key "kernels" is missing'),
        ("codecs", {"name": "softargmax", "temperature": 0}, "codecs softargmax: temperature = 0: input should be"),
        ("losses", {"name": "map_l1", "weight": -1}, "losses map_l1: weight = -1: input should be"),
        ("losses", {"name": "mse", "beta": 1}, 'losses mse: unknown key "beta"'),
    ],
)
def test_wrong_options_are_one_line_with_the_part(kind, part, message):
    build = {
        "models": lambda: registry.build_model(Component(**part), SPEC, 10),
        "codecs": lambda: registry.build_codec(Component(**part), SPEC),
        "losses": lambda: registry.build_loss(Component(**part)),
    }[kind]
    with pytest.raises(ConfigError) as caught:
        build()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_models_are_built_with_options_crop_and_outputs():
    model = registry.build_model(Component(**MODELS["cnn"]), InputSpec(5, 1, (48, 64)), 11)
    assert isinstance(model, Cnn)
    assert model.convolutions[0].weight.shape == (4, 1, 5, 5)
    assert model.head.weight.shape == (11, 7)


def test_codecs_are_built_with_options_and_count():
    codec = registry.build_codec(Component(name="softargmax", temperature=2.5), InputSpec(7, 3, (48, 64)))
    assert isinstance(codec, SoftArgmax)
    assert (codec.temperature, codec.outputs) == (2.5, 7)


def test_losses_carry_function_options_and_requirement():
    loss = registry.build_loss(Component(name="smooth_l1", beta=0.25))
    assert loss.function is smooth_l1.loss
    assert loss.options.beta == 0.25
    assert loss.requires == "vector"
    assert registry.build_loss(Component(name="map_l1")).requires == "maps"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Component(name="unet", widths=[4096] * 4, blocks=64), "unet: .* weights, more than 100,000,000"),
        (Component(name="unet", widths=[32, 10**9]), "less than or equal to 4096"),
        (Component(name="unet", widths=[32] * 100_000), "at most 10 items"),
        (Component(name="unet", blocks=10**9), "less than or equal to 64"),
        (Component(name="cnn", kernels=[3], channels=[4096], pools=[1], hidden=[4096]), "cnn: .* weights, more than"),
        (Component(name="cnn", kernels=[10**9 + 1], channels=[4], pools=[1], hidden=[]), "less than or equal to 255"),
    ],
)
def test_networks_that_would_fill_the_memory_are_rejected_before_they_are_built(part, message):
    with pytest.raises(ConfigError, match=message):
        registry.build_model(part, InputSpec(68, 3, (128, 128)), 68)
