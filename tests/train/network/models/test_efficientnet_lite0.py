"""EfficientNet-Lite0: shapes of both outputs, the scale of its input, and its pretrained weights."""

import sys
from importlib.util import find_spec

import pytest
import torch
from skimage import data
from torch import nn

from nasion.errors import ConfigError, DownloadError, ModelError
from nasion.geometry import Affine
from nasion.images import warp
from nasion.train.network.interfaces import HALF_RANGE, MID_GRAY, InputSpec
from nasion.train.network.models import efficientnet_lite0
from nasion.train.network.models.efficientnet_lite0 import PACKAGE, STAGES, Encoder, Options, build


def model_of(weights="none", output="maps", channels=3, size=(64, 96), **options):
    return build(Options(weights=weights, output=output, **options), InputSpec(5, channels, size), 10).eval()


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Return the path of a file with an encoder's weights under other names, followed by a classifier, and them."""
    torch.manual_seed(3)
    state = {f"layer{k}": value for k, value in enumerate(Encoder(3).state_dict().values())}
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    counters = [name for name, value in state.items() if not value.ndim]
    torch.save({name: state[name] for name in state if name not in counters} | {"fc": torch.zeros(9, 9)}, path)
    return path, {name: value for name, value in state.items() if value.ndim}


@pytest.mark.parametrize(("stride", "channels"), [(2, 3), (4, 3), (8, 1), (16, 3)])
def test_maps_have_one_cell_per_stride(stride, channels):
    model = model_of(stride=stride, channels=channels)
    features = model.forward_features(torch.zeros(2, channels, 64, 96))
    assert features.shape == (2, model.feature_channels, 64 // stride, 96 // stride)
    assert model.head(features).shape == (2, 10, 64 // stride, 96 // stride)
    assert model.output_kind == "maps"


def test_vector_is_read_from_the_mean_of_the_deepest_features():
    model = model_of(output="vector", size=(48, 64))
    features = model.forward_features(torch.zeros(2, 3, 48, 64))
    assert features.shape == (2, STAGES[-1].width)
    assert model.head(features).shape == (2, 10)
    assert model.output_kind == "vector"


def test_encoder_halves_at_every_tap():
    taps = Encoder(3).eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(tap.shape[1:]) for tap in taps] == [
        (16, 32, 48),
        (24, 16, 24),
        (40, 8, 12),
        (112, 4, 6),
        (320, 2, 3),
    ]


def test_crops_for_maps_must_be_divisible_by_32():
    with pytest.raises(ConfigError, match="divisible by 32, unlike 48 x 64 px"):
        model_of(size=(48, 64))


def test_building_loads_nothing(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "load_weights", lambda *_: pytest.fail("loaded"))
    model_of("imagenet")
    model_of("none").load_pretrained()


@pytest.mark.parametrize("output", ["maps", "vector"])
def test_weights_of_a_file_replace_the_encoder_by_their_order(pretrained, output):
    path, state = pretrained
    model = model_of(str(path), output)
    head = model.head.weight.clone()
    model.load_pretrained()
    loaded = [value for value in model.encoder.state_dict().values() if value.ndim]
    assert all(torch.equal(value, own) for value, own in zip(state.values(), loaded, strict=True))
    assert torch.equal(model.head.weight, head)


def test_gray_networks_sum_the_first_kernels_over_the_colors(pretrained):
    path, _ = pretrained
    gray, color = model_of(str(path), channels=1), model_of(str(path))
    gray.load_pretrained()
    color.load_pretrained()
    crop = torch.randn(1, 1, 64, 96)
    for a, b in zip(gray.encoder(crop), color.encoder(crop.expand(1, 3, 64, 96)), strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_without_the_package_the_weights_are_downloaded(monkeypatch, pretrained):
    path, _ = pretrained
    calls = []

    def download(url, **options):
        calls.append((url, options))
        return torch.load(path, weights_only=True)

    monkeypatch.setattr(efficientnet_lite0, "find_spec", lambda _name: None)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    model_of("imagenet").load_pretrained()
    ((url, options),) = calls
    assert url.endswith("tf_efficientnet_lite0-0aa007d2.pth")
    assert options["check_hash"]
    assert options["weights_only"]


@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("invalid hash value")])
def test_failed_download_names_the_alternatives(monkeypatch, error):
    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr(efficientnet_lite0, "find_spec", lambda _name: None)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    with pytest.raises(DownloadError) as caught:
        model_of("imagenet").load_pretrained()
    for part in (str(error), "pip install", "--set model.weights=PATH", "--set model.weights=none"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_rejected(tmp_path):
    with pytest.raises(
        ModelError, match=r'^model.weights: no file ".*gone\.pth"; give the \.pth of an EfficientNet-Lite0'
    ):
        model_of(str(tmp_path / "gone.pth")).load_pretrained()


@pytest.mark.parametrize(
    "state",
    [{"a": torch.zeros(32, 3, 3, 3)}, {"layer": 3}, {3: 4}, {}, {"a": torch.zeros(2, 2)}],
    ids=["incomplete", "other", "no names", "empty", "other shape"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_weights_of_other_networks_are_rejected(tmp_path, state, channels):
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"a\.pth: (not the weights of an EfficientNet-Lite0; give|rejected)"):
        model_of(str(tmp_path / "a.pth"), channels=channels).load_pretrained()


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="the package with the ImageNet weights is not installed")
def test_installed_weights_know_a_cat():
    """The classifier behind the encoder recognizes scikit-image's cat (class 285), so all layers are in place."""
    model = model_of("imagenet", "vector", size=(224, 224))
    model.load_pretrained()
    state = efficientnet_lite0._imagenet()
    head = nn.Sequential(nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280, eps=1e-3), nn.ReLU6()).eval()
    tail = [value for name, value in state.items() if name.startswith(("_conv_head", "_bn1"))]
    head.load_state_dict(dict(zip(head.state_dict(), tail, strict=True)))
    image = data.chelsea()
    crop = torch.from_numpy(warp(image, Affine.resize(image.shape[:2], (224, 224)), (224, 224))).permute(2, 0, 1)[None]
    with torch.inference_mode():
        features = head(model.encoder((crop.float() - MID_GRAY) / HALF_RANGE)[-1]).mean((2, 3))
        scores = features @ state["_fc.weight"].T + state["_fc.bias"]
    assert int(scores.argmax()) == 285
    assert PACKAGE not in sys.modules  # its file is read without importing it
