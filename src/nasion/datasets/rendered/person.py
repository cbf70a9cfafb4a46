"""The shape of a head: identity, expression and gaze, sampled at random."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import BALLS, Assets

__all__ = ["Shape", "deform", "sample_shape"]

MAX_IDENTITY = 2.6
"""Largest coefficient of an identity mode, standard deviations."""

Recipe = dict[str, tuple[float, float]]
"""Ranges of coefficients by the name of an expression without its side."""

EXPRESSIONS: dict[str, tuple[float, Recipe]] = {
    "neutral": (0.2, {}),
    "smile": (0.16, {"mouthSmile": (0.3, 1.0), "cheekSquint": (0.0, 0.7), "eyeSquint": (0.0, 0.5)}),
    "grin": (
        0.14,
        {
            "mouthSmile": (0.5, 1.0),
            "mouthUpperUp": (0.2, 0.7),
            "mouthLowerDown": (0.1, 0.6),
            "cheekSquint": (0.1, 0.9),
            "eyeSquint": (0.0, 0.6),
            "jawOpen": (0.0, 0.2),
            "mouthStretch": (0.0, 0.3),
        },
    ),
    "laugh": (
        0.07,
        {
            "mouthSmile": (0.6, 1.0),
            "jawOpen": (0.2, 0.6),
            "mouthUpperUp": (0.1, 0.6),
            "cheekSquint": (0.3, 1.0),
            "eyeSquint": (0.2, 0.9),
            "browInnerUp": (0.0, 0.4),
        },
    ),
    "speech": (
        0.14,
        {
            "jawOpen": (0.0, 0.4),
            "mouthFunnel": (0.0, 0.5),
            "mouthPucker": (0.0, 0.5),
            "mouthLowerDown": (0.0, 0.5),
            "mouthUpperUp": (0.0, 0.4),
            "mouthRollLower": (0.0, 0.3),
            "mouthShrugUpper": (0.0, 0.3),
        },
    ),
    "surprise": (
        0.05,
        {"browInnerUp": (0.4, 1.0), "browOuterUp": (0.3, 1.0), "eyeWide": (0.3, 1.0), "jawOpen": (0.1, 0.7)},
    ),
    "anger": (
        0.05,
        {
            "browDown": (0.5, 1.0),
            "eyeSquint": (0.1, 0.6),
            "noseSneer": (0.1, 0.8),
            "mouthPress": (0.0, 0.7),
            "mouthFrown": (0.0, 0.6),
        },
    ),
    "sadness": (0.05, {"browInnerUp": (0.3, 1.0), "mouthFrown": (0.3, 1.0), "mouthShrugLower": (0.0, 0.7)}),
    "scream": (
        0.04,
        {"jawOpen": (0.6, 1.0), "mouthStretch": (0.1, 0.7), "eyeSquint": (0.0, 0.8), "browDown": (0, 0.6)},
    ),
    "pout": (0.05, {"mouthPucker": (0.4, 1.0), "mouthFunnel": (0.0, 0.4), "browDown": (0.0, 0.4)}),
    "pressed": (0.05, {"mouthPress": (0.3, 1.0), "mouthRollLower": (0.0, 0.8), "mouthRollUpper": (0.0, 0.6)}),
}
"""How frequent each kind of expression is, and the ranges of its coefficients."""

MAX_GAZE_DEGREES = (28.0, 22.0)
"""Largest rotations of the eyes to the side and up or down, degrees."""


@dataclass(frozen=True, eq=False)
class Shape:
    """The shape of one head.

    Attributes:
        identity: (100,) coefficients of the modes, standard deviations.
        expression: (57,) coefficients, 0 to 1.
        gaze: (2, 2) rotation of the left and right eye: to the person's left and up, degrees.
    """

    identity: Floats
    expression: Floats
    gaze: Floats


def sample_shape(random: Generator, names: tuple[str, ...]) -> Shape:
    """Return a random shape; `names` are those of the expressions."""
    identity = np.clip(random.standard_normal(100) * random.uniform(0.85, 1.3), -MAX_IDENTITY, MAX_IDENTITY)
    values = _sample_expression(random)
    gaze = np.clip(random.normal(0, [9, 6]), [-x for x in MAX_GAZE_DEGREES], MAX_GAZE_DEGREES)
    if random.random() < 0.3:
        gaze = gaze * 0.2
    values |= _lids_follow(gaze, values)
    coefficients = np.array([np.clip(values.get(name, 0.0), 0, 1) for name in names])
    vergence = random.uniform(0, 2.5)
    return Shape(identity, coefficients, gaze + np.array([[-vergence, 0], [vergence, 0]]))


def _sample_expression(random: Generator) -> dict[str, float]:
    """Return coefficients by name: one kind of expression, small movements, and the lids."""
    kinds = list(EXPRESSIONS)
    weights = np.array([EXPRESSIONS[kind][0] for kind in kinds])
    kind = kinds[random.choice(len(kinds), p=weights / weights.sum())]
    values: dict[str, float] = {}
    for name, (low, high) in EXPRESSIONS[kind][1].items():
        _set(values, name, random.uniform(low, high), random)
    for name in ("browInnerUp", "browOuterUp", "browDown", "eyeSquint", "cheekPuff", "noseSneer", "mouthDimple"):
        if random.random() < 0.16:
            _add(values, name, random.uniform(0, 0.5), random)
    for name, chance, high in (
        ("jawLeft", 0.08, 0.6), ("jawRight", 0.08, 0.6), ("jawForward", 0.08, 0.6), ("jawOpen", 0.15, 0.3),
        ("mouthLeft", 0.07, 0.6), ("mouthRight", 0.07, 0.6),
    ):  # fmt: skip
        if random.random() < chance:
            values[name] = values.get(name, 0.0) + random.uniform(0, high)
    _blink(values, random)
    return values


def _blink(values: dict[str, float], random: Generator) -> None:
    """Close the lids at random: one eye in ten is closed, some half."""
    chance = random.random()
    if chance < 0.08:
        both = random.uniform(0.85, 1.0)
        values |= {"eyeBlink_L": both, "eyeBlink_R": both}
    elif chance < 0.11:
        values["eyeBlink_L" if random.random() < 0.5 else "eyeBlink_R"] = random.uniform(0.7, 1.0)
    elif chance < 0.3:
        half = random.uniform(0.1, 0.7)
        values |= {"eyeBlink_L": half, "eyeBlink_R": half + random.normal(0, 0.04)}
    else:
        values |= dict.fromkeys(("eyeBlink_L", "eyeBlink_R"), random.uniform(-0.15, 0.12))
        _add(values, "eyeWide", random.uniform(0.0, 0.28), random)
    for side in "LR":  # the two close the same lids
        closed = values.get(f"eyeBlink_{side}", 0.0)
        values[f"eyeSquint_{side}"] = values.get(f"eyeSquint_{side}", 0.0) * (1 - np.clip(closed, 0, 1))
        values[f"eyeWide_{side}"] = values.get(f"eyeWide_{side}", 0.0) * (1 - np.clip(closed, 0, 1))


def _set(values: dict[str, float], name: str, value: float, random: Generator) -> None:
    """Set a coefficient, on both sides with a small or, sometimes, a large difference."""
    spread = 0.35 if random.random() < 0.2 else 0.06
    if name.startswith(("browInnerUp", "jaw", "mouthFunnel", "mouthPucker", "mouthRoll", "mouthShrug")) and (
        name != "browInnerUp"
    ):
        values[name] = value
        return
    for side in "LR":
        values[f"{name}_{side}"] = value * (1 + random.normal(0, spread))


def _add(values: dict[str, float], name: str, value: float, random: Generator) -> None:
    more: dict[str, float] = {}
    _set(more, name, value, random)
    for key, each in more.items():
        values[key] = values.get(key, 0.0) + each


def _lids_follow(gaze: Floats, values: dict[str, float]) -> dict[str, float]:
    """Return coefficients of the lids for a gaze (2,), degrees: the lids move with the eyes."""
    side, up = gaze / MAX_GAZE_DEGREES
    opened = {each: 1 - np.clip(values.get(f"eyeBlink_{each}", 0.0), 0, 1) for each in "LR"}
    found = {}
    for each, sign in (("L", 1), ("R", -1)):
        found[f"eyeLookOut_{each}"] = max(sign * side, 0) * opened[each]
        found[f"eyeLookIn_{each}"] = max(-sign * side, 0) * opened[each]
        found[f"eyeLookUp_{each}"] = max(up, 0) * opened[each]
        found[f"eyeLookDown_{each}"] = max(-up, 0) * opened[each]
    return found


def deform(assets: Assets, shape: Shape) -> Floats:
    """Return the vertices (V, 3) float32 of a head with a shape, cm, head frame."""
    used = np.flatnonzero(shape.expression)
    moved = shape.identity.astype(np.float32) @ assets.identity
    if len(used):
        moved += shape.expression[used].astype(np.float32) @ assets.expression[used]
    vertices = assets.neutral + moved.reshape(-1, 3)
    for ball, gaze in zip(BALLS.values(), shape.gaze, strict=True):
        part = slice(ball.start, ball.stop)
        center = ball_center(vertices, ball.start, ball.stop)
        vertices[part] = (vertices[part] - center) @ gaze_rotation(gaze).T + center
    return vertices


def ball_center(vertices: Floats, start: int, stop: int) -> Floats:
    """Return the center (3,) of an eyeball, cm: of the sphere that fits its vertices (V, 3), cm."""
    points = vertices[start:stop].astype(np.float64)
    mean = points.mean(0)
    moved = points - mean
    solved = np.linalg.lstsq(np.c_[2 * moved, np.ones(len(moved))], (moved**2).sum(1), rcond=None)[0]
    return (solved[:3] + mean).astype(vertices.dtype)


def gaze_rotation(gaze: Floats) -> Floats:
    """Return the rotation (3, 3), no unit, of an eye by a gaze (2,): to the person's left and up, degrees."""
    (cl, cu), (sl, su) = np.cos(np.radians(gaze)), np.sin(np.radians(gaze))
    up = np.array([[1.0, 0.0, 0.0], [0.0, cu, su], [0.0, -su, cu]])
    left = np.array([[cl, 0.0, sl], [0.0, 1.0, 0.0], [-sl, 0.0, cl]])
    return (left @ up).astype(np.float32)
