"""The network under Lightning: a training step, a validation step, the optimizer and its schedule."""

from collections.abc import Iterable, Iterator, Sequence
from math import cos, isfinite, pi
from typing import Any, cast

import numpy as np
import pytorch_lightning as lightning
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from nasion.errors import ConfigError
from nasion.shapes import mean_shape
from nasion.train.config import OptimizerConfig, RunConfig, ScheduleConfig
from nasion.train.data.batches import Batch, Batches, CropSource, epoch_plan, plan_batches
from nasion.train.network.frame import half_sides
from nasion.train.network.hidden import hidden_loss
from nasion.train.network.interfaces import Decoded
from nasion.train.network.labels.contours import Contours, neighbors_on_lines
from nasion.train.network.labels.offsets import SourceOffsets, WeakLabels
from nasion.train.network.network import KeypointNetwork, loss_of, mean_loss, spread_loss
from nasion.train.network.spread import normalized_residual, spread_correction
from nasion.train.runs.warm_start import HEAD

__all__ = ["KeypointModule", "learning_rate_at"]

VALIDATION_BATCH = 64
"""Faces per validation batch."""

INITIAL_LOG_SPREAD = "initial_log_spread"
"""Key of the initial network's uncertainty in a checkpoint."""

NO_FACE = np.array([0]), 0.0
"""Zero-weight batch for ranks without validation faces: every rank must join the reduction."""

SCORES = ("loss", "error_px", "nme")
"""Logged validation scores; the other two sums, the normalized residual and the log spread, calibrate the spread."""

CALIBRATION_FACES = 20
"""Number of validation faces that count as much as the initial network when the spread is calibrated.

A network that starts from a trained one, and learns from few faces or from its own predictions, becomes too certain of
them, and few validation faces cannot tell.
"""


class KeypointModule(lightning.LightningModule):
    """Trains `network` on `train`; validates and keeps `best_network`, which is its moving average if there is one.

    Args:
        config: the final configuration of the run.
        network: with its initial weights.
        train, validation: the faces.
    """

    def __init__(
        self, config: RunConfig, network: KeypointNetwork, train: CropSource, validation: CropSource | None
    ) -> None:
        super().__init__()
        self.config, self.train_source, self.validation_source = config, train, validation
        self.network = network
        if config.init.keep_keypoints:
            network.model.requires_grad_(False)
        self.loss = loss_of(config, network)
        weak = train.weak
        self.weak = None if weak is None else WeakLabels(weak.weights, weak.shape)
        self.offsets = _source_offsets(train) if config.data.source_offsets else None
        neighbors = neighbors_on_lines(train.skeleton.lines, train.skeleton.count)
        self.contours = Contours(neighbors, config.along_lines) if config.along_lines < 1 else None
        self.ema = _moving_average(network, config.schedule.ema_decay) if config.schedule.ema_decay else None
        self.step_loss = float("nan")
        self.initial_log_spread: float | None = None
        self._resumed = False
        self._sums = torch.zeros(2 * (len(SCORES) + 2))

    @property
    def best_network(self) -> KeypointNetwork:
        """The network that is validated and kept."""
        return self.network if self.ema is None else cast(KeypointNetwork, self.ema.module)

    def steps_per_epoch(self) -> int:
        """Return the optimizer's steps per epoch; the same for any number of devices."""
        return len(self.batch_plan(0))

    def batch_plan(self, epoch: int) -> list[tuple[NDArray[np.intp], float]]:
        """Return the batches of an epoch for this device: face indices (B,), no unit, and their share."""
        rank, world = (self.global_rank, self.trainer.world_size) if self._trainer else (0, 1)
        return plan_batches(len(self.train_source), self.config.schedule.batch, epoch, self.config.seed, rank, world)

    def train_dataloader(self) -> Batches:
        """Return this epoch's batches for this device."""
        epoch = self.current_epoch
        return Batches(self.train_source, self.batch_plan(epoch), epoch_plan(self.config, epoch))

    def val_dataloader(self) -> Batches | list[Batch]:
        """Return this device's part of the validation faces."""
        source = self.validation_source
        if source is None:
            return []
        own = np.arange(self.global_rank, len(source), self.trainer.world_size)
        steps = [(own[k : k + VALIDATION_BATCH], 1.0) for k in range(0, len(own), VALIDATION_BATCH)]
        return Batches(source, steps or [NO_FACE], source.plain)

    def on_train_start(self) -> None:
        """Measure the uncertainty of a trained initial network, before it changes."""
        spread = self.best_network.spread
        is_trained = spread is not None and bool(spread.scale_head.weight.any())
        if self._resumed or self.validation_source is None or not is_trained:
            return
        self.eval()
        sums = torch.zeros(2, device=self.device)
        with torch.inference_mode():
            for batch in self.val_dataloader():
                decoded = self.best_network.decode(batch.crops.to(self.device))
                sums += torch.stack(
                    [_log_spreads(decoded).sum() * batch.share, torch.tensor(batch.share * len(batch.crops))]
                )
        total, count = self.trainer.strategy.reduce(sums, reduce_op="sum")
        self.initial_log_spread = float(total / count)
        self.train()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store what a resumed run cannot measure again."""
        checkpoint[INITIAL_LOG_SPREAD] = self.initial_log_spread

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore what `on_save_checkpoint` stored; earlier versions stored nothing."""
        self.initial_log_spread, self._resumed = checkpoint.get(INITIAL_LOG_SPREAD), True

    def on_train_epoch_start(self) -> None:
        """Seed dropout by the epoch alone, so that a resumed run repeats an undisturbed one.

        While only the head or the uncertainty learns, the batch normalizations of the other layers keep their
        statistics.
        """
        torch.manual_seed(hash((self.config.seed, self.current_epoch, self.global_rank)) % 2**63)
        frozen = self.current_epoch < self.config.frozen_epochs
        for name, layer in self.network.model.named_children():
            layer.train((name == HEAD or not frozen) and not self.config.init.keep_keypoints)

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the loss (), no unit, of a batch of crops (B, C, H, W)."""
        decoded = self.network.decode(batch.crops)
        target = self._corrected(decoded, batch)
        measured = decoded
        if self.contours is not None:
            measured = decoded._replace(keypoints=self.contours(decoded.keypoints, target))
        loss = mean_loss(self.loss, measured, target, batch.weight, self._weak_losses(decoded, batch))
        self.step_loss = float(loss.detach())  # the training curve excludes the spread's loss
        if self.network.spread is not None:
            manual = torch.where((batch.weight == 1)[..., None], target.detach(), torch.nan)
            loss = loss + spread_loss(decoded, manual, self.network.spec.size)
        if self.network.hidden is not None:
            loss = loss + hidden_loss(decoded, batch.hidden)
        if not isfinite(float(loss.detach())):
            raise ConfigError(
                f"the loss became {self.step_loss} in epoch {self.current_epoch + 1}; try a smaller optimizer.lr"
            )
        return loss * batch.share

    def _corrected(self, decoded: Decoded, batch: Batch) -> Tensor:
        """Return the labels (B, K, 2), normalized, without the offsets of their data sources."""
        if self.offsets is None:
            return batch.target
        size = (batch.crops.shape[-2], batch.crops.shape[-1])
        return self.offsets(batch.target, decoded.keypoints, batch.source, batch.mirrored, size)

    def _weak_losses(self, decoded: Decoded, batch: Batch) -> tuple[Tensor, Tensor] | None:
        """Return the losses (B, M), no unit, of the weak labels and which of these are present (B, M)."""
        if self.weak is None:
            return None
        size = (batch.crops.shape[-2], batch.crops.shape[-1])
        return self.weak.loss(decoded.keypoints, batch.weak, size), batch.weak.isfinite().all(-1)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip the gradients of the extra heads separately, so that their losses never move a keypoint."""
        if gradient_clip_val:
            extra = [list(head.parameters()) for head in (self.network.spread, self.network.hidden) if head]
            inside = {id(weight) for weights in extra for weight in weights}
            rest = [weight for weight in self.network.parameters() if id(weight) not in inside]
            for weights in (rest, *extra):
                torch.nn.utils.clip_grad_norm_(weights, gradient_clip_val)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Update the moving average."""
        if self.ema is not None:
            self.ema.update_parameters(self.network)

    def on_validation_epoch_start(self) -> None:
        """Reset the sums of loss, error in px, NME and normalized residual, each followed by its number of faces."""
        self._sums = torch.zeros_like(self._sums, device=self.device)

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Add a batch's loss, error in image px, NME and normalized residual to the sums over all faces."""
        network = self.best_network
        with torch.autocast(batch.crops.device.type, enabled=False):
            decoded = network.decode(batch.crops)
            loss = mean_loss(self.loss, decoded, batch.target)
        size = network.spec.size
        offsets = (decoded.keypoints - batch.target) * half_sides(size, decoded.keypoints)
        errors = (offsets.norm(dim=-1) * batch.image_px[:, None]).nanmean(-1)
        residuals = normalized_residual(decoded, batch.target, size)
        values = loss.expand(len(errors)), errors, errors / batch.length, residuals, _log_spreads(decoded)
        sums = [part for each in values for part in (each.nansum(), each.isfinite().sum())]
        self._sums += torch.stack([part.float() for part in sums]) * batch.share

    def on_validation_epoch_end(self) -> None:
        """Log the means over the faces of all devices, and calibrate the spread with them."""
        sums, counts = self.trainer.strategy.reduce(self._sums, reduce_op="sum").reshape(-1, 2).unbind(1)
        *means, mean_residual, mean_log_spread = sums / counts
        for name, value in zip(SCORES, means, strict=True):
            self.log(f"val/{name}", value, logger=True)
        spread = self.best_network.spread
        if spread is not None and mean_residual.isfinite():
            correction = spread_correction(mean_residual).log()
            if self.initial_log_spread is not None:
                back, faces = self.initial_log_spread - mean_log_spread, counts[-1]
                correction = (faces * correction + CALIBRATION_FACES * back) / (faces + CALIBRATION_FACES)
            spread.scale.mul_(correction.exp())

    def configure_optimizers(self) -> Any:
        """Return the optimizer and its schedule, which changes the rate at every step."""
        settings, init = self.config.optimizer, self.config.init
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.name]
        groups = _groups(self.network, [self.weak, self.offsets], settings, init.backbone_lr_factor)
        optimizer = kind(groups, lr=settings.lr, fused=True)
        steps = self.steps_per_epoch()

        def head(step: int) -> float:
            schedule = self.config.schedule  # it may change during a training with --minutes
            return learning_rate_at(step, schedule.epochs * steps, schedule)

        def backbone(step: int) -> float:  # a rate of 0 instead of frozen weights: DDP waits for every gradient
            return 0.0 if step < self.config.frozen_epochs * steps else head(step)

        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, [head, head, backbone, backbone])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


def _source_offsets(train: CropSource) -> SourceOffsets | None:
    """Return the offsets of the data sources of the faces; None if there is only one source."""
    faces = [face.annotation for face in train.faces]
    sources = max(face.source for face in faces) + 1
    if sources == 1:
        return None
    return SourceOffsets(sources, mean_shape(np.stack([face.keypoints for face in faces])), train.skeleton.flip)


def _log_spreads(decoded: Decoded) -> Tensor:
    """Return each face's mean log spread (B,), no unit; NaN without spread."""
    return decoded.spread.log().mean(-1)


def learning_rate_at(step: int, total: int, schedule: ScheduleConfig) -> float:
    """Return the learning rate at `step` of `total` as a share of the peak."""
    rise = schedule.warmup * total
    if step < rise:
        return (step + 1) / (rise + 1)
    if schedule.shape == "constant":
        return 1.0
    return (1 + cos(pi * min(1.0, (step - rise) / max(1.0, total - rise)))) / 2


def _groups(
    network: KeypointNetwork,
    labels: Sequence[nn.Module | None],
    settings: OptimizerConfig,
    backbone_lr_factor: float,
) -> list[dict[str, Any]]:
    """Return the head's weights, then all others, each split into weights with decay, and biases and norms without."""
    extra = [weight for part in (network.spread, network.hidden, *labels) if part for weight in part.parameters()]
    head = [*network.model.head.parameters(), *extra]
    inside = {id(p) for p in head}
    others = [p for p in network.parameters() if id(p) not in inside]
    head, others = ([p for p in part if p.requires_grad] for part in (head, others))
    return [
        {"params": [p for p in part if (p.ndim > 1) == decays], "weight_decay": decay, "lr": settings.lr * factor}
        for part, factor in ((head, 1.0), (others, backbone_lr_factor))
        for decays, decay in ((True, settings.weight_decay), (False, 0.0))
    ]


def _moving_average(network: KeypointNetwork, decay: float) -> AveragedModel:
    """Return the exponential moving average (EMA) of all weights and buffers; it adapts faster at the start.

    Lightning's EMA callback has a constant decay, which would keep the random initial weights too long.
    """

    def update(means: Any, currents: Any, updates: Any) -> None:
        weight = 1 - min(decay, (1 + int(updates)) / (10 + int(updates)))
        for mean, current in _float_pairs(means, currents):
            mean.lerp_(current.to(mean.dtype), weight)

    average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    return average.requires_grad_(False)  # DDP waits for the gradient of every weight that requires one


def _float_pairs(means: Iterable[Tensor], currents: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the pairs to average; integer buffers are copied."""
    for mean, current in zip(means, currents, strict=True):
        if mean.is_floating_point():
            yield mean, current
        else:
            mean.copy_(current)
