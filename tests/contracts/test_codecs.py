"""The contract of every codec: raw outputs in, normalized keypoints and documented shapes out."""

import pytest
import torch
from pydantic import ValidationError

from nasion.train.config import Component
from nasion.train.network import registry
from nasion.train.network.interfaces import Codec, HeatmapCodec, InputSpec

COUNT = 5
CODECS = registry.available("codecs")


def build(name):
    return registry.build_codec(Component(name=name), InputSpec(COUNT, 3, (48, 64)))


def raw_of(codec, batch=2):
    """Return random raw outputs of the shape that the codec reads."""
    torch.manual_seed(0)
    return torch.randn(batch, codec.outputs, *((12, 16) if codec.output_kind == "maps" else ()))


@pytest.mark.parametrize("name", CODECS)
def test_number_of_outputs_belongs_to_the_kind(name):
    codec = build(name)
    assert isinstance(codec, Codec)
    assert codec.outputs == {"vector": 2 * COUNT, "maps": COUNT}[codec.output_kind]
    assert isinstance(codec, HeatmapCodec) == (codec.output_kind == "maps")


@pytest.mark.parametrize("name", CODECS)
def test_decoded_shapes(name):
    codec = build(name)
    decoded = codec.decode(raw_of(codec))
    assert decoded.keypoints.shape == decoded.anisotropy.shape == (2, COUNT, 2)
    assert decoded.spread.shape == (2, COUNT)
    assert not decoded.anisotropy.any()
    if codec.output_kind == "maps":
        assert decoded.log_maps.shape == (2, COUNT, 12, 16)
        assert torch.allclose(decoded.log_maps.exp().sum((-2, -1)), torch.ones(2, COUNT))
        assert (decoded.spread > 0).all()
        assert (decoded.keypoints.abs() < 1).all()
    else:
        assert decoded.log_maps is None
        assert decoded.spread.isnan().all()


@pytest.mark.parametrize("name", CODECS)
def test_each_keypoint_depends_on_its_own_outputs(name):
    codec = build(name)
    raw = raw_of(codec)
    per_point = codec.outputs // COUNT
    changed = raw.clone()
    changed[:, 2 * per_point : 3 * per_point] = torch.randn_like(changed[:, 2 * per_point : 3 * per_point])
    moved = (codec.decode(changed).keypoints != codec.decode(raw).keypoints).any(-1).any(0)
    assert moved.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("name", CODECS)
def test_faces_are_decoded_independently(name):
    codec = build(name)
    raw = raw_of(codec, batch=3)
    assert torch.allclose(codec.decode(raw).keypoints[1:2], codec.decode(raw[1:2]).keypoints, atol=1e-6)


@pytest.mark.parametrize("name", CODECS)
def test_keypoints_are_differentiable(name):
    codec = build(name)
    raw = raw_of(codec).requires_grad_()
    codec.decode(raw).keypoints.square().sum().backward()
    assert raw.grad.isfinite().all()
    assert raw.grad.flatten(2).any(-1).all() if raw.ndim == 4 else raw.grad.all()


@pytest.mark.parametrize("name", CODECS)
def test_extreme_outputs_stay_finite(name):
    codec = build(name)
    raw = (raw_of(codec) * 1e4).requires_grad_()
    decoded = codec.decode(raw)
    assert decoded.keypoints.isfinite().all()
    decoded.keypoints.sum().backward()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("name", CODECS)
def test_codecs_have_no_weights_and_strict_options(name):
    assert not list(build(name).parameters())
    with pytest.raises(ValidationError, match="Extra inputs"):
        registry.find("codecs", name).Options.model_validate({"no_such_option": 1})


@pytest.mark.parametrize("name", [name for name in CODECS if build(name).output_kind == "maps"])
def test_mirrored_maps_give_mirrored_points(name):
    codec = build(name)
    raw = raw_of(codec)
    plain, mirrored = codec.decode(raw), codec.decode(raw.flip(-1))
    assert torch.allclose(mirrored.keypoints, plain.keypoints * torch.tensor([-1.0, 1.0]), atol=1e-6)
    assert torch.allclose(mirrored.spread, plain.spread, atol=1e-6)
    upside_down = codec.decode(raw.flip(-2))
    assert torch.allclose(upside_down.keypoints, plain.keypoints * torch.tensor([1.0, -1.0]), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in CODECS if build(name).output_kind == "maps"])
def test_decoding_and_its_second_step_agree(name):
    codec = build(name)
    decoded = codec.decode(raw_of(codec))
    again = codec.decode_log_maps(decoded.log_maps)
    assert torch.equal(again.keypoints, decoded.keypoints)
    assert torch.equal(again.spread, decoded.spread)
