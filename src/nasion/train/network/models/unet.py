"""A small encoder-decoder of residual blocks with skip connections; its maps have one cell per `stride` px.

Sources: Ronneberger et al., "U-Net", 2015; He et al., "Identity Mappings in Deep Residual Networks", 2016.
"""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from nasion.errors import ConfigError
from nasion.settings import Settings
from nasion.train.network.blocks import Block, convolution
from nasion.train.network.interfaces import InputSpec, Model

STRIDES = (2, 4, 8, 16, 32, 64)

Widths = Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=2, max_length=10)]
Blocks = Annotated[int, Field(ge=0, le=64)]


class Options(Settings):
    """Width and depth."""

    widths: Widths = Field(default=[32, 48, 64, 96, 128], description="channels at 1/2, 1/4, … of the crop's side")
    blocks: Blocks | list[Blocks] = Field(
        default=1, description="residual blocks per level; or one number for each level, the first of which may be 0"
    )
    stem: Literal[4, 6] = Field(
        default=6, description="kernel of the first convolution, of stride 2; 4 is a third faster"
    )
    stride: int = Field(default=2, description="crop px per cell: 2, 4, …")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout rate of the deepest level's channels")


class UNet(Model):
    """(B, C, H, W) → encoder → decoder → (B, outputs, H / stride, W / stride)."""

    output_kind = "maps"

    def __init__(self, options: Options, spec: InputSpec, outputs: int) -> None:
        super().__init__()
        widths = options.widths
        times, (height, width) = len(widths), spec.size
        blocks = per_level(options.blocks, times)
        if height % 2**times or width % 2**times or options.stride not in STRIDES[:times]:
            raise ConfigError(
                f"unet: a crop of {height} x {width} px with stride {options.stride} cannot be halved {times} times; "
                f"use sides divisible by {2**times} and a stride that is a power of 2 up to {2**times}"
            )
        # Even kernels and pooling keep a cell's center over the middle of its pixels, so a mirrored crop gives a
        # mirrored map; odd kernels with a stride do not.
        self.stem = convolution(spec.channels, widths[0], options.stem, stride=2, padding=options.stem // 2 - 1)
        self.down = nn.ModuleList(
            nn.Sequential(*([] if level == 0 else [nn.MaxPool2d(2)]), *_blocks(blocks[level], below, width))
            for level, (below, width) in enumerate(zip([widths[0], *widths[:-1]], widths, strict=True))
        )
        self.dropout = nn.Dropout2d(options.dropout)
        finest = max(0, options.stride.bit_length() - 2)  # stride 2 is level 0
        levels = range(len(widths) - 2, finest - 1, -1)
        self.lateral = nn.ModuleList(nn.Conv2d(widths[k + 1], widths[k], 1) for k in levels)
        self.up = nn.ModuleList(nn.Sequential(*_blocks(blocks[k], widths[k], widths[k])) for k in levels)
        self.head = nn.Conv2d(widths[finest], outputs, 1)
        self.feature_channels = widths[finest]

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, F, H / stride, W / stride), no unit, of crops (B, C, H, W)."""
        x = F.relu(self.stem(x))
        skips: list[Tensor] = []
        for level in self.down:
            x = level(x)
            skips.append(x)
        x = self.dropout(skips.pop())
        for lateral, up in zip(self.lateral, self.up, strict=True):
            skip = skips.pop()
            x = F.interpolate(lateral(x), size=skip.shape[-2:], mode="bilinear", align_corners=False)
            x = up(x + skip)
        return x


def per_level(blocks: int | list[int], levels: int) -> list[int]:
    """Return the number of blocks of each level, from the finest to the deepest.

    >>> per_level(1, 3), per_level([0, 1, 2], 3)
    ([1, 1, 1], [0, 1, 2])

    Raises:
        ConfigError: a level below the finest has no block, or the number of levels differs.
    """
    each = [blocks] * levels if isinstance(blocks, int) else blocks
    if len(each) != levels or each[0] < 0 or min(each[1:]) < 1:  # the stem alone can be the finest level
        raise ConfigError(
            f"unet: blocks = {blocks}: give one number of 1 or more, or {levels} numbers; the first may be 0"
        )
    return each


def grown(trained: Options, wanted: Options, widen: bool = False) -> Options:
    """Return the options of a trained network with additional blocks up to those of `wanted`.

    A new block starts as its shortcut, so the deeper network starts with the trained network's outputs. A `wanted` list
    for another number of levels is ignored. A finest level without blocks stays without, because it has no ReLU that a
    block could follow.

    Args:
        trained: the trained network's options.
        wanted: the recipe's.
        widen: whether levels also get additional channels, up to the widths of `wanted`.

    >>> grown(Options(widths=[8, 16], blocks=1), Options(blocks=[1, 2])).blocks
    [1, 2]
    >>> grown(Options(widths=[8, 16], blocks=[0, 1]), Options(blocks=2)).blocks
    [0, 2]
    >>> grown(Options(widths=[8, 16]), Options(widths=[4, 24]), widen=True).widths
    [8, 24]

    Raises:
        ConfigError: the widths have another number of levels, or a block would get another kind of shortcut.
    """
    levels = len(trained.widths)
    changes: dict[str, object] = {}
    if widen:
        widths = _widened(trained.widths, wanted.widths)
        changes |= {"widths": widths} if widths != trained.widths else {}
    if not isinstance(wanted.blocks, list) or len(wanted.blocks) == levels:
        own, more = (per_level(options.blocks, levels) for options in (trained, wanted))
        blocks = [max(mine, wish) if mine else 0 for mine, wish in zip(own, more, strict=True)]
        changes |= {"blocks": blocks} if blocks != own else {}
    return trained.model_copy(update=changes) if changes else trained


def _widened(trained: list[int], wanted: list[int]) -> list[int]:
    """Return the larger width of each level.

    Raises:
        ConfigError: the numbers of levels differ, or the shortcut of a block would change.
    """
    if len(trained) != len(wanted):
        raise ConfigError(f"init.widen: widths = {wanted}: the trained network has {len(trained)} levels, {trained}")
    widths = [max(own, wish) for own, wish in zip(trained, wanted, strict=True)]
    for level, (before, after) in enumerate(zip(pairwise(trained), pairwise(widths), strict=True)):
        if (before[0] == before[1]) != (after[0] == after[1]):
            raise ConfigError(
                f"init.widen: widths = {widths}: levels {level} and {level + 1} of the trained network, {trained}, "
                f"have {'the same width' if before[0] == before[1] else 'two widths'}; wider levels must, too"
            )
    return widths


def _blocks(count: int, width_in: int, width: int) -> list[nn.Module]:
    return [Block(width if k else width_in, width) for k in range(count)]


def build(options: Options, spec: InputSpec, outputs: int) -> UNet:
    """Return the network.

    Raises:
        ConfigError: the crop cannot be halved often enough, or the stride does not fit.
    """
    return UNet(options, spec, outputs)
