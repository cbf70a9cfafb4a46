"""How long a training will take, before it starts; and how many epochs a given time holds."""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import torch

from nasion.train.config import RunConfig
from nasion.train.loop.module import KeypointModule
from nasion.train.network.network import mean_loss

__all__ = ["Pace", "align_validation", "epochs_within", "format_duration", "measure_pace"]

CALIBRATION_SECONDS = 2.0
"""How long steps are timed before a training, to tell and to fit its time."""

CLEARLY = 1.2
"""How many times as fast a precision must be to be preferred: small differences are noise, and runs should repeat."""

FITTED_SHARE = 0.95
"""Share of --minutes that is planned: the rest is for what steps do not show."""


class Pace(NamedTuple):
    """Seconds of a training step with crops of full size, and of a whole validation."""

    step: float
    validation: float

    def epoch(self, config: RunConfig, steps: int) -> float:
        """Return the seconds of a mean epoch of `steps` steps with its share of a validation."""
        schedule = config.schedule
        share = schedule.work(schedule.epochs, config.crop.size) / schedule.epochs
        return steps * self.step * share + self.validation / schedule.validate_every


def measure_pace(module: KeypointModule, precisions: Sequence[str], world: int) -> tuple[str, Pace]:
    """Return the precision in which a module trains faster here, and how fast it then trains and validates.

    Measured on copies that are thrown away. Any but the first must be clearly faster to be taken.
    """
    state = torch.random.get_rng_state()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    copy = deepcopy(module.network).train().to(device)
    optimizer = torch.optim.Adam(copy.parameters())
    steps = [(indices[::world], share) for indices, share in module._plan(0)]

    def step(indices: object, share: float, precision: str) -> None:
        batch = module.train_crops.batch([int(i) for i in indices], 0, share)  # pyright: ignore[reportGeneralTypeIssues]
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            mean_loss(module.loss, copy.decode(batch.crops.to(device)), batch.target.to(device)).backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()

    def validate() -> None:
        copy.eval()
        with torch.inference_mode():
            for index in range(len(module.validation_crops or ())):
                assert module.validation_crops is not None
                copy.decode(module.validation_crops.batch([index]).crops.to(device))

    seconds: dict[str, float] = {}
    for precision in precisions:
        timed = [partial(step, indices, share, precision) for indices, share in steps * 20]
        timed[0]()  # prepares kernels and memory
        seconds[precision] = _mean_seconds(timed, CALIBRATION_SECONDS)
    fastest = min(seconds, key=lambda name: seconds[name] * (1.0 if name == precisions[0] else CLEARLY))
    validation = _mean_seconds([validate], 0)
    torch.random.set_rng_state(state)
    return fastest, Pace(seconds[fastest], validation)


def _mean_seconds(actions: list[Callable[[], None]], limit: float) -> float:
    began = time.perf_counter()
    done = 0
    for action in actions:
        action()
        done += 1
        if time.perf_counter() - began > limit:
            break
    return (time.perf_counter() - began) / done


def epochs_within(config: RunConfig, pace: Pace, steps: int, minutes: float) -> RunConfig:
    """Return the configuration with as many epochs of `steps` steps as `minutes` hold, whole validations apart."""
    epochs = max(1, int(minutes * 60 * FITTED_SHARE / pace.epoch(config, steps)))
    epochs -= epochs % min(config.schedule.validate_every, epochs)
    return config.model_copy(update={"schedule": config.schedule.model_copy(update={"epochs": epochs})})


def align_validation(config: RunConfig) -> RunConfig:
    """Return the configuration with a distance of validations that divides the epochs: the last one is validated."""
    epochs, wanted = config.schedule.epochs, config.schedule.validate_every
    every = next(k for k in range(min(wanted, epochs), 0, -1) if epochs % k == 0)
    return config.model_copy(update={"schedule": config.schedule.model_copy(update={"validate_every": every})})


def format_duration(seconds: float) -> str:
    """Return a time as a person says it.

    >>> told_time(42), told_time(150), told_time(7500)
    ('42 s', '2 min 30 s', '2 h 5 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
