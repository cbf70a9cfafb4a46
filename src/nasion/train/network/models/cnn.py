"""The plain network of a first course: convolutions with ReLU and max-pooling, then fully connected layers."""

import math

from pydantic import Field, model_validator
from torch import Tensor, nn

from nasion.errors import ConfigError
from nasion.settings import Settings
from nasion.train.network.registry import InputSpec


class Options(Settings):
    """The layers, from the picture to the points."""

    kernels: list[int] = Field(min_length=1, description="sides of the square kernels, odd, px")
    channels: list[int] = Field(min_length=1, description="of each convolution")
    pools: list[int] = Field(min_length=1, description="max-pooling after each convolution, px; 1 is none")
    hidden: list[int] = Field(description="widths of the fully connected layers but the last")

    @model_validator(mode="after")
    def _same_length(self) -> "Options":
        if not len(self.kernels) == len(self.channels) == len(self.pools):
            raise ValueError("kernels, channels and pools need one entry for each convolution")
        if any(kernel < 1 or kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError("kernels are odd, so that their middle is a pixel")
        if min(*self.channels, *self.pools, *self.hidden, 1) < 1:
            raise ValueError("channels, pools and hidden are 1 or more")
        return self


class Cnn(nn.Module):
    """(B, C, H, W) → convolutions → fully connected → (B, outputs)."""

    output_kind = "vector"

    def __init__(self, options: Options, shape: InputSpec, outputs: int) -> None:
        super().__init__()
        width = shape.channels
        layers: list[nn.Module] = []
        for kernel, channels, pool in zip(options.kernels, options.channels, options.pools, strict=True):
            layers += [nn.Conv2d(width, channels, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(pool)] if pool > 1 else []
            width = channels
        shrink = math.prod(options.pools)
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Sequential(nn.Flatten())
        features = width * (shape.size[0] // shrink) * (shape.size[1] // shrink)
        if not features:
            raise ConfigError(
                f"cnn: pooling by {shrink} leaves nothing of a crop of {shape.size[0]} x {shape.size[1]} px"
            )
        for hidden in options.hidden:
            self.hidden.extend([nn.Linear(features, hidden), nn.ReLU(inplace=True)])
            features = hidden
        self.head = nn.Linear(features, outputs)

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, F) of crops (B, C, H, W)."""
        return self.hidden(self.convolutions(x))


def build(options: Options, shape: InputSpec, outputs: int) -> Cnn:
    """Return the network."""
    return Cnn(options, shape, outputs)
