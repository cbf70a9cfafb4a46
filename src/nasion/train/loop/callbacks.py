"""What happens around the steps: the bar with the time left, the curves on disk, the checkpoints, a clean stop."""

import csv
import io
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as lightning
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nasion.atomic import write_bytes, write_text
from nasion.train.loop.module import KeypointModule

__all__ = ["Checkpointer", "CurveLogger", "GracefulStop", "ProgressBar", "read_curve"]

SECONDS_BETWEEN_SAVES = 15.0
"""What a `kill -9` may cost; more often would slow short epochs."""

LOG_LINES = 10
"""Lines about a training whose output is no terminal."""

BOARD_EVERY = 10
"""Steps between two points on TensorBoard's step curve; the CSV has them all."""


class ProgressBar(lightning.Callback):
    """One bar over the whole training, with the time left and the latest scores; in a log, a line now and then."""

    def __init__(self, console: Console) -> None:
        columns = BarColumn(18), TextColumn("epoch {task.fields[epoch]} ·"), TimeRemainingColumn(compact=True)
        self.progress = Progress(*columns, TextColumn("left · {task.fields[scores]}"), console=console)
        self.task = self.progress.add_task("training", scores="", epoch="")
        self.score = ""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Show the bar, from where a resumed run goes on."""
        self.progress.update(self.task, total=_work(pl_module, trainer.max_epochs or 1), completed=_done(trainer))
        if trainer.is_global_zero:
            self.progress.start()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on by a step."""
        epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        scores = f"loss {pl_module.step_loss:.3g}{self.score}"
        self.progress.update(self.task, completed=_done(trainer), epoch=epoch, scores=scores)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Take up the validation's score; in a log, print a line."""
        if "val/error_px" in trainer.callback_metrics:
            self.score = f", validation {float(trainer.callback_metrics['val/error_px']):.2f} px"
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 1
        scores = f"loss {pl_module.step_loss:.3g}{self.score}"
        self.progress.update(self.task, scores=scores)
        console = self.progress.console
        if not console.is_terminal and done * LOG_LINES // total > (done - 1) * LOG_LINES // total:
            console.print(f"epoch {done}/{total}: {scores}", soft_wrap=True)

    def teardown(self, trainer: lightning.Trainer, pl_module: Any, stage: str) -> None:
        """Leave the bar as it is."""
        self.progress.stop()


def _work(module: Any, epochs: float) -> float:
    """Return what the first `epochs` cost: the time left is told by it, because small crops cost less."""
    return module.config.schedule.work(epochs, module.config.crop.size)


def _done(trainer: lightning.Trainer) -> float:
    module: Any = trainer.lightning_module
    return _work(module, trainer.global_step / module.steps_per_epoch())


class CurveLogger(lightning.Callback):
    """Writes steps.csv (step, epoch, loss, lr) and epochs.csv (epoch, seconds, train and validation scores)."""

    STEPS = ("step", "epoch", "loss", "lr")
    EPOCHS = ("epoch", "step", "seconds", "train_loss", "val_loss", "val_error_px", "val_nme")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[tuple[Any, ...]] = []
        self.epochs: list[tuple[Any, ...]] = []
        self.before = 0.0
        self.rate = 0.0
        self.began = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Take up the curves of a resumed run up to its checkpoint; what came after it is done again."""
        self.began = time.monotonic()
        if trainer.global_step:
            self.steps = [tuple(r) for r in read_rows(self.folder / "steps.csv") if r[0] < trainer.global_step]
            self.epochs = [tuple(r) for r in read_rows(self.folder / "epochs.csv") if r[0] < trainer.current_epoch]
            self.before = self.epochs[-1][2] if self.epochs else 0.0

    def on_train_batch_start(self, trainer: lightning.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Note the rate that this step takes: at its end the next one is already set."""
        self.rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note a step."""
        step, rate = trainer.global_step - 1, self.rate
        self.steps.append((step, trainer.current_epoch, pl_module.step_loss, rate))
        if step % BOARD_EVERY == 0:
            pl_module.logger.log_metrics({"train/step_loss": pl_module.step_loss, "lr": rate}, step)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Note an epoch; validation, where this epoch had one, is over."""
        epoch = trainer.current_epoch
        losses = [row[2] for row in self.steps[-pl_module.steps_per_epoch() :]]
        scores: list[Any] = ["", "", ""]
        if has_validation(pl_module, epoch):
            scores = [float(trainer.callback_metrics[f"val/{name}"]) for name in ("loss", "error_px", "nme")]
        seconds = self.before + time.monotonic() - self.began
        train_loss = sum(losses) / max(1, len(losses))
        self.epochs.append((epoch, trainer.global_step, seconds, train_loss, *scores))
        pl_module.logger.log_metrics({"train/epoch_loss": train_loss, "epoch": epoch}, trainer.global_step)

    def write(self) -> None:
        """Write both tables whole."""
        write_text(self.folder / "steps.csv", _table(self.STEPS, self.steps))
        write_text(self.folder / "epochs.csv", _table(self.EPOCHS, self.epochs))


class Checkpointer(lightning.Callback):
    """Keeps checkpoints/last.ckpt, from which a run resumes, and checkpoints/best.pt, with which it predicts.

    `best.pt` has the weights of the best validation by error; without validation faces, the latest weights. It
    also ends a run whose score has not improved for `patience` validations (0: never), before it saves, so that
    a resumed run counts on where this one was.
    """

    def __init__(self, folder: Path, curves: CurveLogger, patience: int) -> None:
        self.folder, self.curves, self.patience = folder / "checkpoints", curves, patience
        self.best = float("inf")
        self.waited = 0
        self.saved = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it up."""
        self.best, self.waited = state_dict["best"], state_dict["waited"]

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Keep what is better; now and then, save all."""
        if has_validation(pl_module, trainer.current_epoch):
            score = float(trainer.callback_metrics["val/error_px"])
            self.waited = 0 if score < self.best else self.waited + 1
            if score < self.best:
                self.best = score
                self._keep_best(trainer, pl_module)
            if self.patience and self.waited >= self.patience:
                trainer.should_stop = True
        due = time.monotonic() - self.saved > SECONDS_BETWEEN_SAVES or trainer.current_epoch == 0
        if trainer.strategy.broadcast(due):  # one device's clock decides for all
            self._save(trainer, pl_module)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Save all, whether the end came by plan, by patience or by Ctrl-C."""
        self._save(trainer, pl_module)
        if not (self.folder / "best.pt").exists():  # stopped before its first validation
            self._keep_best(trainer, pl_module)

    def _save(self, trainer: lightning.Trainer, pl_module: KeypointModule) -> None:
        state = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
        if trainer.is_global_zero:
            if pl_module.validation_crops is None:
                self._keep_best(trainer, pl_module)
            self.curves.write()
            _write_torch(self.folder / "last.ckpt", state)
        self.saved = time.monotonic()

    def _keep_best(self, trainer: lightning.Trainer, pl_module: KeypointModule) -> None:
        if trainer.is_global_zero:
            weights = {name: value.clone() for name, value in pl_module.best_network.state_dict().items()}
            _write_torch(self.folder / "best.pt", {"epoch": trainer.current_epoch, "weights": weights})


class GracefulStop(lightning.Callback):
    """Ctrl-C ends the training after the running epoch, with everything saved; a second one ends it at once.

    Only a whole epoch can be resumed to the same weights: Lightning would end within a batch if it were told so
    there, so it is told at the epoch's end, and all devices together.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.asked = False
        self.usual: Any = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Listen."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True
            if trainer.is_global_zero:
                self.console.print("[yellow]stopping after this epoch; Ctrl-C again stops at once[/]")

        if threading.current_thread() is threading.main_thread():
            self.usual = signal.signal(signal.SIGINT, stop)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Stop here if anyone asked."""
        if trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            self.asked = trainer.should_stop = True

    def teardown(self, trainer: lightning.Trainer, pl_module: Any, stage: str) -> None:
        """Listen no more."""
        if self.usual is not None:
            signal.signal(signal.SIGINT, self.usual)
            self.usual = None


def has_validation(module: KeypointModule, epoch: int) -> bool:
    """Return whether `epoch` ends with a validation; `timing.align_validation` sees to it that the last one does."""
    return module.validation_crops is not None and (epoch + 1) % module.config.schedule.validate_every == 0


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


def _write_torch(path: Path, state: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())
