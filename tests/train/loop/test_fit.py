"""Whole runs: they learn, stop cleanly, resume to the same weights, and share the work between devices."""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import torch
from rich.console import Console

from nasion import images
from nasion.errors import ConfigError, ModelError, SkeletonError
from nasion.train.config import RunConfig, parse
from nasion.train.data.batches import CropSource
from nasion.train.loop import time_budget as timing
from nasion.train.loop.callbacks import read_curve
from nasion.train.loop.fit import JOINED, fit, load_faces, resume
from nasion.train.loop.hardware import Devices, default_threads
from nasion.train.loop.module import KeypointModule, rate_at
from nasion.train.network.spread import normalized_residual
from nasion.train.runs.run_folder import load_weights, open_run
from nasion.train.runs.torch_backend import TorchBackend

QUIET = Console(quiet=True)

DRIVER = """
import sys
from nasion.train.loop import callbacks
from nasion.train.loop import time_budget as timing
callbacks.SECONDS_BETWEEN_SAVES = 0.0
timing.CALIBRATION_SECONDS = 0.0
from nasion.cli import main
main()
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(timing, "CALIBRATION_SECONDS", 0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def tiny(**changes) -> RunConfig:
    table = {
        "data": {"source": "synthetic:18", "skeleton": "imm-58", "validation_share": 0.3},
        "crop": {"height": 32, "width": 32, "channels": 1},
        "augment": {"flip": 0.5, "rotation_deg": 10, "photo": {"noise": 0.5}},
        "model": {"name": "unet", "widths": [6, 8], "stride": 4, "dropout": 0.2},
        "codec": {"name": "softargmax"},
        "loss": {"name": "l1"},
        "optimizer": {"lr": 3e-3},
        "schedule": {"epochs": 4, "batch": 4, "shape": "cosine", "average": 0.9},
        "precision": "float32",
    }
    return parse({**table, **changes})


def weights(folder, name="last"):
    run = open_run(folder)
    return load_weights(run.last)["state_dict"] if name == "last" else load_weights(run.best)["weights"]


def same(a, b, tolerance=0.0):
    return a.keys() == b.keys() and all(torch.allclose(a[k].float(), b[k].float(), rtol=0, atol=tolerance) for k in a)


def test_a_run_folder_says_how_it_came_to_be(tmp_path):
    run = fit(tiny(), tmp_path / "run", QUIET, "nasion train tiny")
    table = json.loads((tmp_path / "run" / "run.json").read_text())
    assert table["command"] == "nasion train tiny"
    assert table["data"]["faces"] == {"train": 6, "val": 6, "test": 6}
    assert len(table["data"]["fingerprint"]) == 64
    assert {"torch", "nasion", "python"} <= set(table["versions"])
    assert open_run(tmp_path / "run") == run
    epochs, steps = (read_curve(tmp_path / "run" / name) for name in ("epochs.csv", "steps.csv"))
    assert epochs["epoch"] == [0, 1, 2, 3]
    assert np.isfinite(epochs["val_error_px"]).all()
    assert steps["step"] == list(range(len(steps["step"])))
    assert steps["lr"][0] == pytest.approx(3e-3)
    assert steps["lr"][-1] < 3e-4
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_eight_faces_can_be_learnt_by_heart(tmp_path):
    config = tiny(
        data={"source": "synthetic:8", "skeleton": "imm-58", "validation_share": 0},
        augment={},
        model={"name": "unet", "widths": [16, 24, 32], "stride": 2},
        optimizer={"lr": 5e-3},
        schedule={"epochs": 160, "batch": 8, "shape": "cosine"},
    )
    fit(config, tmp_path / "run", QUIET, "x")
    from nasion.datasets import load
    from nasion.evaluation.evaluation import evaluate
    from nasion.predict.predictor import Predictor

    measured = evaluate(Predictor(tmp_path / "run"), load("synthetic:8").of_split("train"), "points")
    assert measured.nme("inter_ocular").mean() < 0.05


def test_the_same_seed_gives_the_same_weights(tmp_path):
    for name in ("a", "b"):
        fit(tiny(), tmp_path / name, QUIET, "x")
    fit(tiny(seed=1), tmp_path / "c", QUIET, "x")
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def command(tmp_path, out, epochs, *more):
    config = tiny(schedule={"epochs": epochs, "batch": 4, "shape": "cosine", "average": 0.9})
    lines = []
    for section, value in config.model_dump().items():
        if isinstance(value, dict):
            pairs = {k: v for k, v in value.items() if not isinstance(v, dict)}
            lines += [f"[{section}]", *(f"{k} = {json.dumps(v)}" for k, v in pairs.items())]
            lines += [
                f"[{section}.{k}]\n" + "\n".join(f"{a} = {json.dumps(b)}" for a, b in v.items())
                for k, v in value.items()
                if isinstance(v, dict)
            ]
    recipe = tmp_path / "tiny.toml"
    recipe.write_text('precision = "float32"\n' + "\n".join(lines))
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)
    return [sys.executable, str(driver), "train", str(recipe), "--out", str(out), *more]


def start(words, **variables):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def wait_for_epoch(process, folder, epoch):
    for _ in range(1200):
        path = folder / "epochs.csv"
        if path.exists() and len(path.read_text().splitlines()) > epoch + 1:
            return
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        time.sleep(0.05)
    raise AssertionError("the training did not get that far")


def test_killed_and_resumed_ends_with_the_same_weights(tmp_path):
    process = start(command(tmp_path, tmp_path / "killed", 60))
    wait_for_epoch(process, tmp_path / "killed", 3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    gone = len(read_curve(tmp_path / "killed" / "epochs.csv")["epoch"])
    assert gone < 60
    resume(tmp_path / "killed", QUIET)
    fit(open_run(tmp_path / "killed").config, tmp_path / "whole", QUIET, "x")
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
    assert same(weights(tmp_path / "killed", "best"), weights(tmp_path / "whole", "best"))
    for name in ("epochs.csv", "steps.csv"):
        killed, whole = (read_curve(tmp_path / each / name) for each in ("killed", "whole"))
        for column in killed:
            if column != "seconds":
                assert killed[column] == pytest.approx(whole[column], nan_ok=True)


def test_ctrl_c_ends_with_a_usable_run(tmp_path):
    process = start(command(tmp_path, tmp_path / "run", 3000))
    wait_for_epoch(process, tmp_path / "run", 2)
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=120)[0]
    assert process.returncode == 0, text
    assert "--resume" in text
    assert (tmp_path / "run" / "report.html").exists()
    assert "Traceback" not in text
    steps = read_curve(tmp_path / "run" / "steps.csv")
    per_epoch = steps["epoch"].count(0)
    assert all(steps["epoch"].count(epoch) == per_epoch for epoch in set(steps["epoch"]))  # only whole epochs


def test_stopped_and_resumed_ends_with_the_same_weights(tmp_path, monkeypatch):
    """As after Ctrl-C: `asked` is what the signal sets."""
    from nasion.train.loop.callbacks import GracefulStop

    usual = GracefulStop.on_train_epoch_end

    def asked_in_the_third_epoch(self, trainer, pl_module):
        self.asked = trainer.current_epoch == 2
        usual(self, trainer, pl_module)

    config = tiny(schedule={"epochs": 8, "batch": 4, "shape": "cosine", "average": 0.9, "validate_every": 2})
    monkeypatch.setattr(GracefulStop, "on_train_epoch_end", asked_in_the_third_epoch)
    run = fit(config, tmp_path / "stopped", QUIET, "x")
    assert run.stopped
    assert len(read_curve(tmp_path / "stopped" / "epochs.csv")["epoch"]) == 3
    monkeypatch.setattr(GracefulStop, "on_train_epoch_end", usual)
    assert not resume(tmp_path / "stopped", QUIET).stopped
    fit(config, tmp_path / "whole", QUIET, "x")
    assert same(weights(tmp_path / "stopped"), weights(tmp_path / "whole"))
    assert same(weights(tmp_path / "stopped", "best"), weights(tmp_path / "whole", "best"))


def test_a_run_that_never_validated_can_predict(tmp_path):
    from nasion.predict.predictor import Predictor

    fit(tiny(schedule={"epochs": 2, "validate_every": 5}), tmp_path / "run", QUIET, "x")
    assert np.isfinite(read_curve(tmp_path / "run" / "epochs.csv")["val_error_px"][-1])
    Predictor(tmp_path / "run")


def test_a_loss_that_is_no_number_ends_with_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"the loss became (nan|inf) in epoch \d+; try a smaller optimizer.lr"):
        fit(tiny(optimizer={"lr": 1e30}, schedule={"epochs": 30}), tmp_path / "run", QUIET, "x")


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tmp_path):
    fit(tiny(), tmp_path / "run", QUIET, "x")
    whole = weights(tmp_path / "run")
    for name in ("last.ckpt", "best.pt"):
        (tmp_path / "run" / "checkpoints" / name).unlink()
    resume(tmp_path / "run", QUIET)
    assert same(weights(tmp_path / "run"), whole)


def test_the_best_weights_are_no_checkpoint_to_resume(tmp_path):
    fit(tiny(schedule={"epochs": 1}), tmp_path / "run", QUIET, "x")
    checkpoints = tmp_path / "run" / "checkpoints"
    (checkpoints / "last.ckpt").write_bytes((checkpoints / "best.pt").read_bytes())
    with pytest.raises(ModelError, match="not a checkpoint of this run"):
        resume(tmp_path / "run", QUIET)


@pytest.mark.parametrize("content", [b"", b"a diary", b"\x80\x02"])
def test_a_damaged_checkpoint_is_one_line(tmp_path, content):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(ModelError, match="refused"):
        load_weights(tmp_path / "x.pt")
    torch.save(torch.zeros(3), tmp_path / "y.pt")
    with pytest.raises(ModelError, match="holds a Tensor"):
        load_weights(tmp_path / "y.pt")


def test_two_processes_share_a_run(tmp_path):
    """The same schedule, every face once an epoch, scores over all faces: and nearly the weights of one process."""
    process = start(command(tmp_path, tmp_path / "two", 3, "--devices", "2"))
    text = process.communicate(timeout=240)[0]
    assert process.returncode == 0, text
    assert text.count("the report:") == 1
    config = open_run(tmp_path / "two").config
    fit(config, tmp_path / "one", QUIET, "x")
    two, one = (read_curve(tmp_path / name / "steps.csv") for name in ("two", "one"))
    assert two["step"] == one["step"]
    assert two["lr"] == pytest.approx(one["lr"])
    two, one = (read_curve(tmp_path / name / "epochs.csv") for name in ("two", "one"))
    assert two["val_error_px"][0] == pytest.approx(one["val_error_px"][0], rel=0.25)


def test_two_processes_of_a_network_without_batch_statistics_learn_the_same(tmp_path):
    words = command(tmp_path, tmp_path / "two", 2, "--devices", "2")
    net = ['model={name="cnn",kernels=[5,3],channels=[4,6],pools=[2,4],hidden=[16]}', 'codec={name="coordinates"}']
    process = start([*words, *(word for setting in net for word in ("--set", setting))])
    text = process.communicate(timeout=240)[0]
    assert process.returncode == 0, text
    fit(open_run(tmp_path / "two").config, tmp_path / "one", QUIET, "x")
    assert same(weights(tmp_path / "two"), weights(tmp_path / "one"), 1e-5)
    two, one = (read_curve(tmp_path / name / "epochs.csv") for name in ("two", "one"))
    for column in ("val_loss", "val_error_px", "val_nme"):
        assert two[column] == pytest.approx(one[column], rel=1e-4)


def test_two_nodes_share_a_run(tmp_path):
    """Two machines, here one: the command is given on each, with the place to meet and its number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meet = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    words = command(tmp_path, tmp_path / "run", 2, "--nodes", "2")
    processes = [start(words, NODE_RANK=str(node), **meet) for node in range(2)]
    texts = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], texts
    assert "the report:" in texts[0]
    assert "the report:" not in texts[1]
    assert read_curve(tmp_path / "run" / "epochs.csv")["epoch"] == [0, 1]


@pytest.mark.parametrize("count", [1, 5, 1000])
def test_fewer_faces_are_spread_over_all(count):
    every, some = load_faces(tiny()), load_faces(tiny(data={"source": "synthetic:18", "faces": count}))
    train = [face.name for face in every.annotations if face.split == "train"]
    chosen = [face.name for face in some.annotations if face.split == "train"]
    assert chosen == [name for name in train if name in chosen]
    assert len(chosen) == min(count, len(train))
    assert len(every) - len(train) == len(some) - len(chosen)


def test_further_sources_add_training_faces_alone(tmp_path):
    lines = ["image,split," + ",".join(f"{axis}{k}" for k in range(58) for axis in "xy")]
    for number, split in enumerate(["train", "", "val", "test"]):
        images.write(tmp_path / f"{number}.png", np.full((40, 40, 3), 90 + number, np.uint8))
        lines.append(f"{number}.png,{split}," + ",".join(str(k % 31 + number) for k in range(116)))
    (tmp_path / "more.csv").write_text("\n".join(lines) + "\n")
    alone = load_faces(tiny())
    both = load_faces(tiny(data={"source": f"synthetic:8{JOINED}csv:{tmp_path}/more.csv?skeleton=imm-58"}))
    counts = [Counter(face.split for face in faces.annotations) for faces in (alone, both)]
    assert counts[1] - counts[0] == {"train": 2}
    assert both.load(len(both) - 1).image[0, 0, 0] == 91
    assert np.array_equal(both.load(0).image, alone.load(0).image)
    with pytest.raises(SkeletonError, match="same points"):
        load_faces(tiny(data={"source": f"synthetic:8{JOINED}synthetic:8?skeleton=ibug-68", "skeleton": ""}))


@pytest.mark.parametrize(
    ("seconds", "chosen"), [((2.0, 1.0), "bfloat16"), ((1.0, 2.0), "float32"), ((1.0, 0.95), "float32")]
)
def test_auto_takes_the_precision_that_is_clearly_faster_here(monkeypatch, seconds, chosen):
    resolved = tiny(precision="auto")
    module = KeypointModule(resolved, CropSource(load_faces(resolved).of_split("train"), resolved.crop, None), None)
    measured = iter([*seconds, 0.5])
    monkeypatch.setattr(timing, "_mean_seconds", lambda *_args: next(measured))
    precision, pace = timing.measure_pace(module, ("float32", "bfloat16"), 1)
    assert precision == chosen
    assert pace == (seconds[chosen == "bfloat16"], 0.5)


def test_validation_sets_the_scale_of_the_spread(tmp_path):
    resolved = tiny()
    fit(resolved, tmp_path / "run", QUIET, "nasion train x", machines=Devices())
    backend = TorchBackend(tmp_path / "run")
    assert float(backend.network.spread.scale) != 1.0
    crops = CropSource(load_faces(resolved).of_split("val"), resolved.crop, None)
    batch = crops.batch(list(range(len(crops))))
    with torch.inference_mode():
        decoded = backend.network.decode(batch.crops)
        found = normalized_residual(decoded, batch.target, backend.network.shape.size).mean()
    assert float(found) == pytest.approx(1.0, abs=1e-3)


def test_minutes_set_the_epochs(tmp_path):
    run = fit(tiny(), tmp_path / "run", QUIET, "x", minutes=0.05)
    began = read_curve(tmp_path / "run" / "epochs.csv")["seconds"]
    assert run.config.schedule.epochs == len(began)
    assert 0.3 < began[-1] < 12


def test_patience_stops_early(tmp_path):
    config = tiny(optimizer={"lr": 1e-9}, schedule={"epochs": 40, "batch": 12, "patience": 2})
    fit(config, tmp_path / "run", QUIET, "x")
    assert len(read_curve(tmp_path / "run" / "epochs.csv")["epoch"]) < 40
    stopped = weights(tmp_path / "run")
    resume(tmp_path / "run", QUIET)  # nothing is left to do: it had waited long enough
    assert len(read_curve(tmp_path / "run" / "epochs.csv")["epoch"]) < 40 + len(stopped)


def test_a_folder_with_a_run_is_not_overwritten(tmp_path):
    fit(tiny(schedule={"epochs": 1}), tmp_path / "run", QUIET, "x")
    with pytest.raises(ConfigError, match="holds a run already"):
        fit(tiny(), tmp_path / "run", QUIET, "x")


def test_resume_refuses_what_it_cannot_go_on_with(tmp_path):
    with pytest.raises(ModelError, match="no run folder"):
        resume(tmp_path, QUIET)
    fit(tiny(schedule={"epochs": 1}), tmp_path / "run", QUIET, "x")
    path = tmp_path / "run" / "run.json"
    path.write_text(path.read_text().replace("synthetic:18", "synthetic:12"))
    with pytest.raises(ModelError, match="has changed"):
        resume(tmp_path / "run", QUIET)


class Hostile:
    def __reduce__(self):
        return os.system, ("touch hacked",)


def test_a_hostile_checkpoint_is_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(tiny(schedule={"epochs": 1}), tmp_path / "run", QUIET, "x")
    from nasion.predict.predictor import Predictor

    torch.save({"weights": Hostile()}, tmp_path / "run" / "checkpoints" / "best.pt")
    with pytest.raises(ModelError, match="refused"):
        Predictor(tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "last.ckpt").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ModelError, match="refused"):
        resume(tmp_path / "run", QUIET)
    assert not (tmp_path / "hacked").exists()


def test_weights_of_another_network_are_refused(tmp_path):
    from nasion.predict.predictor import Predictor

    fit(tiny(schedule={"epochs": 1}), tmp_path / "a", QUIET, "x")
    fit(tiny(schedule={"epochs": 1}, data={"source": "synthetic:12", "skeleton": "nose-1"}), tmp_path / "b", QUIET, "x")
    (tmp_path / "a" / "checkpoints" / "best.pt").write_bytes((tmp_path / "b" / "checkpoints" / "best.pt").read_bytes())
    with pytest.raises(ModelError, match="not those of a's network"):
        Predictor(tmp_path / "a")
    (tmp_path / "a" / "checkpoints" / "best.pt").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        Predictor(tmp_path / "a")
    (tmp_path / "b" / "run.json").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        Predictor(tmp_path / "b")


def test_what_cannot_be_trained_is_said_before_anything_is_made(tmp_path):
    for changes, message in [
        ({"data": {"source": "", "skeleton": "imm-58"}}, "no data is named"),
        ({"data": {"source": "synthetic:18", "skeleton": "ibug-68"}}, "does not say where"),
        (
            {
                "data": {"source": "synthetic:18", "skeleton": "nose-1"},
                "crop": {"height": 32, "width": 32, "refine": 1},
            },
            "set it to 0",
        ),
        ({"data": {"source": "synthetic:1", "skeleton": "imm-58"}}, "validation_share=0"),
        ({"schedule": {"low_res_px": 18}}, "low_res_px = 18: .* do not halve evenly"),
        (
            {
                "model": {"name": "cnn", "kernels": [3], "channels": [4], "pools": [4], "hidden": [8]},
                "codec": {"name": "coordinates"},
                "schedule": {"low_res_px": 16},
            },
            "takes crops of one size; leave low_res_px out",
        ),
    ]:
        with pytest.raises(Exception, match=message):
            fit(tiny(**changes), tmp_path / "run", QUIET, "x")
        assert not (tmp_path / "run" / "run.json").exists()


def test_small_crops_first_save_the_time_that_is_told():
    schedule = tiny(schedule={"epochs": 10, "low_res_px": 16, "low_res_share": 0.4}).schedule
    assert schedule.small((32, 32)) == (16, 16)
    assert schedule.small((16, 32)) is schedule.small((8, 8)) is None
    assert schedule.work(10, (32, 64)) == pytest.approx(6 + 4 / 4)
    assert schedule.work(2, (32, 64)) == pytest.approx(2 / 4)
    assert tiny(schedule={"epochs": 1, "low_res_px": 16}).schedule.small((32, 32)) is None
    assert timing.Pace(2.0, 0.0).epoch(tiny(schedule={"low_res_px": 16}), 10) == pytest.approx(20 * (0.5 + 0.5 / 4))


def test_rates():
    schedule = tiny(schedule={"epochs": 1, "warmup": 0.1, "shape": "cosine"}).schedule
    rates = [rate_at(step, 100, schedule) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] < 0.001
    assert rates[10:] == sorted(rates[10:], reverse=True)
    constant = tiny(schedule={"epochs": 1}).schedule
    assert {rate_at(step, 10, constant) for step in range(10)} == {1.0}


def test_threads_follow_the_variable(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert default_threads(1) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= default_threads(1) <= (os.cpu_count() or 1)
    assert default_threads(64) == 1


def test_machines_multiply():
    assert Devices(2, 3).world == 6
