"""The complete network: it scales the pixels, predicts and decodes.

crops (B, C, H, W), 0 to 255 → model.forward_features → model.head → codec.decode → keypoints (B, K, 2), crop px
                                                      → spread → spread (B, K), crop px, and anisotropy (B, K, 2)
                                                      → hidden → probability (B, K), if the recipe asks for it
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nasion.errors import ConfigError
from nasion.train.config import RunConfig
from nasion.train.network import registry
from nasion.train.network.frame import denormalize, mean_half_side
from nasion.train.network.hidden import HiddenHead
from nasion.train.network.interfaces import HALF_RANGE, MID_GRAY, Decoded, InputSpec, Loss
from nasion.train.network.point_layers import pool_features
from nasion.train.network.spread import SpreadHead, nll

__all__ = ["KeypointNetwork", "check_low_res", "loss_of", "mean_loss", "spread_loss"]

OUTPUTS = {"vector": "a vector", "maps": "maps"}
"""What error messages call each kind of output."""


class KeypointNetwork(nn.Module):
    """A model and its codec for K keypoints on crops.

    Raises:
        ConfigError: the model and the codec do not fit each other.
    """

    def __init__(self, config: RunConfig, count: int) -> None:
        super().__init__()
        self.spec = InputSpec(count, config.crop.channels, config.crop.size)
        self.codec = registry.build_codec(config.codec, self.spec)
        self.model = registry.build_model(config.model, self.spec, self.codec.outputs)
        if self.model.output_kind != self.codec.output_kind:
            raise ConfigError(
                f'the model "{config.model.name}" outputs {OUTPUTS[self.model.output_kind]}, but the codec '
                f'"{config.codec.name}" reads {OUTPUTS[self.codec.output_kind]}; choose a matching pair'
            )
        has_maps = self.codec.output_kind == "maps"
        if config.hidden_points and not has_maps:
            raise ConfigError(f'hidden_points needs a codec with maps; "{config.codec.name}" has none')
        self.spread = SpreadHead(self.model.feature_channels, count) if has_maps else None
        self.hidden = HiddenHead(self.model.feature_channels, count) if config.hidden_points else None

    def decode(self, crops: Tensor) -> Decoded:
        """Return normalized keypoints, spread, maps and log odds of hidden points of crops (B, C, H, W), 0 to 255."""
        features = self.model.forward_features((crops.float() - MID_GRAY) / HALF_RANGE)
        with torch.autocast(features.device.type, enabled=False):  # bfloat16 cannot represent a tenth of a px
            features = features.float()
            decoded = self.codec.decode(self.model.head(features))
            if self.spread is None:
                return decoded
            pooled = pool_features(features, decoded)
            decoded = self.spread(pooled, decoded)
            return decoded if self.hidden is None else self.hidden(pooled, decoded)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Return keypoints (B, K, 2), spread (B, K), both crop px, and anisotropy (B, K, 2) of crops (B, C, H, W).

        A network that predicts hidden points returns their probability (B, K), 0 to 1, as a fourth output.
        """
        decoded = self.decode(crops)
        size = self.spec.size
        keypoints, spread = denormalize(decoded.keypoints, size), decoded.spread * mean_half_side(size)
        hidden = () if decoded.hidden is None else (decoded.hidden.sigmoid(),)
        return keypoints, spread, decoded.anisotropy, *hidden

    def first_kernels(self) -> Tensor:
        """Return the first convolution's weights (N, C, k, k), no unit."""
        return next(m.weight for m in self.model.modules() if isinstance(m, nn.Conv2d)).detach()


def loss_of(config: RunConfig, network: KeypointNetwork) -> Loss:
    """Return the loss of a configuration.

    Raises:
        ConfigError: it requires maps and the codec has none.
    """
    loss = registry.build_loss(config.loss)
    if loss.requires == "maps" and network.codec.output_kind != "maps":
        raise ConfigError(f'the loss "{config.loss.name}" requires maps; the codec "{config.codec.name}" has none')
    return loss


def check_low_res(config: RunConfig, network: KeypointNetwork) -> None:
    """Check that the network accepts the low-resolution crops of the first epochs.

    Raises:
        ConfigError: it outputs no maps, or cannot halve such a crop as often as it must.
    """
    size = config.schedule.low_res_size(config.crop.size)
    if size is None:
        return
    setting = f"schedule.low_res_px = {config.schedule.low_res_px}"
    if network.model.output_kind != "maps":
        raise ConfigError(f'{setting}: the model "{config.model.name}" accepts crops of one size; omit low_res_px')
    spec = InputSpec(network.spec.count, config.crop.channels, size)
    try:
        registry.build_model(config.model, spec, network.codec.outputs)
    except ConfigError as error:
        raise ConfigError(f"{setting}: {error}; or set it to 0 for full-resolution crops only") from None


def mean_loss(
    loss: Callable[[Decoded, Tensor], Tensor],
    decoded: Decoded,
    target: Tensor,
    weight: Tensor | None = None,
    weak: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Return the mean loss (), no unit, over the present points of `target` (B, K, 2), normalized; 0 without points.

    A missing point (NaN) is replaced by 0 before the loss and excluded after it: a NaN hidden only by a mask would
    still reach the gradient.

    Args:
        loss: the loss of each keypoint.
        decoded: what the network predicts.
        target: the labels; NaN where missing.
        weight: (B, K), 0 to 1, no unit, of each label; default: 1.
        weak: the losses (B, M), no unit, of weak labels, 0 where these are missing, and which are present (B, M).
    """
    present = target.isfinite().all(-1)
    losses = loss(decoded, torch.where(present[..., None], target, 0.0)) * present
    total, count = (losses if weight is None else losses * weight).sum(), present.sum()
    if weak is not None:
        total, count = total + weak[0].sum(), count + weak[1].sum()
    return total / count.clamp_min(1)


def spread_loss(decoded: Decoded, target: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the mean negative log-likelihood (), no unit, of the errors of `target` (B, K, 2), normalized.

    Its gradient reaches the spread head alone. `size` is the crop's (height, width), px.
    """
    return mean_loss(lambda predicted, points: nll(predicted, points, size), decoded, target)
