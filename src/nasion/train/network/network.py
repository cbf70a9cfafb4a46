"""The whole network: pixels in, points out. Normalizing and decoding are inside, so a model is one thing.

crops (B, C, H, W), 0 to 255 → model.trunk → model.head → codec.decode → points (B, K, 2), crop px
                                           → spread → how far they may be off (B, K), crop px, and along what (B, K, 2)
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nasion.errors import ConfigError
from nasion.train.config import RunConfig
from nasion.train.network import registry as parts
from nasion.train.network.codecs import Decoded
from nasion.train.network.pixels import HALF_RANGE, MID_GRAY
from nasion.train.network.registry import InputSpec
from nasion.train.network.spread import SpreadHead, nll

__all__ = ["KeypointNetwork", "Loss", "build_loss", "check_low_res", "mean_loss", "spread_loss"]

Loss = Callable[[Decoded, Tensor], Tensor]
"""(decoded, target (B, K, 2) normalized, without NaN) → costs (B, K)."""


class KeypointNetwork(nn.Module):
    """A model and its codec for K points on crops.

    Raises:
        ConfigError: the model and the codec do not fit each other.
    """

    def __init__(self, config: RunConfig, count: int) -> None:
        super().__init__()
        self.shape = InputSpec(count, config.crop.channels, config.crop.size)
        self.codec = parts.build("codecs", config.codec, self.shape)
        self.model = parts.build("models", config.model, self.shape, self.codec.outputs)
        if self.model.output_kind != self.codec.output_kind:
            raise ConfigError(
                f'the model "{config.model.name}" gives a {self.model.gives}, but the codec "{config.codec.name}" '
                f"reads {self.codec.gives}; choose a pair that fits"
            )
        self.spread = SpreadHead(self.model.head.in_channels, count) if self.codec.output_kind == "maps" else None

    def decode(self, crops: Tensor) -> Decoded:
        """Return what the network makes of crops (B, C, H, W), 0 to 255: normalized points, spread, maps."""
        features = self.model.forward_features((crops.float() - MID_GRAY) / HALF_RANGE)
        with torch.autocast(features.device.type, enabled=False):  # bfloat16 cannot hold a tenth of a px
            features = features.float()
            decoded = self.codec.decode(self.model.head(features))
            return decoded if self.spread is None else self.spread(features, decoded)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return points (B, K, 2), spread (B, K), both crop px, and anisotropy (B, K, 2) of crops (B, C, H, W)."""
        decoded = self.decode(crops)
        height, width = self.shape.size
        side = torch.tensor([width, height], dtype=torch.float32, device=crops.device)
        return ((decoded.keypoints + 1) * side - 1) / 2, decoded.spread * side.mean() / 2, decoded.anisotropy

    def first_kernels(self) -> Tensor:
        """Return the first convolution's kernels (N, C, k, k)."""
        return next(m.weight for m in self.model.modules() if isinstance(m, nn.Conv2d)).detach()


def build_loss(config: RunConfig, network: KeypointNetwork) -> Loss:
    """Return the loss of a configuration.

    Raises:
        ConfigError: it needs maps and the codec has none.
    """
    loss = parts.build("losses", config.loss, network.shape)
    if loss.requires == "maps" and network.codec.output_kind != "maps":
        raise ConfigError(f'the loss "{config.loss.name}" needs maps; the codec "{config.codec.name}" has none')
    return loss


def check_low_res(config: RunConfig, network: KeypointNetwork) -> None:
    """Prove that the network takes the small crops of the first epochs.

    Raises:
        ConfigError: it gives no maps, or cannot halve them as often as it must.
    """
    small = config.schedule.small(config.crop.size)
    if small is None:
        return
    if network.model.output_kind != "maps":
        raise ConfigError(
            f'schedule.low_res_px = {config.schedule.low_res_px}: the model "{config.model.name}" takes crops of one size; '
            "leave low_res_px out"
        )
    shape = InputSpec(network.shape.count, config.crop.channels, small)
    try:
        parts.build("models", config.model, shape, network.codec.outputs)
    except ConfigError as error:
        raise ConfigError(
            f"schedule.low_res_px = {config.schedule.low_res_px}: {error}; or set it to 0, for whole crops only"
        ) from None


def mean_loss(loss: Loss, decoded: Decoded, target: Tensor) -> Tensor:
    """Return the mean cost over the points that are there; 0 where none is.

    A missing point (NaN in `target` (B, K, 2)) is put at 0 before the loss sees it and left out after it: a NaN
    that only a mask hides would still reach the gradient.
    """
    present = target.isfinite().all(-1)
    costs = loss(decoded, torch.where(present[..., None], target, 0.0))
    return (costs * present).sum() / present.sum().clamp_min(1)


def spread_loss(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return how badly the ellipses foretold the errors in crops of `size`; it moves nothing but `SpreadHead`."""
    return mean_loss(lambda one, there: nll(one, there, size), decoded, target)
