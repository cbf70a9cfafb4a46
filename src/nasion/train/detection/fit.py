"""The training of a detector: composed scenes, resumable, exactly repeatable on one machine."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from nasion.atomic import atomic_path, ensure_writable
from nasion.errors import ConfigError, ModelError
from nasion.progress import SILENT, Reporter
from nasion.train.detection.network import DetectorNetwork, box_loss, score_loss
from nasion.train.detection.onnx import write_detector
from nasion.train.detection.scenes import Cutout, Scenes
from nasion.train.detection.targets import encode

__all__ = ["DetectorJob", "train_detector"]

CHECKPOINT, DETECTOR = "detector.pt", "detector.onnx"
"""Names in the folder: what a training resumes from, and the result."""

CALIBRATION_SCENES = 64
"""Number of scenes on which the ranges of 8-bit activations are measured."""

BOX_WEIGHT = 2.0
"""Weight of the boxes' loss relative to that of the scores."""

EMA_DECAY = 0.998
WEIGHT_DECAY = 0.01
WARMUP = 0.03
"""Decay of the average of the weights, weight decay, and share of the steps in which the learning rate rises."""

MAX_GRADIENT = 5.0
"""Largest norm of the gradient."""

SAVE_SECONDS = 60
"""Time between two checkpoints."""


@dataclass(frozen=True)
class DetectorJob:
    """A training.

    Attributes:
        sources: lists of faces; see `Scenes`.
        backgrounds: photographs without faces.
        steps: number of batches.
        batch: scenes per batch.
        side: height and width of a scene, px.
        lr: highest learning rate of AdamW.
        seed: of the weights and the scenes.
        workers: processes that compose scenes.
    """

    sources: Sequence[Sequence[Cutout]]
    backgrounds: Sequence[Path]
    steps: int = 6000
    batch: int = 16
    side: int = 320
    lr: float = 2e-3
    seed: int = 0
    workers: int = 1


def train_detector(job: DetectorJob, folder: Path, init: Path | None = None, reporter: Reporter = SILENT) -> Path:
    """Train a detector, and return the path of its .onnx file.

    A folder with the checkpoint of an interrupted training continues it.

    Args:
        job: the training.
        folder: receives detector.pt and detector.onnx.
        init: the folder of another training, from whose network this one starts.
        reporter: receives the progress.

    Raises:
        ConfigError: the sources have no faces.
        ModelError: a checkpoint cannot be read.
        OutputError: the folder cannot be written.
    """
    if not any(job.sources):
        raise ConfigError("the data has no faces; name data with keypoints")
    ensure_writable(folder)
    torch.manual_seed(job.seed)
    network = DetectorNetwork().to(memory_format=torch.channels_last)
    average = AveragedModel(network, avg_fn=_averaged, use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), job.lr, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / job.steps))
    parts = {"network": network, "average": average, "optimizer": optimizer, "schedule": schedule}
    done = _resume(folder / CHECKPOINT, parts)
    if not done and init is not None:
        stored = _load(init / CHECKPOINT)
        network.load_state_dict(stored["average_network"])
        average.module.load_state_dict(stored["average_network"])
    scenes = Scenes(job.sources, job.backgrounds, job.side, job.seed)
    saved, losses = time.monotonic(), np.zeros(2)
    network.train()
    with reporter.task("training the detector", job.steps) as task:
        task.advance(done)
        for step, batch in enumerate(_batches(scenes, job, done), done + 1):
            losses = 0.98 * losses + 0.02 * np.array(_step(network, batch, optimizer))
            schedule.step()
            average.update_parameters(network)
            task.advance()
            if time.monotonic() - saved > SAVE_SECONDS or step == job.steps:
                _save(folder / CHECKPOINT, parts, step)
                saved = time.monotonic()
                warm = 1 - 0.98 ** (step - done)
                scores, boxes = losses / warm
                reporter.line(f"step {step}/{job.steps}: loss {scores:.3f} (scores), {boxes:.3f} (boxes)")
    trained = average.module
    assert isinstance(trained, DetectorNetwork)
    examples = [scenes(-1 - k & 0x7FFFFFFF).image for k in range(CALIBRATION_SCENES)]
    write_detector(trained.eval(), examples, folder / DETECTOR)
    return folder / DETECTOR


def _averaged(average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Return the exponential moving average after another value; the first values are forgotten faster."""
    if not average.is_floating_point():  # numbers of batches
        return current
    decay = min(EMA_DECAY, (1 + int(count)) / (10 + int(count)))
    return average.lerp(current, 1 - decay)


def _rate(done: float) -> float:
    """Return the learning rate, a share of the highest, after a share of the steps: a rise, then half a cosine."""
    return min(1.0, (done + 1e-4) / WARMUP) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def _step(network: nn.Module, batch: Sequence[Tensor], optimizer: torch.optim.Optimizer) -> tuple[float, float]:
    images, score, box, near, known = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=torch.backends.cpu.get_cpu_capability().startswith("AVX512")):
        logits, boxes = network(images)
    scores, places = score_loss(logits[:, 0], score, known), box_loss(boxes, box, near)
    optimizer.zero_grad()
    (scores + BOX_WEIGHT * places).backward()
    nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
    optimizer.step()
    return scores.item(), places.item()


class _Encoded(Dataset[tuple[np.ndarray, ...]]):
    """Scenes with their targets, from number `start`."""

    def __init__(self, scenes: Scenes, start: int, count: int) -> None:
        self.scenes, self.start, self.count = scenes, start, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        if index >= self.count:
            raise IndexError(index)
        scene = self.scenes(self.start + index)
        return scene.image, *encode(scene.boxes, scene.doubtful, scene.image.shape[:2])


def _batches(scenes: Scenes, job: DetectorJob, done: int) -> Iterator[list[Tensor]]:
    data = _Encoded(scenes, done * job.batch, (job.steps - done) * job.batch)
    yield from DataLoader(data, job.batch, num_workers=job.workers, persistent_workers=False)


def _save(path: Path, parts: dict[str, Any], step: int) -> None:
    state = {name: part.state_dict() for name, part in parts.items()}
    state |= {"step": step, "average_network": parts["average"].module.state_dict()}
    with atomic_path(path) as target:
        torch.save(state, target)


def _resume(path: Path, parts: dict[str, Any]) -> int:
    """Restore a training from its checkpoint, if there is one, and return the number of its steps."""
    if not path.exists():
        return 0
    state = _load(path)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def _load(path: Path) -> dict[str, Any]:
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:  # torch.load raises errors of many kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: cannot read this checkpoint ({reason}); delete it to start again") from None
