"""The two cameras of a pose: how points of a head reach the image, and how they move with the pose.

                 y up                               Head frame, cm: x towards the person's left, y up, z forward.
                 |                                  For a face that looks straight into the camera, x points to the
                 |                                  right of the image and z towards the viewer.
                 o----- x  (image right,
                /           the person's left)      Camera frame: x right, y down, z away from the viewer, as the image.
               z  towards the viewer

    yaw    turns the nose towards x: positive looks to the right of the image, the person's left
    pitch  turns the nose towards y: positive looks up
    roll   turns the head in the image plane: positive is clockwise on the screen

Pitch is applied first, then yaw, then roll, all about the fixed axes: R = Rz(-roll) Ry(yaw) Rx(-pitch), with
right-handed rotations about x, y and z above.
"""

from dataclasses import dataclass
from math import cos, hypot, sin

import numpy as np

from nasion.geometry import FloatArray

__all__ = ["TO_CAMERA", "Camera", "angles_of", "angles_per_rotation", "rotation_matrix", "turned"]

TO_CAMERA = np.array([1.0, -1.0, -1.0])
"""Signs of the camera's axes in the axes of the head, for a face that looks straight into the camera."""


def rotation_matrix(angles: FloatArray) -> FloatArray:
    """Return the rotation (3, 3), no unit, from the head frame to the camera frame.

    Args:
        angles: (3,) yaw, pitch and roll, radians.

    >>> nose = rotation_matrix(np.radians([90.0, 0.0, 0.0])) @ [0.0, 0.0, 1.0]   # to the right of the image
    >>> bool(np.allclose(nose, [1.0, 0.0, 0.0]))
    True
    """
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles), np.sin(angles)
    pitch = np.array([[1.0, 0.0, 0.0], [0.0, cp, sp], [0.0, -sp, cp]])
    yaw = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    roll = np.array([[cr, sr, 0.0], [-sr, cr, 0.0], [0.0, 0.0, 1.0]])
    return TO_CAMERA[:, None] * (roll @ yaw @ pitch)


def angles_of(rotation: FloatArray) -> FloatArray:
    """Return yaw, pitch and roll (3,), radians, of a rotation (3, 3) from the head frame to the camera frame.

    >>> angles_of(rotation_matrix(np.array([0.5, -0.25, 0.125])))
    array([ 0.5  , -0.25 ,  0.125])
    """
    r = TO_CAMERA[:, None] * rotation
    # R = Rz(-roll) Ry(yaw) Rx(-pitch) has the third row (-sin yaw, -cos yaw sin pitch, cos yaw cos pitch).
    yaw = np.arctan2(-r[2, 0], np.hypot(r[2, 1], r[2, 2]))
    return np.array([yaw, np.arctan2(-r[2, 1], r[2, 2]), np.arctan2(-r[1, 0], r[0, 0])])


def angles_per_rotation(angles: FloatArray) -> FloatArray:
    """Return the derivatives (3, 3), no unit, of yaw, pitch and roll by a small rotation about the camera's axes.

    Args:
        angles: (3,) yaw, pitch and roll, radians; at a yaw of exactly ±90° pitch and roll have no derivative.
    """
    (cy, _, cr), (sy, _, sr) = np.cos(angles).tolist(), np.sin(angles).tolist()
    # In the axes x right, y up, z towards the viewer, with the roll undone, a rotation by (a, b, c) is
    # yaw (0, 1, 0) - pitch (cos yaw, 0, -sin yaw) - roll (0, 0, 1).
    unrolled = np.array([[0.0, 1.0, 0.0], [-1.0 / cy, 0.0, 0.0], [-sy / cy, 0.0, -1.0]])
    undo_roll = np.array([[cr, -sr, 0.0], [sr, cr, 0.0], [0.0, 0.0, 1.0]])
    return unrolled @ undo_roll * TO_CAMERA


def turned(rotation: FloatArray, vector: FloatArray) -> FloatArray:
    """Return a rotation (3, 3), no unit, followed by the one of `vector` (3,), radians, about the camera's axes."""
    x, y, z = vector.tolist()
    angle = hypot(x, y, z)
    s, c = (sin(angle) / angle, (1 - cos(angle)) / angle**2) if angle else (1.0, 0.0)
    turn = [
        [1 - c * (y * y + z * z), c * x * y - s * z, c * x * z + s * y],
        [c * x * y + s * z, 1 - c * (x * x + z * z), c * y * z - s * x],
        [c * x * z - s * y, c * y * z + s * x, 1 - c * (x * x + y * y)],
    ]
    return np.array(turn) @ rotation


@dataclass(frozen=True, eq=False)
class Camera:
    """The position of a head relative to a camera: six numbers.

    Attributes:
        rotation: (3, 3) from the head frame to the camera frame.
        place: (3,): for weak perspective the origin of the head frame in the image, px, and the logarithm of the scale,
            px per cm; for perspective that origin in the camera frame, cm.
        focal_px: focal length, px; None is weak perspective.
        center: (2,) where the optical axis meets the image, px.
    """

    rotation: FloatArray
    place: FloatArray
    focal_px: float | None = None
    center: tuple[float, float] = (0.0, 0.0)

    @property
    def scale(self) -> float:
        """Image px per cm at the head's origin."""
        return float(np.exp(self.place[2])) if self.focal_px is None else self.focal_px / float(self.place[2])

    @property
    def origin(self) -> tuple[float, float]:
        """Where the head's origin is in the image, px."""
        x, y, z = self.place.tolist()
        if self.focal_px is None:
            return x, y
        return self.center[0] + self.focal_px * x / z, self.center[1] + self.focal_px * y / z

    @property
    def matrix(self) -> FloatArray:
        """The matrix (3, 4) that maps homogeneous points of the head, cm, to homogeneous image px."""
        if self.focal_px is None:
            return np.vstack([np.column_stack([self.scale * self.rotation[:2], self.place[:2]]), [0.0, 0.0, 0.0, 1.0]])
        (x, y), f = self.center, self.focal_px
        inner = np.array([[f, 0.0, x], [0.0, f, y], [0.0, 0.0, 1.0]])
        return inner @ np.column_stack([self.rotation, self.place])

    def project(self, points: FloatArray) -> FloatArray:
        """Return the image px (..., 2) of points of the head (..., 3), cm."""
        image = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        return image[..., :2] / image[..., 2:]

    def linearized(self, shapes: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the projections (2, K), image px, and their derivatives (6 + M, 2, K).

        The derivatives are those by the rotation, the place, and the weights of the M modes.

        Args:
            shapes: (3, 1 + M, K): the points of the head, and M modes in which they may move, cm.
            weights: (M,) of the modes.
        """
        turned_shapes = (self.rotation @ shapes.reshape(3, -1)).reshape(shapes.shape)
        x, y, z = points = turned_shapes[:, 0] + weights @ turned_shapes[:, 1:]
        slopes = np.zeros((6 + len(weights), 3, len(x)))  # of the coordinates in the camera frame
        slopes[0, 1], slopes[0, 2] = -z, y
        slopes[1, 0], slopes[1, 2] = z, -x
        slopes[2, 0], slopes[2, 1] = -y, x
        slopes[6:] = turned_shapes[:, 1:].transpose(1, 0, 2)
        if self.focal_px is None:
            scale = self.scale
            seen, flat = scale * points[:2], scale * slopes[:, :2]
            flat[3, 0] = flat[4, 1] = 1.0
            flat[5] = seen
            return seen + self.place[:2, None], flat
        slopes[3, 0] = slopes[4, 1] = slopes[5, 2] = 1.0
        depth = z + self.place[2]
        seen = self.focal_px * (points[:2] + self.place[:2, None]) / depth
        center = np.array(self.center)[:, None]
        return seen + center, self.focal_px / depth * slopes[:, :2] - seen / depth * slopes[:, 2:]

    def moved(self, step: FloatArray) -> "Camera":
        """Return the camera after a step (6,) of rotation, radians, and place, in its units."""
        return Camera(turned(self.rotation, step[:3]), self.place + step[3:6], self.focal_px, self.center)
