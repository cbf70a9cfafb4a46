"""Plain regression: the network's last layer gives the 2K normalized coordinates themselves."""

import torch
from torch import Tensor, nn

from nasion.settings import Settings
from nasion.train.network.codecs import Decoded
from nasion.train.network.registry import InputSpec


class Options(Settings):
    """None."""


class Coordinates(nn.Module):
    """Reads (B, 2K) as x0, y0, x1, y1 and so on."""

    output_kind = "vector"

    def __init__(self, shape: InputSpec) -> None:
        super().__init__()
        self.outputs = 2 * shape.count

    def decode(self, raw: Tensor) -> Decoded:
        """Return the points of raw outputs (B, 2K); regression does not know its spread."""
        keypoints = raw.unflatten(1, (-1, 2))
        return Decoded(keypoints, torch.full_like(keypoints[..., 0], torch.nan), torch.zeros_like(keypoints), None)


def build(options: Options, shape: InputSpec) -> Coordinates:
    """Return the codec."""
    return Coordinates(shape)
