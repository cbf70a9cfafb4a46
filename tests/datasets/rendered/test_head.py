"""One head from a seed: the same on every call, and different for other numbers."""

import numpy as np
import pytest

from nasion import images


def test_the_same_numbers_give_the_same_image(assets):
    from nasion.datasets.rendered import render, sample_head

    first = render(assets, sample_head(assets, 3, 7, 64), 3, 7)
    again = render(assets, sample_head(assets, 3, 7, 64), 3, 7)
    assert np.array_equal(first.image, again.image)
    assert first.image.shape == (64, 64, 3)
    assert first.image.std() > 5
    other = render(assets, sample_head(assets, 3, 8, 64), 3, 8)
    assert not np.array_equal(first.image, other.image)


def test_distances_need_no_color(assets):
    from nasion.datasets.rendered import render, sample_head

    head = sample_head(assets, 1, 2, 64)
    full, quick = render(assets, head, 1, 2), render(assets, head, 1, 2, with_color=False)
    np.testing.assert_array_equal(full.drawing.distance, quick.drawing.distance)
    np.testing.assert_array_equal(full.drawing.covering, quick.drawing.covering)


def test_photographs_are_backgrounds(assets, tmp_path):
    from nasion.datasets.rendered import render, sample_head

    green = np.zeros((90, 90, 3), np.uint8)
    green[..., 1] = 200
    images.write(tmp_path / "green.png", green)
    head = sample_head(assets, 0, 1, 64)
    image = render(assets, head, 0, 1, [tmp_path / "green.png"]).image.astype(float)
    plain = render(assets, head, 0, 1).image.astype(float)
    corner = image[:6, :6].mean((0, 1))
    assert not np.array_equal(image, plain)
    assert corner[1] == pytest.approx(corner.max(), abs=1)
