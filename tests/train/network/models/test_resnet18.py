"""torchvision's ResNet18: the input is scaled as its weights expect, and its weights are loaded safely."""

import pytest
import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from nasion.errors import DownloadError, ModelError
from nasion.train.network.interfaces import InputSpec
from nasion.train.network.models.resnet18 import Options, build


def model_of(weights="none", channels=3):
    return build(Options(weights=weights), InputSpec(5, channels, (48, 64)), 10)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Return the path of a torchvision .pth with its classifier, and its weights."""
    torch.manual_seed(7)
    state = resnet18(weights=None).state_dict()
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(state, path)
    return path, state


def received_by_the_backbone(model, crops):
    seen = []
    model.backbone.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model.eval().forward_features((crops.float() - 127.5) / 63.75)  # as the complete network scales pixels
    return seen[0]


def test_backbone_receives_what_torchvision_would_give_it():
    torch.manual_seed(0)
    crops = torch.randint(0, 256, (2, 3, 48, 64), dtype=torch.uint8)
    expected = ResNet18_Weights.IMAGENET1K_V1.transforms()
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (expected.mean, expected.std))
    assert torch.allclose(received_by_the_backbone(model_of(), crops), (crops / 255 - mean) / deviation, atol=1e-5)


def test_gray_crops_pass_with_zero_mean_and_unit_deviation():
    crops = torch.tensor([0.0, 127.5, 255.0]).reshape(1, 1, 1, 3).expand(2, 1, 48, 3)
    received = received_by_the_backbone(model_of(channels=1), crops)
    assert received[0, 0, 0].tolist() == pytest.approx([-2, 0, 2])


def test_features_are_the_512_before_the_classifier():
    model = model_of().eval()
    assert model.feature_channels == 512
    assert model.forward_features(torch.zeros(2, 3, 48, 64)).shape == (2, 512)
    assert isinstance(model.backbone.fc, nn.Identity)
    assert model.head.weight.shape == (10, 512)


def test_scaling_is_not_stored_with_the_weights():
    assert not {"gain", "offset"} & model_of().state_dict().keys()


def test_default_weights_are_those_of_imagenet():
    assert Options().weights == "imagenet"


def test_building_downloads_nothing(monkeypatch):
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda *_a, **_k: pytest.fail("downloaded"))
    model_of("imagenet")
    model_of("none").load_pretrained()


def test_weights_of_a_file_replace_the_backbone_and_keep_the_head(pretrained):
    path, state = pretrained
    model = model_of(str(path))
    head = model.head.weight.clone()
    model.load_pretrained()
    loaded = model.backbone.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items() if not name.startswith("fc."))
    assert torch.equal(model.head.weight, head)


def test_gray_networks_sum_the_first_kernels_over_the_colors(pretrained):
    """A gray image repeated to RGB gives the same first response as the summed kernel on the gray image."""
    path, state = pretrained
    model = model_of(str(path), channels=1)
    model.load_pretrained()
    gray = torch.randn(2, 1, 48, 64)
    expected = nn.functional.conv2d(gray.expand(2, 3, 48, 64), state["conv1.weight"], stride=2, padding=3)
    assert torch.allclose(model.backbone.conv1(gray), expected, atol=1e-4)


def test_imagenet_weights_come_from_torchvision(monkeypatch, pretrained):
    _, state = pretrained
    calls = []
    monkeypatch.setattr(
        ResNet18_Weights, "get_state_dict", lambda self, **options: calls.append((self, options)) or dict(state)
    )
    model = model_of("imagenet")
    model.load_pretrained()
    assert calls == [(ResNet18_Weights.IMAGENET1K_V1, {"progress": True, "check_hash": True})]
    assert torch.equal(model.backbone.conv1.weight, state["conv1.weight"])


@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("invalid hash value")])
def test_failed_download_names_the_alternatives(monkeypatch, error):
    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", fail)
    with pytest.raises(DownloadError) as caught:
        model_of("imagenet").load_pretrained()
    for part in (str(error), "--set model.weights=PATH", "--init RUN", "--set model.weights=none"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_rejected(tmp_path):
    with pytest.raises(
        ModelError, match=r'^model.weights: no file ".*gone\.pth"; give the \.pth of a torchvision ResNet18'
    ):
        model_of(str(tmp_path / "gone.pth")).load_pretrained()


def test_damaged_file_is_rejected(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"not weights")
    with pytest.raises(ModelError, match=r"a\.pth: rejected"):
        model_of(str(tmp_path / "a.pth")).load_pretrained()


@pytest.mark.parametrize(
    "state",
    [{"conv1.weight": torch.zeros(64, 3, 7, 7)}, {"layer": 3}, {3: 4}, {}, {"conv1.weight": torch.zeros(2, 2)}],
    ids=["incomplete", "other", "no names", "empty", "other shape"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_weights_of_other_networks_are_rejected(tmp_path, state, channels):
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"a\.pth: (not the weights of a torchvision ResNet18; give|rejected)"):
        model_of(str(tmp_path / "a.pth"), channels).load_pretrained()
