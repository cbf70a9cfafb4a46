"""Measurements of a contender: errors with good and bad boxes, time on one core, and jitter on a still face."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import distribution, requires
from pathlib import Path
from typing import NamedTuple

import numpy as np
from contenders import Contender, Points
from packaging.requirements import Requirement

from nasion import images
from nasion.evaluation import metrics
from nasion.evaluation.evaluation import THRESHOLD
from nasion.geometry import Affine, FloatArray, scale_box
from nasion.sample import DataSet, Image

SHIFT = 0.15
"""Largest shift of a box, as a share of its sides, and largest change of its size."""

STILLS, FRAMES, NOISE, SHAKE_PX = 24, 25, 4.0, 1.0
"""Number of still faces, frames of each, pixel noise (of 255), and largest shift of a frame, px."""


class Errors(NamedTuple):
    """Scores of one contender, as fractions, and the number of lost faces."""

    nme: float
    failures: float
    auc: float
    lost: int


def boxes(faces: DataSet, shaken: bool) -> list[FloatArray]:
    """Return the boxes (4,) around the faces' points, image px; if `shaken`, shifted and scaled by up to `SHIFT`."""
    random = np.random.default_rng(0)
    plain = [face.points_box() for face in faces.annotations]
    if not shaken:
        return plain
    return [scale_box(box, 1 + random.uniform(-SHIFT, SHIFT), random.uniform(-SHIFT, SHIFT, 2)) for box in plain]


def errors(contender: Contender, faces: DataSet, given: list[FloatArray]) -> Errors:
    """Return the scores; a face without a prediction counts as a failure and is left out of the mean."""
    nme = []
    for index, box in enumerate(given):
        sample = faces.load(index)
        found = contender.find(sample.image, box)
        length = sample.annotation.normalizer_lengths()["inter_ocular"]
        far = np.nan if found is None else metrics.point_errors(found, sample.annotation.keypoints).mean() / length
        nme.append(float(far))
    array = np.array(nme)
    lost = int(np.isnan(array).sum())
    worst = np.where(np.isnan(array), 1.0, array)
    return Errors(float(np.nanmean(array)), metrics.failure_rate(worst, THRESHOLD), metrics.auc(worst, THRESHOLD), lost)


def milliseconds(contenders: list[Contender], faces: DataSet, rounds: int = 7, count: int = 24) -> dict[str, float]:
    """Return each contender's mean time per face, ms, on one core, in its fastest round; contenders take turns."""
    samples = [faces.load(index) for index in range(min(count, len(faces)))]
    given = [sample.annotation.points_box() for sample in samples]
    best = dict.fromkeys((c.name for c in contenders), np.inf)
    with one_core():
        for _ in range(rounds):
            for contender in contenders:
                began = time.perf_counter()
                for sample, box in zip(samples, given, strict=True):
                    contender.find(sample.image, box)
                best[contender.name] = min(best[contender.name], 1000 * (time.perf_counter() - began) / len(samples))
    return best


@contextmanager
def one_core() -> Iterator[None]:
    """Bind all threads of this process to one core."""
    cores = os.sched_getaffinity(0)
    _bind({min(cores)})
    try:
        yield
    finally:
        _bind(cores)


def _bind(cores: set[int]) -> None:
    """Bind all threads of this process, including those of libraries, to these cores."""
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def jitter(contender: Contender, faces: DataSet) -> float:
    """Return the standard deviation of the points of a still face, as a share of the inter-ocular distance.

    Each frame is the same image with new noise, shifted by up to 1 px; the predicted points are shifted back. The box
    does not change.
    """
    random = np.random.default_rng(1)
    spreads = []
    for index in np.linspace(0, len(faces) - 1, STILLS).astype(int):
        sample = faces.load(int(index))
        box, found = sample.annotation.points_box(), []
        for _ in range(FRAMES):
            move = random.uniform(-SHAKE_PX, SHAKE_PX, 2)
            frame = _noisy(images.warp(sample.image, Affine.translation(*move), sample.image.shape[:2]), random)
            points: Points = contender.find(frame, box)
            if points is not None:
                found.append(points - move)
        if len(found) > 1:
            wander = np.sqrt(np.var(found, axis=0).sum(-1)).mean()
            spreads.append(wander / sample.annotation.normalizer_lengths()["inter_ocular"])
    return float(np.mean(spreads))


def _noisy(image: Image, random: np.random.Generator) -> Image:
    noise = NOISE * random.standard_normal(image.shape, dtype=np.float32)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def installed_mb(packages: tuple[str, ...]) -> float:
    """Return the size of the installed packages with all their dependencies, MB."""
    names: set[str] = set()

    def add(name: str) -> None:
        if name in names:
            return
        names.add(name)
        for line in requires(name) or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                _if_installed(wanted.name, add)

    for package in packages:
        add(package)
    return sum(_size(name) for name in names) / 1e6


def _if_installed(name: str, add: Callable[[str], None]) -> None:
    try:
        distribution(name)
    except ModuleNotFoundError:
        return
    add(name)


def _size(name: str) -> int:
    files = distribution(name).files or ()
    return sum(path.stat().st_size for each in files if (path := each.locate()).is_file())  # pyright: ignore
