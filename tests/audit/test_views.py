"""The part of an image around a face: its position, its size, and its points."""

from dataclasses import replace

import numpy as np
import pytest

from doubles import quad_faces
from nasion.audit.views import FACE_PX, view_of
from nasion.geometry import box_size


def spot_image(place, size):
    """Return a black image with a soft spot at a place (2,), px."""
    y, x = np.mgrid[: size[0], : size[1]]
    spot = 255 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 12.0**2))
    return np.repeat(spot[..., None], 3, -1).astype(np.uint8)


def face_of(corners):
    face = quad_faces(1).annotations[0]
    return replace(face, keypoints=np.array(corners, float))


SMALL = [[100, 90], [200, 90], [100, 190], [180, 190]]
LARGE = [[300, 290], [1100, 290], [300, 1090], [1000, 1090]]


@pytest.mark.parametrize(("corners", "size"), [(SMALL, (400, 500)), (LARGE, (1500, 1600)), (SMALL, (200, 210))])
def test_a_point_of_the_view_shows_what_the_point_of_the_image_shows(corners, size):
    face = face_of(corners)
    for k, point in enumerate(face.keypoints):
        view = view_of(spot_image(point, size), face, face.points_box())
        values = view.image[..., 0].astype(float) ** 4  # its peak, as the image's edge may cut the spot
        y, x = np.mgrid[: values.shape[0], : values.shape[1]]
        center = [(values * axis).sum() / values.sum() for axis in (x, y)]
        assert view.keypoints[k] == pytest.approx(center, abs=0.35 if size[0] > 200 else 3)


def test_small_faces_keep_their_pixels_and_large_ones_are_reduced():
    image = np.random.default_rng(0).integers(0, 255, (1500, 1600, 3), dtype=np.uint8)
    small, large = (view_of(image, face, face.points_box()) for face in (face_of(SMALL), face_of(LARGE)))
    assert small.scale == 1
    assert (small.image == image[20:261, 30:271]).all()
    assert box_size(large.box) == pytest.approx(FACE_PX, rel=0.01)
    assert large.image.shape == (375, 400, 3)  # the whole image, as it is smaller than the reach


def test_boxes_outside_the_image_give_an_image():
    face = face_of(SMALL)
    for box in ([-900, -900, -800, -800], [5000, 5000, 5001, 5001], [0, 0, 1e6, 1e6], [3, 3, 3.001, 3.001]):
        view = view_of(np.zeros((40, 30, 3), np.uint8), face, np.array(box, float))
        assert min(view.image.shape) >= 1


def test_boxes_move_with_the_points():
    face = face_of(LARGE)
    view = view_of(np.zeros((1500, 1600, 3), np.uint8), face, face.points_box())
    assert np.concatenate([view.keypoints.min(0), view.keypoints.max(0)]) == pytest.approx(view.box)
