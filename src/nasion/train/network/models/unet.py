"""A small encoder-decoder of residual blocks with skip connections; its maps have a cell every `stride` px.

Sources: Ronneberger et al., "U-Net", 2015; He et al., "Identity Mappings in Deep Residual Networks", 2016.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from nasion.errors import ConfigError
from nasion.settings import Settings
from nasion.train.network.registry import InputSpec

STRIDES = (2, 4, 8, 16, 32, 64)


class Options(Settings):
    """How wide and deep."""

    widths: list[int] = Field(
        default=[32, 48, 64, 96, 128], min_length=2, description="channels at 1/2, 1/4, … of the crop's side"
    )
    blocks: int | list[int] = Field(
        1, description="residual blocks a level, down and up; or one number a level, the first of which may be 0"
    )
    stem: Literal[4, 6] = Field(6, description="kernel of the first convolution, which halves; 4 is a third faster")
    stride: int = Field(2, description="crop px a cell: 2, 4, …")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the deepest level's channels left out in training")


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.first = _convolution(width_in, width, 3)
        self.second = _convolution(width, width, 3)
        self.shortcut = nn.Identity() if width_in == width else _convolution(width_in, width, 1)
        nn.init.zeros_(self.second[1].weight)  # each block starts as its shortcut  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, width, H, W)."""
        return F.relu(self.shortcut(x) + self.second(F.relu(self.first(x))))


class UNet(nn.Module):
    """(B, C, H, W) → encoder → decoder → (B, outputs, H / stride, W / stride)."""

    output_kind = "maps"

    def __init__(self, options: Options, shape: InputSpec, outputs: int) -> None:
        super().__init__()
        widths = options.widths
        times, (height, width) = len(widths), shape.size
        blocks = per_level(options.blocks, times)
        if height % 2**times or width % 2**times or options.stride not in STRIDES[:times]:
            raise ConfigError(
                f"unet: a crop of {height} x {width} px and a stride of {options.stride} do not halve evenly {times} "
                f"times; use sides divisible by {2**times} and a stride that is a power of 2 up to {2**times}"
            )
        # Halving by an even kernel and by pooling keeps a cell's center over the middle of the pixels it stands for,
        # so that a mirrored crop gives a mirrored map; odd kernels with a stride do not.
        self.stem = _convolution(shape.channels, widths[0], options.stem, stride=2, padding=options.stem // 2 - 1)
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

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, F, H / stride, W / stride) of crops (B, C, H, W)."""
        x = F.relu(self.stem(x))
        seen: list[Tensor] = []
        for level in self.down:
            x = level(x)
            seen.append(x)
        x = self.dropout(seen.pop())
        for lateral, up in zip(self.lateral, self.up, strict=True):
            skip = seen.pop()
            x = F.interpolate(lateral(x), size=skip.shape[-2:], mode="bilinear", align_corners=False)
            x = up(x + skip)
        return x


def per_level(blocks: int | list[int], levels: int) -> list[int]:
    """Return the number of blocks of each level, from the finest to the deepest.

    >>> per_level(1, 3), per_level([0, 1, 2], 3)
    ([1, 1, 1], [0, 1, 2])

    Raises:
        ConfigError: a level below the finest has none, or there is not one number for each.
    """
    each = [blocks] * levels if isinstance(blocks, int) else blocks
    if len(each) != levels or each[0] < 0 or min(each[1:]) < 1:  # the stem itself can be the finest level
        raise ConfigError(
            f"unet: blocks = {blocks}: give one number of 1 or more, or {levels}, one a level; the first may be 0"
        )
    return each


def grown(begun: Options, wanted: Options) -> Options:
    """Return the options of a trained network with the blocks that are wanted beyond its own.

    A block begins as its shortcut, so the deeper network begins where the trained one stands. What is wanted for
    another number of levels is left aside, and a finest level without blocks stays so: it has no ReLU to begin behind.

    >>> grown(Options(widths=[8, 16], blocks=1), Options(blocks=[1, 2])).blocks
    [1, 2]
    >>> grown(Options(widths=[8, 16], blocks=[0, 1]), Options(blocks=2)).blocks
    [0, 2]
    """
    levels = len(begun.widths)
    if isinstance(wanted.blocks, list) and len(wanted.blocks) != levels:
        return begun
    own, more = (per_level(options.blocks, levels) for options in (begun, wanted))
    blocks = [max(mine, wish) if mine else 0 for mine, wish in zip(own, more, strict=True)]
    return begun if blocks == own else begun.model_copy(update={"blocks": blocks})


def _convolution(width_in: int, width: int, kernel: int, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    padding = kernel // 2 if padding is None else padding
    layer = nn.Conv2d(width_in, width, kernel, stride, padding=padding, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(width))


def _blocks(count: int, width_in: int, width: int) -> list[nn.Module]:
    return [Block(width if k else width_in, width) for k in range(count)]


def build(options: Options, shape: InputSpec, outputs: int) -> UNet:
    """Return the network.

    Raises:
        ConfigError: the crop or the stride does not halve evenly.
    """
    return UNet(options, shape, outputs)
