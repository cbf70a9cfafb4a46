"""The smallest configurations that train, and runs of them without a training."""

import json
import os
import subprocess
import sys
import time
from functools import cache

import pytest
import torch

from nasion.datasets.drawn import render_face
from nasion.datasets.formats import synthetic
from nasion.skeleton import load_skeleton
from nasion.train.checkpoint import load_weights, save_weights
from nasion.train.config import parse
from nasion.train.data.batches import CropSource
from nasion.train.data.faces import load_faces
from nasion.train.loop import time_budget
from nasion.train.loop.module import KeypointModule
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import Run, open_run

UNET = {"model": {"name": "unet", "widths": [6, 8], "stride": 4}, "codec": {"name": "softargmax"}}
CNN = {
    "model": {"name": "cnn", "kernels": [3], "channels": [4], "pools": [4], "hidden": [8]},
    "codec": {"name": "coordinates"},
}

DATA = {"sources": ["synthetic:18"], "skeleton": "imm-58", "validation_share": 0.3}
"""6 training faces, 6 validation faces, 6 test faces."""


def plain(network=UNET, **changes):
    """Return a configuration without augmentation, dropout, moving average or schedule: one epoch of two steps."""
    table = {
        "data": DATA,
        "crop": {"height": 32, "width": 32, "channels": 1},
        "loss": {"name": "l1"},
        "schedule": {"epochs": 1, "batch": 4},
        "precision": "float32",
        **network,
    }
    return parse({**table, **changes})


def tiny(**changes):
    """Return a configuration of which everything can change the weights: four epochs of two steps."""
    table = {
        "augment": {"flip": 0.5, "rotation_deg": 10, "photo": {"noise": 0.5}},
        "model": {**UNET["model"], "dropout": 0.2},
        "optimizer": {"lr": 3e-3},
        "schedule": {"epochs": 4, "batch": 4, "shape": "cosine", "ema_decay": 0.9},
    }
    return plain(**{**table, **changes})


@cache
def rendered(*arguments, **options):
    """Return what `render_face` returns; its images cannot be changed."""
    face = render_face(*arguments, **options)
    face.image.flags.writeable = False
    return face


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Measure no pace, use one thread, flush no file to the disk, and render each synthetic face once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_budget, "CALIBRATION_SECONDS", 0.0)
        patch.setattr(os, "fsync", lambda _file: None)
        patch.setattr(synthetic, "render_face", rendered)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def sources(config):
    """Return the training and the validation faces of a configuration."""
    faces = load_faces(config)
    return tuple(CropSource(faces.of_split(split), config.crop) for split in ("train", "val"))


def module_of(config, count=58):
    """Return a module with random weights and the configuration's faces."""
    torch.manual_seed(config.seed)
    return KeypointModule(config, KeypointNetwork(config, count), *sources(config))


def untrained_run(folder, config, skeleton="imm-58", command="nasion train x", data=None):
    """Write a run folder of a network that has learned nothing, but whose batch statistics are not the initial ones."""
    torch.manual_seed(3)
    points = load_skeleton(skeleton)
    network = KeypointNetwork(config, points.count)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.05 * torch.randn_like(value))
        for _ in range(3):
            network(torch.rand(4, config.crop.channels, *config.crop.size) * 255)
    run = Run(folder, config, points, command, data or {"faces": {"train": 5}, "fingerprint": "f" * 64}, 1, "float32")
    run.write()
    run.best.parent.mkdir()
    save_weights(run.best, {"epoch": 0, "weights": network.state_dict()})
    return run


def weights(folder, name="last"):
    """Return the weights of a run's last.ckpt or best.pt."""
    run = open_run(folder)
    return load_weights(run.last)["state_dict"] if name == "last" else load_weights(run.best)["weights"]


def same(a, b, tolerance=0.0):
    """Return whether two tables of weights agree."""
    return a.keys() == b.keys() and all(torch.allclose(a[k].float(), b[k].float(), rtol=0, atol=tolerance) for k in a)


DRIVER = """
import sys
from nasion.train.loop import callbacks, time_budget
callbacks.SECONDS_BETWEEN_SAVES = 0.0
time_budget.CALIBRATION_SECONDS = 0.0
from nasion.cli import main
main()
"""
"""The command line, which saves after every epoch and measures nothing."""


def command(folder, out, config, *more):
    """Return the words of the command that trains a configuration, whose recipe is written into `folder`."""
    lines = []
    for name, value in config.model_dump().items():
        _section(name, value, lines) if isinstance(value, dict) else lines.insert(0, f"{name} = {json.dumps(value)}")
    (folder / "tiny.toml").write_text("\n".join(lines))
    (folder / "driver.py").write_text(DRIVER)
    return [sys.executable, str(folder / "driver.py"), "train", str(folder / "tiny.toml"), "--out", str(out), *more]


def _section(name, table, lines):
    lines.append(f"[{name}]")
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            _section(f"{name}.{key}", value, lines)


def start(words, **variables):
    """Start a command and return its process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def wait_for_epoch(process, folder, epoch):
    """Return when a process has stored `epoch`, from 0."""
    path = folder / "epochs.csv"
    for _ in range(2400):
        if path.exists() and len(path.read_text().splitlines()) > epoch + 1:
            return
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        time.sleep(0.05)
    raise AssertionError("the training did not get that far")
