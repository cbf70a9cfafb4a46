"""The base classes that models, codecs and losses extend."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from nasion.settings import Settings
from nasion.train.network.interfaces import (
    HALF_RANGE,
    MID_GRAY,
    Codec,
    Decoded,
    HeatmapCodec,
    InputSpec,
    Loss,
    Model,
)


class Options(Settings):
    """A weight."""

    weight: float = 3.0


def test_pixels_are_scaled_to_two_deviations():
    assert [(value - MID_GRAY) / HALF_RANGE for value in (0, 127.5, 255)] == [-2, 0, 2]


def test_specification_cannot_be_changed():
    spec = InputSpec(5, 3, (48, 64))
    with pytest.raises(FrozenInstanceError):
        spec.count = 6
    assert spec == InputSpec(count=5, channels=3, size=(48, 64))


def test_loss_passes_its_options():
    loss = Loss(
        lambda decoded, target, options: options.weight * (decoded.keypoints - target).sum(-1), Options(), "maps"
    )
    decoded = Decoded(torch.ones(2, 4, 2), torch.zeros(2, 4), torch.zeros(2, 4, 2), None)
    assert loss(decoded, torch.zeros(2, 4, 2)).tolist() == [[6.0] * 4] * 2
    assert loss.requires == "maps"


def test_loss_passes_decoded_and_target_in_this_order():
    seen = []
    options = Options(weight=2.0)
    loss = Loss(lambda *arguments: seen.extend(arguments) or torch.zeros(1), options, "vector")
    loss("decoded", "target")
    assert seen == ["decoded", "target", options]


def test_models_without_pretrained_weights_load_none():
    assert Model().load_pretrained() is None


def test_base_classes_leave_the_work_to_their_subclasses():
    with pytest.raises(NotImplementedError):
        Model().forward_features(torch.zeros(2, 3, 4, 5))
    with pytest.raises(NotImplementedError):
        Codec().decode(torch.zeros(2, 6))
    with pytest.raises(NotImplementedError):
        HeatmapCodec().decode(torch.zeros(2, 3, 4, 5))
    with pytest.raises(NotImplementedError):
        HeatmapCodec().decode_log_maps(torch.zeros(2, 3, 4, 5))


def test_heatmap_codecs_read_maps():
    assert HeatmapCodec.output_kind == "maps"
    assert issubclass(HeatmapCodec, Codec)
    assert not hasattr(Codec, "output_kind")
