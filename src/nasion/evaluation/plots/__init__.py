"""Figures from arrays. Each function returns a matplotlib `Figure`; `png` and `svg` convert it."""

from nasion.evaluation.plots.errors import (
    bias_map,
    box_curves,
    ced_curve,
    coverage_curve,
    point_map,
    region_bars,
    spread_curve,
    yaw_bars,
)
from nasion.evaluation.plots.figure import png, svg
from nasion.evaluation.plots.training import error_curve, kernels, loss_curves, step_curve, sweep_curves

__all__ = [
    "bias_map",
    "box_curves",
    "ced_curve",
    "coverage_curve",
    "error_curve",
    "kernels",
    "loss_curves",
    "png",
    "point_map",
    "region_bars",
    "spread_curve",
    "step_curve",
    "svg",
    "sweep_curves",
    "yaw_bars",
]
