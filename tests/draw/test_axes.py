"""Three arrows from one point, the nearest last."""

import numpy as np

from nasion.draw.axes import AXIS_COLORS, draw_axes

START = np.array([50.0, 50.0])


def test_each_axis_has_its_color_and_the_image_is_kept():
    image = np.zeros((100, 110, 3), np.uint8)
    drawn = draw_axes(image, START, np.array([[90.0, 50], [50, 10], [50, 90]]), np.zeros(3))
    assert not image.any()
    for (x, y), color in zip([(70, 50), (50, 30), (50, 70)], AXIS_COLORS, strict=True):
        assert tuple(drawn[y, x]) == color


def test_nearest_axis_covers_the_others():
    ends = np.tile([[90.0, 50.0]], (3, 1))
    for nearest in range(3):
        depths = np.ones(3)
        depths[nearest] = -1
        assert tuple(draw_axes(np.zeros((100, 110, 3), np.uint8), START, ends, depths)[50, 70]) == AXIS_COLORS[nearest]
