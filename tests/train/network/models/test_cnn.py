"""A plain CNN: its layers follow the options."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from nasion.errors import ConfigError
from nasion.train.network.interfaces import InputSpec
from nasion.train.network.models.cnn import Options, build

OPTIONS = {"kernels": [7, 3], "channels": [4, 6], "pools": [2, 3], "hidden": [9, 5]}
SPEC = InputSpec(5, 3, (48, 60))


def cnn(spec=SPEC, outputs=10, **changes):
    torch.manual_seed(0)
    return build(Options(**OPTIONS | changes), spec, outputs)


def test_layers_follow_the_options():
    model = cnn()
    convolutions = [m for m in model.convolutions if isinstance(m, nn.Conv2d)]
    assert [tuple(m.weight.shape) for m in convolutions] == [(4, 3, 7, 7), (6, 4, 3, 3)]
    assert [m.kernel_size for m in model.convolutions if isinstance(m, nn.MaxPool2d)] == [2, 3]
    linear = [m for m in model.hidden if isinstance(m, nn.Linear)]
    assert [tuple(m.weight.shape) for m in linear] == [(9, 6 * 8 * 10), (5, 9)]  # 48 / 6 = 8, 60 / 6 = 10
    assert tuple(model.head.weight.shape) == (10, 5)
    assert model.feature_channels == 5


def test_every_hidden_layer_and_convolution_has_a_relu_and_the_head_has_none():
    model = cnn()
    assert [type(m).__name__ for m in model.convolutions] == ["Conv2d", "ReLU", "MaxPool2d"] * 2
    assert [type(m).__name__ for m in model.hidden] == ["Flatten", "Linear", "ReLU", "Linear", "ReLU"]
    assert type(model.head) is nn.Linear
    assert (model.forward_features(torch.randn(3, 3, 48, 60)) >= 0).all()


def test_pool_of_1_is_no_layer():
    model = cnn(pools=[1, 2])
    assert [type(m).__name__ for m in model.convolutions] == ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]


def test_convolutions_keep_the_size():
    model = cnn(pools=[1, 1])
    assert model.convolutions(torch.zeros(2, 3, 48, 60)).shape == (2, 6, 48, 60)


def test_sides_that_pooling_does_not_divide_are_cut():
    model = cnn(InputSpec(5, 3, (49, 65)))
    assert model.hidden[1].weight.shape == (9, 6 * 8 * 10)
    assert model.forward_features(torch.zeros(2, 3, 49, 65)).shape == (2, 5)


def test_no_hidden_layers_connect_the_convolutions_to_the_head():
    model = cnn(hidden=[])
    assert model.feature_channels == 480
    assert model.forward_features(torch.zeros(2, 3, 48, 60)).shape == (2, 480)


def test_gray_crops_have_one_channel():
    assert cnn(InputSpec(5, 1, (48, 60))).convolutions[0].weight.shape == (4, 1, 7, 7)


@pytest.mark.parametrize(("size", "shown"), [((5, 60), "5 x 60"), ((48, 4), "48 x 4")])
def test_pooling_to_nothing_is_rejected(size, shown):
    with pytest.raises(ConfigError, match=f"^cnn: pooling by 6 leaves nothing of a crop of {shown} px$"):
        cnn(InputSpec(5, 3, size))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernels": [7]}, "one entry for each convolution"),
        ({"channels": [4, 6, 8]}, "one entry for each convolution"),
        ({"pools": [2]}, "one entry for each convolution"),
        ({"kernels": [7, 4]}, "kernels must be odd"),
        ({"kernels": [-1, 3]}, "kernels must be odd"),
        ({"channels": [0, 6]}, "greater than or equal to 1"),
        ({"pools": [2, 0]}, "greater than or equal to 1"),
        ({"hidden": [9, 0]}, "greater than or equal to 1"),
        ({"kernels": [], "channels": [], "pools": []}, "at least 1 item"),
    ],
)
def test_wrong_options_are_rejected(changes, message):
    with pytest.raises(ValidationError, match=message):
        Options(**OPTIONS | changes)


def test_smallest_options_are_accepted():
    Options(kernels=[1], channels=[1], pools=[1], hidden=[1])


def test_all_options_but_none_have_defaults():
    assert all(field.is_required() for field in Options.model_fields.values())
