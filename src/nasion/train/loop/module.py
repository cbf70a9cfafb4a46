"""The network under Lightning: a step, a validation, the optimizer and its schedule. Nothing else."""

from collections.abc import Iterator
from math import cos, isfinite, pi
from typing import Any, cast

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from nasion.errors import ConfigError
from nasion.train.config import OptimizerConfig, RunConfig, ScheduleConfig
from nasion.train.data.batches import Batch, Batches, CropSource, plan
from nasion.train.network.network import KeypointNetwork, build_loss, check_low_res, mean_loss, spread_loss
from nasion.train.network.spread import normalized_residual, spread_correction
from nasion.train.runs.warm_start import HEAD, begin

__all__ = ["KeypointModule", "rate_at"]

VALIDATION_BATCH = 64

NO_FACE = np.array([0]), 0.0
"""A batch that counts nothing, for a device that has no validation face: the others wait for its sums."""


class KeypointModule(lightning.LightningModule):
    """Trains `network` on `train`; scores, and keeps, `best_network`: its running mean if there is one.

    Args:
        config: of the whole run.
        train, validation: the faces.
        fresh: whether the weights begin where `config` says; a checkpoint's will replace them otherwise.

    Raises:
        NasionError: the weights to begin with cannot be had or do not fit.
    """

    def __init__(self, config: RunConfig, train: CropSource, validation: CropSource | None, fresh: bool = True) -> None:
        super().__init__()
        self.config, self.train_crops, self.validation_crops = config, train, validation
        torch.manual_seed(config.seed)
        self.network = KeypointNetwork(config, train.skeleton.count)
        check_low_res(config, self.network)
        if fresh:
            begin(self.network, config, train.skeleton)
        self.network.to(memory_format=torch.channels_last)
        self.loss = build_loss(config, self.network)
        self.average = _running_mean(self.network, config.schedule.average) if config.schedule.average else None
        self.step_loss = float("nan")
        self._sums = torch.zeros(8)

    @property
    def best_network(self) -> KeypointNetwork:
        """What is validated and kept."""
        return self.network if self.average is None else cast(KeypointNetwork, self.average.module)

    def steps_per_epoch(self) -> int:
        """Return the optimizer's steps in an epoch; the same for any number of devices."""
        return len(self._plan(0))

    def _plan(self, epoch: int) -> list[tuple[Any, float]]:
        rank, world = (self.global_rank, self.trainer.world_size) if self._trainer else (0, 1)
        return plan(len(self.train_crops), self.config.schedule.batch, epoch, self.config.seed, rank, world)

    def train_dataloader(self) -> Batches:
        """Return this epoch's batches for this device."""
        self.train_crops.schedule = self.config.schedule
        return Batches(self.train_crops, self._plan(self.current_epoch), self.current_epoch)

    def val_dataloader(self) -> Batches | list[Any]:
        """Return this device's part of the validation faces."""
        if self.validation_crops is None:
            return []
        mine = np.arange(self.global_rank, len(self.validation_crops), self.trainer.world_size)
        steps = [(mine[k : k + VALIDATION_BATCH], 1.0) for k in range(0, len(mine), VALIDATION_BATCH)]
        return Batches(self.validation_crops, steps or [NO_FACE], 0)

    def on_train_epoch_start(self) -> None:
        """Make dropout depend on the epoch alone, so that a resumed run repeats an undisturbed one.

        While only the head learns, the normalizations of the rest keep their statistics too.
        """
        torch.manual_seed(hash((self.config.seed, self.current_epoch, self.global_rank)) % 2**63)
        frozen = self.current_epoch < self.config.init.freeze_epochs
        for name, layer in self.network.model.named_children():
            layer.train(name == HEAD or not frozen)

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the loss of a batch of crops (B, C, H, W)."""
        decoded = self.network.decode(batch.crops)
        loss = mean_loss(self.loss, decoded, batch.target)
        self.step_loss = float(loss.detach())  # the curve is of points alone
        if self.network.spread is not None:
            loss = loss + spread_loss(decoded, batch.target, self.network.shape.size)
        if not isfinite(float(loss.detach())):
            raise ConfigError(
                f"the loss became {self.step_loss} in epoch {self.current_epoch + 1}; try a smaller optimizer.lr"
            )
        return loss * batch.share

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip the gradient of the points' weights by itself, so that learning the spread moves no point."""
        if gradient_clip_val:
            own = set(self.network.spread.parameters()) if self.network.spread else set()
            rest = [weight for weight in self.network.parameters() if weight not in own]
            for weights in (rest, list(own)):
                torch.nn.utils.clip_grad_norm_(weights, gradient_clip_val)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Move the running mean a little."""
        if self.average is not None:
            self.average.update_parameters(self.network)

    def on_validation_epoch_start(self) -> None:
        """Begin the sums: of loss, error in px, NME and surprise, each with its own count of faces."""
        self._sums = torch.zeros(8, device=self.device)

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Add a batch's loss, error in image px, NME and surprise to the sums over all faces."""
        with torch.autocast(batch.crops.device.type, enabled=False):
            network = self.best_network
            decoded = network.decode(batch.crops)
            loss = mean_loss(self.loss, decoded, batch.target)
        height, width = network.shape.size
        side = torch.tensor([width, height], device=loss.device) / 2
        errors = ((decoded.keypoints - batch.target) * side).norm(dim=-1) * batch.image_px[:, None]
        faces = errors.nanmean(-1)
        nme = faces / batch.length
        residuals = normalized_residual(decoded, batch.target, network.shape.size)
        scores = loss.expand(len(faces)), faces, nme, residuals
        parts = [part for each in scores for part in (each.nansum(), each.isfinite().sum())]
        self._sums += torch.stack([part.float() for part in parts]) * batch.share

    def on_validation_epoch_end(self) -> None:
        """Log the means over the faces of all devices, and set the spread by them."""
        sums, counts = self.trainer.strategy.reduce(self._sums, reduce_op="sum").reshape(4, 2).unbind(1)
        *scores, mean_surprise = sums / counts
        for name, value in zip(("loss", "error_px", "nme"), scores, strict=True):
            self.log(f"val/{name}", value, logger=True)
        spread = self.best_network.spread
        if spread is not None and mean_surprise.isfinite():
            spread.scale.mul_(spread_correction(mean_surprise))

    def configure_optimizers(self) -> Any:
        """Return the optimizer and its schedule, moved at every step."""
        settings, schedule, init = self.config.optimizer, self.config.schedule, self.config.init
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.name]
        optimizer = kind(_groups(self.network, settings, init.backbone_rate), lr=settings.lr, fused=True)
        steps = self.steps_per_epoch()
        total, frozen = schedule.epochs * steps, init.freeze_epochs * steps

        def head(step: int) -> float:
            return rate_at(step, total, schedule)

        def backbone(step: int) -> float:  # a rate of 0, because DDP would wait for gradients that nobody wants
            return 0.0 if step < frozen else rate_at(step, total, schedule)

        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, [head, head, backbone, backbone])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


def rate_at(step: int, total: int, schedule: ScheduleConfig) -> float:
    """Return the learning rate at `step` of `total` as a share of the highest."""
    rise = schedule.warmup * total
    if step < rise:
        return (step + 1) / (rise + 1)
    if schedule.shape == "constant":
        return 1.0
    return (1 + cos(pi * min(1.0, (step - rise) / max(1.0, total - rise)))) / 2


def _groups(network: KeypointNetwork, settings: OptimizerConfig, backbone_rate: float) -> list[dict[str, Any]]:
    """Return the head's weights, then all others: each those that decay, and biases and normalizations, that do not."""
    head = [*network.model.head.parameters(), *(network.spread.parameters() if network.spread else ())]
    inside = {id(p) for p in head}
    others = [p for p in network.parameters() if id(p) not in inside]
    return [
        {"params": [p for p in part if (p.ndim > 1) == decays], "weight_decay": decay, "lr": settings.lr * share}
        for part, share in ((head, 1.0), (others, backbone_rate))
        for decays, decay in ((True, settings.weight_decay), (False, 0.0))
    ]


def _running_mean(network: KeypointNetwork, decay: float) -> AveragedModel:
    """Return the exponential mean of all weights and buffers; it follows faster at the start."""

    def update(means: Any, currents: Any, updates: Any) -> None:
        weight = 1 - min(decay, (1 + int(updates)) / (10 + int(updates)))
        for mean, current in _float_pairs(means, currents):
            mean.lerp_(current.to(mean.dtype), weight)

    average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    return average.requires_grad_(False)  # DDP waits for the gradient of whatever asks for one


def _float_pairs(means: Any, currents: Any) -> Iterator[tuple[Tensor, Tensor]]:
    for mean, current in zip(means, currents, strict=True):
        if mean.is_floating_point():
            yield mean, current
        else:
            mean.copy_(current)
