"""Direct regression: the last layer outputs the 2K normalized coordinates."""

import torch
from torch import Tensor

from nasion.settings import Settings
from nasion.train.network.interfaces import Codec, Decoded, InputSpec


class Options(Settings):
    """No options."""


class Coordinates(Codec):
    """Reads (B, 2K) as x0, y0, x1, y1 and so on."""

    output_kind = "vector"

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        self.outputs = 2 * spec.count

    def decode(self, raw: Tensor) -> Decoded:
        """Return the keypoints of raw outputs (B, 2K), normalized; regression provides no spread."""
        keypoints = raw.unflatten(1, (-1, 2))
        return Decoded(keypoints, torch.full_like(keypoints[..., 0], torch.nan), torch.zeros_like(keypoints), None)


def build(options: Options, spec: InputSpec) -> Coordinates:
    """Return the codec."""
    return Coordinates(spec)
