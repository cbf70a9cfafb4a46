"""Light of varied places: an environment of soft sources, and one source that casts shadows.

Directions are in the camera's frame with y down; radiance is relative, since the camera sets its exposure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats

__all__ = ["Light", "sample_light"]

MAP_SIZE = 49
"""Height and width of the map for reflections."""

WARM, COLD = (1.0, 0.78, 0.56), (0.78, 0.89, 1.12)
"""Colors of a lamp and of the sky, no unit."""


@dataclass(frozen=True, eq=False)
class Light:
    """The light of one place.

    Attributes:
        up, down: (3,) radiance from above and from below.
        sources: (S, 3) unit directions towards soft sources.
        colors: (S, 3) their radiance at the center.
        widths: (S,) exponents of the sources' fall-off; larger is narrower.
        key: (3,) unit direction towards the source that casts shadows.
        key_color: (3,) its irradiance on a surface that faces it.
        softness: width of its shadows' edges, cm.
    """

    up: Floats
    down: Floats
    sources: Floats
    colors: Floats
    widths: Floats
    key: Floats
    key_color: Floats
    softness: float

    def radiance(self, directions: Floats) -> Floats:
        """Return the radiance (N, 3), no unit, from unit directions (N, 3) of the camera's frame, without the key."""
        height = (0.5 - 0.5 * directions[:, 1:2]) ** 1.2
        total = self.down + (self.up - self.down) * height
        lobes = np.exp(self.widths * (directions @ self.sources.T - 1))
        return (total + lobes @ self.colors).astype(np.float32)

    def mean_color(self) -> Floats:
        """Return the mean color (3,), no unit, of all light that comes from the camera's side."""
        around = np.array([[0, 0, -1.0], [-0.9, -0.3, -0.3], [0.9, -0.3, -0.3], [0, -0.9, -0.4]])
        return self.radiance(around).mean(0) + self.key_color / 2

    def reflection_map(self) -> Floats:
        """Return the radiance (Q, Q, 3) float32, no unit, on an octahedron whose center points to the camera."""
        u, v = np.meshgrid(*[np.linspace(-1, 1, MAP_SIZE)] * 2)
        z = 1 - np.abs(u) - np.abs(v)  # towards the camera
        x = np.where(z >= 0, u, (1 - np.abs(v)) * np.where(u >= 0, 1, -1))
        y = np.where(z >= 0, v, (1 - np.abs(u)) * np.where(v >= 0, 1, -1))
        grid = np.stack([x, y, -z], axis=-1)
        grid /= np.linalg.norm(grid, axis=-1, keepdims=True)
        return self.radiance(grid.reshape(-1, 3)).reshape(MAP_SIZE, MAP_SIZE, 3)


def sample_light(random: Generator) -> Light:
    """Return a random light: outdoors, indoors, a studio, a flash, or light of several colors."""
    kind = random.choice(["overcast", "sun", "lamps", "window", "studio", "flash", "colored", "dim"],
                         p=[0.16, 0.2, 0.17, 0.15, 0.14, 0.08, 0.05, 0.05])  # fmt: skip
    up, down, count, key = _ambient(kind, random)
    sources = np.array([_direction(random, random.uniform(-100, 100), random.uniform(-5, 70)) for _ in range(count)])
    tints = np.array([_tint(random, kind) for _ in range(count)])
    strength = random.uniform(0.5, 3.5, (count, 1)) * (1.6 if kind in ("window", "studio") else 1.0)
    widths = np.exp(random.uniform(np.log(2.5), np.log(18), count))
    azimuth, elevation, power, softness = key
    color = np.array(_tint(random, kind)) * power
    return Light(
        np.asarray(up, float), np.asarray(down, float), sources, tints * strength, widths,
        _direction(random, azimuth, elevation), color, softness,
    )  # fmt: skip


def _ambient(kind: str, random: Generator) -> tuple[Floats, Floats, int, tuple[float, float, float, float]]:
    """Return the radiance from above and below (3,), no unit, the number of soft sources and the key light.

    The key light is its azimuth and elevation, degrees, its irradiance, and the softness of its shadows, cm.
    """
    side = random.choice([-1.0, 1.0])
    anywhere = side * random.uniform(0, 110)
    ground = np.array([1.0, 0.9, 0.78])
    if kind == "overcast":
        return np.array([0.95, 1.0, 1.08]), ground * random.uniform(0.2, 0.5), 1, (anywhere, 55, 0.1, 2.0)
    if kind == "sun":
        sky = np.array(COLD) * random.uniform(0.35, 0.8)
        sun = (anywhere, random.uniform(15, 75), random.uniform(0.9, 2.6), random.uniform(0.1, 0.5))
        return sky, ground * random.uniform(0.15, 0.5), 1, sun
    if kind == "window":
        room = np.array([1.0, 0.93, 0.85]) * random.uniform(0.06, 0.25)
        window = (side * random.uniform(30, 100), random.uniform(0, 35), random.uniform(0.2, 1), 1.8)
        return room, room * 0.7, 1, window
    if kind == "studio":
        room = np.ones(3) * random.uniform(0.1, 0.5)
        return room, room * 0.8, int(random.integers(2, 4)), (anywhere, random.uniform(10, 50), 0.5, 1.2)
    if kind == "flash":
        room = np.array([1.0, 0.85, 0.7]) * random.uniform(0.05, 0.3)
        return room, room * 0.5, 1, (random.normal(0, 5), random.uniform(-3, 14), random.uniform(0.9, 1.6), 0.15)
    if kind == "dim":
        room = np.array([1.0, 0.8, 0.6]) * random.uniform(0.05, 0.2)
        return room, room * 0.6, int(random.integers(1, 3)), (anywhere, random.uniform(-30, 60), 0.5, 0.8)
    room = np.array([1.0, 0.9, 0.78]) * random.uniform(0.2, 0.6)
    lamp = (anywhere, random.uniform(20, 80), random.uniform(0.1, 0.8), 1.0)
    return room, room * random.uniform(0.4, 0.9), int(random.integers(1, 4)), lamp


def _direction(random: Generator, azimuth: float, elevation: float) -> Floats:
    """Return the unit vector (3,), no unit, to an azimuth (0 behind the camera) and an elevation, degrees."""
    a, e = np.radians([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), -np.sin(e), -np.cos(a) * np.cos(e)])


def _tint(random: Generator, kind: str) -> Floats:
    """Return the color (3,), no unit, of a source: from warm to cold, or saturated."""
    if kind == "colored":
        color = random.uniform(0.3, 1.2, 3)
        return color / color.max()
    share = random.uniform(0.2, 1) if kind in ("lamps", "dim") else random.uniform(0.35, 0.9)
    return (1 - share) * np.array(WARM) + share * np.array(COLD)
