"""The complete network: pixels are scaled, features are shared, decoding is exact, and NaN reaches nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from contracts.small_networks import COUNT, SIZE, config
from nasion.errors import ConfigError
from nasion.train.network.frame import denormalize
from nasion.train.network.interfaces import Decoded
from nasion.train.network.network import KeypointNetwork, check_low_res, loss_of, mean_loss, spread_loss
from nasion.train.network.point_layers import pool_features
from nasion.train.network.spread import SpreadHead, nll


def network_of(model="unet", **options):
    torch.manual_seed(0)
    return KeypointNetwork(config(model, **options), COUNT)


def crops_of(count=2, channels=3):
    torch.manual_seed(1)
    return torch.randint(0, 256, (count, channels, *SIZE), dtype=torch.uint8)


def decoded_at(points, spread=0.1):
    return Decoded(points, torch.full_like(points[..., 0], spread), torch.zeros_like(points), None)


def distance(decoded, target):
    return (decoded.keypoints - target).abs().mean(-1)


# Construction


def test_specification_is_that_of_the_crop():
    network = network_of("cnn", channels=1)
    assert (network.spec.count, network.spec.channels, network.spec.size) == (COUNT, 1, SIZE)


@pytest.mark.parametrize(
    ("model", "codec", "message"),
    [
        ("cnn", "softargmax", 'the model "cnn" outputs a vector, but the codec "softargmax" reads maps'),
        ("unet", "coordinates", 'the model "unet" outputs maps, but the codec "coordinates" reads a vector'),
    ],
)
def test_model_and_codec_that_do_not_match_are_rejected(model, codec, message):
    with pytest.raises(ConfigError, match=message):
        network_of(model, codec=codec)


def test_only_networks_with_maps_have_a_spread_head():
    assert network_of("cnn").spread is None
    spread = network_of("unet").spread
    assert isinstance(spread, SpreadHead)
    assert spread.scale_head.weight.shape == (COUNT, network_of("unet").model.feature_channels, 1, 1)


# Prediction


class Spy(nn.Module):
    """Remembers what the model receives and returns constant features."""

    def forward_features(self, x):
        self.received = x
        return torch.ones(x.shape[0], 7, dtype=x.dtype)


def test_pixels_are_scaled_about_mid_gray():
    network = network_of("cnn")
    spy = Spy()
    spy.head = network.model.head
    network.model = spy
    crops = torch.tensor([0, 51, 255], dtype=torch.uint8)[None, :, None, None].expand(2, 3, *SIZE)
    network.decode(crops)
    assert spy.received.dtype == torch.float32
    assert spy.received[1, :, 3, 5].tolist() == pytest.approx([-2.0, -1.2, 2.0])


def test_forward_gives_crop_px():
    network = network_of("unet").eval()
    network.spread.scale_head.bias.data.fill_(0.3)
    network.spread.anisotropy_head.bias.data.fill_(0.2)
    with torch.inference_mode():
        decoded, (keypoints, spread, anisotropy) = network.decode(crops_of()), network(crops_of())
    assert keypoints.numpy() == pytest.approx(denormalize(decoded.keypoints.double(), SIZE).numpy(), abs=1e-4)
    assert torch.allclose(spread, decoded.spread * (SIZE[0] + SIZE[1]) / 4)
    assert torch.equal(anisotropy, decoded.anisotropy)
    assert anisotropy.all()


def test_hidden_points_are_a_fourth_output_on_request():
    network = network_of("unet", hidden_points=True).eval()
    nn.init.normal_(network.hidden.layer.weight)
    with torch.inference_mode():
        decoded, found = network.decode(crops_of()), network(crops_of())
    assert len(found) == 4
    assert torch.allclose(found[3], 1 / (1 + (-decoded.hidden).exp()))
    assert 0 < found[3].min() < found[3].max() < 1
    assert network_of("unet").hidden is None


def test_hidden_points_need_maps():
    with pytest.raises(ConfigError, match='hidden_points needs a codec with maps; "coordinates" has none'):
        network_of("cnn", hidden_points=True)


def test_regression_gives_no_spread():
    _, spread, anisotropy = network_of("cnn")(crops_of())
    assert spread.isnan().all()
    assert not anisotropy.any()


def test_head_reads_the_features_of_the_model():
    network = network_of("cnn").eval()
    with torch.no_grad():
        features = network.model.forward_features((crops_of().float() - 127.5) / 63.75)
        expected = network.codec.decode(network.model.head(features)).keypoints
        assert torch.equal(network.decode(crops_of()).keypoints, expected)


def test_spread_head_reads_features_and_maps():
    network = network_of("unet").eval()
    nn.init.normal_(network.spread.scale_head.weight)
    with torch.no_grad():
        features = network.model.forward_features((crops_of().float() - 127.5) / 63.75)
        plain = network.codec.decode(network.model.head(features))
        assert torch.allclose(
            network.decode(crops_of()).spread, network.spread(pool_features(features, plain), plain).spread
        )
        assert not torch.allclose(network.decode(crops_of()).spread, plain.spread)


def test_decoding_is_exact_in_bfloat16_training():
    """Features may be bfloat16, but keypoints are float32, because bfloat16 cannot represent a tenth of a px."""
    network = network_of("unet").eval()
    seen = []
    network.model.head.register_forward_hook(lambda _module, inputs, output: seen.extend([inputs[0], output]))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert network.model.forward_features(torch.zeros(2, 3, *SIZE)).dtype == torch.bfloat16
        decoded = network.decode(crops_of())
    assert {each.dtype for each in seen} == {torch.float32}
    assert decoded.keypoints.dtype == decoded.spread.dtype == decoded.log_maps.dtype == torch.float32


def test_first_kernels_are_those_of_the_first_convolution():
    network = network_of("cnn")
    kernels = network.first_kernels()
    assert kernels.shape == (4, 3, 5, 5)
    assert torch.equal(kernels, network.model.convolutions[0].weight)
    assert not kernels.requires_grad
    assert network_of("unet").first_kernels().shape == (4, 3, 6, 6)


# The loss of a configuration


def test_loss_that_requires_maps_is_rejected_without_them():
    chosen = config("cnn", loss="map_l1")
    with pytest.raises(ConfigError, match=r'^the loss "map_l1" requires maps; the codec "coordinates" has none$'):
        loss_of(chosen, KeypointNetwork(chosen, COUNT))


@pytest.mark.parametrize(("model", "loss"), [("unet", "map_l1"), ("unet", "l1"), ("cnn", "mse")])
def test_matching_losses_are_returned(model, loss):
    chosen = config(model, loss={"name": loss})
    assert loss_of(chosen, KeypointNetwork(chosen, COUNT)).function.__module__.endswith(f".{loss}")


def test_options_of_the_loss_are_those_of_the_configuration():
    chosen = config("unet", loss={"name": "map_l1", "weight": 0.75})
    assert loss_of(chosen, KeypointNetwork(chosen, COUNT)).options.weight == 0.75


# Low-resolution epochs


@pytest.mark.parametrize("low_res_px", [0, 48, 60])
def test_networks_of_every_kind_may_keep_one_resolution(low_res_px):
    chosen = config("cnn", schedule={"low_res_px": low_res_px})
    check_low_res(chosen, KeypointNetwork(chosen, COUNT))


def test_networks_with_maps_accept_low_resolution():
    chosen = config("unet", schedule={"low_res_px": 24})
    check_low_res(chosen, KeypointNetwork(chosen, COUNT))


def test_networks_without_maps_reject_low_resolution():
    chosen = config("cnn", schedule={"low_res_px": 24})
    with pytest.raises(ConfigError, match=r'schedule.low_res_px = 24: the model "cnn" accepts crops of one size; omit'):
        check_low_res(chosen, KeypointNetwork(chosen, COUNT))


def test_low_resolution_that_cannot_be_halved_is_rejected():
    chosen = config("unet", schedule={"low_res_px": 36})
    with pytest.raises(ConfigError, match=r"^schedule.low_res_px = 36: unet: a crop of 36 x 48 px .*; or set it to 0"):
        check_low_res(chosen, KeypointNetwork(chosen, COUNT))


# The mean loss


def test_mean_is_over_present_points_by_hand():
    target = torch.tensor(
        [[[0.1, 0.3], [torch.nan, torch.nan], [0.0, 0.2]], [[torch.nan, torch.nan]] * 2 + [[0.5, 0.1]]]
    )
    # (0.1 + 0.3) / 2, (0.0 + 0.2) / 2 and (0.5 + 0.1) / 2, over three points
    total = mean_loss(distance, decoded_at(torch.zeros(2, 3, 2)), target)
    assert total.shape == ()
    assert total.item() == pytest.approx((0.2 + 0.1 + 0.3) / 3)


def test_every_point_weighs_the_same_whatever_its_face():
    target = torch.full((2, 4, 2), torch.nan)
    target[0, 0], target[1] = 1.0, 0.0
    assert mean_loss(distance, decoded_at(torch.zeros(2, 4, 2)), target).item() == pytest.approx(1 / 5)


def test_point_with_one_missing_coordinate_is_missing():
    target = torch.tensor([[[0.1, torch.nan], [0.5, 0.5]]])
    points = torch.zeros(1, 2, 2, requires_grad=True)
    total = mean_loss(distance, decoded_at(points), target)
    total.backward()
    assert total.item() == pytest.approx(0.5)
    assert points.grad.isfinite().all()
    assert not points.grad[0, 0].any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=6, max_size=6), st.integers(0, 1000))
def test_nan_reaches_neither_loss_nor_gradient(missing, seed):
    """The square root has an infinite slope at 0, so that a NaN that is only masked would reach the gradient."""
    random = np.random.default_rng(seed)
    target = torch.from_numpy(random.uniform(-1, 1, (2, 3, 2)))
    target[torch.tensor(missing).reshape(2, 3)] = torch.nan
    points = torch.from_numpy(random.uniform(-1, 1, (2, 3, 2))).requires_grad_()
    total = mean_loss(lambda decoded, true: (decoded.keypoints - true).norm(dim=-1), decoded_at(points), target)
    total.backward()
    assert total.isfinite()
    assert points.grad.isfinite().all()
    assert (points.grad.any(-1) == ~torch.tensor(missing).reshape(2, 3)).all()


def test_batch_without_points_costs_zero():
    points = torch.zeros(2, 3, 2, requires_grad=True)
    total = mean_loss(distance, decoded_at(points), torch.full((2, 3, 2), torch.nan))
    total.backward()
    assert total.item() == 0
    assert not points.grad.any()


# The spread's loss


def test_spread_loss_is_the_mean_likelihood_of_present_points():
    target = torch.tensor([[[0.1, 0.0], [torch.nan, torch.nan], [0.0, 0.3]]])
    decoded = decoded_at(torch.zeros(1, 3, 2))
    each = nll(decoded, target.nan_to_num(), (48, 64))[0]
    assert spread_loss(decoded, target, (48, 64)).item() == pytest.approx(((each[0] + each[2]) / 2).item())


def test_gradient_of_the_spread_loss_reaches_the_spread_head_alone():
    network = network_of("unet").train()
    target = torch.rand(2, COUNT, 2) - 0.5
    target[1, 2] = torch.nan
    spread_loss(network.decode(crops_of()), target, SIZE).backward()
    moved = {name for name, weight in network.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert moved == {
        f"spread.{head}.{part}" for head in ("scale_head", "anisotropy_head") for part in ("weight", "bias")
    }
    assert all(w.grad.isfinite().all() for w in network.spread.parameters())


def test_gradient_of_the_keypoint_loss_does_not_reach_the_spread_head():
    network = network_of("unet").train()
    mean_loss(distance, network.decode(crops_of()), torch.rand(2, COUNT, 2) - 0.5).backward()
    assert network.spread.scale_head.weight.grad is None
    assert network.spread.anisotropy_head.weight.grad is None
    assert network.model.head.weight.grad.any()
