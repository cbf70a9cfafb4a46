"""The pose of the head and the camera: a pinhole, from a selfie at 30 cm to a telephoto lens.

The signs of yaw, pitch and roll are those of `nasion.measure.camera`: positive yaw looks to the image's right, positive
pitch up, and positive roll is clockwise on the screen.

Camera frame, cm: x right, y down, z away from the viewer. Image frame, px: (0, 0) is the center of the top-left pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats

__all__ = ["Camera", "sample_camera"]

FACE_CENTER = np.array([0.0, -1.0, 5.0])
"""The point of the head that the camera aims at, cm: behind the nose."""

FACE_LENGTH_CM = 15.0
"""About the length from the brows to the chin, which the size of a face in the image refers to, cm."""

NEAREST_CM, FARTHEST_CM = 32.0, 350.0
"""Distances of the camera: selfie and telephoto, cm."""


@dataclass(frozen=True, eq=False)
class Camera:
    """The pose of a head and the camera that looks at it.

    Attributes:
        angles: (3,) yaw, pitch and roll, degrees.
        rotation: (3, 3) from the head frame to the camera frame.
        translation: (3,) the head's origin in the camera frame, cm.
        focal_px: focal length, px.
        center: (2,) where the optical axis meets the image, px.
    """

    angles: Floats
    rotation: Floats
    translation: Floats
    focal_px: float
    center: Floats

    def to_camera(self, points: Floats) -> Floats:
        """Return points (N, 3) of the head frame, cm, in the camera frame, cm."""
        return points @ self.rotation.T.astype(points.dtype) + self.translation.astype(points.dtype)

    def project(self, seen: Floats) -> Floats:
        """Return the image points (N, 2), px, of points (N, 3) in the camera frame, cm."""
        return seen[:, :2] / seen[:, 2:] * self.focal_px + self.center.astype(seen.dtype)


def rotation_of(angles: Floats) -> Floats:
    """Return the rotation (3, 3), no unit, from head frame to camera frame, of yaw, pitch and roll (3,), degrees."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    pitch = np.array([[1.0, 0.0, 0.0], [0.0, cp, sp], [0.0, -sp, cp]])
    yaw = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    roll = np.array([[cr, sr, 0.0], [-sr, cr, 0.0], [0.0, 0.0, 1.0]])
    return np.array([1.0, -1.0, -1.0])[:, None] * (roll @ yaw @ pitch)


def sample_camera(random: Generator, size: int) -> Camera:
    """Return a random pose and camera for an image of `size` × `size` px."""
    kind = random.random()
    yaw = random.normal(0, 14) if kind < 0.5 else random.normal(0, 34) if kind < 0.8 else random.uniform(-90, 90)
    pitch = random.normal(0, 9) if random.random() < 0.7 else random.normal(0, 20)
    roll = random.normal(0, 7) if random.random() < 0.7 else random.normal(0, 20)
    angles = np.array([np.clip(yaw, -92, 92), np.clip(pitch, -50, 50), np.clip(roll, -60, 60)])
    distance = float(np.exp(random.uniform(np.log(NEAREST_CM), np.log(FARTHEST_CM))))
    face_px = size * random.uniform(0.36, 0.6)
    # px per cm at the face; the nearest part of a face close to the camera appears larger
    focal = face_px / FACE_LENGTH_CM * distance
    rotation = rotation_of(angles)
    offset = random.normal(0, 0.035, 2) * size
    center = np.array([(size - 1) / 2, (size - 1) / 2])
    aimed = np.array([*(offset / focal * distance), distance])
    return Camera(angles, rotation, aimed - rotation @ FACE_CENTER, focal, center)
