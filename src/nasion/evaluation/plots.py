"""Figures from arrays. Each function returns a matplotlib `Figure`; `png` converts it to bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike

from nasion.evaluation.metrics import ced, share_within
from nasion.geometry import FloatArray
from nasion.uncertainty import nominal_share

__all__ = [
    "bias_map",
    "box_curves",
    "ced_curve",
    "epoch_curves",
    "kernels",
    "png",
    "point_map",
    "region_bars",
    "reliability",
    "step_curve",
    "sweep_curves",
    "yaw_bars",
]

TRUE, PREDICTED, GRAY = "#ff8c00", "#1e78ff", "#888888"

Z_95 = 1.96
"""Half width of a 95 % interval, in standard errors."""

Curve = Mapping[str, Sequence[float]]
"""Columns of a training curve by name."""


def png(figure: Figure, dpi: int = 110) -> bytes:
    """Return the figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def _axes(width: float, height: float, count: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(1, count)))
    for each in axes:
        each.grid(alpha=0.25)
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def step_curve(steps: Curve) -> Figure:
    """Return a figure of the training loss at each step, its running median, and the learning rate."""
    figure, (axis,) = _axes(9, 3.2)
    loss = np.asarray(steps["loss"])
    axis.plot(steps["step"], loss, color=PREDICTED, alpha=0.3, linewidth=0.7, label="training loss, each step")
    window = max(1, len(loss) // 60)
    if len(loss) >= window * 2 > 2:
        blocks = loss[: len(loss) // window * window].reshape(-1, window)
        axis.plot(
            np.asarray(steps["step"])[window // 2 :: window][: len(blocks)],
            np.median(blocks, 1),
            color="#0b3d91",
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


def epoch_curves(epochs: Curve) -> Figure:
    """Return a figure of loss and error by epoch, for training and validation."""
    figure, (loss, error) = _axes(9, 3.2, 2)
    x = np.asarray(epochs["epoch"]) + 1
    loss.plot(x, epochs["train_loss"], color=PREDICTED, label="training")
    _plot_finite(loss, x, epochs["val_loss"], "validation")
    loss.set(xlabel="epoch", ylabel="loss", yscale="log")
    loss.legend(frameon=False)
    if _plot_finite(error, x, epochs["val_error_px"], "validation"):
        values = np.asarray(epochs["val_error_px"], np.float64)
        best = int(np.nanargmin(values))
        error.plot(x[best], values[best], "o", color=TRUE, label=f"best: {values[best]:.2f} px, epoch {x[best]:.0f}")
        _plain_log(error)
        error.legend(frameon=False)
    else:
        error.text(0.5, 0.5, "no validation faces", ha="center", va="center", transform=error.transAxes)
    error.set(xlabel="epoch", ylabel="mean point error (image px)")
    return figure


def _plot_finite(axis: Axes, x: ArrayLike, y: Sequence[float], label: str, color: Any = "#0b3d91") -> bool:
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
    figure, (loss, error) = _axes(11, 4, 2)
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


def ced_curve(curves: Mapping[str, FloatArray], normalizer: str, threshold: float) -> Figure:
    """Return a figure of the cumulative error distribution of NMEs (N,), fractions, by name."""
    figure, (axis,) = _axes(5.5, 3.6)
    top = max(threshold, *(float(np.nanquantile(values, 0.98)) for values in curves.values()))
    x = np.linspace(0, top, 400)
    for name, values in curves.items():
        axis.plot(100 * x, 100 * ced(values, x), label=name)
    axis.axvline(100 * threshold, color=GRAY, linestyle=":", label=f"failure: {100 * threshold:g} %")
    axis.set(
        xlabel=f"NME, {normalizer.replace('_', '-')} (%)",
        ylabel="faces with at most that error (%)",
        ylim=(0, 102),
        xlim=(0, None),
    )
    axis.legend(frameon=False, loc="lower right")
    return figure


def box_curves(
    shifts: Sequence[float],
    scales: Sequence[float],
    curves: Mapping[str, tuple[FloatArray, FloatArray]],
    normalizer: str,
) -> Figure:
    """Return a figure of the NME against the boxes' shift and scale; a flat line means that the box does not matter.

    Args:
        shifts: (S,), shares of the box's side.
        scales: (S,), factors.
        curves: by name, NMEs (S,), fractions, for the shifts and for the scales.
        normalizer: what the NME is divided by.
    """
    figure, (shift, scale) = _axes(9, 3.4, 2)
    for name, (shifted, scaled) in curves.items():
        shift.plot(100 * np.asarray(shifts), 100 * shifted, "o-", label=name)
        scale.plot(scales, 100 * scaled, "o-", label=name)
    shift.set(xlabel="shift of the box (% of its side)", ylabel=f"NME, {normalizer.replace('_', '-')} (%)")
    scale.set(xlabel="scale of the box")
    top = max(axis.get_ylim()[1] for axis in (shift, scale))
    for axis in (shift, scale):
        axis.set_ylim(0, 1.15 * top)
        axis.legend(frameon=False, loc="lower right")
    return figure


def region_bars(regions: Mapping[str, float]) -> Figure:
    """Return a bar chart of the mean error of each region, image px."""
    figure, (axis,) = _axes(5.5, 0.9 + 0.36 * len(regions))
    names = list(regions)[::-1]
    bars = axis.barh(names, [regions[name] for name in names], color=PREDICTED)
    axis.bar_label(bars, fmt="%.2f", padding=3)
    axis.set(xlabel="mean error (image px)")
    axis.margins(x=0.12)
    return figure


def yaw_bars(groups: Mapping[str, FloatArray]) -> Figure:
    """Return a bar chart of the mean error of each group of faces, with 95 % intervals.

    Args:
        groups: NMEs (N,), fractions, of at least two faces each, by the group's yaw.
    """
    figure, (axis,) = _axes(5.5, 3.2)
    means = [100 * float(each.mean()) for each in groups.values()]
    half = [100 * Z_95 * float(each.std(ddof=1)) / len(each) ** 0.5 for each in groups.values()]
    names = [f"{name}\n{len(each)} faces" for name, each in groups.items()]
    axis.bar(names, means, 0.6, yerr=half, color=PREDICTED, ecolor=TRUE, capsize=4)
    for place, mean in enumerate(means):
        axis.annotate(f"{mean:.2f}", (place, 0), (0, 4), textcoords="offset points", ha="center", color="white")
    axis.set(xlabel="yaw", ylabel="NME, size of the box (%)")
    return figure


GROUPS = 10
"""Groups of points in the reliability figure."""


def reliability(in_spreads: FloatArray, errors_px: FloatArray, expected_px: FloatArray) -> Figure:
    """Return a figure of the share of points within a number of spreads, and of errors against predicted errors.

    Args:
        in_spreads: (N, K), errors in spreads.
        errors_px: (N, K), image px.
        expected_px: (N, K), the errors that the spreads predict, image px.
    """
    figure, (share, error) = _axes(9, 3.8, 2)
    multiples = np.linspace(0, 4, 81)
    found = [share_within(in_spreads, multiple) for multiple in multiples]
    share.plot(multiples, 100 * np.asarray(found), color=PREDICTED, label="measured")
    share.plot(multiples, 100 * nominal_share(multiples), ":", color=GRAY, label="ideal")
    share.set(xlabel="distance (spreads)", ylabel="points within this distance (%)", ylim=(0, 102), xlim=(0, 4))
    known = np.isfinite(errors_px) & np.isfinite(expected_px)
    order = np.argsort(expected_px[known])
    groups = [each for each in np.array_split(order, GROUPS) if len(each)]
    means = np.array([[expected_px[known][each].mean(), errors_px[known][each].mean()] for each in groups])
    error.plot(*means.T, "o-", color=PREDICTED, label="measured, one tenth of the points each")
    limits = np.array([0, means[:, 0].max()])
    error.plot(limits, limits, ":", color=GRAY, label="ideal")
    error.set(xlabel="mean predicted error (image px)", ylabel="mean error (image px)", xlim=(0, None), ylim=(0, None))
    for axis in (share, error):
        axis.legend(frameon=False, loc="lower right")
    return figure


def point_map(shape: FloatArray, errors_px: FloatArray) -> Figure:
    """Return a figure of the mean face (K, 2), px, with discs whose size and color show mean errors (K,), image px."""
    figure, (axis,) = _axes(5.5, 4.6)
    sizes = 40 + 160 * errors_px / (errors_px.max() or 1.0)
    scatter = axis.scatter(*shape.T, c=errors_px, s=sizes, cmap="viridis_r", edgecolors="white")
    for k, (x, y) in enumerate(shape):
        axis.annotate(str(k), (float(x), float(y)), fontsize=6, ha="center", va="center", color="white")
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.set(xlabel="x (px of the mean face)", ylabel="y (px of the mean face)")
    figure.colorbar(scatter, ax=axis, label="mean error (image px)")
    return figure


def bias_map(shape: FloatArray, bias_px: FloatArray) -> Figure:
    """Return a figure of the mean face (K, 2), px, with arrows of the mean errors (K, 2), image px, drawn 10x."""
    figure, (axis,) = _axes(5.5, 4.6)
    axis.plot(*shape.T, "o", color=GRAY, markersize=3)
    arrows = axis.quiver(*shape.T, *bias_px.T, angles="xy", scale_units="xy", scale=0.1, color=PREDICTED, width=0.005)
    axis.quiverkey(arrows, 0.84, 0.06, 2.0, "2 image px", labelpos="N")
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.margins(0.1)
    axis.set(xlabel="x (px of the mean face)", ylabel="y (px of the mean face)")
    return figure


def kernels(weights: FloatArray, columns: int = 8) -> Figure:
    """Return a figure of first-layer kernels (N, C, k, k), no unit: gray for one channel, colors for three.

    All kernels share one scale; mid-gray is zero.
    """
    count, channels = weights.shape[:2]
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * 1.05, rows * 1.15 + 0.5), layout="constrained")
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
    title = f"{count} kernels of the first layer, {side} x {side} px, {kind}; mid-gray is 0, white is +{limit:.2g}"
    figure.suptitle(title, fontsize=9)
    return figure
