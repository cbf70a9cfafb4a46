"""Lightning callbacks: progress, curves on disk, checkpoints, and a clean stop.

`fit` passes them in this order, in which Lightning calls each hook:

    hook                    ProgressBar    GracefulStop      CurveLogger        Checkpointer
    on_train_start          open the bar   install SIGINT    restore curves
    on_train_batch_start                                     store the rate
    on_train_batch_end      advance                          record the step
    on_train_epoch_end      show scores    stop if asked     record the epoch   save best.pt, last.ckpt; early stopping
    on_train_end                                                                save all
    teardown                close the bar  restore SIGINT

With --minutes, TimeBudget comes before the Checkpointer and plans the remaining epochs after each one.
"""

import csv
import io
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as lightning

from nasion.atomic import write_text
from nasion.progress import Reporter, Task
from nasion.train.checkpoint import save_weights
from nasion.train.loop.module import SCORES, KeypointModule
from nasion.train.loop.time_budget import replanned
from nasion.train.runs.run_folder import Run

__all__ = [
    "Checkpointer",
    "CurveLogger",
    "GracefulStop",
    "ProgressBar",
    "TimeBudget",
    "has_validation",
    "read_curve",
    "read_rows",
]

SECONDS_BETWEEN_SAVES = 15.0
"""Training time that `kill -9` may cost; saving more often would slow short epochs."""

LOG_LINES = 10
"""Lines about a training whose output is not a terminal."""

TENSORBOARD_STEPS = 10
"""Steps between two points on TensorBoard's step curve; steps.csv has all of them."""


class ProgressBar(lightning.Callback):
    """One bar over the whole training with the time left and the latest scores."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.task: Task | None = None
        self.score = ""
        self._open = ExitStack()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Show the bar, from where a resumed run continues."""
        total = _cost(pl_module, trainer.max_epochs or 1)
        self.task = self._open.enter_context(self.reporter.task("training", total))
        self.task.update(_done(trainer))

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance by a step."""
        self._show(trainer, pl_module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Show the validation's score; in a log, write a line now and then."""
        if "val/error_px" in trainer.callback_metrics:
            self.score = f", validation {float(trainer.callback_metrics['val/error_px']):.2f} px"
        text = self._show(trainer, pl_module)
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 1
        if self.task is not None and done * LOG_LINES // total > (done - 1) * LOG_LINES // total:
            self.task.log(text)

    def _show(self, trainer: lightning.Trainer, module: KeypointModule) -> str:
        text = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: loss {module.step_loss:.3g}{self.score}"
        if self.task is not None:
            total = _cost(module, trainer.max_epochs or 1)  # it changes during a training with --minutes
            self.task.update(_done(trainer), total=total, text=text)
        return text

    def teardown(self, trainer: lightning.Trainer, pl_module: Any, stage: str) -> None:
        """Close the bar."""
        self._open.close()


def _cost(module: KeypointModule, epochs: float) -> float:
    """Return the cost of the first `epochs`, because epochs with small crops take less time."""
    return module.config.schedule.cost(epochs, module.config.crop.size)


def _done(trainer: lightning.Trainer) -> float:
    module: Any = trainer.lightning_module
    return _cost(module, trainer.global_step / module.steps_per_epoch())


class TimeBudget(lightning.Callback):
    """Adapts the number of epochs after each epoch, so that a training takes as long as it should.

    Args:
        run: its run.json is written again when its configuration changes.
        minutes: the time for the complete training.
    """

    def __init__(self, run: Run, minutes: float) -> None:
        self.run, self.minutes = run, minutes
        self.started = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Plan the remaining epochs by the pace so far; all devices follow the first."""
        done = trainer.current_epoch + 1
        config = replanned(pl_module.config, done, time.monotonic() - self.started, self.minutes)
        config = trainer.strategy.broadcast(config)
        if config.schedule == pl_module.config.schedule:
            return
        pl_module.config = config
        trainer.fit_loop.max_epochs = config.schedule.epochs
        if trainer.is_global_zero:
            replace(self.run, config=config).write()


class CurveLogger(lightning.Callback):
    """Writes steps.csv (step, epoch, loss, lr) and epochs.csv (epoch, seconds, training and validation scores)."""

    STEPS = ("step", "epoch", "loss", "lr")
    EPOCHS = ("epoch", "step", "seconds", "train_loss", "val_loss", "val_error_px", "val_nme")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[tuple[Any, ...]] = []
        self.epochs: list[tuple[Any, ...]] = []
        self.seconds_before = 0.0
        self.rate = 0.0
        self.started = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Restore the curves of a resumed run up to its checkpoint."""
        self.started = time.monotonic()
        if trainer.global_step:
            self.steps = [tuple(r) for r in read_rows(self.folder / "steps.csv") if r[0] < trainer.global_step]
            self.epochs = [tuple(r) for r in read_rows(self.folder / "epochs.csv") if r[0] < trainer.current_epoch]
            self.seconds_before = self.epochs[-1][2] if self.epochs else 0.0

    def on_train_batch_start(self, trainer: lightning.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Store the learning rate of this step: at its end the next rate is already set."""
        self.rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record the step."""
        step = trainer.global_step - 1
        self.steps.append((step, trainer.current_epoch, pl_module.step_loss, self.rate))
        if step % TENSORBOARD_STEPS == 0:
            pl_module.logger.log_metrics({"train/step_loss": pl_module.step_loss, "lr": self.rate}, step)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Record the epoch, after its validation."""
        epoch = trainer.current_epoch
        losses = [row[2] for row in self.steps[-pl_module.steps_per_epoch() :]]
        scores: list[Any] = [""] * len(SCORES)
        if has_validation(pl_module, epoch):
            scores = [float(trainer.callback_metrics[f"val/{name}"]) for name in SCORES]
        seconds = self.seconds_before + time.monotonic() - self.started
        train_loss = sum(losses) / max(1, len(losses))
        self.epochs.append((epoch, trainer.global_step, seconds, train_loss, *scores))
        pl_module.logger.log_metrics({"train/epoch_loss": train_loss, "epoch": epoch}, trainer.global_step)

    def write(self) -> None:
        """Write both tables completely."""
        write_text(self.folder / "steps.csv", _table(self.STEPS, self.steps))
        write_text(self.folder / "epochs.csv", _table(self.EPOCHS, self.epochs))


class Checkpointer(lightning.Callback):
    """Saves checkpoints/last.ckpt, from which a run resumes, and checkpoints/best.pt, with which it predicts.

    `best.pt` has the weights of the validation with the lowest error; without validation faces, the latest weights.
    Early stopping happens here, before saving, so that a resumed run continues the count of `patience` validations.
    """

    def __init__(self, folder: Path, curves: CurveLogger, patience: int) -> None:
        self.folder, self.curves, self.patience = folder / "checkpoints", curves, patience
        self.best = float("inf")
        self.waited = 0
        self.saved = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self.best, self.waited = state_dict["best"], state_dict["waited"]

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Save better weights; now and then, save everything."""
        if has_validation(pl_module, trainer.current_epoch):
            score = float(trainer.callback_metrics["val/error_px"])
            self.waited = 0 if score < self.best else self.waited + 1
            if score < self.best:
                self.best = score
                self._save_best(trainer, pl_module)
            if self.patience and self.waited >= self.patience:
                trainer.should_stop = True
        due = time.monotonic() - self.saved > SECONDS_BETWEEN_SAVES or trainer.current_epoch == 0
        if trainer.strategy.broadcast(due):  # rank 0 decides for all devices
            self._save(trainer, pl_module)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Save everything, whether the training is complete, stopped early or interrupted."""
        self._save(trainer, pl_module)
        if not (self.folder / "best.pt").exists():  # stopped before the first validation
            self._save_best(trainer, pl_module)

    def _save(self, trainer: lightning.Trainer, pl_module: KeypointModule) -> None:
        if trainer.is_global_zero:
            if pl_module.validation_source is None:
                self._save_best(trainer, pl_module)
            self.curves.write()
        trainer.save_checkpoint(self.folder / "last.ckpt")  # every rank must call it
        self.saved = time.monotonic()

    def _save_best(self, trainer: lightning.Trainer, pl_module: KeypointModule) -> None:
        if trainer.is_global_zero:
            weights = {name: value.clone() for name, value in pl_module.best_network.state_dict().items()}
            save_weights(self.folder / "best.pt", {"epoch": trainer.current_epoch, "weights": weights})


class GracefulStop(lightning.Callback):
    """Ctrl-C ends the training after the current epoch with everything saved; a second one ends it at once.

    Only after a complete epoch can a run be resumed to the same weights. Lightning would stop within the epoch if it
    received the signal itself.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.requested = False
        self.previous_handler: Any = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Install the SIGINT handler."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            if self.requested:
                raise KeyboardInterrupt
            self.requested = True
            if trainer.is_global_zero:
                self.reporter.warn("stopping after this epoch; Ctrl-C again stops at once")

        if threading.current_thread() is threading.main_thread():
            self.previous_handler = signal.signal(signal.SIGINT, stop)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Stop all devices if one was asked to."""
        if trainer.strategy.reduce_boolean_decision(self.requested, all=False):
            self.requested = trainer.should_stop = True

    def teardown(self, trainer: lightning.Trainer, pl_module: Any, stage: str) -> None:
        """Restore the previous SIGINT handler."""
        if self.previous_handler is not None:
            signal.signal(signal.SIGINT, self.previous_handler)
            self.previous_handler = None


def has_validation(module: KeypointModule, epoch: int) -> bool:
    """Return whether `epoch` ends with a validation; `align_validation` makes sure that the last one does."""
    return module.validation_source is not None and (epoch + 1) % module.config.schedule.validate_every == 0


def read_curve(path: Path) -> dict[str, list[float]]:
    """Return the columns of steps.csv or epochs.csv by name; empty cells are NaN."""
    header = path.read_text("utf-8").splitlines()[0].split(",")
    rows = read_rows(path)
    return {name: [float(row[k]) if row[k] != "" else float("nan") for row in rows] for k, name in enumerate(header)}


def read_rows(path: Path) -> list[list[Any]]:
    """Return the rows of a curve's file, numbers as floats, empty cells as they are."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [[float(cell) if cell else "" for cell in row] for row in rows]


def _table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[f"{cell:.9g}" if isinstance(cell, float) else cell for cell in row] for row in rows])
    return text.getvalue()
