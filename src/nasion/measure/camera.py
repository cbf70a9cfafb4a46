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

import numpy as np

from nasion.geometry import FloatArray

__all__ = ["TO_CAMERA", "Camera", "angles_of", "angles_per_rotation", "rotation_matrix", "turned"]

TO_CAMERA = np.array([1.0, -1.0, -1.0])
"""Signs of the camera's axes in the axes of the head, for a face that looks straight into the camera."""

IDENTITY = np.eye(3)
"""The identity (3, 3)."""


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
        angles: (3,) yaw, pitch and roll, radians.
    """
    (cy, _, cr), (sy, _, sr) = np.cos(angles), np.sin(angles)
    # Columns: the axes about which yaw, pitch and roll turn, in the axes x right, y up, z towards the viewer.
    axes = np.array([[sr, -cr * cy, 0.0], [cr, sr * cy, 0.0], [0.0, sy, -1.0]])
    return np.linalg.pinv(TO_CAMERA[:, None] * axes)


def turned(rotation: FloatArray, vector: FloatArray) -> FloatArray:
    """Return a rotation (3, 3), no unit, followed by the one of `vector` (3,), radians, about the camera's axes."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle if angle else vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return (IDENTITY + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross) @ rotation


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera and a head before it: six numbers.

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

    def jacobian(self, points: FloatArray, modes: FloatArray) -> FloatArray:
        """Return the derivatives (K, 2, 6 + M), px, of the projections by rotation, place and modes.

        Args:
            points: (K, 3) of the head, cm.
            modes: (M, K, 3) directions in which the points may move, cm.
        """
        y = points @ self.rotation.T
        zero = np.zeros(len(y))
        turn = np.stack([zero, y[:, 2], -y[:, 1], -y[:, 2], zero, y[:, 0], y[:, 1], -y[:, 0], zero], -1)
        by_rotation = turn.reshape(-1, 3, 3)  # row i: the derivative of coordinate i by the three axes
        by_mode = (modes @ self.rotation.T).transpose(1, 2, 0)
        if self.focal_px is None:
            by_place = np.concatenate(
                [np.broadcast_to(IDENTITY[:2, :2], (len(y), 2, 2)), self.scale * y[:, :2, None]], -1
            )
            inner = self.scale * np.concatenate([by_rotation, by_mode], -1)[:, :2]
            return np.concatenate([inner[..., :3], by_place, inner[..., 3:]], -1)
        place = y + self.place
        by_axes = np.zeros((len(y), 2, 3))
        by_axes[:, 0, 0] = by_axes[:, 1, 1] = self.focal_px / place[:, 2]
        by_axes[:, :, 2] = -self.focal_px * place[:, :2] / place[:, 2:] ** 2
        identity = np.broadcast_to(IDENTITY, (len(y), 3, 3))
        return by_axes @ np.concatenate([by_rotation, identity, by_mode], -1)

    def moved(self, step: FloatArray) -> "Camera":
        """Return the camera after a step (6,) of rotation, radians, and place, in its units."""
        return Camera(turned(self.rotation, step[:3]), self.place + step[3:6], self.focal_px, self.center)
