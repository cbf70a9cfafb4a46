"""What a run uses of the machine: processes, threads, and the number format that trains faster."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from nasion.train.config import RunConfig

__all__ = [
    "SINGLE_PROCESS",
    "Devices",
    "candidate_precisions",
    "default_threads",
    "is_worker",
    "set_threads",
    "shared_folder",
]

FOLDER_VARIABLE = "NASION_RUN"
"""Environment variable through which the first process of a run passes its folder to those that Lightning starts."""

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Environment variables in which Lightning, torchrun and SLURM store a process's rank."""

MEASURE_SECONDS = 0.2
"""Time over which the load of other processes is measured."""


@dataclass(frozen=True)
class Devices:
    """The processes that share a run: `devices` on each of `nodes`."""

    devices: int = 1
    nodes: int = 1

    @property
    def world(self) -> int:
        """Number of all processes."""
        return self.devices * self.nodes


SINGLE_PROCESS = Devices()
"""One process on one machine."""


def default_threads(devices: int) -> int:
    """Return the number of threads per process: this machine's idle cores, divided among its devices.

    Two processes that each use all cores are many times slower than one thread each. `OMP_NUM_THREADS` overrides it.
    """
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, (cores - _busy_cores(cores)) // devices)


def set_threads(count: int) -> int:
    """Let torch use `count` threads and OpenCV one: crops are cut in a separate thread beside the network."""
    torch.set_num_threads(count)
    cv2.setNumThreads(1)
    return count


def _busy_cores(cores: int) -> int:
    """Return the number of cores that other processes use; 0 where it cannot be measured."""
    ticks = Path("/proc/stat")
    if not ticks.exists():
        return 0

    def busy_and_total() -> tuple[int, int]:
        user, nice, system, idle, io_wait, *rest = map(int, ticks.read_text("ascii").split("\n", 1)[0].split()[1:9])
        busy = user + nice + system + sum(rest)
        return busy, busy + idle + io_wait

    before = busy_and_total()
    time.sleep(MEASURE_SECONDS)
    after = busy_and_total()
    share = (after[0] - before[0]) / max(1, after[1] - before[1])
    return min(cores - 1, round(share * cores))


def candidate_precisions(config: RunConfig, devices: Devices) -> tuple[str, ...]:
    """Return the precisions to choose from: "float32", "bfloat16", or both.

    A processor with bfloat16 instructions may train twice as fast with them, or three times slower.
    """
    if config.precision != "auto":
        return (config.precision,)
    if torch.cuda.is_available():
        return ("bfloat16",) if torch.cuda.is_bf16_supported() else ("float32",)
    native = (
        getattr(torch.cpu, name, lambda: False)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    # Several machines must agree without communicating.
    return ("float32", "bfloat16") if any(native) and devices.nodes == 1 else ("float32",)


def is_worker() -> bool:
    """Return whether another process leads this run."""
    return any(os.environ.get(name, "0") != "0" for name in RANK_VARIABLES)


@contextmanager
def shared_folder(folder: Path) -> Iterator[Path]:
    """Yield the folder of this run, the same in all of its processes.

    Lightning starts the other processes with the same command, which may name a folder by the time. They inherit the
    environment, so the first process stores its folder there.
    """
    chosen = Path(os.environ.setdefault(FOLDER_VARIABLE, str(folder)))
    try:
        yield chosen
    finally:
        os.environ.pop(FOLDER_VARIABLE, None)
