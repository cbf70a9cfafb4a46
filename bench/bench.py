"""Measure what users wait for; compared values are measured in one run, because absolute times vary too much.

make bench
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from skimage import data

from nasion import datasets, images
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.train import config
from nasion.train.data.batches import Batch, Batches, CropSource, EpochPlan, epoch_plan, plan_batches
from nasion.train.jobs import train_job
from nasion.train.loop.hardware import SINGLE_PROCESS, candidate_precisions
from nasion.train.loop.module import KeypointModule
from nasion.train.loop.time_budget import measure_pace
from nasion.train.network.network import mean_loss
from nasion.train.runs.warm_start import build_network

ROUNDS = 5
"""Repetitions of each measurement; the fastest counts."""

IMAGES = 100
"""Images of the folder on which the rate of `nasion predict` is measured."""

MANY, CROWD = 10_000, 100
"""Faces of the larger memory measurement, and faces per image."""

FACE_BOX = [176, 95, 275, 180]
"""Box around the keypoints of scikit-image's astronaut, xyxy, px."""


def main() -> None:
    """Print one table of rates and times with their targets."""
    table = Table("what", "measured", "target")
    resolved = config.load("danes-heatmap", ["crop.height=128", "crop.width=128"], ["synthetic:96"])
    crops = CropSource(datasets.load("synthetic:96"), resolved.crop, varied=True, seed=resolved.seed)
    with tempfile.TemporaryDirectory() as place:
        rate = loader_rate(crops, epoch_plan(resolved, 1))
        table.add_row("loader, all augmentation, 128 px, one core", f"{rate:,.0f} crops/s", ">= 2,000")
        step, bare = step_rates(resolved, crops)
        table.add_row(
            "training step with loader / network alone",
            f"{step / bare:.3f} ({step:.1f} and {bare:.1f} faces/s)",
            ">= 0.95",
        )
        table.add_row("import nasion", f"{import_seconds('nasion') - import_seconds('sys'):.3f} s", "< 0.3 s")
        folder = Path(place)
        images.write(folder / "face.png", data.astronaut())
        run = trained_run(folder)
        table.add_row("nasion predict, cold start, one photo", f"{predict_seconds(folder):.2f} s", "< 1 s")
        table.add_row("the same with a run folder, in torch", f"{predict_seconds(folder, run):.2f} s", "none")
        crop, whole = face_ms()
        table.add_row("default, one face, one thread, crop to points", f"{crop:.1f} ms", "<= 15 ms")
        table.add_row("the same from image and box, refined once", f"{whole:.1f} ms", "none")
        rate, cores = folder_rate(folder)
        table.add_row(f"nasion predict on {IMAGES} images, one face each", f"{rate:.0f} images/s", "none")
        table.add_row("cores in use", f"{cores:.1f}", "none")
        few, many = memory_mb(folder, MANY // 10), memory_mb(folder, MANY)
        table.add_row(f"peak memory, {MANY // 10:,} and {MANY:,} faces", f"{few:.0f}, {many:.0f} MB", "flat")
    Console().print(table)


def best(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the shortest duration, seconds, of several runs; the longer ones were disturbed."""
    times: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def loader_rate(crops: CropSource, plan: EpochPlan) -> float:
    """Return the number of augmented crops per second on one core."""
    cv2.setNumThreads(1)
    faces = list(range(len(crops)))
    seconds = best(lambda: [crops.batch(faces[start : start + 32], plan) for start in range(0, len(faces), 32)])
    return len(faces) / seconds


def step_rates(resolved: config.RunConfig, crops: CropSource) -> tuple[float, float]:
    """Return faces per second: training with its loader, and the network's forward and backward passes alone."""
    network = build_network(resolved, crops.skeleton)
    precisions = candidate_precisions(resolved, SINGLE_PROCESS)
    bfloat = measure_pace(resolved, network, crops, None, precisions, SINGLE_PROCESS.world)[0] == "bfloat16"
    module = KeypointModule(resolved, network, crops, None)
    optimizer = module.configure_optimizers()["optimizer"]
    steps = plan_batches(len(crops), resolved.schedule.batch, 0, 0) * 2
    plan = epoch_plan(resolved, 0)
    batch = crops.batch(steps[0][0].tolist(), plan)

    def learn(one: Batch) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat):
            mean_loss(module.loss, module.network.decode(one.crops), one.target).backward()

    def bare() -> None:
        for _ in steps:
            learn(batch)
            optimizer.zero_grad()

    def whole() -> None:
        for one in Batches(crops, steps, plan):
            learn(one)
            optimizer.step()
            optimizer.zero_grad()
            if module.ema is not None:
                module.ema.update_parameters(module.network)

    bare()
    whole()
    pairs = [(best(whole, 1), best(bare, 1)) for _ in range(ROUNDS)]
    faces = sum(len(indices) for indices, _ in steps)
    return faces / min(w for w, _ in pairs), faces / min(b for _, b in pairs)


def import_seconds(module: str) -> float:
    """Return the duration, seconds, of a Python process that only imports `module`."""
    return best(lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True))


def trained_run(folder: Path) -> Path:
    """Return the folder of a run that was trained for one epoch."""
    nose = config.load("nose", ["schedule.epochs=1"], ["synthetic:24"])
    return train_job(nose, folder / "run", "bench").folder


def predict_seconds(folder: Path, model: Path | str = "default") -> float:
    """Return the duration, seconds, of `nasion predict` from a cold start; with YuNet if it has been downloaded."""
    words = ["predict", str(folder / "face.png"), "--model", str(model), "--out", str(folder / "out")]
    command, silent = [sys.executable, "-m", "nasion", *words], subprocess.DEVNULL
    return best(lambda: subprocess.run(command, check=True, stdout=silent, stderr=silent))


def folder_rate(folder: Path) -> tuple[float, float]:
    """Return images per second of `nasion predict` on a folder, startup included, and the mean number of busy cores."""
    album = folder / "album"
    for number in range(IMAGES):
        images.write(album / f"{number:03}.jpg", data.astronaut())
    command = [sys.executable, "-m", "nasion", "predict", str(album), "--out", str(folder / "drawn")]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return IMAGES / seconds, busy / seconds


COMMAND = """
from pathlib import Path
from nasion.cli import main
try:
    main()
finally:  # from Linux, because getrusage starts with the memory of the parent process
    print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line))
"""


def memory_mb(folder: Path, faces: int) -> float:
    """Return the peak memory, MB, of `nasion predict` on a folder with this many faces, `CROWD` per image."""
    album, table = folder / f"crowd{faces}", folder / f"crowd{faces}.csv"
    names = [f"{number:04}.png" for number in range(faces // CROWD)]
    for name in names:
        images.write(album / name, data.astronaut())
    box = ",".join(map(str, FACE_BOX))
    rows = (f"{name},{box}" for name in names for _ in range(CROWD))
    table.write_text("\n".join(["image,x0,y0,x1,y1", *rows]) + "\n")
    words = ["predict", str(album), "--box", str(table), "--out", str(folder / f"found{faces}")]
    done = subprocess.run([sys.executable, "-c", COMMAND, *words], check=False, capture_output=True, text=True)
    return float(done.stdout.split()[-1]) / 1024


def face_ms(rounds: int = 100) -> tuple[float, float]:
    """Return the time, ms, of one face on one thread: the network alone, and everything from an image and a box."""
    cv2.setNumThreads(1)
    backend = OnnxBackend(resolve("default"), threads=1)
    image = data.astronaut()
    crops = np.zeros((1, *backend.crop.size, backend.crop.channels), np.uint8)
    predictor = Predictor(backend)
    return 1000 * best(lambda: backend(crops), rounds), 1000 * best(lambda: predictor(image, [FACE_BOX]), rounds)


if __name__ == "__main__":
    os.environ.pop("OMP_NUM_THREADS", None)
    main()
