"""The line of the jaw follows the outline that the camera sees."""

import numpy as np
import pytest


def camera_at(yaw, distance=200.0):
    from nasion.datasets.rendered.camera import Camera, rotation_of

    rotation = rotation_of(np.array([yaw, 0.0, 0.0]))
    return Camera(np.array([yaw, 0, 0]), rotation, np.array([0, 0, distance]), 1000.0, np.array([127.5, 127.5]))


def test_frontal_points_lie_on_the_documented_outline(assets):
    from nasion.datasets.rendered.jaw import OUTLINE, jaw_points

    points = jaw_points(assets, assets.neutral, camera_at(0.0))
    expected = assets.neutral[list(OUTLINE)]
    assert points.shape == (17, 3)
    distance = np.linalg.norm((points[:9] - expected)[:, :2], axis=1)
    assert distance.max() < 0.6
    assert np.median(distance) < 0.25


@pytest.mark.parametrize("yaw", [0.0, 25.0, -40.0, 70.0])
def test_mirrored_heads_have_mirrored_jaws(assets, yaw):
    from nasion.datasets.rendered.jaw import jaw_points

    right = jaw_points(assets, assets.neutral, camera_at(yaw))
    left = jaw_points(assets, assets.neutral, camera_at(-yaw))
    np.testing.assert_allclose(left[::-1] * [-1, 1, 1], right, atol=0.02)


def test_points_of_the_far_side_move_to_the_outline(assets):
    from nasion.datasets.rendered.jaw import jaw_points

    camera = camera_at(45.0)  # the person's left cheek turns away: points 9 to 16
    points = jaw_points(assets, assets.neutral, camera)
    face = camera.project(camera.to_camera(assets.neutral[:9409].astype(float)))
    image = camera.project(camera.to_camera(points))
    for k in (11, 12, 13):  # no vertex of the face at this height reaches farther
        level = face[np.abs(face[:, 1] - image[k, 1]) < 1.5]
        nose_side = level[:, 0].max()
        assert image[k, 0] > nose_side - 6
    fixed = jaw_points(assets, assets.neutral, camera_at(0.0))
    assert points[13, 2] > fixed[13, 2] + 0.5  # further in front on the head


def test_points_move_smoothly(assets):
    from nasion.datasets.rendered.jaw import jaw_points

    yaws = np.arange(-60.0, 60.0, 1.0)
    places = np.array([jaw_points(assets, assets.neutral, camera_at(yaw)) for yaw in yaws])
    assert np.linalg.norm(np.diff(places, axis=0), axis=-1).max() < 1.2
