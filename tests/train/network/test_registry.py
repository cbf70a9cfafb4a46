"""The contract of all networks, codecs and losses, over everything that is available."""

import numpy as np
import pytest
import torch

from nasion.errors import ConfigError
from nasion.geometry import denormalize
from nasion.train import config
from nasion.train.config import Component, parse
from nasion.train.network import registry as parts
from nasion.train.network.codecs import Decoded
from nasion.train.network.codecs.softargmax import SoftArgmax
from nasion.train.network.network import KeypointNetwork, build_loss, mean_loss
from nasion.train.network.registry import InputSpec

B, K, H, W = 2, 5, 48, 64

MODELS = {
    "cnn": {"name": "cnn", "kernels": [5, 3], "channels": [4, 6], "pools": [2, 4], "hidden": [7]},
    "resnet18": {"name": "resnet18", "weights": "none"},
    "unet": {"name": "unet", "widths": [4, 6, 8], "stride": 4},
}
CODEC_OF = {"vector": "coordinates", "maps": "softargmax"}


def settings(model="unet", codec=None, loss="l1", channels=3):
    output_kind = (
        parts.find("models", model).__dict__[{"cnn": "Cnn", "resnet18": "ResNet18", "unet": "UNet"}[model]].output_kind
    )
    return parse(
        {
            "data": {"skeleton": "imm-58"},
            "crop": {"height": H, "width": W, "channels": channels},
            "model": MODELS[model],
            "codec": {"name": codec or CODEC_OF[output_kind]},
            "loss": {"name": loss},
        }
    )


def test_every_model_is_tested_here():
    assert set(MODELS) == set(parts.available("models"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("model", MODELS)
def test_models_give_points_and_learn(model, channels):
    torch.manual_seed(0)
    network = KeypointNetwork(settings(model, channels=channels), K)
    crops = torch.randint(0, 255, (B, channels, H, W), dtype=torch.uint8)
    keypoints, spread, anisotropy = network(crops)
    assert keypoints.shape == anisotropy.shape == (B, K, 2)
    assert spread.shape == (B, K)
    keypoints.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.model.parameters())
    assert network.first_kernels().shape[1] == channels


@pytest.mark.parametrize("model", MODELS)
def test_a_face_is_the_same_alone_as_in_a_batch(model):
    network = KeypointNetwork(settings(model), K).eval()
    crops = torch.randint(0, 255, (3, 3, H, W), dtype=torch.uint8)
    with torch.inference_mode():
        together, alone = network(crops)[0], network(crops[1:2])[0]
    assert (together[1:2] - alone).abs().max() < 1e-3


@pytest.mark.parametrize("options", [{}, {"stem": 4, "blocks": [0, 1, 1]}])
def test_unet_halves_evenly_so_a_mirror_is_a_mirror(options):
    """With symmetric weights, the maps of a mirrored crop are the mirrored maps, to the pixel."""
    plain = settings("unet")
    model = Component(name="unet", **{**plain.model.options, **options})
    network = KeypointNetwork(plain.model_copy(update={"model": model}), K).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data = (module.weight.data + module.weight.data.flip(-1)) / 2
    crops = torch.rand(B, 3, H, W) * 255
    with torch.inference_mode():
        maps = network.decode(crops).log_maps
        mirrored = network.decode(crops.flip(-1)).log_maps
    assert (maps.flip(-1) - mirrored).abs().max() < 1e-4


@pytest.mark.parametrize("cells", [(12, 16), (24, 32)])
@pytest.mark.parametrize("sigma", [0.7, 1.0])
def test_softargmax_decodes_a_blob_below_a_twentieth_of_a_cell(cells, sigma):
    random = np.random.default_rng(0)
    true = np.stack([random.uniform(17, W - 17, (B, K)), random.uniform(17, H - 17, (B, K))], -1)
    stride = H / cells[0]
    y, x = (np.arange(n) for n in cells)
    px_x, px_y = (x + 0.5) * stride - 0.5, (y + 0.5) * stride - 0.5
    distance = (px_x - true[..., None, :1]) ** 2 + (px_y[:, None] - true[..., None, 1:]) ** 2
    raw = torch.tensor(-distance / (2 * (sigma * stride) ** 2))
    decoded = SoftArgmax(parts.find("codecs", "softargmax").Options(), InputSpec(K, 3, (H, W))).decode(raw)
    found = denormalize(decoded.keypoints.numpy(), (H, W))
    assert np.abs(found - true).max() / stride <= 0.05


def test_coordinates_are_read_as_pairs():
    codec = parts.build("codecs", Component(name="coordinates"), InputSpec(2, 1, (H, W)))
    assert codec.decode(torch.tensor([[0.1, 0.2, 0.3, 0.4]])).keypoints.tolist() == [
        [pytest.approx([0.1, 0.2]), pytest.approx([0.3, 0.4])]
    ]


@pytest.mark.parametrize("loss", parts.available("losses"))
class TestLosses:
    def make(self, loss):
        requires = parts.build("losses", Component(name=loss), InputSpec(K, 3, (H, W))).requires
        network = KeypointNetwork(settings("unet" if requires == "maps" else "cnn", loss=loss), K)
        return network, build_loss(settings("unet" if requires == "maps" else "cnn", loss=loss), network)

    def decoded(self, network, at):
        from nasion.train.network.losses.map_l1 import log_gaussian

        maps = log_gaussian(at, torch.zeros(B, K, 12, 16), 1.5)
        return Decoded(at, torch.zeros(B, K), torch.zeros(B, K, 2), maps)

    def test_is_least_at_the_truth_and_grows(self, loss):
        network, cost = self.make(loss)
        true = torch.rand(B, K, 2) - 0.5
        costs = [cost(self.decoded(network, true + shift), true) for shift in (0.0, 0.05, 0.2)]
        assert costs[0].shape == (B, K)
        assert costs[0].abs().max() < 1e-5
        assert (costs[1] > costs[0]).all()
        assert (costs[2] > costs[1]).all()

    def test_missing_points_change_neither_cost_nor_gradient(self, loss):
        torch.manual_seed(1)
        network, cost = self.make(loss)
        network.eval()  # so that batch statistics do not tie the faces together
        crops = torch.rand(B, 3, H, W) * 255
        target = torch.rand(B, K, 2) - 0.5
        target[0, 1] = target[1, 4] = torch.nan
        total = mean_loss(cost, network.decode(crops), target)
        total.backward()
        gradients = [p.grad.clone() for p in network.model.parameters()]
        assert total.isfinite()
        assert all(g.isfinite().all() for g in gradients)
        network.zero_grad()
        other = target.clone()
        present = target.isfinite().all(-1)
        costs = cost(network.decode(crops), torch.where(present[..., None], other, 0.3))
        (costs[present].mean()).backward()
        assert all(
            torch.allclose(g, p.grad, atol=1e-6) for g, p in zip(gradients, network.model.parameters(), strict=True)
        )

    def test_a_batch_without_a_point_costs_nothing(self, loss):
        network, cost = self.make(loss)
        total = mean_loss(cost, network.decode(torch.zeros(B, 3, H, W)), torch.full((B, K, 2), torch.nan))
        assert total.item() == 0


def test_parts_that_do_not_fit_are_refused_by_name():
    with pytest.raises(ConfigError, match='model "cnn" gives a vector, but the codec "softargmax" reads maps'):
        KeypointNetwork(settings("cnn", codec="softargmax"), K)
    network = KeypointNetwork(settings("cnn"), K)
    with pytest.raises(ConfigError, match='loss "map_l1" needs maps'):
        build_loss(settings("cnn", loss="map_l1"), network)


def test_unknown_parts_and_options_give_the_nearest():
    with pytest.raises(ConfigError, match='no "unnet" among the models; did you mean "unet"'):
        parts.build("models", Component(name="unnet"), InputSpec(K, 3, (H, W)), 2)
    with pytest.raises(ConfigError, match='unknown key "width"; did you mean "widths"'):
        parts.build("models", Component(name="unet", width=3), InputSpec(K, 3, (H, W)), 2)
    with pytest.raises(ConfigError, match="halve evenly"):
        parts.build("models", Component(name="unet"), InputSpec(K, 3, (H, W)), 2)


@pytest.mark.parametrize("recipe", config.available())
def test_recipes_build_and_are_short(recipe):
    resolved = config.load(recipe)
    count = config.load(recipe).data.skeleton or "ibug-68"
    from nasion.skeleton import load_skeleton

    network = KeypointNetwork(resolved, load_skeleton(count).count)
    build_loss(resolved, network)
    lines = [line for line in config.recipe_text(recipe).splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 20
