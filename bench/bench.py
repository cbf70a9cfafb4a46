"""Times what users wait for; every comparison is side by side in one run, because absolute times are noise.

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
from nasion.predict.model_zoo import resolve
from nasion.predict.onnx_backend import OnnxBackend
from nasion.predict.predictor import Predictor
from nasion.train import config
from nasion.train.data.batches import Batches, CropSource, plan
from nasion.train.jobs import train_job
from nasion.train.loop.hardware import SINGLE_PROCESS, Devices, possible_precisions
from nasion.train.loop.module import KeypointModule
from nasion.train.loop.time_budget import measure_pace
from nasion.train.network.network import mean_loss

ROUNDS = 5
PICTURES = 100
MANY, CROWD = 10_000, 100
QUIET = Console(quiet=True)


def main() -> None:
    """Print one table of rates and times, each with its aim."""
    table = Table("what", "measured", "aim")
    resolved = config.load("danes-heatmap", ["crop.height=128", "crop.width=128"], "synthetic:96")
    crops = CropSource(datasets.load("synthetic:96"), resolved.crop, resolved.augment)
    with tempfile.TemporaryDirectory() as place:
        table.add_row("loader, all augmentation, 128 px, one core", f"{loader_rate(crops):,.0f} crops/s", ">= 2,000")
        step, bare = step_rates(resolved, crops)
        table.add_row(
            "training step / the bare network's", f"{step / bare:.3f} ({step:.1f} and {bare:.1f} faces/s)", ">= 0.95"
        )
        table.add_row("import nasion", f"{import_seconds('nasion') - import_seconds('sys'):.3f} s", "< 0.3 s")
        folder = Path(place)
        images.write(folder / "face.png", data.astronaut())
        run = a_run(folder)
        table.add_row("nasion predict, cold, one photograph to its file", f"{predict_seconds(folder):.2f} s", "< 1 s")
        table.add_row("the same with a run, in torch", f"{predict_seconds(folder, run):.2f} s", "none set")
        crop, whole = face_ms()
        table.add_row("default, one face, one thread, crop to points", f"{crop:.1f} ms", "<= 15 ms")
        table.add_row("the same from picture and box, refined once", f"{whole:.1f} ms", "none set")
        pictures, cores = folder_rate(folder)
        table.add_row(f"nasion predict on {PICTURES} pictures, a face each", f"{pictures:.0f} pictures/s", "none set")
        table.add_row("cores that it keeps busy", f"{cores:.1f}", "none set")
        few, many = memory_mb(folder, MANY // 10), memory_mb(folder, MANY)
        table.add_row(f"memory at its peak, {MANY:,} faces against {MANY // 10:,}", f"{many:.0f}, {few:.0f} MB", "flat")
    Console().print(table)


def best(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the least seconds of several runs: the others were disturbed."""
    times: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def loader_rate(crops: CropSource) -> float:
    """Return varied crops a second on one core."""
    cv2.setNumThreads(1)
    faces = list(range(len(crops)))
    seconds = best(lambda: [crops.batch(faces[start : start + 32], epoch=1) for start in range(0, len(faces), 32)])
    return len(faces) / seconds


def step_rates(resolved: config.RunConfig, crops: CropSource) -> tuple[float, float]:
    """Return faces a second of training with its loader, and of the network's forward and backward alone."""
    module = KeypointModule(resolved, crops, None)
    bfloat = measure_pace(module, possible_precisions(resolved, SINGLE_PROCESS), 1)[0] == "bfloat16"
    optimizer = module.configure_optimizers()["optimizer"]
    steps = plan(len(crops), resolved.schedule.batch, 0, 0) * 2
    batch = crops.batch(steps[0][0].tolist())

    def learn(one: object) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat):
            mean_loss(module.loss, module.network.decode(one.crops), one.target).backward()  # pyright: ignore[reportAttributeAccessIssue]

    def bare() -> None:
        for _ in steps:
            learn(batch)
            optimizer.zero_grad()

    def whole() -> None:
        for one in Batches(crops, steps, 0):
            learn(one)
            optimizer.step()
            optimizer.zero_grad()
            if module.average is not None:
                module.average.update_parameters(module.network)

    bare()
    whole()
    pairs = [(best(whole, 1), best(bare, 1)) for _ in range(ROUNDS)]
    faces = sum(len(indices) for indices, _ in steps)
    return faces / min(w for w, _ in pairs), faces / min(b for _, b in pairs)


def import_seconds(module: str) -> float:
    """Return the seconds of a Python that imports `module` and ends."""
    return best(lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True))


def a_run(folder: Path) -> Path:
    """Return a run that has learned a little."""
    nose = config.load("nose", ["schedule.epochs=1"], "synthetic:24")
    return train_job(nose, folder / "run", QUIET, "bench", None, Devices()).folder


def predict_seconds(folder: Path, model: Path | str = "default") -> float:
    """Return the seconds from `nasion predict` to its file, cold; with YuNet where its file has been downloaded."""
    words = ["predict", str(folder / "face.png"), "--model", str(model), "--out", str(folder / "out")]
    command, silent = [sys.executable, "-m", "nasion", *words], subprocess.DEVNULL
    return best(lambda: subprocess.run(command, check=True, stdout=silent, stderr=silent))


def folder_rate(folder: Path) -> tuple[float, float]:
    """Return pictures a second of `nasion predict` on a folder, start and end included, and the cores kept busy."""
    album = folder / "album"
    for number in range(PICTURES):
        images.write(album / f"{number:03}.jpg", data.astronaut())
    command = [sys.executable, "-m", "nasion", "predict", str(album), "--out", str(folder / "drawn")]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return PICTURES / seconds, busy / seconds


COMMAND = """
from pathlib import Path
from nasion.cli import main
try:
    main()
finally:  # Linux's own count: getrusage's begins with the memory of whoever started this
    print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line))
"""


def memory_mb(folder: Path, faces: int) -> float:
    """Return the most memory that `nasion predict` takes for a folder of so many faces, a hundred a picture, MB."""
    album, table = folder / f"crowd{faces}", folder / f"crowd{faces}.csv"
    names = [f"{number:04}.png" for number in range(faces // CROWD)]
    for name in names:
        images.write(album / name, data.astronaut())
    rows = (f"{name},176,95,275,180" for name in names for _ in range(CROWD))
    table.write_text("\n".join(["image,x0,y0,x1,y1", *rows]) + "\n")
    words = ["predict", str(album), "--box", str(table), "--out", str(folder / f"found{faces}")]
    done = subprocess.run([sys.executable, "-c", COMMAND, *words], check=False, capture_output=True, text=True)
    return float(done.stdout.split()[-1]) / 1024


def face_ms(rounds: int = 100) -> tuple[float, float]:
    """Return the ms of one face on one thread: the network alone, and the whole way from a picture and a box."""
    cv2.setNumThreads(1)
    backend = OnnxBackend(resolve("default"), threads=1)
    picture = data.astronaut()
    crops = np.zeros((1, *backend.crop.size, backend.crop.channels), np.uint8)
    predictor = Predictor(backend)
    box = [[176, 95, 275, 180]]
    return 1000 * best(lambda: backend(crops), rounds), 1000 * best(lambda: predictor(picture, box), rounds)


if __name__ == "__main__":
    os.environ.pop("OMP_NUM_THREADS", None)
    main()
