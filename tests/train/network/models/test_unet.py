"""The encoder-decoder: cells, symmetry under a mirror, and blocks that start as their shortcuts."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from nasion.errors import ConfigError
from nasion.train.network.interfaces import InputSpec
from nasion.train.network.models.unet import Block, Options, build, grown, per_level

SPEC = InputSpec(5, 3, (48, 64))


def unet(spec=SPEC, outputs=5, **options):
    torch.manual_seed(0)
    return build(Options(**{"widths": [4, 6, 8], **options}), spec, outputs)


def maps(model, crops):
    with torch.inference_mode():
        return model.head(model.forward_features(crops))


def perturb(model):
    """Give batch norms random statistics and weights, so that no block is its shortcut."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


# Shapes


@pytest.mark.parametrize(("stride", "channels"), [(2, 4), (4, 6), (8, 8)])
def test_one_cell_per_stride(stride, channels):
    model = unet(stride=stride).eval()
    assert maps(model, torch.zeros(2, 3, 48, 64)).shape == (2, 5, 48 // stride, 64 // stride)
    assert model.feature_channels == channels
    assert model.head.weight.shape == (5, channels, 1, 1)


@pytest.mark.parametrize("stem", [4, 6])
def test_stem_halves_the_crop(stem):
    model = unet(stem=stem)
    assert model.stem(torch.zeros(2, 3, 48, 64)).shape == (2, 4, 24, 32)
    assert model.stem[0].weight.shape == (4, 3, stem, stem)


def test_encoder_halves_at_each_level_but_the_first():
    model = unet()
    x = torch.zeros(2, 4, 24, 32)
    shapes = []
    for level in model.down:
        x = level(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(4, 24, 32), (6, 12, 16), (8, 6, 8)]


def test_decoder_has_a_step_for_each_level_up_to_the_stride():
    assert [len(unet(stride=stride).up) for stride in (2, 4, 8)] == [2, 1, 0]
    assert [layer.weight.shape[:2] for layer in unet(stride=2).lateral] == [(6, 8), (4, 6)]  # deepest first


def test_number_of_blocks_per_level():
    model = unet(blocks=[0, 2, 1])
    count = [sum(isinstance(m, Block) for m in level) for level in model.down]
    assert count == [0, 2, 1]
    assert [sum(isinstance(m, Block) for m in level) for level in model.up] == [2, 0]


def test_defaults():
    options = Options()
    assert (options.widths, options.blocks, options.stem, options.stride, options.dropout) == (
        [32, 48, 64, 96, 128],
        1,
        6,
        2,
        0.0,
    )


# What does not fit


@pytest.mark.parametrize(
    ("size", "stride"), [((44, 64), 2), ((48, 60), 2), ((48, 64), 3), ((48, 64), 16), ((48, 64), 1)]
)
def test_crops_and_strides_that_do_not_fit_are_rejected(size, stride):
    with pytest.raises(ConfigError) as caught:
        unet(InputSpec(5, 3, size), stride=stride)
    assert str(caught.value) == (
        f"unet: a crop of {size[0]} x {size[1]} px with stride {stride} cannot be halved 3 times; "
        "use sides divisible by 8 and a stride that is a power of 2 up to 8"
    )


@pytest.mark.parametrize("blocks", [0, -1, [1, 1], [1, 1, 1, 1], [-1, 1, 1], [1, 0, 1], [1, 1, 0]])
def test_wrong_numbers_of_blocks_are_rejected(blocks):
    with pytest.raises(ConfigError, match=r"^unet: blocks = .*: give one number of 1 or more, or 3 numbers; the first"):
        per_level(blocks, 3)


@pytest.mark.parametrize(("blocks", "each"), [(2, [2, 2, 2]), ([0, 1, 3], [0, 1, 3]), ([4, 1, 1], [4, 1, 1])])
def test_blocks_of_each_level(blocks, each):
    assert per_level(blocks, 3) == each


@pytest.mark.parametrize("wrong", [{"widths": [4]}, {"stem": 5}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_wrong_options_are_rejected(wrong):
    with pytest.raises(ValidationError):
        Options(**wrong)


# Blocks


@pytest.mark.parametrize("width", [4, 7])
def test_block_starts_as_its_shortcut(width):
    torch.manual_seed(0)
    block, x = Block(4, width).eval(), torch.rand(2, 4, 6, 8)
    assert torch.allclose(block(x), nn.functional.relu(block.shortcut(x)))
    assert isinstance(block.shortcut, nn.Identity) == (width == 4)


def test_block_by_an_independent_formula():
    torch.manual_seed(0)
    block, x = perturb(Block(4, 7)).eval(), torch.randn(2, 4, 6, 8)
    first = block.first[1](nn.functional.conv2d(x, block.first[0].weight, padding=1)).relu()
    second = block.second[1](nn.functional.conv2d(first, block.second[0].weight, padding=1))
    shortcut = block.shortcut[1](nn.functional.conv2d(x, block.shortcut[0].weight))
    assert torch.allclose(block(x), (shortcut + second).relu(), atol=1e-6)


def test_blocks_keep_the_size_at_every_width():
    assert Block(3, 5)(torch.zeros(2, 3, 7, 9)).shape == (2, 5, 7, 9)


# The whole network


@pytest.mark.parametrize("options", [{}, {"stem": 4, "blocks": [0, 1, 1]}, {"stride": 4}])
def test_maps_of_a_mirrored_crop_are_mirrored_maps(options):
    """With symmetric weights, a mirrored crop gives mirrored maps to the pixel, because all sides are halved evenly."""
    model = perturb(unet(**options)).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = (module.weight.data + module.weight.data.flip(-1)) / 2
    crops = torch.randn(2, 3, 48, 64)
    plain = maps(model, crops)
    assert (plain.flip(-1) - maps(model, crops.flip(-1))).abs().max() < 1e-4
    assert (plain.flip(-1) - plain).abs().max() > 1e-3


def test_maps_of_a_crop_moved_by_the_deepest_cell_move_with_it():
    """Away from the border, a shift by 8 px is a shift by 4 cells of stride 2."""
    model = perturb(unet(InputSpec(5, 3, (48, 128)), widths=[4, 6], blocks=1)).eval()
    crops = torch.randn(2, 3, 48, 128)
    plain, moved = maps(model, crops), maps(model, crops.roll(8, -1))
    assert (plain[..., 20:40] - moved[..., 24:44]).abs().max() < 1e-4


def test_skip_connections_carry_the_finest_features():
    """Without the deeper levels, the maps are those of the finest level alone."""
    model = perturb(unet()).eval()
    crops = torch.randn(2, 3, 48, 64)
    before = maps(model, crops)
    model.lateral[-1].weight.data.zero_()
    model.lateral[-1].bias.data.zero_()
    with torch.inference_mode():
        finest = model.down[0](model.stem(crops).relu())
        assert torch.allclose(maps(model, crops), model.head(model.up[-1](finest)), atol=1e-6)
    assert (maps(model, crops) - before).abs().max() > 1e-3


def test_dropout_acts_in_training_alone():
    model = perturb(unet(dropout=0.5))
    crops = torch.randn(2, 3, 48, 64)
    assert torch.equal(maps(model.eval(), crops), maps(model, crops))
    model.dropout.train()
    torch.manual_seed(1)
    assert not torch.equal(maps(model, crops), maps(model.eval(), crops))


def test_dropout_drops_whole_channels_of_the_deepest_level():
    model = unet(dropout=0.5).train()
    seen = []
    model.dropout.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    maps(model, torch.randn(2, 3, 48, 64))
    assert seen[0].shape == (2, 8, 6, 8)
    dropped = (seen[0] == 0).flatten(2).all(-1)
    assert 0 < dropped.sum() < dropped.numel()


# Growing a trained network


@pytest.mark.parametrize(
    ("trained", "wanted", "expected"),
    [
        ({"blocks": 1}, {"blocks": 2}, [2, 2, 2]),
        ({"blocks": 1}, {"blocks": [1, 3, 2]}, [1, 3, 2]),
        ({"blocks": [2, 1, 3]}, {"blocks": 2}, [2, 2, 3]),  # never fewer
        ({"blocks": [0, 1, 1]}, {"blocks": 2}, [0, 2, 2]),  # a level without blocks stays without
    ],
)
def test_grown_options_by_hand(trained, wanted, expected):
    options = grown(Options(widths=[4, 6, 8], **trained), Options(**wanted))
    assert options.blocks == expected
    assert options.widths == [4, 6, 8]


@pytest.mark.parametrize(
    ("trained", "wanted"), [({"blocks": 2}, {"blocks": 1}), ({"blocks": 2}, {"blocks": 2}), ({}, {"blocks": [3, 3]})]
)
def test_options_that_do_not_grow_are_returned_as_they_are(trained, wanted):
    options = Options(widths=[4, 6, 8], **trained)
    assert grown(options, Options(**wanted)) is options


@pytest.mark.parametrize(("blocks", "wanted"), [(1, 3), ([0, 1, 2], 2), ([0, 1, 1], [1, 2, 3])])
def test_grown_network_starts_with_the_trained_outputs(blocks, wanted):
    trained = Options(widths=[4, 6, 8], blocks=blocks)
    torch.manual_seed(0)
    small = perturb(build(trained, SPEC, 5)).eval()
    large = build(grown(trained, Options(blocks=wanted)), SPEC, 5).eval()
    missing, unexpected = large.load_state_dict(small.state_dict(), strict=False)
    assert missing
    assert not unexpected
    crops = torch.randn(2, 3, 48, 64)
    assert torch.allclose(maps(large, crops), maps(small, crops), atol=1e-6)


def test_widened_options_have_the_larger_width_of_each_level():
    options = grown(Options(widths=[4, 6, 8]), Options(widths=[5, 7, 6], blocks=2), widen=True)
    assert options.widths == [5, 7, 8]
    assert options.blocks == [2, 2, 2]


@pytest.mark.parametrize(
    ("trained", "wanted", "message"),
    [
        ([4, 6, 8], [6, 8], r"init\.widen: widths = \[6, 8\]: the trained network has 3 levels, \[4, 6, 8\]"),
        ([4, 6, 8], [6, 9, 9], r"levels 1 and 2 of the trained network, \[4, 6, 8\], have two widths"),
        ([4, 8, 8], [4, 8, 16], r"levels 1 and 2 of the trained network, \[4, 8, 8\], have the same width"),
    ],
)
def test_widths_that_would_change_a_shortcut_are_rejected(trained, wanted, message):
    with pytest.raises(ConfigError, match=message):
        grown(Options(widths=trained), Options(widths=wanted), widen=True)
