"""The conditions of a face, such as yaw and size, and groups of faces in the same condition."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nasion.audit.views import View
from nasion.errors import SkeletonError
from nasion.evaluation.evaluation import labeled_yaw, yaw_of
from nasion.geometry import Affine, FloatArray, box_size, is_present
from nasion.images import warp
from nasion.measure.heads import head_of
from nasion.sample import Annotation, Prediction
from nasion.skeleton import Skeleton

__all__ = ["CONDITIONS", "Bin", "bins", "conditions_of", "has_head", "quartile_edges"]

CONDITIONS = {
    "yaw": "angle by which the head is turned to either side, degrees",
    "size": "geometric mean of the width and height of the box around the points, px of the image",
    "sharpness": "standard deviation of the Laplacian / that of the gray values, at a face size of 100 px",
    "brightness": "mean gray value of the face, 0 to 255",
    "hidden": "share of the points that are labeled as hidden or missing",
}
"""The conditions of a face by name, with their meanings."""

YAW_EDGES = (0.0, 15.0, 30.0, 45.0, 180.0)
"""Limits of the groups by yaw, degrees."""

HIDDEN_EDGES = (0.0, 1e-9, 0.25, 1.0)
"""Limits of the groups by the share of hidden points: none, up to a quarter, more."""

QUARTILES = (0.25, 0.5, 0.75)

SHARPNESS_PX = 100
"""Side at which the sharpness of a face is measured, px."""


def has_head(skeleton: Skeleton) -> bool:
    """Return whether the yaw of labeled faces can be measured."""
    try:
        head_of(skeleton)
    except SkeletonError:
        return False
    return True


def conditions_of(face: Annotation, view: View, predicted: Prediction | None) -> dict[str, float]:
    """Return the conditions of a face by name; NaN where unknown.

    Args:
        face: the labeled face.
        view: the face in its image.
        predicted: the prediction of a model in the image; its yaw is used if the skeleton of the labels has no head.
    """
    side = SHARPNESS_PX, SHARPNESS_PX
    patch = cv2.cvtColor(warp(view.image, Affine.crop(view.box, side), side), cv2.COLOR_RGB2GRAY).astype(np.float64)
    contrast = float(patch.std())
    present = is_present(face.keypoints)
    return {
        "yaw": abs(_yaw(face, predicted)),
        "size": box_size(view.box) / view.scale,
        "sharpness": float(cv2.Laplacian(patch, cv2.CV_64F).std()) / contrast if contrast else float("nan"),
        "brightness": float(patch.mean()),
        "hidden": 1 - float((present & face.visible).mean()),
    }


def _yaw(face: Annotation, predicted: Prediction | None) -> float:
    """Return the yaw, degrees, from the labels or, if their skeleton has no head, from a prediction; NaN if unknown."""
    if has_head(face.skeleton):
        return labeled_yaw(face)
    return float("nan") if predicted is None else yaw_of(predicted)


class Bin(NamedTuple):
    """Faces in the same condition: its name, the range of its values as text, and whether each face (N,) belongs."""

    condition: str
    text: str
    members: NDArray[np.bool_]


def bins(conditions: Mapping[str, FloatArray]) -> list[Bin]:
    """Return the groups of faces by each condition with known values.

    Args:
        conditions: values (N,) of the faces by condition, px or degrees as in `CONDITIONS`; NaN where unknown.
    """
    found: list[Bin] = []
    for name, values in conditions.items():
        known = values[np.isfinite(values)]
        if not len(known):
            continue
        if name == "yaw":
            edges = np.array(YAW_EDGES)
        elif name == "hidden":
            edges = np.array(HIDDEN_EDGES)
        else:
            edges = quartile_edges(known)
        found += _between(name, values, edges)
    return found


def quartile_edges(values: FloatArray) -> FloatArray:
    """Return the limits of the groups between the quartiles of values (N,), any unit; equal limits are merged."""
    return np.unique([values.min(), *np.quantile(values, QUARTILES), np.nextafter(values.max(), np.inf)])


def _between(name: str, values: FloatArray, edges: FloatArray) -> list[Bin]:
    """Return the groups between edges; empty ones are left out. The last group contains its upper edge."""
    groups: list[Bin] = []
    for k, (low, high) in enumerate(pairwise(edges)):
        is_last = k == len(edges) - 2
        members = (values >= low) & ((values <= high) if is_last else (values < high))
        if members.any():
            groups.append(Bin(name, _range(name, float(low), float(high), is_last), members))
    return groups


def _range(name: str, low: float, high: float, is_last: bool) -> str:
    if name == "yaw":
        return f"{low:g}° and more" if is_last else f"{low:g} to {high:g}°"
    if name == "hidden":
        return "none" if high < 1e-6 else f"up to {100 * high:g} %" if not is_last else f"more than {100 * low:g} %"
    unit = " px" if name == "size" else ""
    return f"{low:.3g} to {high:.3g}{unit}"
