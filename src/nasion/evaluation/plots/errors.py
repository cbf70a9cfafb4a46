"""Figures of errors: their distribution, their relation to the predicted uncertainty, and where they are."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nasion.evaluation.metrics import ced, finite, share_within
from nasion.evaluation.plots.figure import GRAY, INK, PREDICTED, SIZE, TRUE, axes
from nasion.geometry import FloatArray
from nasion.uncertainty import nominal_share

__all__ = [
    "bias_map",
    "box_curves",
    "ced_curve",
    "coverage_curve",
    "point_map",
    "region_bars",
    "spread_curve",
    "yaw_bars",
]

Z_95 = 1.96
"""Half width of a 95 % interval, in standard errors."""

ARROW_SCALE = 10
"""Length of the arrows of mean errors, relative to the errors."""

LOG_FROM = 4.0
"""Largest error, relative to that of nine of ten faces, from which the CED curve has a logarithmic scale."""


def ced_curve(curves: Mapping[str, FloatArray], normalizer: str, threshold: float) -> Figure:
    """Return a figure of the cumulative error distribution of NMEs (N,), fractions, by name, up to the largest.

    If few faces have far larger errors than the others, the scale is logarithmic.
    """
    figure, (axis,) = axes()
    largest = max(float(np.nanmax(values)) for values in curves.values())
    common = max(float(np.nanquantile(values, 0.9)) for values in curves.values())
    if largest > LOG_FROM * max(threshold, common):
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_xlim(0, 105 * max(threshold, largest))
    for name, values in curves.items():
        x = np.sort(np.append(finite(values), 0.0))
        axis.step(100 * x, 100 * ced(values, x), where="post", label=name)
    axis.axvline(100 * threshold, color=GRAY, linestyle=":", label=f"failure: above {100 * threshold:g} %")
    axis.set(
        xlabel=f"NME, {normalizer.replace('_', '-')} (%)", ylabel="faces with at most that error (%)", ylim=(0, 102)
    )
    axis.legend(frameon=False, loc="best")
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
    figure, (shift, scale) = axes(9, 3.4, 2)
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
    figure, (axis,) = axes(SIZE[0], max(SIZE[1], 0.9 + 0.36 * len(regions)))
    names = list(regions)[::-1]
    axis.set_axisbelow(True)
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
    figure, (axis,) = axes()
    means = [100 * float(each.mean()) for each in groups.values()]
    half = [100 * Z_95 * float(each.std(ddof=1)) / len(each) ** 0.5 for each in groups.values()]
    names = [f"{name}\n{len(each)} faces" for name, each in groups.items()]
    axis.set_axisbelow(True)
    axis.bar(names, means, 0.6, yerr=half, color=PREDICTED, ecolor=TRUE, capsize=4)
    for place, mean in enumerate(means):
        axis.annotate(f"{mean:.2f}", (place, 0), (0, 4), textcoords="offset points", ha="center", color="white")
    axis.set(xlabel="yaw", ylabel="NME, size of the box (%)")
    return figure


GROUPS = 10
"""Groups of points in the figure of measured against predicted errors."""


def coverage_curve(in_spreads: FloatArray) -> Figure:
    """Return a figure of the share of points within a number of spreads, from errors in spreads (N, K), no unit."""
    figure, (axis,) = axes()
    multiples = np.linspace(0, 4, 81)
    found = [share_within(in_spreads, multiple) for multiple in multiples]
    axis.plot(multiples, 100 * np.asarray(found), color=PREDICTED, label="measured")
    axis.plot(multiples, 100 * nominal_share(multiples), ":", color=GRAY, label="ideal")
    axis.set(xlabel="distance (spreads)", ylabel="points within this distance (%)", ylim=(0, 102), xlim=(0, 4))
    axis.legend(frameon=False, loc="lower right")
    return figure


def spread_curve(errors_px: FloatArray, expected_px: FloatArray) -> Figure:
    """Return a figure of measured against predicted errors.

    Args:
        errors_px: (N, K), image px.
        expected_px: (N, K), the errors that the spreads predict, image px.
    """
    figure, (axis,) = axes()
    known = np.isfinite(errors_px) & np.isfinite(expected_px)
    order = np.argsort(expected_px[known])
    groups = [each for each in np.array_split(order, GROUPS) if len(each)]
    means = np.array([[expected_px[known][each].mean(), errors_px[known][each].mean()] for each in groups])
    axis.plot(*means.T, "o-", color=PREDICTED, label="measured, one tenth of the points each")
    limits = np.array([0, means[:, 0].max()])
    axis.plot(limits, limits, ":", color=GRAY, label="ideal")
    axis.set(xlabel="mean predicted error (image px)", ylabel="mean error (image px)", xlim=(0, None), ylim=(0, None))
    axis.legend(frameon=False, loc="lower right")
    return figure


def point_map(shape: FloatArray, errors_px: FloatArray) -> Figure:
    """Return a figure of the mean face (K, 2), px, with discs whose size and color show mean errors (K,), image px."""
    figure, (axis,) = axes(5.5, 4.6)
    sizes = 40 + 160 * errors_px / (errors_px.max() or 1.0)
    scatter = axis.scatter(*shape.T, c=errors_px, s=sizes, cmap="viridis_r", edgecolors="white")
    shades = np.asarray(scatter.norm(errors_px))
    for k, (x, y) in enumerate(shape):
        color = "white" if shades[k] > 0.5 else INK  # on dark violet or on light yellow
        axis.annotate(str(k), (float(x), float(y)), fontsize=6, ha="center", va="center", color=color)
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.set(xlabel="x (px of the mean face)", ylabel="y (px of the mean face)")
    figure.colorbar(scatter, ax=axis, label="mean error (image px)")
    return figure


def bias_map(shape: FloatArray, bias_px: FloatArray) -> Figure:
    """Return a figure of the mean face (K, 2), px, with arrows of the mean errors (K, 2), image px, drawn 10x."""
    figure, (axis,) = axes(5.5, 4.6)
    axis.plot(*shape.T, "o", color=GRAY, markersize=3)
    arrows = axis.quiver(
        *shape.T, *bias_px.T, angles="xy", scale_units="xy", scale=1 / ARROW_SCALE, color=PREDICTED, width=0.005
    )
    axis.quiverkey(arrows, 0.84, 0.06, 2.0, "2 image px", labelpos="N")
    axis.update_datalim(shape + ARROW_SCALE * bias_px)
    axis.margins(0.1)
    axis.autoscale_view()
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.set(xlabel="x (px of the mean face)", ylabel="y (px of the mean face)")
    return figure
