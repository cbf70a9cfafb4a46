"""A parametric head made of curves in space, and the keypoints on these curves.

Axes: x points to the right of the image, y down, z towards the viewer. The origin is midway between the outer corners
of the eyes, and the unit is their distance. "left" and "right" are sides of the image. The mean proportions are the
classical ones of portrait drawing: eyes at half the height of the head, nose and mouth at thirds below them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.random import Generator

from nasion.geometry import FloatArray

__all__ = ["SKELETONS", "Head", "Shot", "keypoints_of", "project_curves", "sample_head", "sample_shot"]

Curves = dict[str, FloatArray]
"""Names of curves and their points: (N, 3) in head units, or (N, 2) in image px after projection; N = 65."""

CURVE_POINTS = 65
"""Number of points of each curve."""

PERSPECTIVE = 0.1
"""Strength of the perspective: 1 / (distance of the camera in units), about two meters."""


@dataclass(frozen=True)
class Head:
    """The shape of one person's head; fields without a comment are factors around 1."""

    width: float
    length: float
    jaw_power: float  # 2 is an ellipse, more is squarer
    eye_size: float
    eye_tilt: float  # units by which the outer corner is raised
    nose_length: float
    nose_width: float
    nose_depth: float
    mouth_width: float
    lips: float
    brow_height: float
    brow_arch: float


@dataclass(frozen=True)
class Shot:
    """One image of a person: pose, expression, position and light.

    Attributes:
        yaw, pitch, roll: degrees; positive yaw turns the nose to the image's right, positive pitch down.
        smile, open: how much the mouth smiles and is open, 0 to 1.
        lids: how far the eyes are open; 1 is normal.
        brows: units by which the brows are raised.
        unit_px: distance of the outer corners of the eyes in a frontal view, px.
        origin: (x, y) of the head's origin, image px.
        light: direction towards the light (x, y, z), of any length.
        ambient: fraction of the light that has no direction, 0 to 1.
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
    """Return a random head."""

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


def sample_shot(random: Generator, view: int, size: tuple[int, int]) -> Shot:
    """Return a random shot of one kind.

    Args:
        random: source of randomness.
        view: 0 neutral, 1 smiling, 2 turned left, 3 turned right, 4 lit from one side, 5 anything.
        size: (height, width) of the image, px.
    """
    turned = {2: -25.0, 3: 25.0}.get(view, 0.0)
    any_pose = 1.0 if view == 5 else 0.0
    side = float(random.choice([-1, 1]))
    height, width = size
    return Shot(
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


def project_curves(head: Head, shot: Shot) -> Curves:
    """Return the curves of a head in a shot as points (N, 2), image px."""
    rotation = _rotation(shot)

    def project(curve: FloatArray) -> FloatArray:
        seen = (curve - NECK) @ rotation.T + NECK
        nearness = shot.unit_px / (1 - PERSPECTIVE * seen[:, 2:])
        return seen[:, :2] * nearness + np.array(shot.origin)

    return {name: project(curve) for name, curve in curves_in_space(head, shot).items()}


NECK = np.array([0.0, 0.45, -0.2])
"""Center of the head's rotations (x, y, z), head units."""


def _rotation(shot: Shot) -> FloatArray:
    y, p, r = radians(shot.yaw), radians(shot.pitch), radians(shot.roll)
    yaw = np.array([[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]])
    pitch = np.array([[1, 0, 0], [0, cos(p), sin(p)], [0, -sin(p), cos(p)]])
    roll = np.array([[cos(r), -sin(r), 0], [sin(r), cos(r), 0], [0, 0, 1]])
    return roll @ pitch @ yaw


def curves_in_space(head: Head, shot: Shot) -> Curves:
    """Return the curves of a head in a shot as points (N, 3), head units, before it is turned."""
    curves = {"jaw": _jaw(head, shot), "skull": _skull(head, shot), "hairline": _hairline(head)}
    for side, name in ((-1, "left"), (1, "right")):
        curves |= {f"{name}_{part}": curve for part, curve in _eye(head, shot, side).items()}
        curves[f"{name}_brow"] = _brow(head, shot, side)
        curves[f"{name}_ear"] = _ear(head, side)
    return curves | _nose(head) | _mouth(head, shot)


def _surface(head: Head, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the depth z of the skin at x, y: the face is half an ellipsoid, without a nose."""
    return 0.5 * np.sqrt(np.maximum(0.0, 1 - (x / (0.95 * head.width)) ** 2 - ((y - 0.3) / 1.5) ** 2))


def _on_skin(head: Head, x: FloatArray, y: FloatArray, out: FloatArray | float = 0.0) -> FloatArray:
    return np.stack([x, y, _surface(head, x, y) + out], axis=-1)


def _steps() -> FloatArray:
    """Return the parameters of a curve's points, evenly spaced from 0 to 1."""
    return np.linspace(0.0, 1.0, CURVE_POINTS)


def _jaw(head: Head, shot: Shot) -> FloatArray:
    angle = np.pi * _steps()
    power = 2 / head.jaw_power
    x = -0.81 * head.width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    down = np.abs(np.sin(angle)) ** power
    y = -0.04 + (1.31 * head.length + 0.1 * shot.open) * down
    return np.stack([x, y, -0.3 + 0.55 * down**2 + (1 - down**2) * _near_side(x, shot)], axis=-1)


def _near_side(x: FloatArray, shot: Shot) -> FloatArray:
    """Return how much nearer to the viewer the outline is on the side that a turned head hides.

    There the cheek is the outline, not the ear.
    """
    return 0.55 * np.clip(2 * x * sin(radians(shot.yaw)), 0, 1)


def _skull(head: Head, shot: Shot) -> FloatArray:
    """Return the outline of the head above the jaw, from the right ear over the top to the left ear."""
    angle = np.pi * _steps()
    x = 0.81 * head.width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.75
    y = -0.04 - 1.05 * np.sin(angle) ** 0.8
    return np.stack([x, y, -0.3 + _near_side(x, shot)], axis=-1)


def _hairline(head: Head) -> FloatArray:
    """Return the edge of the hair, from the left temple over the forehead to the right temple."""
    t = 2 * _steps() - 1
    x = 0.74 * head.width * t
    y = -0.72 + 0.5 * np.abs(t) ** 4
    return _on_skin(head, x, y)


def _ear(head: Head, side: int) -> FloatArray:
    angle = 2 * np.pi * _steps()
    x = side * (0.82 * head.width + 0.09 * np.cos(angle))
    return np.stack([x, 0.17 + 0.24 * np.sin(angle), -0.35 - 0.05 * np.cos(angle)], axis=-1)


def _eye(head: Head, shot: Shot, side: int) -> Curves:
    """Return the lids from the inner to the outer corner, and the iris."""
    t = _steps()
    inner, outer = 0.5 - 0.31 * head.eye_size, 0.5
    x = side * (inner + (outer - inner) * t)
    base = -head.eye_tilt * (2 * t - 1)
    rise, fall = 0.085 * head.eye_size * shot.lids, 0.042 * head.eye_size
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


def _brow(head: Head, shot: Shot, side: int) -> FloatArray:
    """Return the center line of a brow, from its inner to its outer end."""
    t = _steps()
    y = -0.19 - 0.09 * head.brow_arch * np.sin(np.pi * t**0.8) + 0.06 * t - 0.06 * (head.brow_height - 1) * 4
    return _on_skin(head, side * (0.15 + 0.49 * t), y - shot.brows)


def _nose(head: Head) -> Curves:
    t = _steps()
    tip_y, depth = 0.39 * head.nose_length, 0.36 * head.nose_depth
    bridge = _on_skin(head, 0 * t, -0.03 + (tip_y + 0.03) * t, 0.03 + depth * t**1.5)
    half = np.array([[0.09, 0.02, 0.03], [0.1, 0.14, 0.06], [0.12, 0.26, 0.1], [0.2, 0.34, 0.05], [0.21, 0.44, 0.03]])
    around_wing = [[0.12, 0.485, 0.14], [0.0, 0.515, 0.22]]  # to the center of the nose's base
    half = np.concatenate([half, around_wing])
    x, y, out = _nose_side(half, t, head)
    return {
        "bridge": bridge,
        "left_nose": _on_skin(head, -x, y, out),
        "right_nose": _on_skin(head, x, y, out),
    }


def _mouth(head: Head, shot: Shot) -> Curves:
    """Return the outer and inner edges of both lips, from the left to the right corner of the mouth."""
    t = 2 * _steps() - 1
    half = 0.31 * head.mouth_width * (1 + 0.22 * shot.smile - 0.1 * shot.open)
    corner = 0.75 - 0.07 * shot.smile + 0.06 * shot.open
    x = half * t
    bend = corner * t**2 + 0.75 * (1 - t**2)
    hill = 1 - np.abs(t) ** 1.6
    bow = 0.02 * np.exp(-((t / 0.12) ** 2))  # the dip of the upper lip
    gap = 0.26 * shot.open * (1 - t**2)
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


def _nose_side(half: FloatArray, t: FloatArray, head: Head) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a side of the nose as x, y and its height above the skin, through the points `half` (N, 3), head units."""
    x, y, out = _catmull_rom(half, t).T
    return x * head.nose_width, y * head.nose_length, out * head.nose_depth


def _catmull_rom(points: FloatArray, t: FloatArray) -> FloatArray:
    """Return the points (T, D) of a Catmull-Rom curve through `points` (N, D), at t (T,) from 0 to 1."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    place = t * (len(points) - 1)
    k = np.minimum(place.astype(int), len(points) - 2)
    u = (place - k)[:, None]
    a, b, c, d = (padded[k + i] for i in range(4))
    return b + u / 2 * ((c - a) + u * ((2 * a - 5 * b + 4 * c - d) + u * (3 * (b - c) + d - a)))


def _at_fractions(curve: FloatArray, fractions: float | FloatArray) -> FloatArray:
    """Return the points (N, 2), image px, at fractions (N,) of the length of a curve (M, 2); its ends are 0 and 1."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = np.atleast_1d(np.asarray(fractions, np.float64)) * length[-1]
    return np.stack([np.interp(wanted, length, curve[:, axis]) for axis in (0, 1)], axis=-1)


def _eye_points(curves: Curves, side: str, upper: list[float], lower: list[float]) -> list[FloatArray]:
    return [
        _at_fractions(curves[f"{side}_upper_lid"], np.array(upper)),
        _at_fractions(curves[f"{side}_lower_lid"], np.array(lower)),
    ]


def _imm_keypoints(curves: Curves) -> FloatArray:
    """Return the keypoints of imm-58 (58, 2), image px."""
    quarter, nose_fractions = [0.75, 0.5, 0.25], np.array([0.0, 0.38, 0.56, 0.71, 0.86, 1.0])
    outer_first = [1.0, 0.75, 0.5, 0.25, 0.0]
    upper, lower = curves["upper_lip"], curves["lower_lip"]
    left_nose = _at_fractions(curves["left_nose"], nose_fractions)
    right_nose = _at_fractions(curves["right_nose"], nose_fractions)
    parts = [
        _at_fractions(curves["jaw"], np.linspace(0.17, 0.83, 13)),
        *_eye_points(curves, "right", outer_first, quarter[::-1]),
        *_eye_points(curves, "left", outer_first, quarter[::-1]),
        _at_fractions(curves["right_brow"], np.linspace(0, 1, 5)),
        _at_fractions(curves["left_brow"], np.linspace(0, 1, 5)),
        _at_fractions(upper, np.array([0.0, 0.36, 0.5, 0.64, 1.0])),
        _at_fractions(lower, np.array([0.66, 0.5, 0.34])),
        left_nose,
        right_nose[-2::-1],
    ]
    return np.concatenate(parts)


def _ibug_keypoints(curves: Curves) -> FloatArray:
    """Return the keypoints of ibug-68 (68, 2), image px."""
    third = [1 / 3, 2 / 3]
    nostrils = np.array([0.76, 0.88, 1.0])
    left_base, right_base = _at_fractions(curves["left_nose"], nostrils), _at_fractions(curves["right_nose"], nostrils)
    sixths = np.arange(7) / 6
    parts = [
        _at_fractions(curves["jaw"], np.linspace(0, 1, 17)),
        _at_fractions(curves["left_brow"], np.linspace(1, 0, 5)),
        _at_fractions(curves["right_brow"], np.linspace(0, 1, 5)),
        _at_fractions(curves["bridge"], np.linspace(0, 1, 4)),
        left_base,
        right_base[1::-1],
        *_eye_points(curves, "left", [1.0, 2 / 3, 1 / 3, 0.0], third),
        *_eye_points(curves, "right", [0.0, 1 / 3, 2 / 3, 1.0], third[::-1]),
        _at_fractions(curves["upper_lip"], np.array([0.0, 0.18, 0.36, 0.5, 0.64, 0.82, 1.0])),
        _at_fractions(curves["lower_lip"], sixths[5:0:-1]),
        _at_fractions(curves["upper_inner"], np.array([0.0, 0.33, 0.5, 0.67, 1.0])),
        _at_fractions(curves["lower_inner"], np.array([0.67, 0.5, 0.33])),
    ]
    return np.concatenate(parts)


_KEYPOINT_FUNCTIONS: dict[str, Callable[[Curves], FloatArray]] = {"ibug-68": _ibug_keypoints, "imm-58": _imm_keypoints}

SKELETONS = tuple(_KEYPOINT_FUNCTIONS)
"""Names of the skeletons whose points are on the curves."""


def keypoints_of(curves: Curves, skeleton: str) -> FloatArray:
    """Return the keypoints (K, 2) of a skeleton, image px, from projected curves (N, 2), image px."""
    return _KEYPOINT_FUNCTIONS[skeleton](curves)
