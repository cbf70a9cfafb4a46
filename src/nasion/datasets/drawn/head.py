"""A head as curves in space, and the keypoints on them.

Axes: x to the right of the picture, y down, z towards the viewer; the unit is the distance of the outer
corners of the eyes, the origin lies between them. "left" and "right" below are the picture's sides.
Proportions follow the drawing school's canon (eyes at half height, nose and mouth at thirds below), varied.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.random import Generator

from nasion.geometry import FloatArray

__all__ = ["SKELETONS", "Head", "Moment", "keypoints_of", "projected", "sample_head", "sample_moment"]

CurveLogger = dict[str, FloatArray]
"""Name of a curve to its points (N, 2 or 3), densely sampled."""

DENSE = 65
"""Points a curve."""

PERSPECTIVE = 0.1
"""How much larger a thing appears that is one unit nearer: a portrait from about two meters."""


@dataclass(frozen=True)
class Head:
    """What stays the same of a person; factors around 1 unless said otherwise."""

    width: float
    length: float
    jaw_power: float  # 2 is an ellipse, more is squarer
    eye_size: float
    eye_tilt: float  # units by which the outer corner stands higher
    nose_length: float
    nose_width: float
    nose_depth: float
    mouth_width: float
    lips: float
    brow_height: float
    brow_arch: float


@dataclass(frozen=True)
class Moment:
    """What differs between two pictures of a person.

    Attributes:
        yaw, pitch, roll: degrees; positive yaw turns the nose to the picture's right, positive pitch down.
        smile, open: 0 to 1.
        lids: how far the eyes are open, 1 is usual.
        brows: units by which they are raised.
        unit_px: the distance of the eyes' outer corners of a frontal face, px.
        origin: where the head's origin is, px.
        light: direction of the light (x, y, z), and how much of it has no direction, 0 to 1.
    """

    yaw: float
    pitch: float
    roll: float
    smile: float
    open: float
    lids: float
    brows: float
    unit_px: float
    origin: tuple[float, float]
    light: tuple[float, float, float]
    ambient: float


def sample_head(random: Generator) -> Head:
    """Return a person's head."""

    def around(deviation: float, center: float = 1.0) -> float:
        return float(center * np.exp(np.clip(random.standard_normal(), -2, 2) * deviation))

    return Head(
        width=around(0.05),
        length=around(0.05),
        jaw_power=around(0.1, 2.5),
        eye_size=around(0.1),
        eye_tilt=float(random.normal(0.01, 0.015)),
        nose_length=around(0.07),
        nose_width=around(0.1),
        nose_depth=around(0.15),
        mouth_width=around(0.08),
        lips=around(0.2),
        brow_height=around(0.12),
        brow_arch=around(0.3),
    )


def sample_moment(random: Generator, view: int, size: tuple[int, int]) -> Moment:
    """Return a moment of the kind `view`: 0 neutral, 1 smiling, 2 and 3 turned, 4 lit from a side, 5 any."""
    turned = {2: -25.0, 3: 25.0}.get(view, 0.0)
    any_pose = 1.0 if view == 5 else 0.0
    side = float(random.choice([-1, 1]))
    height, width = size
    return Moment(
        yaw=turned + random.normal(0, 4 + 12 * any_pose),
        pitch=random.normal(0, 4 + 4 * any_pose),
        roll=random.normal(0, 3 + 6 * any_pose),
        smile=float(np.clip(random.normal(0.8 if view == 1 else 0.1, 0.15 + 0.4 * any_pose), 0, 1)),
        open=float(np.clip(random.normal(0.3 if view == 1 else 0.0, 0.15 + 0.5 * any_pose), 0, 1)),
        lids=float(np.clip(random.normal(1, 0.1 + 0.2 * any_pose), 0.4, 1.3)),
        brows=float(random.normal(0, 0.015 + 0.03 * any_pose)),
        unit_px=float(height * random.uniform(0.2, 0.27)),
        origin=(width * random.normal(0.5, 0.04), height * random.normal(0.46, 0.04)),
        light=(side * (0.9 if view == 4 else random.uniform(0, 0.5)), random.uniform(-0.6, 0), 0.8),
        ambient=float(random.uniform(0.3, 0.5) if view == 4 else random.uniform(0.5, 0.75)),
    )


def projected(head: Head, moment: Moment) -> CurveLogger:
    """Return the curves of a head in a moment, px (N, 2)."""
    rotation = _rotation(moment)

    def project(curve: FloatArray) -> FloatArray:
        seen = (curve - NECK) @ rotation.T + NECK
        nearness = moment.unit_px / (1 - PERSPECTIVE * seen[:, 2:])
        return seen[:, :2] * nearness + np.array(moment.origin)

    return {name: project(curve) for name, curve in curves_of(head, moment).items()}


NECK = np.array([0.0, 0.45, -0.2])
"""About where a head turns."""


def _rotation(moment: Moment) -> FloatArray:
    y, p, r = radians(moment.yaw), radians(moment.pitch), radians(moment.roll)
    yaw = np.array([[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]])
    pitch = np.array([[1, 0, 0], [0, cos(p), sin(p)], [0, -sin(p), cos(p)]])
    roll = np.array([[cos(r), -sin(r), 0], [sin(r), cos(r), 0], [0, 0, 1]])
    return roll @ pitch @ yaw


def curves_of(head: Head, moment: Moment) -> CurveLogger:
    """Return the curves of a head in a moment, units (N, 3)."""
    curves = {"jaw": _jaw(head, moment), "skull": _skull(head, moment), "hairline": _hairline(head)}
    for side, name in ((-1, "left"), (1, "right")):
        curves |= {f"{name}_{part}": curve for part, curve in _eye(head, moment, side).items()}
        curves[f"{name}_brow"] = _brow(head, moment, side)
        curves[f"{name}_ear"] = _ear(head, side)
    return curves | _nose(head) | _mouth(head, moment)


def _surface(head: Head, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the depth of the face's skin, an egg without a nose."""
    return 0.5 * np.sqrt(np.maximum(0.0, 1 - (x / (0.95 * head.width)) ** 2 - ((y - 0.3) / 1.5) ** 2))


def _on_skin(head: Head, x: FloatArray, y: FloatArray, out: FloatArray | float = 0.0) -> FloatArray:
    return np.stack([x, y, _surface(head, x, y) + out], axis=-1)


def _line() -> FloatArray:
    return np.linspace(0.0, 1.0, DENSE)


def _jaw(head: Head, moment: Moment) -> FloatArray:
    angle = np.pi * _line()
    power = 2 / head.jaw_power
    x = -0.81 * head.width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    down = np.abs(np.sin(angle)) ** power
    y = -0.04 + (1.31 * head.length + 0.1 * moment.open) * down
    return np.stack([x, y, -0.3 + 0.55 * down**2 + (1 - down**2) * _rim(x, moment)], axis=-1)


def _rim(x: FloatArray, moment: Moment) -> FloatArray:
    """Return how much nearer the outline lies on the side that a turned head hides: the cheek, not the ear."""
    return 0.55 * np.clip(2 * x * sin(radians(moment.yaw)), 0, 1)


def _skull(head: Head, moment: Moment) -> FloatArray:
    """Return the head's outline above the jaw, from the right ear over the top to the left one."""
    angle = np.pi * _line()
    x = 0.81 * head.width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.75
    y = -0.04 - 1.05 * np.sin(angle) ** 0.8
    return np.stack([x, y, -0.3 + _rim(x, moment)], axis=-1)


def _hairline(head: Head) -> FloatArray:
    """Return where the hair begins, from the left temple over the forehead to the right one."""
    t = 2 * _line() - 1
    x = 0.74 * head.width * t
    y = -0.72 + 0.5 * np.abs(t) ** 4
    return _on_skin(head, x, y)


def _ear(head: Head, side: int) -> FloatArray:
    angle = 2 * np.pi * _line()
    x = side * (0.82 * head.width + 0.09 * np.cos(angle))
    return np.stack([x, 0.17 + 0.24 * np.sin(angle), -0.35 - 0.05 * np.cos(angle)], axis=-1)


def _eye(head: Head, moment: Moment, side: int) -> CurveLogger:
    """Return the lids from the inner to the outer corner, and the iris."""
    t = _line()
    inner, outer = 0.5 - 0.31 * head.eye_size, 0.5
    x = side * (inner + (outer - inner) * t)
    base = -head.eye_tilt * (2 * t - 1)
    rise, fall = 0.085 * head.eye_size * moment.lids, 0.042 * head.eye_size
    upper = base - rise * np.sin(np.pi * t) ** 0.85
    lower = base + fall * np.sin(np.pi * t) ** 0.9
    angle = 2 * np.pi * t
    middle = side * (inner + outer) / 2
    iris = np.stack([middle + 0.062 * np.cos(angle), -0.012 + 0.062 * np.sin(angle)])
    return {
        "upper_lid": _on_skin(head, x, upper, -0.06),
        "lower_lid": _on_skin(head, x, lower, -0.06),
        "iris": _on_skin(head, iris[0], iris[1], -0.06),
    }


def _brow(head: Head, moment: Moment, side: int) -> FloatArray:
    """Return the middle of the brow from its inner to its outer end."""
    t = _line()
    y = -0.19 - 0.09 * head.brow_arch * np.sin(np.pi * t**0.8) + 0.06 * t - 0.06 * (head.brow_height - 1) * 4
    return _on_skin(head, side * (0.15 + 0.49 * t), y - moment.brows)


def _nose(head: Head) -> CurveLogger:
    t = _line()
    tip_y, depth = 0.39 * head.nose_length, 0.36 * head.nose_depth
    bridge = _on_skin(head, 0 * t, -0.03 + (tip_y + 0.03) * t, 0.03 + depth * t**1.5)
    half = np.array([[0.09, 0.02, 0.03], [0.1, 0.14, 0.06], [0.12, 0.26, 0.1], [0.2, 0.34, 0.05], [0.21, 0.44, 0.03]])
    half = np.concatenate([half, [[0.12, 0.485, 0.14], [0.0, 0.515, 0.22]]])  # round the wing to the base's center
    x, y, out = _scaled(half, t, head)
    return {
        "bridge": bridge,
        "left_nose": _on_skin(head, -x, y, out),
        "right_nose": _on_skin(head, x, y, out),
    }


def _mouth(head: Head, moment: Moment) -> CurveLogger:
    """Return both lips' outer and inner edges, from the left to the right corner."""
    t = 2 * _line() - 1
    half = 0.31 * head.mouth_width * (1 + 0.22 * moment.smile - 0.1 * moment.open)
    corner = 0.75 - 0.07 * moment.smile + 0.06 * moment.open
    x = half * t
    bend = corner * t**2 + 0.75 * (1 - t**2)
    hill = 1 - np.abs(t) ** 1.6
    bow = 0.02 * np.exp(-((t / 0.12) ** 2))  # the dip of the upper lip
    gap = 0.26 * moment.open * (1 - t**2)
    upper = bend - 0.085 * head.lips**0.5 * hill + bow - 0.15 * gap
    lower = bend + 0.13 * head.lips**0.5 * hill + gap
    inner = 0.9 * x
    seam = corner * (0.9 * t) ** 2 + 0.75 * (1 - (0.9 * t) ** 2)
    return {
        "upper_lip": _on_skin(head, x, upper, 0.08),
        "lower_lip": _on_skin(head, x, lower, 0.06),
        "upper_inner": _on_skin(head, inner, seam - 0.15 * gap, 0.07),
        "lower_inner": _on_skin(head, inner, seam + 0.006 * hill + 0.85 * gap, 0.06),
    }


def _scaled(half: FloatArray, t: FloatArray, head: Head) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a nose's side as x, y and what it stands out of the skin, through the points `half` (N, 3)."""
    x, y, out = _smooth(half, t).T
    return x * head.nose_width, y * head.nose_length, out * head.nose_depth


def _smooth(points: FloatArray, t: FloatArray) -> FloatArray:
    """Return a Catmull-Rom curve through `points` (N, D), at t from 0 to 1 (T, D)."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    place = t * (len(points) - 1)
    k = np.minimum(place.astype(int), len(points) - 2)
    u = (place - k)[:, None]
    a, b, c, d = (padded[k + i] for i in range(4))
    return b + u / 2 * ((c - a) + u * ((2 * a - 5 * b + 4 * c - d) + u * (3 * (b - c) + d - a)))


def _along(curve: FloatArray, share: float | FloatArray) -> FloatArray:
    """Return the points at shares of a curve's length (N, 2): ends at 0 and 1."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = np.atleast_1d(np.asarray(share, np.float64)) * length[-1]
    return np.stack([np.interp(wanted, length, curve[:, axis]) for axis in (0, 1)], axis=-1)


def _eye_points(curves: CurveLogger, side: str, upper: list[float], lower: list[float]) -> list[FloatArray]:
    return [_along(curves[f"{side}_upper_lid"], np.array(upper)), _along(curves[f"{side}_lower_lid"], np.array(lower))]


def _imm(curves: CurveLogger) -> FloatArray:
    """Return the 58 points of imm-58."""
    quarter, nose_shares = [0.75, 0.5, 0.25], np.array([0.0, 0.38, 0.56, 0.71, 0.86, 1.0])
    outer_first = [1.0, 0.75, 0.5, 0.25, 0.0]
    upper, lower = curves["upper_lip"], curves["lower_lip"]
    left_nose, right_nose = _along(curves["left_nose"], nose_shares), _along(curves["right_nose"], nose_shares)
    parts = [
        _along(curves["jaw"], np.linspace(0.17, 0.83, 13)),
        *_eye_points(curves, "right", outer_first, quarter[::-1]),
        *_eye_points(curves, "left", outer_first, quarter[::-1]),
        _along(curves["right_brow"], np.linspace(0, 1, 5)),
        _along(curves["left_brow"], np.linspace(0, 1, 5)),
        _along(upper, np.array([0.0, 0.36, 0.5, 0.64, 1.0])),
        _along(lower, np.array([0.66, 0.5, 0.34])),
        left_nose,
        right_nose[-2::-1],
    ]
    return np.concatenate(parts)


def _ibug(curves: CurveLogger) -> FloatArray:
    """Return the 68 points of ibug-68."""
    third = [1 / 3, 2 / 3]
    nostrils = np.array([0.76, 0.88, 1.0])
    left_base, right_base = _along(curves["left_nose"], nostrils), _along(curves["right_nose"], nostrils)
    sixths = np.arange(7) / 6
    parts = [
        _along(curves["jaw"], np.linspace(0, 1, 17)),
        _along(curves["left_brow"], np.linspace(1, 0, 5)),
        _along(curves["right_brow"], np.linspace(0, 1, 5)),
        _along(curves["bridge"], np.linspace(0, 1, 4)),
        left_base,
        right_base[1::-1],
        *_eye_points(curves, "left", [1.0, 2 / 3, 1 / 3, 0.0], third),
        *_eye_points(curves, "right", [0.0, 1 / 3, 2 / 3, 1.0], third[::-1]),
        _along(curves["upper_lip"], np.array([0.0, 0.18, 0.36, 0.5, 0.64, 0.82, 1.0])),
        _along(curves["lower_lip"], sixths[5:0:-1]),
        _along(curves["upper_inner"], np.array([0.0, 0.33, 0.5, 0.67, 1.0])),
        _along(curves["lower_inner"], np.array([0.67, 0.5, 0.33])),
    ]
    return np.concatenate(parts)


_READERS: dict[str, Callable[[CurveLogger], FloatArray]] = {"ibug-68": _ibug, "imm-58": _imm}

SKELETONS = tuple(_READERS)
"""Skeletons whose points are on a drawn head."""


def keypoints_of(curves: CurveLogger, skeleton: str) -> FloatArray:
    """Return a skeleton's keypoints (K, 2) on projected curves, px."""
    return _READERS[skeleton](curves)
