"""What models, codecs and losses provide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from nasion.settings import Settings

__all__ = [
    "HALF_RANGE",
    "MID_GRAY",
    "Codec",
    "Decoded",
    "HeatmapCodec",
    "InputSpec",
    "Loss",
    "LossFunction",
    "Model",
    "OutputKind",
]

MID_GRAY = 127.5
"""The offset that gives pixels about zero mean."""

HALF_RANGE = 63.75
"""The scale that gives pixels about unit deviation: half of the byte range is two deviations."""

OutputKind = Literal["vector", "maps"]
"""A model outputs 2K numbers, or one map per keypoint."""


@dataclass(frozen=True)
class InputSpec:
    """What every part must know about the task.

    Attributes:
        count: K, the number of keypoints.
        channels: channels of the crop, 1 or 3.
        size: (height, width) of the crop, px.
    """

    count: int
    channels: int
    size: tuple[int, int]


class Decoded(NamedTuple):
    """Keypoints decoded from a model's output, in the normalized frame of `geometry.normalize`.

    Attributes:
        keypoints: (B, K, 2), normalized.
        spread: (B, K), normalized by half the mean side; NaN if the codec provides none.
        anisotropy: (B, K, 2), log axis ratio and direction of the error ellipses; see `nasion.uncertainty`.
        log_maps: (B, K, h, w), log probabilities over the cells; None for codecs without maps.
        hidden: (B, K), log odds that a keypoint is hidden; None if the network does not predict it.
    """

    keypoints: Tensor
    spread: Tensor
    anisotropy: Tensor
    log_maps: Tensor | None
    hidden: Tensor | None = None


class Model(nn.Module):
    """A network without its input scaling and its codec: backbone features, then a head.

    Attributes:
        output_kind: what the head outputs.
        head: the layer that depends on the keypoints; it is replaced for other keypoints.
        feature_channels: channels of the features.
    """

    output_kind: ClassVar[OutputKind]
    head: nn.Module
    feature_channels: int

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, F, ...) of crops (B, C, H, W); no unit, about zero mean and unit deviation."""
        raise NotImplementedError

    def load_pretrained(self) -> None:
        """Load the pretrained weights that the options name; most models have none."""


class Codec(nn.Module):
    """The mapping between a model's raw output and keypoints.

    Attributes:
        output_kind: what the model must output.
        outputs: number of the model's outputs.
    """

    output_kind: ClassVar[OutputKind]
    outputs: int

    def decode(self, raw: Tensor) -> Decoded:
        """Return the keypoints of raw outputs (B, outputs, ...), normalized."""
        raise NotImplementedError


class HeatmapCodec(Codec):
    """A codec that reads one map per keypoint."""

    output_kind = "maps"

    def decode_log_maps(self, log_maps: Tensor) -> Decoded:
        """Return the keypoints of log probabilities (B, K, h, w) over the cells, normalized."""
        raise NotImplementedError


LossFunction = Callable[[Decoded, Tensor, Any], Tensor]
"""(decoded, target (B, K, 2) normalized without NaN, options) → losses (B, K)."""


@dataclass(frozen=True)
class Loss:
    """A loss with its options; `requires` names what the codec must decode from."""

    function: LossFunction
    options: Settings
    requires: OutputKind

    def __call__(self, decoded: Decoded, target: Tensor) -> Tensor:
        """Return the loss (B, K), no unit, of each keypoint, for targets (B, K, 2), normalized, without NaN."""
        return self.function(decoded, target, self.options)
