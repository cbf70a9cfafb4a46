"""The labels of one rendered head: keypoints, visibility, and what they were made from."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasion.datasets.rendered.assets import Assets
from nasion.datasets.rendered.head import Head, Rendered, render, sample_head
from nasion.datasets.rendered.labels import PlacedPoints, place_points, visible_points
from nasion.sample import Annotation
from nasion.skeleton import Skeleton

__all__ = ["Annotated", "annotate", "annotate_head", "head_values"]

DECIMALS = 4
"""Decimals of written lengths, cm, angles, degrees, and coefficients."""


class Annotated(NamedTuple):
    """A head with its labels and its points."""

    annotation: Annotation
    points: PlacedPoints


def annotate(assets: Assets, seed: int, index: int, size: int, skeleton: Skeleton, image: Path) -> Annotated:
    """Return the labels of head number `index` of a seed; only its distances are drawn."""
    head = sample_head(assets, seed, index, size)
    return annotate_head(assets, head, render(assets, head, seed, index, with_color=False), skeleton, image)


def annotate_head(assets: Assets, head: Head, rendered: Rendered, skeleton: Skeleton, image: Path) -> Annotated:
    """Return the labels of a rendered head; `image` is the name of its image."""
    points = place_points(assets, head.vertices, head.camera, skeleton)
    visible = visible_points(points, rendered.drawing)
    keypoints = points.image.astype(np.float64)
    label = Annotation(image, keypoints, skeleton, visible, subject=image.stem, visibility_known=True)
    return Annotated(label, points)


def head_values(assets: Assets, head: Head, points: PlacedPoints) -> dict[str, Any]:
    """Return what a head was made from, for its file.

    points_3d_cm is in the camera's frame (x right, y down, z away from it), so that its third value is the depth;
    the pose has the signs of `nasion.measure`; gaze is to the person's left and up, relative to the head.
    """
    camera, shape = head.camera, head.shape
    yaw, pitch, roll = _rounded(camera.angles)
    used = np.flatnonzero(shape.expression)
    return {
        "pose_degrees": {"yaw": yaw, "pitch": pitch, "roll": roll},
        "gaze_degrees": dict(zip(("left", "right"), _rounded(shape.gaze), strict=True)),
        "expression": {assets.expressions[k]: _rounded(shape.expression[k]) for k in used},
        "identity": _rounded(shape.identity),
        "camera": {
            "focal_px": _rounded(camera.focal_px),
            "center_px": _rounded(camera.center),
            "rotation": np.round(camera.rotation, 6).tolist(),
            "translation_cm": _rounded(camera.translation),
        },
        "points_3d_cm": _rounded(points.seen),
    }


def _rounded(values: Any) -> Any:
    """Return numbers as lists, rounded for a file."""
    return np.round(np.asarray(values, float), DECIMALS).tolist()
