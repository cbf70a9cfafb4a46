"""Processes, threads and number formats of a machine, all of them simulated."""

import os
from pathlib import Path

import cv2
import pytest
import torch

from nasion.train.config import load
from nasion.train.loop import hardware
from nasion.train.loop.hardware import (
    FOLDER_VARIABLE,
    RANK_VARIABLES,
    SINGLE_PROCESS,
    Devices,
    candidate_precisions,
    default_threads,
    is_worker,
    set_threads,
    shared_folder,
)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in (*RANK_VARIABLES, FOLDER_VARIABLE, "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Return a function that simulates a machine with a number of cores, some of which become busy while measured."""
    real_path = Path

    def simulate(cores, before="cpu 0 0 0 0 0 0 0 0 0 0", after=None):
        stat = tmp_path / "stat"
        stat.write_text(before + "\ncpu0 9 9 9 9 9 9 9 9 9 9\n")
        monkeypatch.setattr(hardware, "Path", lambda path: stat if path == "/proc/stat" else real_path(path))
        monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(cores)), raising=False)
        slept = []

        def sleep(seconds):
            slept.append(seconds)
            stat.write_text((after or before) + "\n")

        monkeypatch.setattr(hardware.time, "sleep", sleep)
        return slept

    return simulate


def test_devices_multiply():
    assert Devices(2, 3).world == 6
    assert SINGLE_PROCESS.world == SINGLE_PROCESS.devices == SINGLE_PROCESS.nodes == 1


@pytest.mark.parametrize(("value", "threads"), [("3", 3), ("0", 1), ("17", 17)])
def test_threads_are_those_of_the_variable(monkeypatch, machine, value, threads):
    slept = machine(8)
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert default_threads(4) == threads
    assert slept == []


@pytest.mark.parametrize("value", ["", "two", "-1", "4,2"])
def test_a_variable_that_is_not_a_number_is_ignored(monkeypatch, machine, value):
    machine(8)
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert default_threads(1) == 8


@pytest.mark.parametrize(("cores", "devices", "threads"), [(8, 1, 8), (8, 2, 4), (8, 3, 2), (2, 5, 1), (1, 1, 1)])
def test_cores_are_divided_among_the_devices(machine, cores, devices, threads):
    machine(cores)
    assert default_threads(devices) == threads


def test_busy_cores_are_left_to_the_other_processes(machine):
    # user, nice, system, idle, I/O wait, IRQ, soft IRQ, steal: 45 of 80 ticks are busy, which are 4.5 of 8 cores.
    slept = machine(8, "cpu 100 10 20 900 30 1 2 3 50 60", "cpu 110 20 30 930 35 6 7 8 95 99")
    assert hardware._busy_cores(8) == 4  # rounded to even
    assert slept == [hardware.MEASURE_SECONDS]


@pytest.mark.parametrize(
    ("ticks", "busy"),
    [
        ("40 0 0 40 0 0 0 0", 4),
        ("0 20 0 60 0 0 0 0", 2),
        ("0 0 30 50 0 0 0 0", 3),
        ("0 0 0 40 40 0 0 0", 0),  # waiting for a disk leaves the core to others
        ("0 0 0 40 0 20 10 10", 4),
        ("80 0 0 0 0 0 0 0", 7),  # one core is always used
        ("0 0 0 0 0 0 0 0", 0),
    ],
)
def test_every_kind_of_tick_counts_as_busy_or_idle(machine, ticks, busy):
    machine(8, after=f"cpu {ticks} 70 80")
    assert hardware._busy_cores(8) == busy


def test_idle_cores_are_divided(machine):
    machine(8, after="cpu 20 0 0 60 0 0 0 0 0 0")  # 2 of 8 are busy
    assert default_threads(1) == 6
    machine(8, after="cpu 20 0 0 60 0 0 0 0 0 0")
    assert default_threads(2) == 3


def test_systems_without_process_statistics_have_no_busy_cores(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "Path", lambda _path: tmp_path / "missing")
    assert hardware._busy_cores(8) == 0
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert default_threads(1) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert default_threads(1) == 1


def test_torch_gets_the_threads_and_opencv_one():
    before, before_cv = torch.get_num_threads(), cv2.getNumThreads()
    try:
        assert set_threads(2) == 2
        assert torch.get_num_threads() == 2
        assert cv2.getNumThreads() == 1
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(before_cv)


def precisions(nodes=1, precision="auto"):
    return candidate_precisions(load("nose", [f"precision={precision}"]), Devices(3, nodes))


def processor(monkeypatch, *, bf16=False, amx=False, gpu=False, gpu_bf16=False):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: gpu_bf16)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_configured_precision_is_the_only_candidate(monkeypatch, precision):
    processor(monkeypatch, bf16=True, gpu=True)
    assert precisions(precision=precision) == (precision,)


@pytest.mark.parametrize("instructions", ["bf16", "amx"])
def test_processors_with_bfloat16_try_both_with_float32_preferred(monkeypatch, instructions):
    processor(monkeypatch, **{instructions: True})
    assert precisions() == ("float32", "bfloat16")


def test_other_processors_train_in_float32(monkeypatch):
    processor(monkeypatch)
    assert precisions() == ("float32",)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):  # as in other versions of torch
        monkeypatch.delattr(torch.cpu, name)
    assert precisions() == ("float32",)


def test_several_machines_agree_on_float32(monkeypatch):
    processor(monkeypatch, bf16=True, amx=True)
    assert precisions(nodes=2) == ("float32",)


@pytest.mark.parametrize(("supported", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_gpus_need_no_measurement(monkeypatch, supported, precision):
    processor(monkeypatch, bf16=True, gpu=True, gpu_bf16=supported)
    assert precisions() == (precision,)


def test_the_first_process_is_not_a_worker(monkeypatch):
    assert not is_worker()
    for name in RANK_VARIABLES:
        monkeypatch.setenv(name, "0")
    assert not is_worker()


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"])
def test_each_rank_variable_makes_a_worker(monkeypatch, name):
    monkeypatch.setenv(name, "2")
    assert is_worker()


def test_the_folder_is_passed_to_other_processes_while_the_run_lasts():
    with shared_folder(Path("runs/first")) as first:
        assert first == Path("runs/first")
        assert os.environ[FOLDER_VARIABLE] == "runs/first"
    assert FOLDER_VARIABLE not in os.environ


def test_a_worker_uses_the_folder_of_the_first_process(monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, "runs/of-the-first")
    with shared_folder(Path("runs/a-second-later")) as folder:
        assert folder == Path("runs/of-the-first")


def test_the_next_run_of_a_process_has_its_own_folder_after_a_failure():
    with pytest.raises(ValueError, match="failed"), shared_folder(Path("a")):
        raise ValueError("failed")
    with shared_folder(Path("b")) as folder:
        assert folder == Path("b")
