"""Pose and camera: signs, the pinhole, and plausible samples."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nasion.datasets.rendered.camera import Camera, rotation_of, sample_camera
from nasion.measure.camera import rotation_matrix


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (0, -20, 0), (0, 0, 15), (-60, 25, -40)])
def test_angles_have_the_signs_of_measurements(angles):
    np.testing.assert_allclose(rotation_of(np.array(angles, float)), rotation_matrix(np.radians(angles)), atol=1e-12)


def test_projection_is_a_pinhole():
    camera = Camera(np.zeros(3), rotation_of(np.zeros(3)), np.array([1.0, 2.0, 50.0]), 100.0, np.array([31.5, 23.5]))
    seen = camera.to_camera(np.array([[4.0, 3.0, 10.0]]))  # y and z change their signs
    np.testing.assert_allclose(seen, [[5.0, -1.0, 40.0]])
    np.testing.assert_allclose(camera.project(seen), [[31.5 + 12.5, 23.5 - 2.5]])


def test_sampled_faces_lie_inside_the_image():
    random = np.random.default_rng(1)
    yaws = []
    for _ in range(200):
        camera = sample_camera(random, 256)
        (middle,) = camera.project(camera.to_camera(np.array([[0.0, -1.0, 5.0]])))
        assert ((middle > 64) & (middle < 192)).all()
        yaws.append(camera.angles[0])
    assert max(yaws) > 60
    assert min(yaws) < -60
    assert np.median(np.abs(yaws)) < 30
