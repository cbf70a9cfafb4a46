"""The contract of every model: crops in, one output per number that the codec reads, and every weight learns."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from contracts.small_networks import COUNT, KINDS, MODELS, SIZE, config
from nasion.train.config import Component
from nasion.train.network import registry
from nasion.train.network.interfaces import InputSpec, Model
from nasion.train.network.network import KeypointNetwork

OUTPUTS = {"vector": 2 * COUNT, "maps": COUNT}


def build(name, channels=3, outputs=None):
    torch.manual_seed(0)
    spec = InputSpec(COUNT, channels, SIZE)
    return registry.build_model(Component(**MODELS[name]), spec, outputs or OUTPUTS[KINDS[name]])


def test_every_model_is_tested_here():
    assert set(MODELS) == set(KINDS) == set(registry.available("models"))


@pytest.mark.parametrize("name", MODELS)
def test_models_declare_what_they_output(name):
    model = build(name)
    assert isinstance(model, Model)
    assert model.output_kind == type(model).output_kind == KINDS[name]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_head_reads_the_features_and_gives_the_outputs(name, channels):
    model = build(name, channels, outputs=9)
    features = model.forward_features(torch.randn(2, channels, *SIZE))
    assert features.shape[:2] == (2, model.feature_channels)
    outputs = model.head(features)
    assert outputs.shape[:2] == (2, 9)
    assert outputs.ndim == (4 if model.output_kind == "maps" else 2)


@pytest.mark.parametrize("name", MODELS)
def test_head_is_the_only_part_that_depends_on_the_outputs(name):
    """A warm start with other keypoints replaces the head and keeps all other weights."""
    few, many = (
        {name: value.shape for name, value in build(name, outputs=count).state_dict().items()} for count in (3, 8)
    )
    differing = {name for name in few if few[name] != many[name]}
    assert differing == {"head.weight", "head.bias"}
    assert few.keys() == many.keys()


@pytest.mark.parametrize("name", MODELS)
def test_first_convolution_reads_the_channels_of_the_crop(name):
    for channels in (1, 3):
        network = KeypointNetwork(config(name, channels=channels), COUNT)
        kernels = network.first_kernels()
        assert kernels.shape[1] == channels
        assert not kernels.requires_grad


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_networks_give_points_and_every_weight_learns(name, channels):
    torch.manual_seed(0)
    network = KeypointNetwork(config(name, channels=channels), COUNT)
    crops = torch.randint(0, 255, (2, channels, *SIZE), dtype=torch.uint8)
    keypoints, spread, anisotropy = network(crops)
    assert keypoints.shape == anisotropy.shape == (2, COUNT, 2)
    assert spread.shape == (2, COUNT)
    keypoints.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.model.parameters())
    assert network.model.head.weight.grad.any()
    assert next(p for p in network.model.parameters() if p.ndim == 4).grad.any()


@pytest.mark.parametrize("name", MODELS)
def test_faces_of_a_batch_do_not_influence_each_other(name):
    torch.manual_seed(0)
    network = KeypointNetwork(config(name), COUNT).eval()
    crops = torch.randint(0, 255, (3, 3, *SIZE), dtype=torch.uint8)
    with torch.inference_mode():
        together, alone = network(crops)[0], network(crops[1:2])[0]
    assert (together[1:2] - alone).abs().max() < 1e-3
    assert (together[0] - together[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_memory_layout_of_the_crops_does_not_matter(name):
    torch.manual_seed(0)
    network = KeypointNetwork(config(name), COUNT).eval()
    crops = torch.randint(0, 255, (2, 3, *SIZE), dtype=torch.uint8)
    with torch.inference_mode():
        plain, channels_last = network(crops)[0], network(crops.contiguous(memory_format=torch.channels_last))[0]
        floats = network(crops.float())[0]
    assert (plain - channels_last).abs().max() < 1e-3
    assert (plain - floats).abs().max() < 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_same_seed_gives_the_same_weights(name):
    first, again = build(name).state_dict(), build(name).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)


@pytest.mark.parametrize("name", MODELS)
def test_no_weights_are_pretrained_unless_the_options_name_them(name):
    model = build(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert model.load_pretrained() is None
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", MODELS)
def test_options_are_strict_and_frozen(name):
    module = registry.find("models", name)
    values = {key: value for key, value in MODELS[name].items() if key != "name"}
    options = module.Options.model_validate(values)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(options, next(iter(values)), 3)
    with pytest.raises(ValidationError, match="Extra inputs"):
        module.Options.model_validate(values | {"no_such_option": 1})
    assert all(field.description for field in module.Options.model_fields.values())


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind == "maps"])
def test_models_with_maps_accept_crops_of_other_sizes(name):
    model = build(name).eval()
    full, half = (model.head(model.forward_features(torch.zeros(2, 3, h, w))) for h, w in ((48, 64), (24, 32)))
    assert half.shape[-2] * 2 == full.shape[-2]
    assert half.shape[-1] * 2 == full.shape[-1]


@pytest.mark.parametrize("name", MODELS)
def test_head_is_a_single_layer(name):
    assert isinstance(build(name).head, nn.Linear | nn.Conv2d)
