"""The pose of a head: yaw, pitch and roll, where the head is in the image, and how large.

The pose and the shape of the head are fitted together: the distances between points and projections count by the
inverse covariance of each point's error, and deviations from the mean head by how common they are. The covariance of
that fit is the pose's, so its errors include both the uncertainty of the points and the unknown shape of the
person's head. `nasion.measure.camera` draws the axes and defines the signs.
"""

from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from nasion.draw.axes import draw_axes
from nasion.errors import ConfigError, MeasurementError, SkeletonError
from nasion.geometry import FloatArray, is_present
from nasion.measure.camera import TO_CAMERA, Camera, angles_of, angles_per_rotation
from nasion.measure.heads import Head, head_of
from nasion.sample import Image, Prediction
from nasion.skeleton import INTER_OCULAR, Skeleton
from nasion.uncertainty import Measured, covariances

__all__ = ["Pose", "pose"]

MIN_POINTS = 6
"""Number of points from which a pose is fitted."""

MIN_WIDTH_SHARE = 0.02
"""Width of a set of points across its longest direction, as a share of its length, below which it is a line."""

STEPS = 3
"""Largest number of Gauss-Newton steps; on 500 photographs, further steps change yaw and roll by at most 0.1°,
and pitch by at most 0.4°.
"""

SHARED_ERRORS = 5.0
"""Factor of the points' covariances in a fit: the errors of neighboring points are similar, so they average out less.

With the errors of `default` on photographs of MERL-RAV, 90 % intervals of yaw and pitch hold 92 and 85 % of projected
heads on one half of the photographs, and 91 and 87 % on the other; both halves were looked at when the factor was
chosen. With a factor of 1 they hold 77 and 70 %. See bench/measurements.py.
"""

ROLL_ERROR_SHARE = 0.75
"""Factor of the error of roll.

The fit treats both sides of a face as independent, although most shapes deviate symmetrically, which does not
cause roll.

Without it, 90 % intervals of roll hold 95 to 99 % of projected heads; with it 89 to 94 %, on both halves of the same
photographs, with exact points and with errors of `default`. It was chosen on one half.
"""

UNKNOWN_SPREAD_SHARE = 0.01
"""Spread that the fit assumes where a model predicts none, as a share of the points' extent."""

NEGLIGIBLE_RAD = 5e-3
"""The fit ends after a step that rotates the head by less than this about each axis, radians."""

AXIS_CM = 8.0
"""Length of a drawn axis on a mean head, cm."""

FOREHEAD_CM = (0.0, 3.5, 10.5)
"""Where drawn axes start on a mean head, cm: at the nasion, between the eyes."""


@dataclass(frozen=True, eq=False)
class Pose:
    """The pose of one head.

    Attributes:
        yaw: degrees; positive looks to the right of the image, the person's left.
        pitch: degrees; positive looks up.
        roll: degrees; positive is clockwise on the screen.
        x: of the mean head's origin, between the ears, image px.
        y: of the same point, image px.
        scale: image px per cm at that point, for a head of mean size.
        covariance: (3, 3) of yaw, pitch and roll, square degrees; NaN if the model predicts no uncertainty.
        camera: projects points of the head into the image.
        translation: the head's origin in the camera frame, cm: right, down, away from the camera; None without a focal
            length and a length of this head.
    """

    yaw: Measured
    pitch: Measured
    roll: Measured
    x: Measured
    y: Measured
    scale: Measured
    covariance: FloatArray
    camera: Camera = field(repr=False)
    translation: tuple[Measured, Measured, Measured] | None = None

    @property
    def distance(self) -> Measured | None:
        """Distance of the head's origin from the camera along the optical axis, cm; None without a translation."""
        return None if self.translation is None else self.translation[2]

    @property
    def matrix(self) -> FloatArray:
        """The matrix (3, 4) that maps homogeneous points of the head, cm, to homogeneous image px."""
        return self.camera.matrix

    @property
    def rotation(self) -> FloatArray:
        """The rotation (3, 3), no unit, from the head frame to the camera frame."""
        return self.camera.rotation

    def draw(self, image: Image) -> Image:
        """Return a copy of the image (H, W, 3) uint8 RGB with the axes: x red, y green, z blue, px."""
        start = np.array(FOREHEAD_CM)
        ends = start + AXIS_CM * np.eye(3)
        project = self.camera.project
        return draw_axes(image, project(start), project(ends), ends @ self.rotation[2])

    def numbers(self) -> dict[str, Measured]:
        """Return yaw, pitch, roll, head_x, head_y and head_scale."""
        angles = {"yaw": self.yaw, "pitch": self.pitch, "roll": self.roll}
        return {**angles, "head_x": self.x, "head_y": self.y, "head_scale": self.scale}


def pose(
    face: Prediction,
    focal_px: float | None = None,
    image_size: tuple[int, int] | None = None,
    inter_ocular_cm: float | None = None,
) -> Pose:
    """Return the pose of a face whose skeleton has points in three dimensions.

    Args:
        face: the face; missing and hidden points are left out.
        focal_px: focal length of the camera, px; default: weak perspective, which suits faces farther than a meter.
        image_size: (height, width) of the image, px; with a focal length, its center is the optical axis.
        inter_ocular_cm: distance of this person's outer corners of the eyes, cm, if it is known; with a focal length
            it gives the translation and the distance from the camera.

    Raises:
        SkeletonError: the skeleton has no points in three dimensions, or an inter-ocular distance is given and the
            skeleton does not say between which points it is.
        MeasurementError: fewer than six points are visible, they lie on a line, or in a plane of the head.
        ConfigError: the focal length or the inter-ocular distance is not positive, or the size of the image is missing.
    """
    head = head_of(face.skeleton)
    size = None if inter_ocular_cm is None else _relative_size(head, face.skeleton, inter_ocular_cm)
    present = _check_points(face.visible_keypoints)
    points, spread, anisotropy = face.keypoints, face.spread, face.anisotropy
    if not present.all():
        head, points, spread, anisotropy = head.part(present), points[present], spread[present], anisotropy[present]
    covariance = SHARED_ERRORS * covariances(spread, anisotropy)
    known = np.isfinite(covariance[:, 0, 0])
    if not known.all():
        covariance[~known] = (UNKNOWN_SPREAD_SHARE * np.ptp(points, axis=0).max()) ** 2 * np.eye(2)
    camera, errors = _fit(points, covariance, head, _start(points, head))
    if focal_px is not None:
        camera, errors = _fit(points, covariance, head, _perspective(camera, focal_px, image_size))
    return _describe(camera, errors if known.all() else np.full((6, 6), np.nan), size)


def _relative_size(head: Head, skeleton: Skeleton, inter_ocular_cm: float) -> float:
    """Return the size of a person's head relative to the mean head."""
    if INTER_OCULAR not in skeleton.normalizers:
        raise SkeletonError(f'skeleton "{skeleton.name}" has no normalizer "{INTER_OCULAR}", so there is no distance')
    if not 0 < inter_ocular_cm < np.inf:
        raise ConfigError(f"an inter-ocular distance is a positive number of cm, not {inter_ocular_cm}")
    return inter_ocular_cm / skeleton.normalizer_length(head.points, INTER_OCULAR)


def _check_points(keypoints: FloatArray) -> NDArray[np.bool_]:
    """Return which of the visible keypoints (K, 2), image px, are present, (K,) bool."""
    present = is_present(keypoints)
    if present.sum() < MIN_POINTS:
        raise MeasurementError(f"a pose needs at least {MIN_POINTS} visible points; this face has {present.sum()}")
    points = keypoints[present]
    centered = points - points.mean(0)
    if _is_line(centered.T @ centered):
        raise MeasurementError("a pose needs points that do not lie on a line; all points of this face do")
    return present


def _is_line(square: FloatArray) -> bool:
    """Return whether the points whose sums of squares and products (2, 2) are given lie on a line."""
    (a, b), (_, c) = square.tolist()
    # For a width w and a length l the determinant is (w l)^2, and the trace w^2 + l^2, about l^2.
    return a * c - b * b <= (MIN_WIDTH_SHARE * (a + c)) ** 2


def _start(points: FloatArray, head: Head) -> Camera:
    """Return the weak perspective camera that is closest to the affine one from the head's K points to image px."""
    middle, origin = points.mean(0), head.points.mean(0)
    if head.inverse is None:
        raise MeasurementError("a pose needs points with depth; the visible points lie in a plane of the head")
    affine = (points - middle).T @ head.inverse
    square = affine @ affine.T
    if _is_line(square):  # start from a frontal face
        size = np.sqrt(((points - middle) ** 2).sum() / ((head.points - origin) ** 2).sum())
        affine = np.diag(TO_CAMERA)[:2] * size
        square = affine @ affine.T
    # The closest rotation is square^-1/2 times the affine map.
    (across, mixed), (_, down) = square.tolist()
    area = sqrt(across * down - mixed * mixed)
    sizes = sqrt(across + down + 2 * area)  # the sum of both singular values
    root = np.array([[down + area, -mixed], [-mixed, across + area]]) / (area * sizes)
    two = root @ affine
    (a, b, c), (d, e, f) = two.tolist()
    rotation = np.array([[a, b, c], [d, e, f], [b * f - c * e, c * d - a * f, a * e - b * d]])
    scale = sizes / 2
    x, y = (middle - scale * two @ origin).tolist()
    return Camera(rotation, np.array([x, y, log(scale)]))


def _fit(points: FloatArray, covariance: FloatArray, head: Head, camera: Camera) -> tuple[Camera, FloatArray]:
    """Return the most likely camera, and the covariance (6, 6) of its rotation, radians, and place, in its units.

    Args:
        points: (K, 2), image px.
        covariance: (K, 2, 2), px^2.
        head: the same K points.
        camera: the first guess.
    """
    across, mixed, down = _inverse_root(covariance, (camera.scale * head.rest) ** 2)
    weights, target = np.zeros(len(head.modes)), points.T
    count = 6 + len(weights)
    prior = np.diag([0.0] * 6 + [1.0] * len(weights))
    precision = prior
    for _ in range(STEPS):
        seen, slopes = camera.linearized(head.shapes, weights)
        rows = np.concatenate([slopes, (target - seen)[None]])
        rows[:, 1] = mixed * rows[:, 0] + down * rows[:, 1]
        rows[:, 0] *= across
        rows = rows.reshape(count + 1, -1)
        products = rows @ rows.T
        precision, pull = products[:count, :count] + prior, products[:count, count]
        pull[6:] -= weights
        step = np.asarray(np.linalg.solve(precision, pull), np.float64)
        camera, weights = camera.moved(step[:6]), weights + step[6:]
        if max(map(abs, step[:3].tolist())) < NEGLIGIBLE_RAD:
            break
    return camera, np.asarray(np.linalg.inv(precision)[:6, :6], np.float64)


def _inverse_root(matrices: FloatArray, added: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return u, v, w (K,), per px, for which [[u, 0], [v, w]] is W with W^T W the inverse of a symmetric matrix.

    Args:
        matrices: (K, 2, 2), positive, px^2.
        added: (K,) to both diagonal elements, px^2.
    """
    a, b, c = matrices[:, 0, 0] + added, matrices[:, 0, 1], matrices[:, 1, 1] + added
    second = 1 / np.sqrt(c - b * b / a)
    return 1 / np.sqrt(a), -second * b / a, second


def _perspective(camera: Camera, focal_px: float, size: tuple[int, int] | None) -> Camera:
    """Return the perspective camera in which the head's origin looks as in a weak perspective one."""
    if not focal_px > 0 or not np.isfinite(focal_px):
        raise ConfigError(f"a focal length is a positive number of px, not {focal_px}")
    if size is None or min(size) < 1:
        raise ConfigError(f"with a focal length, the (height, width) of the image is needed, not {size}")
    center = (size[1] - 1) / 2, (size[0] - 1) / 2
    depth = focal_px / camera.scale
    place = np.array([*((camera.place[:2] - center) * depth / focal_px), depth])
    return Camera(camera.rotation, place, focal_px, center)


def _describe(camera: Camera, errors: FloatArray, size: float | None) -> Pose:
    """Return a pose with the errors that follow from the covariance (6, 6) of rotation, radians, and place.

    Args:
        camera: the fitted camera.
        errors: the covariance; place in its units, px or cm.
        size: size of this head relative to the mean head; None if it is unknown.
    """
    angles = angles_of(camera.rotation)
    by_rotation = np.degrees(angles_per_rotation(angles))
    by_rotation[2] *= ROLL_ERROR_SHARE
    covariance = by_rotation @ errors[:3, :3] @ by_rotation.T
    by_place = _image_by_place(camera)
    place_covariance = by_place @ errors[3:, 3:] @ by_place.T
    found = [*np.degrees(angles).tolist(), *camera.origin, camera.scale]
    deviations = np.sqrt([*covariance.diagonal(), *place_covariance.diagonal()]).tolist()
    units = ("°", "°", "°", "px", "px", "px/cm")
    yaw, pitch, roll, x, y, scale = map(Measured, found, deviations, units)
    translation = None
    if camera.focal_px is not None and size is not None:
        place, deviations = (size * camera.place).tolist(), (size * np.sqrt(errors.diagonal()[3:])).tolist()
        right, down, away = (Measured(*pair, "cm") for pair in zip(place, deviations, strict=True))
        translation = right, down, away
    return Pose(yaw, pitch, roll, x, y, scale, covariance, camera, translation)


def _image_by_place(camera: Camera) -> FloatArray:
    """Return the derivatives (3, 3) of the origin's image x and y, px, and the scale, px per cm, by the place."""
    if camera.focal_px is None:
        return np.diag([1.0, 1.0, camera.scale])
    (x, y, z), f = camera.place, camera.focal_px
    return np.array([[f / z, 0.0, -f * x / z**2], [0.0, f / z, -f * y / z**2], [0.0, 0.0, -f / z**2]])
