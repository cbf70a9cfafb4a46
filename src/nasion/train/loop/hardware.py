"""What a run may take of the machine: processes, threads, and the number format that the processor is fast with."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from nasion.train.config import RunConfig

__all__ = ["SINGLE_PROCESS", "Devices", "default_threads", "is_worker", "possible_precisions", "set_threads"]


@dataclass(frozen=True)
class Devices:
    """How many processes share a run: `devices` on each of `nodes`."""

    devices: int = 1
    nodes: int = 1

    @property
    def world(self) -> int:
        """All devices together."""
        return self.devices * self.nodes


SINGLE_PROCESS = Devices()
"""One process."""


def default_threads(devices: int) -> int:
    """Return how many threads a process takes: this machine's idle cores, shared between its devices.

    Two processes that each take all cores are many times slower than one thread each.
    `OMP_NUM_THREADS`, where it is set, decides.
    """
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, (cores - _busy_elsewhere(cores)) // devices)


def set_threads(count: int) -> int:
    """Let torch use `count` threads, and OpenCV one: crops are cut in a thread of their own beside the network."""
    torch.set_num_threads(count)
    cv2.setNumThreads(1)
    return count


def _busy_elsewhere(cores: int) -> int:
    """Return how many cores other processes keep busy, over a fifth of a second; 0 where it cannot be told."""
    ticks = Path("/proc/stat")
    if not ticks.exists():
        return 0

    def busy_and_all() -> tuple[int, int]:
        spent = [int(word) for word in ticks.read_text("ascii").split("\n", 1)[0].split()[1:9]]
        return sum(spent) - spent[3] - spent[4], sum(spent)  # but idle and waiting for disks

    first = busy_and_all()
    time.sleep(0.2)
    second = busy_and_all()
    share = (second[0] - first[0]) / max(1, second[1] - first[1])
    return min(cores - 1, round(share * cores))


def possible_precisions(config: RunConfig, machines: Devices) -> tuple[str, ...]:
    """Return what a run may compute in: "float32", "bfloat16" or, on a processor that has both, either.

    That a processor knows bfloat16 does not make it faster: it may double the speed, or take a third of it.
    """
    if config.precision != "auto":
        return (config.precision,)
    if torch.cuda.is_available():
        return ("bfloat16",) if torch.cuda.is_bf16_supported() else ("float32",)
    native = (
        getattr(torch.cpu, name, lambda: False)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    # Several machines must agree without asking each other.
    return ("float32", "bfloat16") if any(native) and machines.nodes == 1 else ("float32",)


def is_worker() -> bool:
    """Return whether another process of the same run leads: as Lightning, torchrun and SLURM tell it."""
    return any(os.environ.get(name, "0") != "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
