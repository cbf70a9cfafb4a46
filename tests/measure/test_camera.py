"""Signs and order of the angles, both projections, and their derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.measured_faces import HEAD
from nasion.measure.camera import Camera, angles_of, angles_per_rotation, rotation_matrix, turned

angles = st.tuples(st.floats(-80, 80), st.floats(-80, 80), st.floats(-170, 170)).map(np.radians)

WEAK = Camera(rotation_matrix(np.array([0.4, -0.2, 0.3])), np.array([200.0, 180.0, np.log(9.0)]))
STRONG = Camera(rotation_matrix(np.array([0.4, -0.2, 0.3])), np.array([3.0, -2.0, 70.0]), 800.0, (320.0, 240.0))


@pytest.mark.parametrize(
    ("degrees", "point", "moved"),
    [
        ((90, 0, 0), (0, 0, 1), (1, 0, 0)),  # the nose to the right of the image
        ((0, 90, 0), (0, 0, 1), (0, -1, 0)),  # the nose up in the image
        ((0, 0, 90), (0, 1, 0), (1, 0, 0)),  # the top of the head clockwise, to the right
        ((0, 0, 0), (1, 2, 3), (1, -2, -3)),
        ((90, 90, 0), (0, 0, 1), (0, -1, 0)),  # pitch comes before yaw: a nose that points up stays up
    ],
)
def test_signs_and_order(degrees, point, moved):
    assert np.allclose(rotation_matrix(np.radians(degrees)) @ point, moved, atol=1e-12)


@given(angles)
def test_angles_are_found_again(given_angles):
    rotation = rotation_matrix(given_angles)
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert np.allclose(angles_of(rotation), given_angles)


@given(angles)
def test_angles_per_rotation_are_derivatives(given_angles):
    step, rotation = 1e-6, rotation_matrix(given_angles)
    numeric = [
        (angles_of(turned(rotation, step * axis)) - angles_of(turned(rotation, -step * axis))) / (2 * step)
        for axis in np.eye(3)
    ]
    assert np.allclose(angles_per_rotation(given_angles), np.transpose(numeric), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("camera", [WEAK, STRONG], ids=["weak", "strong"])
def test_jacobian_is_the_derivative_of_the_projection(camera):
    modes = np.random.default_rng(0).normal(size=(2, *HEAD.shape))
    weights, step = np.array([0.3, -0.2]), 1e-6
    points = HEAD + np.tensordot(weights, modes, 1)
    seen, found = camera.linearized(np.concatenate([HEAD[None], modes]).transpose(2, 0, 1), weights)
    assert np.allclose(seen.T, camera.project(points))
    for k in range(6):
        change = step * np.eye(6)[k]
        numeric = (camera.moved(change).project(points) - camera.moved(-change).project(points)) / (2 * step)
        assert np.allclose(found[k].T, numeric, atol=1e-4)
    for k, mode in enumerate(modes):
        numeric = (camera.project(points + step * mode) - camera.project(points - step * mode)) / (2 * step)
        assert np.allclose(found[6 + k].T, numeric, atol=1e-4)


@pytest.mark.parametrize("camera", [WEAK, STRONG], ids=["weak", "strong"])
def test_matrix_projects_homogeneous_points(camera):
    image = np.column_stack([HEAD, np.ones(len(HEAD))]) @ camera.matrix.T
    assert np.allclose(image[:, :2] / image[:, 2:], camera.project(HEAD))
    assert np.allclose(camera.origin, camera.project(np.zeros(3)))


def test_far_cameras_are_weak():
    far = Camera(STRONG.rotation, np.array([0.0, 0, 1e5]), 1e6, (320.0, 240.0))
    weak = Camera(STRONG.rotation, np.array([320.0, 240.0, np.log(10.0)]))
    assert far.scale == pytest.approx(10)
    assert np.allclose(far.project(HEAD), weak.project(HEAD), atol=0.1)
