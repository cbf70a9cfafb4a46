"""Progress, curves, checkpoints and the clean stop, each called as Lightning calls it."""

import math
import os
import signal
import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from doubles import RecordingReporter
from nasion.train.checkpoint import load_weights
from nasion.train.loop import callbacks
from nasion.train.loop.callbacks import (
    Checkpointer,
    CurveLogger,
    GracefulStop,
    ProgressBar,
    has_validation,
    read_curve,
    read_rows,
)
from train.loop.tiny_runs import plain

STEPS = 3
"""Steps per epoch of the simulated training."""


class Trainer:
    """A trainer that is moved from epoch to epoch by the test."""

    def __init__(self, epochs=8, **schedule):
        self.max_epochs, self.current_epoch, self.global_step = epochs, 0, 0
        self.callback_metrics, self.should_stop, self.is_global_zero = {}, False, True
        self.optimizers = [SimpleNamespace(param_groups=[{"lr": 0.5}, {"lr": 0.25}])]
        self.saved = []
        self.strategy = SimpleNamespace(
            broadcast=lambda value: value,
            reduce_boolean_decision=lambda value, **how: value if how == {"all": False} else None,
        )
        self.logged = []
        self.lightning_module = SimpleNamespace(
            config=plain(schedule={"epochs": epochs, **schedule}),
            steps_per_epoch=lambda: STEPS,
            step_loss=math.nan,
            validation_source=object(),
            best_network=nn.Linear(2, 3),
            logger=SimpleNamespace(log_metrics=lambda values, step: self.logged.append((values, step))),
        )

    def save_checkpoint(self, path):
        self.saved.append(path.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self.current_epoch))

    def start(self, *parts):
        for part in parts:
            part.on_train_start(self, self.lightning_module)

    def epoch(self, *parts, error_px=None, losses=(1.0, 2.0, 6.0)):
        """Train and validate one epoch; `current_epoch` then counts up, as in Lightning."""
        module = self.lightning_module
        for loss in losses:
            for part in parts:
                part.on_train_batch_start(self, module, None, 0)
            module.step_loss = loss
            self.global_step += 1
            for part in parts:
                part.on_train_batch_end(self, module, None, None, 0)
        if error_px is not None:
            scores = {"val/loss": error_px / 10, "val/error_px": error_px, "val/nme": error_px / 100}
            self.callback_metrics = {name: torch.tensor(value) for name, value in scores.items()}
        for part in parts:
            part.on_train_epoch_end(self, module)
        self.current_epoch += 1

    def end(self, *parts):
        for part in parts:
            part.on_train_end(self, self.lightning_module)
        for part in parts:
            part.teardown(self, self.lightning_module, "fit")


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock by one that the test sets."""
    found = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: found.now)
    return found


# Progress


def test_the_bar_spans_the_training_and_shows_each_step_and_the_latest_score():
    reporter, trainer = RecordingReporter(), Trainer(epochs=4)
    bar = ProgressBar(reporter)
    trainer.start(bar)
    assert reporter.tasks == [{"title": "training", "total": 4, "steps": 0}]
    assert reporter.updates == [(0.0, "")]
    trainer.epoch(bar, error_px=7.128, losses=(0.25, 0.5, 0.12345))
    trainer.epoch(bar)
    texts = [text for _, text in reporter.updates[1:]]
    assert texts[:3] == ["epoch 1/4: loss 0.25", "epoch 1/4: loss 0.5", "epoch 1/4: loss 0.123"]
    assert texts[3] == "epoch 1/4: loss 0.123, validation 7.13 px"
    assert texts[4] == "epoch 2/4: loss 1, validation 7.13 px"
    assert [done for done, _ in reporter.updates[1:]] == pytest.approx([1 / 3, 2 / 3, 1, 1, 4 / 3, 5 / 3, 2, 2])
    assert reporter.open == 1
    trainer.end(bar)
    assert reporter.open == 0


def test_low_res_epochs_advance_the_bar_less():
    reporter, trainer = RecordingReporter(), Trainer(epochs=4, low_res_px=16, low_res_share=0.5)
    bar = ProgressBar(reporter)
    trainer.start(bar)
    assert reporter.tasks[0]["total"] == pytest.approx(2 / 4 + 2)  # two epochs have a quarter of the pixels
    for _ in range(3):
        trainer.epoch(bar)
    assert [done for done, _ in reporter.updates][4::4] == pytest.approx([1 / 4, 2 / 4, 1.5])


def test_the_bar_of_a_resumed_run_starts_at_its_checkpoint():
    reporter, trainer = RecordingReporter(), Trainer(epochs=8)
    trainer.global_step, trainer.current_epoch = 2 * STEPS, 2
    trainer.start(ProgressBar(reporter))
    assert reporter.updates == [(2.0, "")]


@pytest.mark.parametrize(("epochs", "lines"), [(4, 4), (10, 10), (37, 10), (200, 10)])
def test_a_log_has_at_most_ten_evenly_spread_lines(epochs, lines):
    reporter, trainer = RecordingReporter(), Trainer(epochs=epochs)
    bar = ProgressBar(reporter)
    trainer.start(bar)
    for _ in range(epochs):
        trainer.epoch(bar)
    assert len(reporter.logs) == lines
    assert reporter.logs[-1].startswith(f"epoch {epochs}/{epochs}: loss 6")
    numbers = [int(line.split("/")[0].removeprefix("epoch ")) for line in reporter.logs]
    assert numbers == [math.ceil(k * epochs / lines) for k in range(1, lines + 1)]


def test_a_bar_that_never_opened_does_nothing():
    bar = ProgressBar(RecordingReporter())
    Trainer().epoch(bar, error_px=3.0)
    Trainer().end(bar)
    assert bar.task is None


# Curves


def test_curves_have_every_step_and_every_epoch(tmp_path, clock):
    trainer, curves = Trainer(validate_every=2), CurveLogger(tmp_path)
    trainer.start(curves)
    clock.now += 5
    trainer.epoch(curves)
    clock.now += 2.5
    trainer.optimizers[0].param_groups[0]["lr"] = 0.125
    trainer.epoch(curves, error_px=8.0, losses=(3.0, 3.0, 4.5))
    curves.write()
    assert (tmp_path / "steps.csv").read_text().splitlines() == [
        "step,epoch,loss,lr",
        "0,0,1,0.5",
        "1,0,2,0.5",
        "2,0,6,0.5",
        "3,1,3,0.125",
        "4,1,3,0.125",
        "5,1,4.5,0.125",
    ]
    assert (tmp_path / "epochs.csv").read_text().splitlines() == [
        "epoch,step,seconds,train_loss,val_loss,val_error_px,val_nme",
        "0,3,5,3,,,",
        "1,6,7.5,3.5,0.800000012,8,0.0799999982",
    ]


def test_the_recorded_rate_is_the_one_that_the_step_used(tmp_path):
    trainer, curves = Trainer(), CurveLogger(tmp_path)
    trainer.start(curves)
    curves.on_train_batch_start(trainer, trainer.lightning_module, None, 0)
    trainer.optimizers[0].param_groups[0]["lr"] = 0.1  # Lightning sets the next rate before the step ends
    trainer.global_step = 1
    curves.on_train_batch_end(trainer, trainer.lightning_module, None, None, 0)
    assert curves.steps[0][3] == 0.5


def test_tensorboard_has_each_epoch_and_every_tenth_step(tmp_path):
    trainer, curves = Trainer(), CurveLogger(tmp_path)
    trainer.start(curves)
    for _ in range(7):
        trainer.epoch(curves, error_px=5.0)
    steps = [(values, step) for values, step in trainer.logged if "lr" in values]
    assert steps == [({"train/step_loss": loss, "lr": 0.5}, step) for step, loss in ((0, 1.0), (10, 2.0), (20, 6.0))]
    epochs = [(values, step) for values, step in trainer.logged if "epoch" in values]
    assert epochs == [({"train/epoch_loss": 3.0, "epoch": k}, 3 * (k + 1)) for k in range(7)]


def test_a_resumed_run_continues_its_curves_at_its_checkpoint(tmp_path, clock):
    trainer, curves = Trainer(), CurveLogger(tmp_path)
    trainer.start(curves)
    for _ in range(3):
        clock.now += 4
        trainer.epoch(curves, error_px=6.0)
    curves.write()
    resumed, restored = Trainer(), CurveLogger(tmp_path)
    resumed.global_step, resumed.current_epoch = 2 * STEPS, 2  # the checkpoint is an epoch older than the curves
    clock.now += 1000
    resumed.start(restored)
    assert [row[0] for row in restored.steps] == [0, 1, 2, 3, 4, 5]
    assert [row[0] for row in restored.epochs] == [0, 1]
    clock.now += 1.5
    resumed.epoch(restored, error_px=5.0)
    restored.write()
    assert read_curve(tmp_path / "epochs.csv")["seconds"] == [4, 8, 9.5]
    assert read_curve(tmp_path / "epochs.csv")["val_error_px"] == [6, 6, 5]
    assert read_curve(tmp_path / "steps.csv")["step"] == list(range(9))


def test_a_run_without_checkpoint_restarts_its_curves(tmp_path):
    trainer, curves = Trainer(), CurveLogger(tmp_path)
    trainer.start(curves)
    trainer.epoch(curves, error_px=6.0)
    curves.write()
    again = CurveLogger(tmp_path)
    Trainer().start(again)
    assert again.steps == again.epochs == []


def test_curves_are_read_by_column_with_nan_for_empty_cells(tmp_path):
    (tmp_path / "c.csv").write_text("epoch,val_nme,lr\n0,,0.5\n1,0.25,0.125\n")
    assert read_rows(tmp_path / "c.csv") == [[0.0, "", 0.5], [1.0, 0.25, 0.125]]
    curve = read_curve(tmp_path / "c.csv")
    assert curve["epoch"] == [0, 1]
    assert math.isnan(curve["val_nme"][0])
    assert curve["val_nme"][1] == 0.25
    assert curve["lr"] == [0.5, 0.125]


def test_an_epoch_is_validated_if_its_number_is_a_multiple_and_there_are_faces():
    module = Trainer(validate_every=3).lightning_module
    assert [epoch for epoch in range(9) if has_validation(module, epoch)] == [2, 5, 8]
    module.validation_source = None
    assert not any(has_validation(module, epoch) for epoch in range(9))


# Checkpoints


def checkpointer(folder, patience=0):
    curves = CurveLogger(folder)
    return Checkpointer(folder, curves, patience)


def set_weight(trainer, value):
    with torch.no_grad():
        trainer.lightning_module.best_network.weight.fill_(value)


def best(folder):
    state = load_weights(folder / "checkpoints" / "best.pt")
    return state["epoch"], float(state["weights"]["weight"][0, 0])


def test_best_weights_are_those_of_the_lowest_error(tmp_path, clock):
    trainer, saver = Trainer(), checkpointer(tmp_path)
    for epoch, (error_px, expected) in enumerate([(9.0, 0), (7.0, 1), (7.0, 1), (8.0, 1), (6.5, 4), (10.0, 4)]):
        set_weight(trainer, float(epoch))
        trainer.epoch(saver, error_px=error_px)
        assert best(tmp_path) == (expected, float(expected))
    trainer.end(saver)
    assert best(tmp_path) == (4, 4.0)
    assert set(load_weights(tmp_path / "checkpoints" / "best.pt")["weights"]) == {"weight", "bias"}


def test_best_weights_are_replaced_only_by_a_validation(tmp_path, clock):
    trainer, saver = Trainer(validate_every=2), checkpointer(tmp_path)
    trainer.epoch(saver)
    assert not (tmp_path / "checkpoints" / "best.pt").exists()
    trainer.epoch(saver, error_px=9.0)
    trainer.callback_metrics["val/error_px"] = torch.tensor(1.0)
    trainer.epoch(saver)  # not validated, although a score is known
    assert best(tmp_path)[0] == 1


def test_without_validation_faces_the_latest_weights_are_kept(tmp_path, clock):
    trainer, saver = Trainer(), checkpointer(tmp_path)
    trainer.lightning_module.validation_source = None
    for epoch in range(3):
        set_weight(trainer, 10.0 + epoch)
        clock.now += 99
        trainer.epoch(saver)
        assert best(tmp_path) == (epoch, 10.0 + epoch)


def test_a_training_that_stops_before_its_first_validation_keeps_its_weights(tmp_path, clock):
    trainer, saver = Trainer(validate_every=5), checkpointer(tmp_path)
    set_weight(trainer, 2.0)
    trainer.epoch(saver)
    trainer.end(saver)
    assert best(tmp_path) == (1, 2.0)


def test_everything_is_saved_after_the_first_epoch_now_and_then_and_at_the_end(tmp_path, clock):
    trainer, saver = Trainer(), checkpointer(tmp_path)
    saved = []
    for seconds in (1, 10, 4.9, 0.2, 15, 0.1):
        clock.now += seconds
        trainer.epoch(saver, error_px=5.0)
        saved.append(len(trainer.saved))
    assert saved == [1, 1, 1, 2, 2, 3]
    assert (tmp_path / "steps.csv").exists()
    assert (tmp_path / "epochs.csv").exists()
    trainer.end(saver)
    assert trainer.saved == ["last.ckpt"] * 4


def test_the_first_device_decides_when_to_save(tmp_path, clock):
    trainer, saver = Trainer(), checkpointer(tmp_path)
    trainer.strategy.broadcast = lambda _own: False
    trainer.epoch(saver, error_px=5.0)
    assert trainer.saved == []
    trainer.strategy.broadcast = lambda _own: True
    trainer.epoch(saver, error_px=5.0)
    assert trainer.saved == ["last.ckpt"]


@pytest.mark.parametrize("with_faces", [True, False])
def test_other_devices_take_part_in_saving_but_write_no_files(tmp_path, clock, with_faces):
    trainer, saver = Trainer(), checkpointer(tmp_path)
    trainer.is_global_zero = False
    if not with_faces:
        trainer.lightning_module.validation_source = None
    trainer.epoch(saver, error_px=5.0)
    trainer.end(saver)
    assert trainer.saved == ["last.ckpt"] * 2
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["last.ckpt"]


@pytest.mark.parametrize(("errors", "patience", "stops_after"), [((5, 6, 6, 6, 6), 2, 3), ((5, 6, 4, 4, 4), 2, 5)])
def test_early_stopping_counts_validations_without_improvement(tmp_path, clock, errors, patience, stops_after):
    trainer, saver = Trainer(), checkpointer(tmp_path, patience)
    for epoch, error_px in enumerate(errors):
        trainer.epoch(saver, error_px=float(error_px))
        assert trainer.should_stop == (epoch + 1 >= stops_after)


def test_without_patience_there_is_no_early_stopping(tmp_path, clock):
    trainer, saver = Trainer(), checkpointer(tmp_path)
    for _ in range(9):
        trainer.epoch(saver, error_px=5.0)
    assert not trainer.should_stop
    assert saver.waited == 8


def test_a_resumed_run_continues_the_count_and_the_best_score(tmp_path, clock):
    trainer, saver = Trainer(), checkpointer(tmp_path, 3)
    for error_px in (5.0, 6.0, 6.0):
        trainer.epoch(saver, error_px=error_px)
    resumed, restored = Trainer(), checkpointer(tmp_path, 3)
    restored.load_state_dict(saver.state_dict())
    assert saver.state_dict() == {"best": 5.0, "waited": 2}
    resumed.current_epoch = 3
    resumed.epoch(restored, error_px=5.5)  # the third validation without improvement
    assert resumed.should_stop
    assert best(tmp_path)[0] == 0


def test_the_count_is_saved_after_the_validation_that_it_includes(tmp_path, clock):
    trainer, saver = Trainer(), checkpointer(tmp_path, 2)
    states = []
    trainer.save_checkpoint = lambda _path: states.append(saver.state_dict())
    for error_px in (5.0, 6.0, 6.0):
        clock.now += 99
        trainer.epoch(saver, error_px=error_px)
    assert states == [{"best": 5.0, "waited": count} for count in (0, 1, 2)]


# Clean stop


@pytest.fixture
def interrupted():
    """Record interrupts that reach the handler that was installed before, and restore Python's own."""
    seen = []
    original = signal.signal(signal.SIGINT, lambda *_arguments: seen.append("previous"))
    yield seen
    signal.signal(signal.SIGINT, original)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    signal.getsignal(signal.SIGINT)  # a bytecode boundary at which Python calls the handler


def test_ctrl_c_stops_after_the_epoch_and_a_second_one_at_once(interrupted):
    reporter, trainer = RecordingReporter(), Trainer()
    stop = GracefulStop(reporter)
    trainer.start(stop)
    trainer.epoch(stop)
    assert not trainer.should_stop
    interrupt()
    assert stop.requested
    assert not trainer.should_stop
    assert reporter.warnings == ["stopping after this epoch; Ctrl-C again stops at once"]
    trainer.epoch(stop)
    assert trainer.should_stop
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    trainer.end(stop)
    assert interrupted == []


def test_the_previous_handler_is_restored(interrupted):
    stop, trainer = GracefulStop(RecordingReporter()), Trainer()
    trainer.start(stop)
    assert signal.getsignal(signal.SIGINT).__name__ == "stop"
    trainer.end(stop)
    interrupt()
    assert interrupted == ["previous"]
    assert not stop.requested
    trainer.end(stop)  # a second teardown changes nothing
    interrupt()
    assert interrupted == ["previous"] * 2


def test_only_the_first_device_warns(interrupted):
    reporter, trainer = RecordingReporter(), Trainer()
    trainer.is_global_zero = False
    stop = GracefulStop(reporter)
    trainer.start(stop)
    interrupt()
    assert stop.requested
    assert reporter.warnings == []
    trainer.end(stop)


def test_all_devices_stop_if_one_was_asked_to(interrupted):
    stop, trainer = GracefulStop(RecordingReporter()), Trainer()
    trainer.strategy.reduce_boolean_decision = lambda own, **how: how == {"all": False} and not own
    trainer.epoch(stop)
    assert stop.requested
    assert trainer.should_stop


def test_no_handler_is_installed_outside_the_main_thread(interrupted):
    stop, trainer = GracefulStop(RecordingReporter()), Trainer()
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=trainer.start, args=(stop,))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before
    assert stop.previous_handler is None
    trainer.end(stop)
    assert signal.getsignal(signal.SIGINT) is before
