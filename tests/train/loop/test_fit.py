"""Whole runs: they learn, stop cleanly, resume to the same weights, and share the work between devices."""

import json
import os
import pickle
import shutil
import signal
import socket
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from doubles import RecordingReporter
from nasion import datasets
from nasion.errors import ConfigError, ImageError, ModelError, NasionError
from nasion.evaluation.evaluation import evaluate
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT
from nasion.train.checkpoint import load_weights, save_weights
from nasion.train.data.batches import CropSource
from nasion.train.data.faces import load_faces
from nasion.train.loop import callbacks
from nasion.train.loop import fit as module_under_test
from nasion.train.loop.callbacks import GracefulStop, read_curve
from nasion.train.loop.fit import fit, resume
from nasion.train.loop.hardware import Devices
from nasion.train.loop.time_budget import Pace
from nasion.train.network.network import KeypointNetwork
from nasion.train.network.spread import normalized_residual
from nasion.train.runs.run_folder import data_fingerprint, lock_run, open_run
from nasion.train.runs.torch_backend import TorchBackend
from train.loop.tiny_runs import CNN, DATA, command, plain, same, start, tiny, wait_for_epoch, weights


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a finished run of four epochs, what was reported about it, and what `fit` returned."""
    folder, reporter = tmp_path_factory.mktemp("fit") / "run", RecordingReporter()
    return folder, reporter, fit(tiny(), folder, "nasion train tiny", reporter)


@pytest.fixture
def copy(trained, tmp_path):
    """Return a copy of the finished run."""
    return shutil.copytree(trained[0], tmp_path / "run")


def epochs_of(folder):
    return read_curve(folder / "epochs.csv")["epoch"]


# A run folder


def test_a_run_folder_has_configuration_data_and_curves(trained):
    folder, _, result = trained
    table = json.loads((folder / "run.json").read_text())
    assert table["command"] == "nasion train tiny"
    assert table["data"]["faces"] == {"train": 6, "val": 6, "test": 6}
    assert table["data"]["unreadable"] == []
    assert len(table["data"]["fingerprint"]) == 64
    assert table["threads"] == 1
    assert table["precision"] == "float32"
    assert {"torch", "nasion", "python"} <= set(table["versions"])
    assert open_run(folder) == result.run
    assert not result.run.stopped
    assert len(result.faces) == 18
    epochs, steps = (read_curve(folder / name) for name in ("epochs.csv", "steps.csv"))
    assert epochs["epoch"] == [0, 1, 2, 3]
    assert np.isfinite(epochs["val_error_px"]).all()
    assert steps["step"] == list(range(8))
    assert steps["lr"][0] == pytest.approx(3e-3)
    assert steps["lr"][-1] < 3e-4
    assert list((folder / "tensorboard").glob("events*"))


def test_the_plan_is_reported(trained):
    folder, reporter, _ = trained
    count = sum(weight.numel() for weight in TorchBackend(folder).network.parameters())
    assert reporter.lines[0] == f"unet with {count:,} weights for imm-58 · faces: 6 train, 6 val, 6 test"
    assert reporter.lines[1].startswith("4 epochs of 2 steps, float32, 1 thread: about ")
    assert [task["title"] for task in reporter.tasks] == ["reading images", "training"]
    assert len(reporter.logs) == 4
    assert reporter.open == 0
    assert reporter.warnings == []


@pytest.mark.parametrize(
    ("threads", "devices", "text"),
    [
        (1, Devices(1, 1), "4 epochs of 7 steps, float32, 1 thread: about 1 min 0 s. "),
        (3, Devices(1, 1), "4 epochs of 7 steps, float32, 3 threads: about 1 min 0 s. "),
        (3, Devices(2, 4), "4 epochs of 7 steps, float32, 8 processes of 3 threads: about 1 min 0 s. "),
    ],
)
def test_the_plan_counts_threads_and_processes(trained, threads, devices, text):
    reporter = RecordingReporter()
    run = replace(trained[2].run, threads=threads)
    network = KeypointNetwork(run.config, 58)
    module_under_test._report_plan(run, network, Pace(2.0, 1.0, 7), devices, reporter)  # 4 (7 * 2 + 1) s
    assert reporter.lines[1].startswith(text)
    assert "Ctrl-C" in reporter.lines[1]


def test_faces_that_cannot_be_read_are_skipped_and_stored(tmp_path, monkeypatch):
    def with_missing(config):
        faces = load_faces(config)
        moved = [replace(a, image=tmp_path / "gone.png") if k in (2, 9) else a for k, a in enumerate(faces.annotations)]
        opened = faces.open_image

        def open_image(face):
            if face.image.name == "gone.png":
                raise ImageError(f"{face.image}: missing")
            return opened(face)

        return replace(faces, annotations=tuple(moved), open_image=open_image)

    monkeypatch.setattr(module_under_test, "load_faces", with_missing)
    reporter = RecordingReporter()
    run, _ = fit(plain(), tmp_path / "run", "x", reporter)
    assert run.data["unreadable"] == ["gone.png", "gone.png"]
    assert [text.split(":")[0] for text in reporter.warnings] == ["skipped gone.png"] * 2


# Learning


def test_a_network_memorizes_eight_faces(tmp_path):
    config = plain(
        data={"sources": ["synthetic:8"], "skeleton": "imm-58", "validation_share": 0},
        model={"name": "unet", "widths": [16, 24, 32], "stride": 2},
        optimizer={"lr": 5e-3},
        schedule={"epochs": 100, "batch": 8, "shape": "cosine"},
    )
    fit(config, tmp_path / "run", "x")
    measured = evaluate(Predictor(tmp_path / "run"), datasets.load("synthetic:8").of_split("train"), "points")
    assert measured.nme("inter_ocular").mean() < 0.07


def test_the_seed_alone_decides_the_weights(trained, tmp_path):
    fit(tiny(), tmp_path / "again", "x")
    fit(tiny(seed=1), tmp_path / "other", "x")
    assert same(weights(trained[0]), weights(tmp_path / "again"))
    assert same(weights(trained[0], "best"), weights(tmp_path / "again", "best"))
    assert not same(weights(trained[0]), weights(tmp_path / "other"))


def test_validation_sets_the_scale_of_the_spread(trained):
    folder, _, result = trained
    backend = TorchBackend(folder)
    assert float(backend.network.spread.scale) != 1.0
    crops = CropSource(result.faces.of_split("val"), result.run.config.crop)
    batch = crops.batch(range(len(crops)), crops.plain)
    with torch.inference_mode():
        decoded = backend.network.decode(batch.crops)
        found = normalized_residual(decoded, batch.target, backend.network.spec.size).mean()
    assert float(found) == pytest.approx(1.0, abs=1e-3)


def test_minutes_set_the_epochs(tmp_path, monkeypatch):
    # An epoch takes 3 * 2 + 0 s; 1 minute has room for 57 s / 6 s = 9 epochs.
    monkeypatch.setattr(module_under_test, "measure_pace", lambda *_arguments: ("float32", Pace(3.0, 0.0, 2)))
    monkeypatch.setattr(callbacks, "replanned", lambda config, *_pace: config)  # the test's epochs take no time
    config = plain(CNN, schedule={"epochs": 99, "batch": 4, "validate_every": 2})
    run, _ = fit(config, tmp_path / "run", "x", minutes=1)
    assert run.config.schedule.epochs == len(epochs_of(tmp_path / "run")) == 8


def test_the_last_epoch_is_validated(tmp_path):
    run, _ = fit(plain(CNN, schedule={"epochs": 2, "validate_every": 5}), tmp_path / "run", "x")
    assert run.config.schedule.validate_every == 2
    errors = read_curve(tmp_path / "run" / "epochs.csv")["val_error_px"]
    assert np.isfinite(errors).tolist() == [False, True]
    Predictor(tmp_path / "run")


def test_patience_stops_early_also_after_resuming(tmp_path):
    config = plain(CNN, optimizer={"lr": 1e-9}, schedule={"epochs": 40, "batch": 12, "patience": 2})
    run, _ = fit(config, tmp_path / "run", "x")
    count = len(epochs_of(tmp_path / "run"))
    assert 3 <= count < 40
    assert not run.stopped  # the user did not stop it
    resume(tmp_path / "run")
    assert len(epochs_of(tmp_path / "run")) == count + 1  # it waits for one more validation and stops again


def test_a_loss_that_is_not_finite_ends_with_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"the loss became (nan|inf) in epoch \d+; try a smaller optimizer\.lr"):
        fit(plain(CNN, optimizer={"lr": 1e30}, schedule={"epochs": 9}), tmp_path / "run", "x")


# Stopping and resuming


def stop_after(monkeypatch, epoch):
    """Request a stop in `epoch`, from 0, as the SIGINT handler does."""
    original = GracefulStop.on_train_epoch_end

    def requested(self, trainer, pl_module):
        self.requested = trainer.current_epoch == epoch
        original(self, trainer, pl_module)

    monkeypatch.setattr(GracefulStop, "on_train_epoch_end", requested)


def test_a_stopped_and_resumed_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    config = tiny(schedule={"epochs": 6, "batch": 4, "shape": "cosine", "ema_decay": 0.9, "validate_every": 2})
    reporter = RecordingReporter()
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        run, _ = fit(config, tmp_path / "stopped", "x", reporter)
    assert run.stopped
    assert reporter.warnings == [
        f"stopped after epoch 3 of 6; resume with: nasion train --resume {tmp_path / 'stopped'}"
    ]
    assert epochs_of(tmp_path / "stopped") == [0, 1, 2]
    assert not resume(tmp_path / "stopped").run.stopped
    fit(config, tmp_path / "whole", "x")
    assert same(weights(tmp_path / "stopped"), weights(tmp_path / "whole"))
    assert same(weights(tmp_path / "stopped", "best"), weights(tmp_path / "whole", "best"))


def test_a_killed_and_resumed_run_ends_with_the_same_weights(tmp_path):
    config = tiny(schedule={"epochs": 20, "batch": 4, "shape": "cosine", "ema_decay": 0.9})
    process = start(command(tmp_path, tmp_path / "killed", config))
    wait_for_epoch(process, tmp_path / "killed", 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(epochs_of(tmp_path / "killed")) < 20
    resume(tmp_path / "killed")
    fit(open_run(tmp_path / "killed").config, tmp_path / "whole", "x")
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
    assert same(weights(tmp_path / "killed", "best"), weights(tmp_path / "whole", "best"))
    for name in ("epochs.csv", "steps.csv"):
        killed, whole = (read_curve(tmp_path / each / name) for each in ("killed", "whole"))
        for column in killed.keys() - {"seconds"}:
            assert killed[column] == pytest.approx(whole[column], nan_ok=True), column


class InterruptingReporter(RecordingReporter):
    """A reporter during whose second epoch the user presses Ctrl-C."""

    @contextmanager
    def task(self, title, total, unit=""):
        with super().task(title, total, unit) as task:
            original = task.update

            def update(completed, total=None, text=""):
                original(completed, total, text)
                if text.startswith("epoch 2/") and not self.warnings:
                    os.kill(os.getpid(), signal.SIGINT)

            task.update = update
            yield task


def test_ctrl_c_ends_with_a_usable_run_after_a_complete_epoch(tmp_path):
    before, reporter = signal.getsignal(signal.SIGINT), InterruptingReporter()
    run, _ = fit(plain(CNN, schedule={"epochs": 3000, "batch": 4}), tmp_path / "run", "x", reporter)
    assert run.stopped
    assert reporter.warnings[0].startswith("stopping after this epoch")
    assert f"stopped after epoch 2 of 3000; resume with: nasion train --resume {run.folder}" == reporter.warnings[1]
    assert signal.getsignal(signal.SIGINT) is before
    assert read_curve(run.folder / "steps.csv")["epoch"] == [0, 0, 1, 1]
    Predictor(run.folder)


def test_a_run_without_a_checkpoint_restarts_to_the_same_weights(trained, copy):
    for name in ("last.ckpt", "best.pt"):
        (copy / "checkpoints" / name).unlink()
    resume(copy)
    assert same(weights(copy), weights(trained[0]))


def test_a_finished_run_is_not_trained_further_by_resuming(trained, copy):
    resume(copy)
    assert same(weights(copy), weights(trained[0]))
    assert epochs_of(copy) == [0, 1, 2, 3]


def test_a_run_of_format_version_1_resumes_to_the_weights_it_would_have_had(stored_v1, tmp_path):
    folder = shutil.copytree(stored_v1 / "stopped", tmp_path / "stopped")
    assert epochs_of(folder) == [0, 1, 2, 3]
    table = json.loads((folder / "run.json").read_text())
    own = data_fingerprint(load_faces(open_run(folder).config))
    is_exact = own == table["data"]["fingerprint"]  # the last bits of synthetic faces depend on the processor
    table["data"]["fingerprint"] = own
    (folder / "run.json").write_text(json.dumps(table))
    run, _ = resume(folder)
    assert epochs_of(folder) == [0, 1, 2, 3, 4, 5]
    assert run.config.schedule.ema_decay == 0.9
    found, expected = (
        weights(folder, "best"),
        load_weights(stored_v1 / "finished" / "checkpoints" / "best.pt")["weights"],
    )
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name].float(), expected[name].float(), atol=1e-3) for name in expected)
    assert same(found, expected) or not is_exact


# What cannot be resumed or trained


def test_resume_needs_a_run(tmp_path):
    with pytest.raises(ModelError, match="not a run folder"):
        resume(tmp_path)


def test_resume_rejects_changed_data(copy):
    path = copy / "run.json"
    path.write_text(path.read_text().replace("synthetic:18", "synthetic:12"))
    with pytest.raises(ModelError, match="synthetic:12: the data has changed since"):
        resume(copy)


def test_weights_for_prediction_are_not_a_checkpoint_for_resuming(copy):
    (copy / "checkpoints" / "last.ckpt").write_bytes((copy / "checkpoints" / "best.pt").read_bytes())
    with pytest.raises(ModelError, match="not a checkpoint of this run"):
        resume(copy)


def drop(state, key):
    del state[key]


def other_shape(state):
    state["state_dict"]["network.model.head.bias"] = torch.zeros(57)


def other_groups(state):
    state["optimizer_states"][0]["param_groups"].pop()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: drop(state, "state_dict"),
        lambda state: drop(state, "loops"),
        lambda state: drop(state, "callbacks"),
        lambda state: drop(state, "optimizer_states"),
        lambda state: drop(state, "lr_schedulers"),
        lambda state: drop(state["state_dict"], "network.model.head.bias"),
        lambda state: state["state_dict"].update(more=torch.zeros(2)),
        other_shape,
        other_groups,
    ],
)
def test_an_incomplete_or_foreign_checkpoint_is_rejected(copy, change):
    path = copy / "checkpoints" / "last.ckpt"
    state = load_weights(path)
    change(state)
    save_weights(path, state)
    with pytest.raises(ModelError, match=r"last\.ckpt is not a checkpoint of this run; restore its own"):
        resume(copy)


class Hostile:
    def __reduce__(self):
        return os.system, ("touch hacked",)


def test_a_hostile_checkpoint_is_never_unpickled(copy, monkeypatch):
    monkeypatch.chdir(copy)
    torch.save({"weights": Hostile()}, copy / "checkpoints" / "best.pt")
    with pytest.raises(ModelError, match="rejected"):
        Predictor(copy)
    (copy / "checkpoints" / "last.ckpt").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ModelError, match="rejected"):
        resume(copy)
    assert not (copy / "hacked").exists()


def test_a_folder_with_a_run_is_not_overwritten(copy):
    before = (copy / "run.json").read_bytes()
    with pytest.raises(ConfigError, match="already holds a run; resume it with --resume"):
        fit(plain(), copy, "x")
    assert (copy / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"sources": [], "skeleton": "imm-58"}}, "no data"),
        ({"data": {"sources": ["synthetic:18"], "skeleton": "ibug-68"}}, "ibug-68"),
        (
            {"data": {**DATA, "skeleton": "nose-1"}, "crop": {"height": 32, "width": 32, "refine": 1}},
            "needs more than one; set it to 0",
        ),
        ({"data": {**DATA, "sources": ["synthetic:1"]}}, "validation_share=0"),
        ({"schedule": {"low_res_px": 18}}, "low_res_px = 18: .* cannot be halved"),
        ({**CNN, "schedule": {"low_res_px": 16}}, "accepts crops of one size; omit low_res_px"),
        ({"hidden_points": True}, "needs training faces whose labels say which points are hidden"),
        ({"init": {"freeze_share": 0.5}}, "freezes untrained layers; .* --init default"),
        (
            {"init": {"keep_keypoints": True}},
            "keep_keypoints learns only the uncertainty of a trained network: name one",
        ),
        ({"init": {"model": "nowhere"}}, 'no model "nowhere"'),
        (
            {**CNN, "data": {**DATA, "sources": ["synthetic:24"], "cross_fit": 2}},
            r"data\.cross_fit measures the uncertainty, which this network does not predict",
        ),
        ({"data": {**DATA, "cross_fit": 2}}, r"data\.cross_fit = 2 cannot divide 1 training"),
    ],
)
def test_a_configuration_that_cannot_be_trained_writes_no_run(tmp_path, changes, message):
    with pytest.raises(NasionError, match=message):
        fit(plain(**changes), tmp_path / "run", "x")
    assert not (tmp_path / "run" / "run.json").exists()


def test_pretrained_layers_may_be_frozen():
    module_under_test._check_freeze(
        plain(model={"name": "resnet18", "weights": "imagenet"}, init={"freeze_share": 0.5})
    )
    module_under_test._check_freeze(plain(init={"model": "default", "freeze_share": 0.5}))


def test_mirroring_needs_a_flip_map():
    faces = load_faces(plain())
    without = replace(faces, skeleton=replace(faces.skeleton, flip=None))
    module_under_test._check_skeleton(plain(), without)
    module_under_test._check_skeleton(tiny(), faces)
    with pytest.raises(ConfigError, match="imm-58 has no flip map"):
        module_under_test._check_skeleton(tiny(), without)


def test_cross_fitting_trains_on_one_device(tmp_path):
    config = plain(data={**DATA, "sources": ["synthetic:24"], "cross_fit": 2})
    with pytest.raises(ConfigError, match=r"trains on one device, not on 2; omit --devices and --nodes"):
        fit(config, tmp_path / "run", "x", devices=Devices(2, 1))
    assert not (tmp_path / "run" / "run.json").exists()


def test_minutes_and_several_machines_exclude_each_other(tmp_path):
    with pytest.raises(ConfigError, match=r"schedule\.epochs=N with --nodes"):
        fit(plain(), tmp_path / "run", "x", minutes=2, devices=Devices(1, 2))


# Several processes


def test_a_worker_takes_part_in_the_run_of_the_first_process(copy, monkeypatch):
    seen = {}

    def train(run, module, faces, devices, reporter):
        seen.update(run=run, network=module.network, devices=devices, reporter=reporter)

    monkeypatch.setattr(module_under_test, "_train", train)
    monkeypatch.setenv("LOCAL_RANK", "1")
    fit(plain(seed=9), copy, "its own command", devices=Devices(2, 1))
    assert seen["run"] == open_run(copy)  # not what its own command says
    assert seen["reporter"] is SILENT
    fit(plain(schedule={"epochs": 4, "validate_every": 3}), copy / "other", "its own command", devices=Devices(1, 2))
    assert seen["run"].folder == copy / "other"
    assert seen["run"].command == "its own command"
    assert seen["run"].config.schedule.validate_every == 2
    assert seen["run"].threads == 1
    assert not (copy / "other").exists()


def test_two_processes_learn_what_one_learns(tmp_path):
    """A network without batch statistics: same schedule, each face once per epoch, scores over all faces."""
    config = plain(CNN, schedule={"epochs": 2, "batch": 4, "shape": "cosine"}, optimizer={"lr": 3e-3, "clip": 0.5})
    process = start(command(tmp_path, tmp_path / "two", config, "--devices", "2"))
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text
    assert text.count("report:") == 1
    assert open_run(tmp_path / "two").config == config
    fit(config, tmp_path / "one", "x")
    assert same(weights(tmp_path / "two"), weights(tmp_path / "one"), 1e-5)
    two, one = (read_curve(tmp_path / name / "epochs.csv") for name in ("two", "one"))
    for column in ("val_loss", "val_error_px", "val_nme"):
        assert two[column] == pytest.approx(one[column], rel=1e-4)
    two, one = (read_curve(tmp_path / name / "steps.csv") for name in ("two", "one"))
    assert two["step"] == one["step"]
    assert two["lr"] == pytest.approx(one["lr"])


@pytest.mark.slow
def test_two_nodes_share_a_run(tmp_path):
    """Both nodes run on this machine; each is given the same command, the address to meet, and its number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meet = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    config = tiny(schedule={"epochs": 2, "batch": 4})
    words = command(tmp_path, tmp_path / "run", config, "--nodes", "2")
    processes = [start(words, NODE_RANK=str(node), **meet) for node in range(2)]
    texts = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], texts
    assert "report:" in texts[0]
    assert "report:" not in texts[1]
    assert epochs_of(tmp_path / "run") == [0, 1]


def test_the_bfloat16_of_a_run_is_mixed_precision(trained):
    run = trained[2].run
    for precision, expected in (("float32", "32-true"), ("bfloat16", "bf16-mixed")):
        trainer = module_under_test._trainer(replace(run, precision=precision), Devices(), [])
        assert trainer.precision == expected
        assert trainer.max_epochs == 4
        assert trainer.gradient_clip_val is None
    clipped = plain(optimizer={"clip": 0.25}, schedule={"epochs": 6, "validate_every": 3})
    trainer = module_under_test._trainer(replace(run, config=clipped), Devices(), [])
    assert trainer.gradient_clip_val == 0.25
    assert trainer.check_val_every_n_epoch == 3


def test_a_locked_run_is_not_trained(copy):
    with lock_run(copy), pytest.raises(ConfigError, match="another training"):
        resume(copy)
