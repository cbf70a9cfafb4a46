"""How long a training takes, before it starts, and how many epochs fit into a given time."""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasion.train.config import RunConfig
from nasion.train.data.batches import Batch, CropSource, EpochPlan, plan_batches
from nasion.train.network.network import KeypointNetwork, loss_of, mean_loss, spread_loss

__all__ = ["Pace", "align_validation", "epochs_within", "format_duration", "measure_pace", "replanned"]

CALIBRATION_SECONDS = 2.0
"""How long steps are timed before a training."""

CLEARLY = 1.2
"""Speedup from which another precision is preferred: smaller differences are noise, and runs should be repeatable."""

ALMOST_ALL = 0.99
"""Largest share of epochs with low-resolution crops."""

PLANNED_SHARE = 0.95
"""Share of --minutes that is planned; the rest is for what the measured steps do not include."""


class Pace(NamedTuple):
    """Duration of a training step with full-size crops and of a validation, seconds, with the number of steps."""

    step: float
    validation: float
    steps: int

    def epoch(self, config: RunConfig) -> float:
        """Return the seconds of an average epoch with its share of a validation."""
        schedule = config.schedule
        share = schedule.cost(schedule.epochs, config.crop.size) / schedule.epochs
        return self.steps * self.step * share + self.validation / schedule.validate_every


def measure_pace(
    config: RunConfig,
    network: KeypointNetwork,
    train: CropSource,
    validation: CropSource | None,
    precisions: Sequence[str],
    world: int,
) -> tuple[str, Pace]:
    """Return the precision in which a network trains faster on this machine, and how fast it trains and validates.

    It is measured on a copy, which is discarded. The first precision is preferred unless another is clearly faster.
    """
    state = torch.random.get_rng_state()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    copy = deepcopy(network).train().to(device)
    step = _training_step(config, copy, train, device)
    batches = plan_batches(len(train), config.schedule.batch, 0, config.seed)
    seconds: dict[str, float] = {}
    for precision in precisions:
        timed = [partial(step, indices[::world], share, precision) for indices, share in batches * 20]
        timed[0]()  # prepares kernels and memory
        seconds[precision] = _mean_seconds(timed, CALIBRATION_SECONDS)
    fastest = min(seconds, key=lambda name: seconds[name] * (1.0 if name == precisions[0] else CLEARLY))
    validated = _mean_seconds([partial(_validate, copy, validation, device)], 0)
    torch.random.set_rng_state(state)
    return fastest, Pace(seconds[fastest], validated, len(batches))


def _training_step(
    config: RunConfig, network: KeypointNetwork, train: CropSource, device: torch.device
) -> Callable[[NDArray[np.intp], float, str], None]:
    """Return a function (indices, share, precision) that trains the network by one step."""
    loss, size = loss_of(config, network), network.spec.size
    optimizer = torch.optim.Adam(network.parameters())
    plan = EpochPlan(0, config.crop.size, config.augment)
    network.model.requires_grad_(not config.init.keep_keypoints)

    def learned(batch: Batch) -> Tensor:
        decoded, target = network.decode(batch.crops.to(device)), batch.target.to(device)
        return spread_loss(decoded, target, size) if config.init.keep_keypoints else mean_loss(loss, decoded, target)

    def step(indices: NDArray[np.intp], share: float, precision: str) -> None:
        batch = train.batch([int(i) for i in indices], plan, share)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            learned(batch).backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def _validate(network: KeypointNetwork, source: CropSource | None, device: torch.device) -> None:
    network.eval()
    if source is None:
        return
    with torch.inference_mode():
        for index in range(len(source)):
            network.decode(source.batch([index], source.plain).crops.to(device))


def _mean_seconds(actions: Sequence[Callable[[], None]], limit: float) -> float:
    """Return the mean duration of the actions, of as many as fit into `limit` seconds."""
    started = time.perf_counter()
    done = 0
    for action in actions:
        action()
        done += 1
        if time.perf_counter() - started > limit:
            break
    return (time.perf_counter() - started) / done


def epochs_within(config: RunConfig, pace: Pace, minutes: float) -> RunConfig:
    """Return the configuration with as many epochs as fit into `minutes`, a multiple of the validation interval."""
    epochs = max(1, int(minutes * 60 * PLANNED_SHARE / pace.epoch(config)))
    epochs -= epochs % min(config.schedule.validate_every, epochs)
    return config.with_schedule(epochs=epochs)


def replanned(config: RunConfig, done: int, elapsed_s: float, minutes: float) -> RunConfig:
    """Return the configuration with as many epochs as fit into the time at the pace so far.

    The last epoch is a multiple of the validation interval, and as many epochs as before have low-resolution crops.

    Args:
        config: the run's configuration.
        done: number of finished epochs, at least 1.
        elapsed_s: duration of the training so far.
        minutes: the time for the complete training.
    """
    schedule, size = config.schedule, config.crop.size
    low, every = schedule.low_res_epochs, schedule.validate_every
    affordable = minutes * 60 * PLANNED_SHARE / elapsed_s * schedule.cost(done, size)
    low_cost = schedule.cost(low, size)
    epochs = affordable * low / low_cost if affordable < low_cost else low + affordable - low_cost
    multiple = max(int(epochs / every), -(-done // every)) * every
    changed = {"epochs": multiple, "low_res_share": min(low / multiple, ALMOST_ALL)}
    return config.model_copy(update={"schedule": schedule.model_copy(update=changed)})


def align_validation(config: RunConfig) -> RunConfig:
    """Return the configuration with a validation interval that divides the epochs: the last one is validated."""
    epochs, wanted = config.schedule.epochs, config.schedule.validate_every
    every = next(k for k in range(min(wanted, epochs), 0, -1) if epochs % k == 0)
    return config.with_schedule(validate_every=every)


def format_duration(seconds: float) -> str:
    """Return a duration in words.

    >>> format_duration(42), format_duration(150), format_duration(7500)
    ('42 s', '2 min 30 s', '2 h 5 min')
    """
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60} min"
