"""Figures of a training: losses, errors, and the kernels of the first layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike

from nasion.evaluation.plots.figure import DARK_BLUE, GRAY, PREDICTED, TRUE, axes
from nasion.geometry import FloatArray

__all__ = ["error_curve", "kernels", "loss_curves", "step_curve", "sweep_curves"]

Curve = Mapping[str, Sequence[float]]
"""Columns of a training curve by name."""


def step_curve(steps: Curve) -> Figure:
    """Return a figure of the training loss at each step, its running median, and the learning rate."""
    figure, (axis,) = axes()
    loss = np.asarray(steps["loss"])
    axis.plot(steps["step"], loss, color=PREDICTED, alpha=0.3, linewidth=0.7, label="training loss, each step")
    window = max(1, len(loss) // 60)
    if len(loss) >= window * 2 > 2:
        blocks = loss[: len(loss) // window * window].reshape(-1, window)
        axis.plot(
            np.asarray(steps["step"])[window // 2 :: window][: len(blocks)],
            np.median(blocks, 1),
            color=DARK_BLUE,
            label=f"median of {window} steps",
        )
    axis.set(xlabel="step", ylabel="loss", yscale="log")
    rate = axis.twinx()
    rate.plot(steps["step"], steps["lr"], color=GRAY, linestyle=":", label="learning rate")
    rate.set_ylabel("learning rate", color=GRAY)
    rate.set_ylim(bottom=0)
    rate.spines["top"].set_visible(False)
    handles, labels = axis.get_legend_handles_labels()
    more = rate.get_legend_handles_labels()
    axis.legend(handles + more[0], labels + more[1], frameon=False, loc="upper right")
    return figure


def loss_curves(epochs: Curve) -> Figure:
    """Return a figure of the loss by epoch, for training and validation."""
    figure, (axis,) = axes()
    x = np.asarray(epochs["epoch"]) + 1
    axis.plot(x, epochs["train_loss"], color=PREDICTED, label="training")
    _plot_finite(axis, x, epochs["val_loss"], "validation")
    axis.set(xlabel="epoch", ylabel="loss", yscale="log")
    axis.legend(frameon=False)
    return figure


def error_curve(epochs: Curve) -> Figure:
    """Return a figure of the validation error by epoch, with the best epoch."""
    figure, (axis,) = axes()
    x = np.asarray(epochs["epoch"]) + 1
    if _plot_finite(axis, x, epochs["val_error_px"], "validation"):
        values = np.asarray(epochs["val_error_px"], np.float64)
        best = int(np.nanargmin(values))
        axis.plot(x[best], values[best], "o", color=TRUE, label=f"best: {values[best]:.2f} px, epoch {x[best]:.0f}")
        _plain_log(axis)
        axis.legend(frameon=False)
    else:
        axis.text(0.5, 0.5, "no validation faces", ha="center", va="center", transform=axis.transAxes)
    axis.set(xlabel="epoch", ylabel="mean point error (image px)")
    return figure


def _plot_finite(axis: Axes, x: ArrayLike, y: Sequence[float], label: str, color: Any = DARK_BLUE) -> bool:
    values = np.asarray(y, np.float64)
    there = np.isfinite(values)
    if there.any():
        axis.plot(np.asarray(x)[there], values[there], color=color, label=label)
    return bool(there.any())


def _plain_log(axis: Axes) -> None:
    """Give the y axis a logarithmic scale with plain numbers."""
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def sweep_curves(runs: Mapping[str, Curve]) -> Figure:
    """Return a figure of the training loss and validation error of several runs, one color per run."""
    figure, (loss, error) = axes(11, 4, 2)
    for label, epochs in runs.items():
        x = np.asarray(epochs["epoch"]) + 1
        (line,) = loss.plot(x, epochs["train_loss"], label=label)
        _plot_finite(error, x, epochs["val_error_px"], label, line.get_color())
    loss.set(xlabel="epoch", ylabel="training loss", yscale="log")
    error.set(xlabel="epoch", ylabel="validation error (image px)")
    _plain_log(error)
    for axis in (loss, error):
        axis.legend(frameon=False)
    return figure


TILE = 0.69
"""Side of a kernel with its margins, inches: eight are as wide as the other figures."""


def kernels(weights: FloatArray, columns: int = 8) -> Figure:
    """Return a figure of first-layer kernels (N, C, k, k), no unit: gray for one channel, colors for three.

    All kernels share one scale; mid-gray is zero.
    """
    count, channels = weights.shape[:2]
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * TILE, rows * (TILE + 0.1) + 0.5), layout="constrained")
    limit = float(np.abs(weights).max()) or 1.0
    for k, axis in enumerate(np.ravel(figure.subplots(rows, columns, squeeze=False))):
        axis.set_axis_off()
        if k < count:
            tile = weights[k].transpose(1, 2, 0) / (2 * limit) + 0.5
            shown = tile if channels == 3 else tile[..., 0]
            axis.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_title(str(k), fontsize=7, pad=2)
    side = weights.shape[-1]
    kind = "RGB" if channels == 3 else "gray"
    title = f"{count} kernels of the first layer, {side} x {side} px, {kind};\nmid-gray is 0, white is +{limit:.2g}"
    figure.suptitle(title, fontsize=9)
    return figure
