"""A plain CNN: convolutions with ReLU and max-pooling, then fully connected layers."""

import math
from typing import Annotated

from pydantic import Field, model_validator
from torch import Tensor, nn

from nasion.errors import ConfigError
from nasion.settings import Settings
from nasion.train.network.interfaces import InputSpec, Model

Sizes = Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(max_length=64)]
Kernels = Annotated[list[Annotated[int, Field(le=255)]], Field(max_length=64)]


class Options(Settings):
    """The layers, from the crop to the keypoints."""

    kernels: Kernels = Field(min_length=1, description="sides of the square kernels, odd, px")
    channels: Sizes = Field(min_length=1, description="channels of each convolution")
    pools: Sizes = Field(min_length=1, description="max-pooling after each convolution, px; 1 is none")
    hidden: Sizes = Field(description="widths of the hidden fully connected layers")

    @model_validator(mode="after")
    def _same_length(self) -> "Options":
        if not len(self.kernels) == len(self.channels) == len(self.pools):
            raise ValueError("kernels, channels and pools need one entry for each convolution")
        if any(kernel < 1 or kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError("kernels must be odd, so that their center is a pixel")
        return self


class Cnn(Model):
    """(B, C, H, W) → convolutions → fully connected → (B, outputs)."""

    output_kind = "vector"

    def __init__(self, options: Options, spec: InputSpec, outputs: int) -> None:
        super().__init__()
        width = spec.channels
        layers: list[nn.Module] = []
        for kernel, channels, pool in zip(options.kernels, options.channels, options.pools, strict=True):
            layers += [nn.Conv2d(width, channels, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(pool)] if pool > 1 else []
            width = channels
        shrink = math.prod(options.pools)
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Sequential(nn.Flatten())
        features = width * (spec.size[0] // shrink) * (spec.size[1] // shrink)
        if not features:
            raise ConfigError(
                f"cnn: pooling by {shrink} leaves nothing of a crop of {spec.size[0]} x {spec.size[1]} px"
            )
        for hidden in options.hidden:
            self.hidden.extend([nn.Linear(features, hidden), nn.ReLU(inplace=True)])
            features = hidden
        self.head = nn.Linear(features, outputs)
        self.feature_channels = features

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, F), no unit, of crops (B, C, H, W)."""
        return self.hidden(self.convolutions(x))


def build(options: Options, spec: InputSpec, outputs: int) -> Cnn:
    """Return the network."""
    return Cnn(options, spec, outputs)
